/** The conversation on screen: a log that a screen reader follows, where each message stands once. */
import { articleDate, choiceGroup, disableChoices, feedbackBar, ticketCard } from './cards.js';
import { h, icon, safeHtml } from './dom.js';
import { clockTime, longDate, stateName } from './texts.js';

const NEAR_PX = 80; // closer to the end than this, the person is reading the latest message
const MARGIN_PX = 8;
const QUIET_MS = 400; // screen readers look at a region some time after it is filled

export class View {
  /** @type {Texts} */
  texts;
  /** @type {Map<string, HTMLElement>} */
  #shown = new Map();
  /** The last message of the server on screen, for `GET /messages?after=`. */
  lastId = '';
  #lastDay = '';

  /** @param {ViewParts} parts @param {ViewHooks} on @param {Texts} texts */
  constructor(parts, on, texts) {
    this.parts = parts;
    this.on = on;
    this.texts = texts;
    document.addEventListener('scroll', () => { if (this.#nearEnd()) parts.below.hidden = true; }, { capture: true, passive: true });
    parts.below.addEventListener('click', () => this.toEnd());
  }

  /** Words for a screen reader, outside the log. @param {string} text */
  say(text) {
    this.parts.status.textContent = text;
  }

  clear() {
    this.parts.list.replaceChildren();
    this.#shown.clear();
    this.lastId = '';
    this.#lastDay = '';
  }

  /** Shows a whole conversation at once, without reading it aloud. @param {Message[]} messages */
  history(messages) {
    const { log, list } = this.parts;
    log.setAttribute('aria-live', 'off');
    for (const message of messages) this.#append(message);
    // only what came after the person's last message can still be chosen
    const mine = [...list.querySelectorAll('.msg.user')].pop();
    if (mine) {
      for (const past of list.querySelectorAll('.msg')) {
        if (past.compareDocumentPosition(mine) & Node.DOCUMENT_POSITION_FOLLOWING) disableChoices(past);
      }
    }
    this.toEnd();
    setTimeout(() => log.setAttribute('aria-live', 'polite'), QUIET_MS);
  }

  /** The person's own message, before the server has it. @param {string} id @param {string} text */
  mine(id, text) {
    disableChoices(this.parts.list);
    this.#append({ id, from: 'user', text, at: new Date().toISOString() }, false);
    this.toEnd();
  }

  /**
   * What the server answers or announces; what is on screen already is left alone.
   * @param {Message[]} messages @param {{opinion?: boolean, asked?: boolean}} [options] asked: the person waits for it
   */
  receive(messages, { opinion = true, asked = true } = {}) {
    const fresh = messages.filter((message) => !this.has(message));
    if (!fresh.length) return 0;
    const follow = asked || this.#nearEnd();
    if (!asked) disableChoices(this.parts.list);
    const nodes = fresh.map((message) => this.#append(message, opinion));
    if (!follow) this.parts.below.hidden = false;
    else this.#toEndOrTop(nodes[0]);
    return fresh.filter((message) => message.from !== 'user').length;
  }

  /** @param {Message} message */
  has(message) {
    return this.#shown.has(message.id) || Boolean(message.client_id && this.#shown.has(message.client_id));
  }

  /** The line under one of the person's messages: being sent, waiting, failed. @param {string} id @param {...(Node | string)} content */
  note(id, ...content) {
    const line = this.#shown.get(id)?.querySelector('.note');
    line?.replaceChildren(...content);
  }

  /** @param {string} id @param {boolean} failed */
  mark(id, failed) {
    this.#shown.get(id)?.classList.toggle('failed', failed);
  }

  /** @param {string} id */
  remove(id) {
    this.#shown.get(id)?.remove();
    this.#shown.delete(id);
  }

  /** A sentence of the widget itself, in the log. @param {...(Node | string)} content */
  line(...content) {
    const line = h('div', { class: 'line' }, ...content);
    this.parts.list.append(line);
    this.toEnd();
    return line;
  }

  /** @param {boolean} on */
  typing(on) {
    this.parts.typing.hidden = !on;
    if (on) this.toEnd();
  }

  /** A request changed elsewhere: its cards follow. @param {Ticket} ticket @returns {boolean} */
  updateTicket(ticket) {
    let changed = false;
    for (const card of this.parts.list.querySelectorAll('.ticket')) {
      if (/** @type {HTMLElement} */ (card).dataset.number !== ticket.number) continue;
      const next = ticketCard(ticket, this.texts);
      changed ||= next.textContent !== card.textContent;
      card.replaceWith(next);
    }
    if (changed) this.say(this.texts.requestChanged(ticket.number, stateName(ticket.status)));
    return changed;
  }

  toEnd() {
    const scroller = this.#scroller;
    scroller.scrollTop = scroller.scrollHeight;
    this.parts.below.hidden = true;
  }

  /** A long answer is read from its top. @param {HTMLElement} first */
  #toEndOrTop(first) {
    this.toEnd();
    const scroller = this.#scroller;
    const above = first.getBoundingClientRect().top - (scroller === this.parts.log ? scroller.getBoundingClientRect().top : 0);
    if (above < 0) scroller.scrollTop += above - MARGIN_PX;
  }

  /** The log, or the whole page where zoom leaves it no height of its own. @returns {Element} */
  get #scroller() {
    const { log } = this.parts;
    const whole = getComputedStyle(log).overflowY === 'visible' ? document.scrollingElement : null;
    return whole ?? log;
  }

  #nearEnd() {
    const scroller = this.#scroller;
    return scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_PX;
  }

  /** @param {Message} message @param {boolean} [opinion] @returns {HTMLElement} */
  #append(message, opinion = true) {
    const known = this.#shown.get(message.id);
    if (known) return known;
    this.#day(message.at);
    const node = this.#draw(message, opinion);
    this.#shown.set(message.id, node);
    if (message.client_id) this.#shown.set(message.client_id, node);
    if (message.from !== 'user') this.lastId = message.id;
    this.parts.list.append(node);
    return node;
  }

