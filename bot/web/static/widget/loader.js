/**
 * The one script that an ENT's page carries. It adds a button, and on opening a frame of our origin.
 *
 * The page is not ours: its content policy is unknown, so nothing here needs inline style, inline script or HTML
 * parsing. Before the person opens the assistant nothing is requested and nothing is stored; the only thing looked at
 * is one key of this tab's sessionStorage, which exists only if the person had it open on the page before.
 *
 * Attributes of the tag: see docs/widget.md. One global: `AssistENT.open(question?)` and `AssistENT.close()`.
 */
(() => {
  'use strict';

  const script = /** @type {HTMLScriptElement | null} */ (
    document.currentScript ?? document.querySelector('script[src*="/widget/loader.js"]')
  );
  if (!script || 'AssistENT' in window) return; // a second tag in the same page adds nothing

  const ORIGIN = new URL(script.src).origin;
  const NAME = 'Assistant de l’ENT';
  const OPEN_KEY = 'assistent.open';
  const KEPT_KEY = 'assistent.kept';
  const PHONE = '(max-width: 480px), (max-height: 480px)'; // also what a zoom of 400 % gives
  const FRAME_PATIENCE_MS = 12000; // past it the frame is taken for blocked or unreachable
  const PAGE_LENGTH = 120; // a page's name is a hint for the assistant, not a text
  const ACCENT = '#1d4f7c';
  const data = script.dataset;

  const CSS = `
    :host { all: initial } [hidden] { display: none !important }
    .root { font: 1rem/1.4 system-ui, "Segoe UI", Roboto, sans-serif } button { font: inherit; cursor: pointer }
    .launcher, .panel { position: fixed; box-sizing: border-box; z-index: var(--assistent-z, 2147483000); right: var(--assistent-side, 20px) }
    .left > * { right: auto; left: var(--assistent-side, 20px) }
    .launcher {
      bottom: calc(var(--assistent-bottom, 20px) + env(safe-area-inset-bottom, 0px)); min-width: var(--size, 56px); min-height: var(--size, 56px);
      display: flex; align-items: center; justify-content: center; gap: .5rem; padding: 0 1.15rem; border: 2px solid transparent;
      border-radius: 99px; background: var(--accent); color: var(--on); font-weight: 600; box-shadow: 0 2px 6px #0003, 0 8px 24px #0003;
    }
    .launcher:hover { filter: brightness(1.12) } button:focus-visible { outline: 3px solid #0b5cd5; outline-offset: 3px; box-shadow: 0 0 0 3px #fff }
    svg { width: var(--icon, 26px); height: var(--icon, 26px); flex: none }
    .round, [aria-expanded=true] { padding: 0 }
    .round .label, [aria-expanded=true] .label, .vh { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap }
    .badge {
      position: absolute; top: -6px; right: -4px; min-width: 24px; border: 2px solid #fff; border-radius: 14px;
      background: #b3261e; color: #fff; font-size: .8125rem; line-height: 24px; text-align: center;
    }
    .panel {
      bottom: calc(var(--assistent-bottom, 20px) + var(--size, 56px) + 12px); width: min(var(--width, 400px), 100vw - 40px);
      height: min(var(--height, 640px), 100vh - var(--assistent-bottom, 20px) - var(--size, 56px) - 32px); overflow: hidden; background: Canvas;
      color: CanvasText; color-scheme: light dark; border: 1px solid #8884; border-radius: 14px; box-shadow: 0 4px 12px #0003, 0 16px 48px #0004;
    }
    iframe { display: block; width: 100%; height: 100%; border: 0; background: Canvas }
    .wait { position: absolute; inset: 0; display: grid; place-content: center; gap: 1rem; padding: 1.5rem; text-align: center; background: Canvas }
    .wait p { margin: 0 } .wait a { color: LinkText }
    .wait button { min-height: 44px; border: 1px solid; border-radius: 8px; background: Canvas; color: CanvasText }
    @media ${PHONE} {
      .launcher { padding: 0 } .launcher[aria-expanded=true] { display: none }
      .label { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%) }
      .root .panel {
        inset: 0; width: auto; height: 100vh; height: 100dvh; border: 0; border-radius: 0; background: var(--accent);
        padding: env(safe-area-inset-top) env(safe-area-inset-right) env(safe-area-inset-bottom) env(safe-area-inset-left);
      }
    }
    @media (forced-colors: active) { .launcher, .badge { border-color: ButtonText } } @media print { .root { display: none } }
  `;

  const ICON_CHAT = 'M4 4h16a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2h-8l-5 4v-4H4a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2Zm3 6h2v2H7zm4 0h2v2h-2zm4 0h2v2h-2z';
  const ICON_CLOSE = 'm6.4 5 5.6 5.6L17.6 5 19 6.4 13.4 12l5.6 5.6-1.4 1.4-5.6-5.6L6.4 19 5 17.6l5.6-5.6L5 6.4Z';

  /** @param {string} tag @param {Record<string, string>} [attributes] @param {...(Node | string)} children @returns {any} */
  const make = (tag, attributes = {}, ...children) => {
    const drawn = tag === 'svg' || tag === 'path';
    const node = drawn ? document.createElementNS('http://www.w3.org/2000/svg', tag) : document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children);
    return node;
  };

  /** WCAG's contrast of two colours given as #rrggbb. @param {string} one @param {string} other */
  const contrast = (one, other) => {
    const [a, b] = [one, other].map((hex) => [0.2126, 0.7152, 0.0722].reduce((sum, weight, at) => {
      const part = parseInt(hex.slice(1 + 2 * at, 3 + 2 * at), 16) / 255;
      return sum + weight * (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    }, 0.05));
    return a > b ? a / b : b / a;
  };

  /** The colour of the ENT's page, with one that can be read on it; nothing where the page gives none. */
  const readTheme = () => {
    const accent = getComputedStyle(host).getPropertyValue('--assistent-accent').trim() || data.buttonColor || '';
    if (!/^#[0-9a-f]{6}$/i.test(accent)) return undefined;
    return { accent, on: contrast(accent, '#ffffff') >= contrast(accent, '#10151b') ? '#ffffff' : '#10151b' };
  };

  /** @type {HTMLElement} */ let host;
  /** @type {ReturnType<typeof readTheme>} */ let theme;
  /** @type {HTMLIFrameElement | undefined} */ let frame;
  /** @type {Promise<string | null> | null} */ let firstJwt = null;
  /** @type {(() => void)[]} */ let uncover = [];
  let [ready, isOpen, wantsFocus] = [false, false, false];
  let [patience, question] = [0, ''];
  const phone = window.matchMedia(PHONE);
  const drawing = make('path', { d: ICON_CHAT });
  const badge = make('span', { class: 'badge', 'aria-hidden': 'true', hidden: '' });
  const unread = make('span', { class: 'vh' });
  const launcher = make('button', { type: 'button', class: 'launcher', 'aria-expanded': 'false', 'aria-controls': 'panel' },
    make('svg', { viewBox: '0 0 24 24', fill: 'currentColor', 'fill-rule': 'evenodd', 'aria-hidden': 'true' }, drawing),
    make('span', { class: 'label' }, data.label || 'Besoin d’aide\u00a0?'), badge, unread);
  const waiting = make('div', { class: 'wait', role: 'status', hidden: '' });
  const panel = make('div', { class: 'panel', id: 'panel', hidden: '' }, waiting);
  const root = make('div', { class: 'root', role: 'region', 'aria-label': NAME, lang: 'fr' }, launcher, panel);

  /** What lasts as long as the tab; a refused storage is not an error. @param {string} key @param {string | null} value */
  const store = (key, value) => {
    try { sessionStorage[value ? 'setItem' : 'removeItem'](key, value ?? ''); } catch { /* it lasts as long as the page */ }
  };
  const recall = (/** @type {string} */ key) => {
    try { return sessionStorage.getItem(key); } catch { return null; }
  };

  const pageName = () => (data.page || document.title).slice(0, PAGE_LENGTH);

  /** A message for our frame and for nobody else. @param {string} type @param {object} [content] */
  const post = (type, content = {}) => {
    if (ready) frame?.contentWindow?.postMessage({ assistent: 1, type, ...content }, ORIGIN);
  };

  /** What the ENT says of the person, or null: the frame then goes on as a visitor, and says so. */
  const fetchJwt = async () => {
    try {
      const response = await fetch(new URL(data.jwtUrl ?? '', location.href), { credentials: 'same-origin', cache: 'no-store' });
      const body = response.ok ? (await response.text()).trim() : '';
      const jwt = body.startsWith('{') ? (JSON.parse(body).jwt ?? JSON.parse(body).token) : body;
      return /^[\w-]+\.[\w-]+\.[\w-]+$/.test(jwt) ? jwt : null;
    } catch {
      return null;
    }
  };

  /** @param {MessageEvent} event */
  const receive = async (event) => {
    if (!frame || event.source !== frame.contentWindow || event.origin !== ORIGIN || event.data?.assistent !== 1) return;
    const { type, count } = event.data;
    if (type === 'ready') {
      ready = true;
      clearTimeout(patience);
      waiting.hidden = true;
      if (wantsFocus) frame.focus();
      post('init', { page: pageName(), signed: Boolean(data.jwtUrl), theme, visible: isOpen, focus: wantsFocus, kept: recall(KEPT_KEY) });
      ask();
    } else if (type === 'jwt-request') {
      const jwt = await (firstJwt ?? fetchJwt());
      firstJwt = null; // a JWT serves once; the next request gets a fresh one
      post('jwt', { jwt });
    } else if (type === 'keep') {
      store(KEPT_KEY, event.data.value); // a visitor's, where the browser gives the frame no storage of its own
    } else if (type === 'close') {
      close();
    } else if (type === 'unread' && !isOpen) {
      badge.hidden = false;
      badge.textContent = String(Math.min(Number(count) || 1, 99));
      unread.textContent = count > 1 ? `, ${Number(count)} nouveaux messages` : ', 1 nouveau message';
    }
  };

  /** Hands over a question that the page proposes; the person still has to send it. */
  const ask = () => {
    if (!ready || !question) return;
    post('question', { text: question });
    question = '';
  };

  /** @param {string} sentence @param {...Node} more */
  const wait = (sentence, ...more) => {
    waiting.replaceChildren(make('p', {}, sentence), ...more);
    waiting.hidden = false;
  };

  const complain = () => {
    const button = (/** @type {string} */ text, /** @type {() => void} */ act) => {
      const made = make('button', { type: 'button' }, text);
      made.addEventListener('click', act);
      return made;
    };
    wait('L’assistant ne répond pas ici. Réessayez, ou adressez-vous à votre école.',
      make('a', { href: `${ORIGIN}/`, target: '_blank', rel: 'noopener' }, 'Ouvrir l’assistant dans une nouvelle fenêtre'),
      button('Réessayer', load), button('Fermer', close));
  };

  const load = () => {
    const query = new URLSearchParams({ origin: location.origin });
    for (const name of ['profile', 'uai']) if (data[name]) query.set(name, data[name] ?? '');
    ready = false;
    frame?.remove();
    frame = make('iframe', { title: NAME, src: `${ORIGIN}/widget/frame?${query}` });
    // the frame may not move the ENT's page away, whatever happens inside; on one origin the lock would hold nothing
    if (ORIGIN !== location.origin) {
      frame?.setAttribute('sandbox', 'allow-scripts allow-same-origin allow-forms allow-popups allow-popups-to-escape-sandbox allow-downloads');
    }
    wait('Chargement de l’assistant…');
    firstJwt = data.jwtUrl ? fetchJwt() : null;
    panel.prepend(frame);
    clearTimeout(patience);
    patience = window.setTimeout(complain, FRAME_PATIENCE_MS);
  };

  /** On a phone the panel covers the page, so what is behind it is out of reach; elsewhere the page stays usable. */
  const cover = () => {
    for (const undo of uncover.splice(0)) undo();
    if (!isOpen || !phone.matches) return;
    for (const [name, value] of [['role', 'dialog'], ['aria-modal', 'true'], ['aria-label', NAME]]) {
      panel.setAttribute(name, value);
      uncover.push(() => panel.removeAttribute(name));
    }
    const { style } = document.documentElement;
    const { overflow } = style;
    style.overflow = 'hidden';
    uncover.push(() => { style.overflow = overflow; });
    for (const node of document.body.children) {
      if (node.contains(host) || node.hasAttribute('inert')) continue;
      node.setAttribute('inert', '');
      uncover.push(() => node.removeAttribute('inert'));
    }
  };

  /** Keeps the panel above a phone's keyboard where the browser does not shrink the page for it. */
  const fit = () => {
    const view = window.visualViewport;
    const needed = isOpen && phone.matches && view && Math.abs(view.scale - 1) < 0.01;
    Object.assign(panel.style, needed
      ? { height: `${view.height}px`, top: `${view.offsetTop}px`, bottom: 'auto' } : { height: '', top: '', bottom: '' });
  };

  /** @param {boolean} open */
  const show = (open) => {
    [isOpen, panel.hidden] = [open, !open];
    launcher.setAttribute('aria-expanded', String(open));
    drawing.setAttribute('d', open ? ICON_CLOSE : ICON_CHAT);
    cover();
    fit();
    store(OPEN_KEY, open ? '1' : null);
  };

  /** @param {unknown} [text] @param {boolean} [takeFocus] */
  const open = (text, takeFocus = true) => {
    if (!host) return;
    if (typeof text === 'string') question = text.slice(0, 1000);
    show(true);
    badge.hidden = true;
    unread.textContent = '';
    wantsFocus = takeFocus;
    if (!frame) load();
    if (takeFocus) frame?.focus();
    post('open', { page: pageName(), focus: takeFocus });
    ask();
  };

  const close = () => {
    if (!isOpen) return;
    wantsFocus = false;
    show(false);
    post('hidden');
    launcher.focus();
  };

  const build = () => {
    const given = document.getElementById(data.mount ?? '');
    host = given ?? document.body.appendChild(document.createElement('assistent-widget'));
    if (given) host.style.display = 'contents'; // the drop-in's box has no picture of its own
    const shadow = host.attachShadow({ mode: 'open' });
    try {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(CSS);
      shadow.adoptedStyleSheets = [sheet];
    } catch {
      shadow.append(make('style', {}, CSS)); // browsers before 2023
    }
    theme = readTheme();
    if (data.position === 'bottom-left') root.classList.add('left');
    if (data.buttonSize) launcher.classList.add('round');
    const sizes = { '--accent': theme?.accent ?? ACCENT, '--on': theme?.on ?? '#fff', '--width': data.width,
      '--height': data.height, '--icon': data.iconSize, '--size': data.buttonSize && `max(44px, ${data.buttonSize})` };
    for (const [name, value] of Object.entries(sizes)) if (value) root.style.setProperty(name, value);
    shadow.append(root);

    launcher.addEventListener('click', () => (isOpen ? close() : open()));
    root.addEventListener('keydown', (/** @type {KeyboardEvent} */ event) => { if (event.key === 'Escape') close(); });
    window.addEventListener('message', receive);
    // the focus leaves for the frame: the ENT may have changed page since, without reloading
    window.addEventListener('blur', () => post('page', { page: pageName() }));
    phone.addEventListener('change', () => { cover(); fit(); });
    for (const moved of ['resize', 'scroll']) window.visualViewport?.addEventListener(moved, fit);
    // the person did not ask for the focus to move
    if (data.reopen !== 'no' && recall(OPEN_KEY)) open(undefined, false);
  };

  Object.defineProperty(window, 'AssistENT', { value: Object.freeze({ open: (/** @type {unknown} */ text) => open(text), close }) });
  if (document.body) build();
  else document.addEventListener('DOMContentLoaded', build);
})();
