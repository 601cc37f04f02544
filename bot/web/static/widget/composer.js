/**
 * Where the person writes: Enter sends, Shift+Enter makes a line, the field grows, a long text is told so, and
 * questions are proposed while typing, screenshots are joined to a request.
 */
import { byId, h } from './dom.js';

const COUNTED_FROM = 900;
const READ_WHOLE = 1000; // the server reads longer texts by their ends
const MOST = 20000;
const MOST_LINES_PX = 132;
const DELAY_MS = 250;
const SHORTEST = 3;
const LONGEST = 80; // a whole paragraph is not the beginning of a question
const MOST_PROPOSED = 5;
const PRIVATE = /@|\d[\d .-]{3,}/; // what may be an address or a number does not go into a request's address

export class Composer {
  /** @type {Texts} */
  texts;
  #told = 0;

  /** @param {ComposerParts} parts @param {ComposerHooks} on @param {Texts} texts */
  constructor(parts, on, texts) {
    this.parts = parts;
    this.on = on;
    this.texts = texts;
    parts.field.maxLength = MOST;
    parts.form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.submit();
    });
    parts.field.addEventListener('keydown', (event) => {
      // while a suggestion is chosen, or an accent composed, Enter is not "send"
      if (event.isComposing || on.takesKey(event)) return;
      if (event.key === 'Enter' && !event.shiftKey) {
        event.preventDefault();
        this.submit();
      }
    });
    parts.field.addEventListener('input', () => this.#adjust());
  }

  submit() {
    const text = this.parts.field.value.trim();
    if (!text) {
      this.focus();
      return;
    }
    this.fill('');
    this.on.send(text);
  }

  /** @param {string} text */
  fill(text) {
    this.parts.field.value = text;
    this.parts.field.dispatchEvent(new Event('input', { bubbles: true }));
  }

  get empty() {
    return this.parts.field.value.trim() === '';
  }

  focus() {
    this.parts.field.focus();
  }

  #adjust() {
    const { field, counter } = this.parts;
    field.style.height = 'auto';
    field.style.height = `${Math.min(field.scrollHeight + 2, MOST_LINES_PX)}px`;
    const length = [...field.value].length;
    counter.hidden = length < COUNTED_FROM;
    if (counter.hidden) {
      this.#told = 0;
      return;
    }
    const words = length > READ_WHOLE ? `${this.texts.counter(length)} ${this.texts.tooLong}` : this.texts.counter(length);
    counter.textContent = words;
    // aloud at the two thresholds only, not at every key
    const threshold = length > READ_WHOLE ? 2 : 1;
    if (threshold > this.#told) this.on.say(words);
    this.#told = threshold;
  }
}

/**
 * The questions proposed: a list driven from the text field by its active descendant. The field stays a textarea, whose
 * role cannot be changed to combobox; the properties of that pattern which a text field may carry are set on it, and
 * the number of proposals is said by the status line.
 */
export class Suggestions {
  /** @type {Suggested['results']} */
  #items = [];
  #active = -1;
  #timer = 0;
  #asked = new AbortController();

