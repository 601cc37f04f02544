/** Announcements and incidents, above the conversation. An incident cannot be put away for good; an information can. */
import { h, icon, safeHtml } from './dom.js';
import { read, write } from './storage.js';

const KEY = 'hidden-announcements';
const MOST_REMEMBERED = 50;

export class Banners {
  /** @type {Map<string, Announcement>} */
  #shown = new Map();
  /** @type {Set<string>} put away in this page */
  #away = new Set((read(KEY) ?? '').split(' ').filter(Boolean));

  /** @param {HTMLElement} place @param {Texts} texts @param {() => void} whenHidden */
  constructor(place, texts, whenHidden) {
    this.place = place;
    this.texts = texts;
    this.whenHidden = whenHidden;
  }

  /** All that is to be shown from now on. @param {Announcement[]} announcements */
  replace(announcements) {
    this.#shown = new Map(announcements.map((one) => [String(one.id), one]));
    this.#draw();
  }

  /** One more, or one changed, or one that has ended. @param {Announcement} one */
  merge(one) {
    if (one.ended) this.#shown.delete(String(one.id));
    else this.#shown.set(String(one.id), one);
    this.#draw();
  }

  #draw() {
    const seen = [...this.#shown.values()].filter((one) => !this.#away.has(String(one.id)));
    seen.sort((a, b) => Number(b.level === 'incident') - Number(a.level === 'incident'));
    // those already there stay as they are, or a screen reader would read them all again
    const kept = new Map([...this.place.children].map((node) => [/** @type {HTMLElement} */ (node).dataset.key ?? '', node]));
    this.place.replaceChildren(...seen.map((one) => kept.get(JSON.stringify(one)) ?? this.#banner(one)));
    this.place.hidden = seen.length === 0;
  }

  /** @param {Announcement} one */
  #banner(one) {
    const incident = one.level === 'incident';
    const title = one.title || (incident ? this.texts.incident : this.texts.info);
    const body = h('div', { class: 'banner-body' }, h('p', {}, h('strong', {}, title)));
    if (one.html) body.append(safeHtml(one.html, { heading: 3, newWindow: this.texts.newWindow }));
    else if (one.text) body.append(h('p', { class: 'said-text' }, one.text));
    const hide = h('button', { type: 'button', class: 'plain small', 'aria-label': this.texts.hideNamed(title) }, this.texts.hide);
    hide.addEventListener('click', () => this.#putAway(one, incident));
    return h('div', { class: `banner ${incident ? 'incident' : 'info'}`, 'data-key': JSON.stringify(one) },
      icon(incident ? 'warning' : 'info'), body, hide);
  }

  /** @param {Announcement} one @param {boolean} incident */
  #putAway(one, incident) {
    this.#away.add(String(one.id));
    if (!incident) {
      const ids = (read(KEY) ?? '').split(' ').filter(Boolean);
      write(KEY, [...ids, String(one.id)].slice(-MOST_REMEMBERED).join(' '));
    }
    this.#draw();
    this.whenHidden(); // the focus was on what has gone
  }
}
