/**
 * The chat API (docs/api.md) as the frame uses it: one place adds the bearer, reads problem+json and Retry-After.
 */

const BASE = '/api/v1';
const TIMEOUT_MS = 20000; // the server promises an answer in 4 s; a phone's network may need the rest

/** The server answered, and the answer is no: `detail` is the sentence to show. */
export class Refused extends Error {
  /** @param {number} status @param {string} code @param {string} detail @param {number | null} retryAfter seconds */
  constructor(status, code, detail, retryAfter) {
    super(detail);
    this.status = status;
    this.code = code;
    this.detail = detail;
    this.retryAfter = retryAfter;
  }
}

/** Nobody answered: no network, a cut, a delay. The same request may be sent again. */
export class Unreachable extends Error {}

/** Seconds to wait, from either form of Retry-After. @param {string | null} value */
export function readRetryAfter(value) {
  if (!value) return null;
  const seconds = /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, Math.ceil(seconds)) : null;
}

/** An identifier for a message, so that sending it twice counts once. */
export function newId() {
  if (crypto.randomUUID) return crypto.randomUUID(); // absent outside https and before 2022
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

export class Api {
  /** @type {string | null} */
  token = null;

  /**
   * A successful answer; the others are thrown.
   * @param {string} method @param {string} path @param {RequestOptions} [options]
   */
  async fetch(method, path, { body, bearer = this.token, signal, headers = {}, timeout = TIMEOUT_MS } = {}) {
    const stop = new AbortController();
    const timer = timeout ? setTimeout(() => stop.abort(), timeout) : 0;
    signal?.addEventListener('abort', () => stop.abort());
    const form = body instanceof FormData; // the browser says its type
    let response;
    try {
      response = await fetch(BASE + path, {
        method,
        headers: {
          ...headers,
          ...(bearer ? { Authorization: `Bearer ${bearer}` } : {}),
          ...(body && !form ? { 'Content-Type': 'application/json' } : {}),
        },
        body: form ? body : body && JSON.stringify(body),
        signal: stop.signal,
        credentials: 'omit', // the bearer says who speaks; no cookie ever does
        cache: 'no-store',
        referrerPolicy: 'no-referrer',
      });
    } catch (error) {
      throw new Unreachable(String(error));
    } finally {
      clearTimeout(timer);
    }
    if (response.ok) return response;
    const problem = await response.json().catch(() => ({}));
    throw new Refused(response.status, String(problem.code ?? ''), String(problem.detail ?? problem.title ?? ''),
      readRetryAfter(response.headers.get('Retry-After')));
  }

  /** @param {string} method @param {string} path @param {RequestOptions} [options] */
  async json(method, path, options) {
    const response = await this.fetch(method, path, options);
    try {
      return response.status === 204 ? {} : await response.json();
    } catch (error) {
      throw new Unreachable(String(error)); // cut in the middle, or a proxy's page in place of ours
    }
  }

  /** @param {object} body @param {string | null} bearer an ENT's JWT, our token, or null @returns {Promise<Opened>} */
  openSession(body, bearer) {
    return this.json('POST', '/sessions', { body, bearer });
  }

  /** @param {string} [after] the last message already here @returns {Promise<Reply>} */
  messages(after) {
    return this.json('GET', `/messages${after ? `?after=${encodeURIComponent(after)}` : ''}`);
  }

  /** @param {Outgoing} body @returns {Promise<Reply>} */
  send(body) {
    return this.json('POST', '/messages', { body });
  }

  /** @param {string} id @param {Opinion} body */
  feedback(id, body) {
    return this.json('POST', `/messages/${encodeURIComponent(id)}/feedback`, { body });
  }

  /** @param {string} words @param {string | null} profile @param {AbortSignal} signal @returns {Promise<Suggested>} */
  search(words, profile, signal) {
    return this.json('GET', `/search?${new URLSearchParams({ q: words, ...(profile && { profile }) })}`, { signal });
  }

  /** @param {File} file an image for the request being told */
  join(file) {
    const body = new FormData();
    body.append('file', file);
    return this.json('POST', '/attachments', { body, timeout: 6 * TIMEOUT_MS });
  }

  /** @returns {Promise<Joined>} */
  joined() {
    return this.json('GET', '/attachments');
  }

  /** @param {string} id */
  unjoin(id) {
    return this.json('DELETE', `/attachments/${id}`);
  }

  /** The person's own data, as a file. */
  async exportData() {
    return (await this.fetch('GET', '/conversation/export')).blob();
  }

  erase() {
    return this.json('DELETE', '/conversation');
  }
}
