// @ts-check
/** Small builders: elements whose text is always text, and the icons. */

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string | boolean | null | undefined>} [attributes] false, null and undefined leave it out
 * @param {...(Node | string | null | undefined | false)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value === true ? '' : value);
  }
  for (const child of children) if (child) node.append(child);
  return node;
}

/** @param {string} text words for a screen reader alone */
export const hidden = (text) => h('span', { class: 'vh' }, text);

/** An element that the template must have. @param {string} id @returns {HTMLElement} */
export function byId(id) {
  const node = document.getElementById(id);
  if (!node) throw new Error(`missing #${id}`);
  return node;
}

/** Drawn for this project on a grid of 24; each one is a single path. */
const PATHS = {
  up: 'M7 21H3V10h4zm2 0V10l4-8c1.7 0 3 1.3 3 3l-.6 4H21v2l-2.5 8.5A2 2 0 0 1 16.6 21Z',
  down: 'M17 3h4v11h-4zm-2 0v11l-4 8c-1.7 0-3-1.3-3-3l.6-4H3v-2l2.5-8.5A2 2 0 0 1 7.4 3Z',
  person: 'M12 12a5 5 0 1 0 0-10 5 5 0 0 0 0 10Zm-9 10c0-5 4-8 9-8s9 3 9 8Z',
  warning: 'M12 2 23 21H1Zm-1 7v6h2V9Zm0 8v2h2v-2Z',
  info: 'M12 2a10 10 0 1 1 0 20 10 10 0 0 1 0-20Zm-1 8v8h2v-8Zm0-4v2h2V6Z',
  ticket: 'M3 5h18v5a2 2 0 0 0 0 4v5H3v-5a2 2 0 0 0 0-4Zm5 4v2h8V9Zm0 4v2h5v-2Z',
};

/** @param {keyof typeof PATHS} name */
export function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  for (const [key, value] of [['viewBox', '0 0 24 24'], ['class', 'icon'], ['aria-hidden', 'true'], ['fill-rule', 'evenodd']]) {
    svg.setAttribute(key, value);
  }
  path.setAttribute('d', PATHS[name]);
  svg.append(path);
  return svg;
}
