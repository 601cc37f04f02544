// @ts-check
/**
 * The server's HTML, rebuilt from a short list of elements. The server has cleaned it already; this is the second
 * lock: the text is parsed in a document where nothing runs, and only what is named here is made again in ours.
 */

const KEPT = new Set(['P', 'UL', 'OL', 'LI', 'STRONG', 'EM', 'B', 'I', 'BR', 'CODE', 'PRE', 'BLOCKQUOTE', 'HR',
  'TABLE', 'THEAD', 'TBODY', 'TR', 'TH', 'TD', 'SUP', 'SUB', 'ABBR']);
const DROPPED = new Set(['SCRIPT', 'STYLE', 'TEMPLATE', 'IFRAME', 'OBJECT', 'EMBED', 'SVG', 'MATH', 'NOSCRIPT', 'TEXTAREA', 'SELECT']);
const LINKS = new Set(['http:', 'https:', 'mailto:', 'tel:']);

/**
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
  if (url.protocol.startsWith('http')) {
    link.target = '_blank';
    link.rel = 'noopener noreferrer';
  }
  return link;
}
