/** Builders of what is shown: elements whose text is always text, icons, and the server's HTML made anew. */

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

const KEPT = new Set(['P', 'UL', 'OL', 'LI', 'STRONG', 'EM', 'B', 'I', 'BR', 'CODE', 'PRE', 'BLOCKQUOTE', 'HR',
  'TABLE', 'THEAD', 'TBODY', 'TR', 'TH', 'TD', 'SUP', 'SUB', 'ABBR']);
const DROPPED = new Set(['SCRIPT', 'STYLE', 'TEMPLATE', 'IFRAME', 'OBJECT', 'EMBED', 'SVG', 'MATH', 'NOSCRIPT', 'TEXTAREA', 'SELECT']);
const LINKS = new Set(['http:', 'https:', 'mailto:', 'tel:', 'sms:']);

/**
 * The server's HTML, rebuilt from a short list of elements. The server has cleaned it already; this is the second
 * lock: the text is parsed in a document where nothing runs, and only what is named above is made again in ours.
 * @param {string} html @param {HtmlOptions} options
 */
export function safeHtml(html, options) {
  const parsed = new DOMParser().parseFromString(html, 'text/html');
  const fragment = document.createDocumentFragment();
  copy(parsed.body, fragment, options);
  return fragment;
}

/** @param {Node} from @param {Node} to @param {HtmlOptions} options */
function copy(from, to, options) {
  for (const node of from.childNodes) {
    if (node.nodeType === Node.TEXT_NODE) to.appendChild(document.createTextNode(node.nodeValue ?? ''));
    if (node.nodeType !== Node.ELEMENT_NODE) continue;
    const element = /** @type {Element} */ (node);
    const name = element.tagName.toUpperCase();
    if (DROPPED.has(name)) continue;
    const made = make(element, name, options);
    copy(element, made ?? to, options); // an unknown element gives its words, not itself
    if (!made) continue;
    if (made instanceof HTMLAnchorElement && made.target) {
      const note = document.createElement('span');
      note.className = 'vh';
      note.textContent = ` (${options.newWindow})`;
      made.append(note);
    }
    to.appendChild(made);
  }
}

/** @param {Element} element @param {string} name @param {HtmlOptions} options @returns {HTMLElement | null} */
function make(element, name, options) {
  if (/^H[1-6]$/.test(name)) return document.createElement(`h${options.heading}`);
  if (name === 'A') return makeLink(element);
  if (!KEPT.has(name)) return null;
  const made = document.createElement(name);
  const start = Number(element.getAttribute('start'));
  if (name === 'OL' && Number.isInteger(start) && start > 1) made.setAttribute('start', String(start));
  if (name === 'TH') made.setAttribute('scope', element.getAttribute('scope') === 'row' ? 'row' : 'col');
  return made;
}

/** @param {Element} element */
function makeLink(element) {
  let url;
  try {
    url = new URL(element.getAttribute('href') ?? '', document.baseURI);
  } catch {
    return null;
  }
  if (!LINKS.has(url.protocol)) return null;
  const link = document.createElement('a');
  link.href = url.href;
  const name = element.getAttribute('aria-label');
  if (name) link.setAttribute('aria-label', name);
  if (url.protocol.startsWith('http')) {
    link.target = '_blank';
    link.rel = 'noopener noreferrer';
  }
  return link;
}
