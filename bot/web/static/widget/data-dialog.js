/** "Mes données": what is kept, a copy of it, its erasure, and leaving a shared computer. */
import { h } from './dom.js';

const FILE_NAME = 'mes-donnees-assistant.json';

export class DataDialog {
  /** @type {Texts} */
  texts;
  #said = h('p', { class: 'said', role: 'status' });

  /**
   * @param {HTMLDialogElement} dialog @param {DataHooks} on @param {Texts} texts
   * @param {string} days how long messages are kept, if the server says
   */
  constructor(dialog, on, texts, days) {
    this.dialog = dialog;
    this.on = on;
    this.texts = texts;
    this.days = days;
    dialog.addEventListener('click', (event) => { if (event.target === dialog) dialog.close(); });
    // closing with Escape must not close the assistant as well
    dialog.addEventListener('keydown', (event) => event.stopPropagation());
  }

  open() {
    this.#draw();
    this.dialog.showModal();
  }

  #draw() {
    const { texts } = this;
    this.#said.textContent = '';
    const download = this.#button(texts.download, () => this.#download());
    const erase = this.#button(texts.erase, () => this.#confirm());
    const act = this.on.leave();
    const leave = act && this.#button(texts.leave, () => { this.dialog.close(); act(); });
    this.dialog.replaceChildren(
      h('h2', { id: 'data-title' }, texts.dataTitle),
      ...texts.dataBody.map((sentence) => h('p', {}, sentence)),
      h('p', {}, texts.dataKept(this.days)),
      h('div', { class: 'stack' }, download, erase, leave, leave && h('p', { class: 'small-text' }, texts.leaveWhy)),
      this.#said,
      this.#button(texts.dataClose, () => this.dialog.close(), 'primary'));
  }

  #confirm() {
    const { texts } = this;
    this.#said.textContent = '';
    const keep = this.#button(texts.eraseNo, () => this.#draw());
    this.dialog.replaceChildren(
      h('h2', { id: 'data-title' }, texts.erase),
      h('p', {}, texts.eraseSure),
      h('div', { class: 'stack' }, this.#button(texts.eraseYes, () => this.#erase(), 'danger'), keep),
      this.#said);
    keep.focus(); // the gesture that loses nothing
  }

  async #download() {
    try {
      const url = URL.createObjectURL(await this.on.download());
      h('a', { href: url, download: FILE_NAME }).click();
      setTimeout(() => URL.revokeObjectURL(url), 10000);
      this.#said.textContent = this.texts.downloaded;
    } catch {
      this.#said.textContent = this.texts.dataFailed;
    }
  }

  async #erase() {
    try {
      await this.on.erase();
      this.dialog.close();
    } catch {
      this.#said.textContent = this.texts.dataFailed;
    }
  }

  /** @param {string} label @param {() => void} act @param {string} [style] */
  #button(label, act, style = '') {
    const button = h('button', { type: 'button', class: `plain ${style}` }, label);
    button.addEventListener('click', act);
    return button;
  }
}
