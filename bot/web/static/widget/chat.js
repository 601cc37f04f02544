/** The chat: puts the parts together, in an ENT's page or as a page of its own. */
import { Api, Refused } from './api.js';
import { Banners } from './banners.js';
import { Bridge } from './bridge.js';
import { Attachments, Composer, Suggestions } from './composer.js';
import { DataDialog } from './data-dialog.js';
import { byId, h } from './dom.js';
import { Events } from './events.js';
import { Outbox } from './outbox.js';
import { Session } from './session.js';
import { textsFor } from './texts.js';
import { View } from './view.js';

const query = new URLSearchParams(window.location.search);
const api = new Api();
const bridge = new Bridge(query.get('origin'));
const session = new Session(api, bridge, query);
let texts = textsFor(session.profile);
let visible = !bridge.embedded;
let unread = 0;
/** @type {() => void} */ let conversationIsOpen;
/** Resolves when there is a conversation to speak in; what is written before waits for it. @type {Promise<void>} */
let opened = new Promise((resolve) => { conversationIsOpen = resolve; });

const field = /** @type {HTMLTextAreaElement} */ (byId('field'));
const view = new View(
  { log: byId('log'), list: byId('list'), status: byId('status'), typing: byId('typing'), below: byId('below') },
  { choose, feedback: (id, opinion) => api.feedback(id, opinion) }, texts);
const banners = new Banners(byId('banners'), texts, () => composer.focus());
const suggestions = new Suggestions({ field, list: byId('suggestions') },
  { search: (words, signal) => opened.then(() => api.search(words, session.profile, signal)), choose: ask, say: (text) => view.say(text) }, texts);
const composer = new Composer({ form: /** @type {HTMLFormElement} */ (byId('composer')), field, counter: byId('counter') },
  { send: ask, say: (text) => view.say(text), takesKey: (event) => suggestions.takesKey(event) }, texts);
const attachments = new Attachments(api);
const outbox = new Outbox(view, {
  send: (body) => Promise.all([opened, attachments.settled]).then(() => api.send(body)),
  answered,
  renew,
  edit: (text) => { if (text && composer.empty) composer.fill(text); composer.focus(); },
});
const events = new Events(api, {
  event: announced,
  lookUp: async () => arrived((await api.messages(view.lastId)).messages),
});
const dataDialog = new DataDialog(/** @type {HTMLDialogElement} */ (byId('data')),
  {
    download: () => api.exportData(),
    erase: async () => { await api.erase(); forget(texts.erased); },
    // an ENT that signs takes the conversation up again at once: there, leaving means leaving the ENT
    leave: () => (bridge.signed ? null : () => forget(texts.left)),
  }, texts, document.body.dataset.retentionDays ?? '');

/** A question in the person's own words. @param {string} text */
function ask(text) {
  suggestions.close();
  if (field.value) composer.fill('');
  outbox.post({ text, ...(bridge.page && { page: bridge.page }) }, text);
}

/** @param {Button} button @param {boolean} byKeyboard */
function choose(button, byKeyboard) {
  outbox.post({ choice: button.choice, ...(bridge.page && { page: bridge.page }) }, button.title);
  // the button is disabled now; on a touch screen the field would raise the keyboard over the answer
  if (byKeyboard || window.matchMedia('(pointer: fine)').matches) composer.focus();
  else byId('log').focus();
}

/** @param {Reply} reply @param {string} id the client's own, of the message that it answers */
function answered(reply, id) {
  learnProfile(reply.profile);
  attachments.follow(reply.messages);
  view.receive(reply.messages.filter((message) => message.from !== 'user' || message.id !== id),
    { opinion: reply.result?.outcome !== 'urgent' });
  for (const message of reply.messages) if (message.ticket) view.updateTicket(message.ticket);
}

/** @param {Message[]} messages what comes without being asked */
function arrived(messages) {
  // the person's own words are on screen already, under the identifier that we gave them
  const count = view.receive(messages.filter((message) => message.from !== 'user'), { asked: false });
  if (count && !visible) {
    unread += count;
    bridge.post('unread', { count: unread });
  }
}

/** @param {string} name @param {any} data */
function announced(name, data) {
  if (name === 'message') arrived([data]);
  else if (name === 'ticket') view.updateTicket(data.ticket ?? data);
  else if (name === 'announcements') banners.replace(data.announcements ?? data);
  else if (name === 'announcement') banners.merge(data);
}

