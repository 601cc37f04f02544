/**
 * Messages on their way, one after the other. A message keeps its identifier however often it is sent, so that the
 * server answers it once; what could not be sent stays in sight, with a way to try again.
 */
import { Refused, Unreachable, newId } from './api.js';
import { h } from './dom.js';

const QUIET_RETRY_MS = 1500; // a phone changing networks: once, before the person is told
const SLOW_MS = 1000; // faster than that, "being sent" would only flicker
const LONGEST_WAIT_S = 60; // past it the person decides when to try again
const MOST_WAITS = 5;
const BUSY = new Set([409, 425, 429, 502, 503, 504]);

export class Outbox {
  /** @type {Promise<void>} */
  #queue = Promise.resolve();
  /** Changes when the conversation does: what was on its way to the former one is dropped. */
  #era = 0;

  /** @param {import('./view.js').View} view @param {OutboxHooks} on */
  constructor(view, on) {
    this.view = view;
    this.on = on;
  }

  /** Shows a message and sends it. @param {{text?: string, choice?: string, page?: string}} what @param {string} shown */
  post(what, shown) {
    const body = { id: newId(), ...what };
    this.view.mine(body.id, shown);
    this.#enqueue(body, shown);
  }

  clear() {
    this.#era += 1;
    this.#queue = Promise.resolve();
    this.view.typing(false);
  }

  /** @param {Outgoing} body @param {string} shown */
  #enqueue(body, shown) {
    const era = this.#era;
    this.#queue = this.#queue.then(() => (era === this.#era ? this.#deliver(body, shown, era) : undefined));
  }

  /** @param {Outgoing} body @param {string} shown @param {number} era */
  async #deliver(body, shown, era) {
    const { view } = this;
    const current = () => era === this.#era;
    view.mark(body.id, false);
    view.note(body.id);
    view.typing(true);
    const slow = setTimeout(() => { if (current()) view.say(view.texts.thinking); }, SLOW_MS);
    try {
      const reply = await this.#insist(body, current);
      if (!current()) return;
      view.note(body.id, ...(reply.result?.outcome === 'agent' ? [view.texts.passedOn] : []));
      view.typing(false);
      this.on.answered(reply, body.id);
    } catch (error) {
      if (!current()) return;
      view.typing(false);
      this.#fail(body, shown, error);
    } finally {
      clearTimeout(slow);
    }
  }

  /** @param {Outgoing} body @param {() => boolean} current @returns {Promise<Reply>} */
  async #insist(body, current) {
    let quiet = true;
    let renewed = false;
    for (let waits = 0; ; ) {
      try {
        return await this.on.send(body);
      } catch (error) {
        if (!current()) throw error;
        if (error instanceof Unreachable && quiet && navigator.onLine) {
          quiet = false;
          await pause(QUIET_RETRY_MS);
        } else if (error instanceof Refused && error.status === 401 && !renewed) {
          renewed = true;
          await this.on.renew();
        } else if (error instanceof Refused && BUSY.has(error.status) && error.retryAfter !== null
          && error.retryAfter <= LONGEST_WAIT_S && waits < MOST_WAITS) {
          waits += 1;
          await this.#countDown(body.id, Math.max(1, error.retryAfter), current);
        } else {
          throw error;
        }
      }
    }
  }

  /** @param {string} id @param {number} seconds @param {() => boolean} current */
  async #countDown(id, seconds, current) {
    this.view.typing(false);
    // the figures change in sight; a voice hears the delay once
    this.view.say(this.view.texts.waiting(seconds));
    for (let left = seconds; left > 0 && current(); left -= 1) {
      this.view.note(id, h('span', { 'aria-hidden': 'true' }, this.view.texts.waiting(left)));
      await pause(1000);
    }
    this.view.note(id);
    this.view.typing(current());
  }

  /** @param {Outgoing} body @param {string} shown @param {unknown} error */
  #fail(body, shown, error) {
    const { view } = this;
    const { texts } = view;
    const final = error instanceof Refused && error.status < 500 && !BUSY.has(error.status) && error.status !== 401;
    const why = error instanceof Refused ? error.detail || texts.refused : texts.unreachable;
    const act = h('button', { type: 'button', class: 'plain small' }, final ? texts.edit : texts.retry);
    act.addEventListener('click', () => {
      if (final) {
        view.remove(body.id);
        this.on.edit(body.text ?? '');
      } else {
        this.#enqueue(body, shown);
      }
    });
    view.mark(body.id, true);
    view.note(body.id, h('strong', {}, `${texts.notSent}. `), why, ' ', final && body.text === undefined ? '' : act);
    view.toEnd();
  }
}

/** @param {number} ms */
const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
