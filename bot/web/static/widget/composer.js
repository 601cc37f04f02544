// @ts-check
/** Where the person writes: Enter sends, Shift+Enter makes a line, the field grows, a long text is told so. */

const COUNTED_FROM = 900;
const READ_WHOLE = 1000; // the server reads longer texts by their ends
const MOST = 20000;
const MOST_LINES_PX = 132;

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
