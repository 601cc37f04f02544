/**
 * What the frame and the ENT's page say to each other. Every message carries our name, goes to one exact origin, and
 * is read only if it comes from the page that holds us. Alone (the chat as a page of its own) the bridge is silent.
 */

const JWT_PATIENCE_MS = 10000;
const INIT_PATIENCE_MS = 4000; // a page may hold the frame without our loader

export class Bridge extends EventTarget {
  embedded = window.parent !== window;
  /** The ENT service on screen, as the page last told it. */
  page = '';
  signed = false;
  /** What the page's tab holds for us. @type {string | null} */
  kept = null;
  /** @type {((jwt: string | null) => void)[]} */
  #waiting = [];

  /** @param {string | null} claimed the page's origin as the loader wrote it in our address */
  constructor(claimed) {
    super();
    const real = window.location.ancestorOrigins?.[0]; // not in Firefox
    this.origin = claimed && claimed !== 'null' && (!real || real === claimed) ? claimed : '';
    if (this.embedded && this.origin) window.addEventListener('message', (event) => this.#receive(event));
  }

  /** Says that the frame is there, and waits for what the page tells of itself. @returns {Promise<Init>} */
  start() {
    /** @type {Init} */
    const alone = { page: '', signed: false, visible: true };
    if (!this.embedded || !this.origin) return Promise.resolve(alone);
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(alone), INIT_PATIENCE_MS);
      this.addEventListener('init', (event) => {
        clearTimeout(timer);
        resolve(/** @type {CustomEvent<Init>} */ (event).detail);
      }, { once: true });
      this.post('ready');
    });
  }

  /** @param {string} type @param {object} [content] */
  post(type, content = {}) {
    if (this.embedded && this.origin) window.parent.postMessage({ assistent: 1, type, ...content }, this.origin);
  }

  /** @param {string | null} value to be held by the page's tab, or null to leave nothing there */
  keep(value) {
    this.kept = value;
    this.post('keep', { value });
  }

  /** A fresh JWT from the ENT, or null where it gives none. @returns {Promise<string | null>} */
  jwt() {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(null), JWT_PATIENCE_MS);
      this.#waiting.push((jwt) => { clearTimeout(timer); resolve(jwt); });
      this.post('jwt-request');
    });
  }

  /** @param {MessageEvent} event */
  #receive(event) {
    if (event.source !== window.parent || event.origin !== this.origin) return;
    const message = event.data;
    if (!message || message.assistent !== 1 || typeof message.type !== 'string') return;
    if (typeof message.page === 'string') this.page = message.page;
    if (message.type === 'init') {
      this.signed = message.signed === true;
      this.kept = typeof message.kept === 'string' ? message.kept : null;
    }
    if (message.type === 'jwt') {
      const jwt = typeof message.jwt === 'string' ? message.jwt : null;
      for (const resolve of this.#waiting.splice(0)) resolve(jwt);
      return;
    }
    this.dispatchEvent(new CustomEvent(message.type, { detail: message }));
  }
}
