/**
 * What the frame keeps: the session's token and the announcements that were put away.
 *
 * Inside an ENT's page the browser may partition this storage, empty it or refuse it; then the page's memory serves.
 */

const PREFIX = 'assistent.';
/** @type {Map<string, string>} */
const memory = new Map();

/** @param {string} key @returns {string | null} */
export function read(key) {
  try {
    return localStorage.getItem(PREFIX + key) ?? memory.get(key) ?? null;
  } catch {
    return memory.get(key) ?? null;
  }
}

/** @param {string} key @param {string} value @returns {boolean} whether it outlasts the page */
export function write(key, value) {
  memory.set(key, value);
  try {
    localStorage.setItem(PREFIX + key, value);
    return true;
  } catch {
    return false; // refused or full: memory has it
  }
}

/** @param {string} key */
export function forget(key) {
  memory.delete(key);
  try {
    localStorage.removeItem(PREFIX + key);
  } catch { /* refused: there was nothing to remove */ }
}