  /** A line with the date where the day changes. @param {string | undefined} at */
  #day(at) {
    const day = longDate(at);
    if (!day || day === this.#lastDay) return;
    const today = day === longDate(new Date().toISOString());
    if (this.#lastDay || !today) this.parts.list.append(h('p', { class: 'day' }, today ? 'Aujourd’hui' : day));
    this.#lastDay = day;
  }

  /** @param {Message} message @param {boolean} opinion */
  #draw(message, opinion) {
    const { texts } = this;
    const author = { bot: texts.bot, agent: texts.agent, user: texts.you }[message.from] ?? texts.bot;
    const clock = clockTime(message.at);
    const who = h('p', { class: 'who' },
      message.from === 'agent' && icon('person'), h('span', {}, author), clock && h('time', { datetime: message.at }, clock));
    const bubble = h('div', { class: 'bubble' });
    if (message.article?.title) bubble.append(h('h2', {}, message.article.title));
    if (message.html && message.from !== 'user') {
      bubble.append(safeHtml(message.html, { heading: message.article ? 3 : 2, newWindow: texts.newWindow }));
    } else {
      bubble.append(h('p', { class: 'said-text' }, message.text ?? ''));
    }
    if (message.article) bubble.append(articleDate(message.article.updated, texts) ?? '');
    if (message.ticket) bubble.append(ticketCard(message.ticket, texts));
    const node = h('div', { class: `msg ${message.from}` }, who, bubble);
    if (message.from === 'user') node.append(h('p', { class: 'note' }));
    // in an urgent answer nothing is asked back: the person has something else to do
    if (opinion && message.from === 'bot' && message.article && !message.article.topic?.startsWith('urgence_')) {
      node.append(feedbackBar(message, texts, (given) => this.on.feedback(message.id, given)));
    }
    if (message.buttons?.length) node.append(choiceGroup(message.buttons, texts, this.on.choose));
    return node;
  }
}
