/**
 * What the server says without being asked: an agent's reply, a ticket's change, an announcement.
 *
 * Read with fetch and not EventSource, so that the bearer travels in a header and never in an address. Where the
 * stream does not come through (a proxy that holds it back), every failed attempt is followed by a plain look-up.
 */
import { Refused } from './api.js';

const FIRST_DELAY_S = 1;
const LONGEST_DELAY_S = 30;
const SILENCE_MS = 60000; // the server sends a comment well before; longer means that the line is dead
const HIDDEN_GRACE_MS = 10000; // browsers allow six streams a site over HTTP/1.1: tabs in the background give theirs back

/** Cuts a text/event-stream into events; keeps what is not complete yet. */
export class Parser {
  #rest = '';

  /** @param {string} chunk @returns {EventFrame[]} */
  push(chunk) {
    // a carriage return at the end may be half of a line's end: it waits for the next chunk
    const text = this.#rest + chunk;
    const held = text.endsWith('\r') ? 1 : 0;
    const blocks = text.slice(0, text.length - held).replace(/\r\n?/g, '\n').split('\n\n');
    this.#rest = (blocks.pop() ?? '') + (held ? '\r' : '');
    return blocks.map(readBlock).filter((frame) => frame.data !== '' || frame.id !== null || frame.retry !== null);
  }
}

/** @param {string} block @returns {EventFrame} */
function readBlock(block) {
  /** @type {EventFrame} */
  const frame = { id: null, event: 'message', data: '', retry: null };
  const data = [];
  for (const line of block.split('\n')) {
    const [, name, value] = /^([^:]+): ?(.*)$/s.exec(line) ?? [];
    if (name === 'data') data.push(value);
    else if (name === 'event') frame.event = value;
    else if (name === 'id' && !value.includes('\0')) frame.id = value;
    else if (name === 'retry' && /^\d+$/.test(value)) frame.retry = Number(value);
  }
  frame.data = data.join('\n');
  return frame;
}

export class Events {
  /** @type {AbortController | null} */
  #stop = null;
  /** @type {string | null} */
  #lastId = null;

  /** @param {import('./api.js').Api} api @param {EventHooks} on */
  constructor(api, on) {
    this.api = api;
    this.on = on;
    document.addEventListener('visibilitychange', () => {
      if (document.hidden) setTimeout(() => document.hidden && this.#cut?.(), HIDDEN_GRACE_MS);
      else this.#wake?.();
    });
  }

  /** @type {(() => void) | null} */
  #cut = null;
  /** @type {(() => void) | null} */
  #wake = null;

  /** Listens to the conversation of the api's present token, from now on. */
  start() {
    this.stop();
    this.#stop = new AbortController();
    this.#lastId = null;
    void this.#listen(this.#stop.signal);
  }

  stop() {
    this.#stop?.abort();
    this.#cut?.();
    this.#wake?.();
  }

  /** @param {AbortSignal} stopped */
  async #listen(stopped) {
    let failures = 0;
    while (!stopped.aborted) {
      if (document.hidden) await this.#pause(stopped, null);
      if (stopped.aborted) return;
      let delay = 0;
      try {
        if (await this.#stream(stopped)) failures = 0;
        else failures += 1;
      } catch (error) {
        failures += 1;
        if (error instanceof Refused) {
          if ([401, 403].includes(error.status)) return; // the next message opens a new session and starts us again
          delay = error.retryAfter ?? 0;
        }
      }
      if (stopped.aborted) return;
      if (failures > 1) await this.on.lookUp().catch(() => {});
      const backOff = Math.min(LONGEST_DELAY_S, FIRST_DELAY_S * 2 ** Math.min(failures, 5));
      // spread out, or every browser of a school comes back in the same second
      await this.#pause(stopped, Math.max(delay, backOff * (0.75 + Math.random() / 2)));
    }
  }

  /** One connection, to its end. @param {AbortSignal} stopped @returns {Promise<boolean>} whether anything came */
  async #stream(stopped) {
    const cut = new AbortController();
    this.#cut = () => cut.abort();
    stopped.addEventListener('abort', () => cut.abort());
    let silence = setTimeout(() => cut.abort(), SILENCE_MS);
    let came = false;
    try {
      const response = await this.api.fetch('GET', '/events', {
        signal: cut.signal,
        timeout: 0,
        headers: { Accept: 'text/event-stream', ...(this.#lastId !== null && { 'Last-Event-ID': this.#lastId }) },
      });
      if (!response.body || !/^text\/event-stream/.test(response.headers.get('Content-Type') ?? '')) return false;
      // what was said between the reading of the history and this instant
      if (this.#lastId === null) void this.on.lookUp().catch(() => {});
      const reader = response.body.getReader();
      const decoder = new TextDecoder();
      const parser = new Parser();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return came;
        came = true;
        clearTimeout(silence);
        silence = setTimeout(() => cut.abort(), SILENCE_MS);
        for (const frame of parser.push(decoder.decode(value, { stream: true }))) this.#take(frame);
      }
    } catch (error) {
      if (error instanceof Refused) throw error;
      return came;
    } finally {
      clearTimeout(silence);
      this.#cut = null;
    }
  }

  /** @param {EventFrame} frame */
  #take(frame) {
    if (frame.id !== null) this.#lastId = frame.id;
    if (frame.data === '') return;
    try {
      this.on.event(frame.event, JSON.parse(frame.data));
    } catch { /* an event from a later version of the server */ }
  }

  /** Waits, or until the page is looked at again. @param {AbortSignal} stopped @param {number | null} seconds */
  #pause(stopped, seconds) {
    return /** @type {Promise<void>} */ (new Promise((resolve) => {
      const timer = seconds === null ? 0 : setTimeout(resolve, seconds * 1000);
      this.#wake = () => { clearTimeout(timer); resolve(); };
      stopped.addEventListener('abort', () => resolve());
    }));
  }
}