  /** @param {SuggestionParts} parts @param {SuggestionHooks} on @param {Texts} texts */
  constructor(parts, on, texts) {
    this.parts = parts;
    this.on = on;
    this.texts = texts;
    parts.field.addEventListener('input', () => this.#schedule());
    parts.field.addEventListener('blur', () => this.close());
    // the press must not take the focus from the field, or the list closes before the click
    parts.list.addEventListener('pointerdown', (event) => event.preventDefault());
    parts.list.addEventListener('click', (event) => {
      const option = /** @type {Element} */ (event.target).closest('[role=option]');
      if (option) this.#choose([...parts.list.children].indexOf(option));
    });
  }

  get open() {
    return !this.parts.list.hidden;
  }

  /** @param {KeyboardEvent} event @returns {boolean} whether the key was for the list */
  takesKey(event) {
    if (!this.open || event.altKey || event.ctrlKey || event.metaKey) return false;
    const last = this.#items.length - 1;
    if (event.key === 'ArrowDown') this.#activate(this.#active < last ? this.#active + 1 : -1);
    else if (event.key === 'ArrowUp') this.#activate(this.#active < 0 ? last : this.#active - 1);
    else if (event.key === 'Escape') this.close();
    else if (event.key === 'Enter' && !event.shiftKey && this.#active >= 0) this.#choose(this.#active);
    else return false;
    event.preventDefault();
    event.stopPropagation(); // Escape closes the list alone, not the assistant
    return true;
  }

  close() {
    clearTimeout(this.#timer);
    this.#asked.abort();
    this.#show([]);
  }

  #schedule() {
    this.close();
    const words = this.parts.field.value.trim();
    if (words.length < SHORTEST || words.length > LONGEST || words.startsWith('/') || PRIVATE.test(words)) return;
    this.#timer = window.setTimeout(() => this.#ask(words), DELAY_MS);
  }

  /** @param {string} words */
  async #ask(words) {
    this.#asked = new AbortController();
    const { signal } = this.#asked;
    try {
      const { results } = await this.on.search(words, signal);
      if (!signal.aborted && document.activeElement === this.parts.field) this.#show(results.slice(0, MOST_PROPOSED));
    } catch { /* a comfort: without it the question can still be asked */ }
  }

  /** @param {Suggested['results']} items */
  #show(items) {
    const { field, list } = this.parts;
    const changed = items.length > 0 || this.#items.length > 0;
    this.#items = items;
    list.replaceChildren(...items.map((item, at) => h('li', { id: `suggestion-${at}`, role: 'option', 'aria-selected': 'false' }, item.title)));
    list.hidden = items.length === 0;
    if (items.length) field.setAttribute('aria-controls', list.id);
    else field.removeAttribute('aria-controls');
    this.#activate(-1);
    if (changed) this.on.say(items.length ? this.texts.suggestionCount(items.length) : '');
  }

  /** @param {number} at */
  #activate(at) {
    const { field, list } = this.parts;
    this.#active = at;
    [...list.children].forEach((option, index) => option.setAttribute('aria-selected', String(index === at)));
    if (at < 0) {
      field.removeAttribute('aria-activedescendant');
    } else {
      field.setAttribute('aria-activedescendant', `suggestion-${at}`);
      list.children[at].scrollIntoView({ block: 'nearest' });
    }
  }

  /** @param {number} at */
  #choose(at) {
    const item = this.#items[at];
    this.close();
    if (item) this.on.choose(item.title);
  }
}

/** Screenshots of the request being told: chosen or pasted, removable until it is sent. */
export class Attachments {
  /** @type {Texts} */
  texts;
  /** A request is not sent while an image is on its way. @type {Promise<unknown>} */
  settled = Promise.resolve();
  #area = byId('captures');
  #join = byId('join');
  #said = byId('join-said');

  /** @param {import('./api.js').Api} api */
  constructor(api) {
    this.api = api;
    const input = /** @type {HTMLInputElement} */ (byId('file'));
    this.#join.addEventListener('click', () => input.click());
    input.addEventListener('change', () => {
      this.#send(input.files);
      input.value = '';
    });
    byId('field').addEventListener('paste', (event) => {
      const files = event.clipboardData?.files;
      if (this.#area.hidden || !files?.length) return;
      event.preventDefault();
      this.#send(files);
    });
  }

  /** While a request is told, each message offers to give it up. @param {Message[]} messages */
  follow(messages) {
    this.#area.hidden = !messages.at(-1)?.buttons?.some((button) => button.choice === 'demande:abandonner');
    this.#draw({ attachments: [] });
    if (!this.#area.hidden) this.#do(() => {});
  }

  /** @param {FileList | null} files */
  #send(files) {
    for (const file of files ?? []) {
      this.#do(() => {
        this.#said.replaceChildren(this.texts.joining, h('progress', { 'aria-hidden': 'true' }));
        return this.api.join(file);
      });
    }
  }

  /** One thing after the other; then what the server has is shown. @param {() => unknown} act */
  #do(act) {
    this.settled = this.settled.then(act).then(() => this.api.joined()).then(
      (joined) => this.#draw(joined), (error) => { this.#said.textContent = error.detail || this.texts.dataFailed; });
  }

  /** @param {Joined} joined */
  #draw({ attachments }) {
    byId('joined').replaceChildren(...attachments.map(({ id }, at) => {
      const button = h('button', { type: 'button', class: 'plain small' }, this.texts.unjoin(at + 1));
      button.addEventListener('click', () => {
        this.#join.focus();
        this.#do(() => this.api.unjoin(id));
      });
      return button;
    }));
    this.#said.textContent = attachments.length ? this.texts.joined(attachments.length) : '';
  }
}