/** @param {Start} start */
function show(start) {
  learnProfile(session.profile);
  view.history(start.messages);
  attachments.follow(start.messages);
  if (start.unrecognised) view.line(texts.unrecognised);
  if (start.announcements) banners.replace(start.announcements);
  events.start();
}

/** Tries to open the conversation until it is, with the person's help where the server gives no delay. */
async function open() {
  for (;;) {
    try {
      show(await session.open());
      conversationIsOpen();
      return;
    } catch (error) {
      const delay = error instanceof Refused ? error.retryAfter : null;
      await (delay !== null && delay <= 120 ? countDown(Math.max(1, delay)) : askAgain(error));
    }
  }
}

/** @param {number} seconds */
async function countDown(seconds) {
  const left = h('span', { 'aria-hidden': 'true' });
  const line = view.line(left);
  view.say(texts.downFor(seconds));
  for (let now = seconds; now > 0; now -= 1) {
    left.textContent = texts.downFor(now);
    await new Promise((resolve) => { setTimeout(resolve, 1000); });
  }
  line.remove();
}

/** @param {unknown} error @returns {Promise<void>} */
function askAgain(error) {
  return new Promise((resolve) => {
    const why = error instanceof Refused && error.status < 500 && error.detail ? error.detail : texts.down;
    const button = h('button', { type: 'button', class: 'plain' }, texts.retry);
    const line = view.line(h('p', {}, why), button);
    button.addEventListener('click', () => { line.remove(); composer.focus(); resolve(); });
  });
}

/** The token is no longer accepted: a new one, and the message at hand is sent again. */
async function renew() {
  const start = await session.open(true);
  if (!start.resumed) view.line(texts.expired);
  if (start.announcements) banners.replace(start.announcements);
  events.start();
}

async function restart() {
  try {
    const start = await session.restart();
    clear();
    show(start);
    view.say(texts.restarted);
    composer.focus();
  } catch (error) {
    view.line(error instanceof Refused && error.detail ? error.detail : texts.unreachable);
  }
}

/** Leaves nothing of the conversation here, and opens another. @param {string} sentence */
function forget(sentence) {
  session.forget();
  clear();
  opened = open();
  view.say(sentence);
  composer.focus();
}

function clear() {
  events.stop();
  outbox.clear();
  attachments.follow([]);
  view.clear();
}

/** A visitor may say who he is in the conversation: the words change with it. @param {string | null | undefined} profile */
function learnProfile(profile) {
  if (profile) session.profile = profile;
  texts = textsFor(session.profile);
  for (const part of [view, banners, suggestions, composer, attachments, dataDialog]) part.texts = texts;
  byId('notice-text').textContent = texts.notice;
  byId('field-label').textContent = texts.inputLabel;
  field.placeholder = texts.placeholder;
}

/** @param {{accent?: string, on?: string} | undefined} theme the ENT's colour, with the one that reads on it */
function dress(theme) {
  for (const [name, value] of [['--accent', theme?.accent], ['--on-accent', theme?.on]]) {
    if (value && /^#[0-9a-f]{6}$/i.test(value)) document.documentElement.style.setProperty(name ?? '', value);
  }
}

/** @param {boolean} shown */
function setVisible(shown) {
  visible = shown;
  if (shown) unread = 0;
}

async function start() {
  learnProfile(session.profile);
  byId('restart').addEventListener('click', restart);
  byId('data-open').addEventListener('click', () => dataDialog.open());
  byId('notice-link').addEventListener('click', () => dataDialog.open());
  const close = byId('close');
  close.hidden = !bridge.embedded;
  close.addEventListener('click', () => bridge.post('close'));
  document.addEventListener('keydown', (event) => { if (event.key === 'Escape') bridge.post('close'); });

  bridge.addEventListener('open', (event) => {
    setVisible(true);
    if (/** @type {CustomEvent} */ (event).detail.focus) composer.focus();
  });
  bridge.addEventListener('hidden', () => setVisible(false));
  bridge.addEventListener('question', (event) => {
    composer.fill(String(/** @type {CustomEvent} */ (event).detail.text ?? ''));
    suggestions.close();
    composer.focus();
  });

  const init = await bridge.start();
  dress(init.theme);
  setVisible(init.visible);
  if (init.focus ?? window.matchMedia('(pointer: fine)').matches) composer.focus();
  await open();
}

void start();
