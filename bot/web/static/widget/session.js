/**
 * Who is speaking, and the token that stands for it.
 *
 * With an ENT that signs, a fresh JWT is asked for at every opening and the stored token is never used: on a computer
 * that several people share, the next one must not find the conversation of the one before. A visitor's token is
 * kept, one a profile and school, for it is all that ties him to his conversation.
 */
import { Refused } from './api.js';
import { forget, read, write } from './storage.js';

const PROFILES = ['parent', 'eleve', 'enseignant', 'directeur', 'personnel', 'intervenant'];

export class Session {
  /** @type {string | null} */
  profile;

  /** @param {import('./api.js').Api} api @param {import('./bridge.js').Bridge} bridge @param {URLSearchParams} query */
  constructor(api, bridge, query) {
    this.api = api;
    this.bridge = bridge;
    const profile = query.get('profile') ?? '';
    const uai = (query.get('uai') ?? '').toUpperCase();
    // a value that the server would refuse is the ENT's slip, not a reason to leave the person without help
    this.profile = PROFILES.includes(profile) ? profile : null;
    this.uai = /^\d{7}[A-Z]$/.test(uai) ? uai : null;
    this.key = `visitor.${this.profile ?? ''}.${this.uai ?? ''}`;
  }

  /** Opens or takes up the conversation. @param {boolean} [again] the token at hand was refused @returns {Promise<Start>} */
  async open(again = false) {
    let unrecognised = false;
    if (this.bridge.signed) {
      const jwt = await this.bridge.jwt();
      const signed = jwt && await this.#openSigned(jwt);
      if (signed) return signed;
      unrecognised = true;
    }
    if (again) this.forget();
    const taken = unrecognised ? null : await this.#takeUp();
    if (taken) return { ...taken, unrecognised };
    const body = { ...(this.profile && { profile: this.profile }), ...(this.uai && { uai: this.uai }) };
    const opened = await this.api.openSession(body, null);
    this.#hold(opened);
    if (!unrecognised) this.#keep(opened.token);
    return { ...opened, resumed: false, unrecognised };
  }

  /** Begins another conversation of the same person. @returns {Promise<Start>} */
  async restart() {
    try {
      const opened = await this.api.openSession({}, this.api.token);
      this.#hold(opened);
      if (this.#kept()) this.#keep(opened.token);
      return { ...opened, resumed: false, unrecognised: false };
    } catch (error) {
      if (error instanceof Refused && error.status === 401) return this.open(true);
      throw error;
    }
  }

  /** Leaves nothing of the conversation on this device. */
  forget() {
    forget(this.key);
    this.bridge.keep(null);
    this.api.token = null;
  }

  /** @param {string} token */
  #keep(token) {
    // a browser may refuse a frame its storage: then the tab of the ENT's page holds a visitor's token, until it is closed
    if (!write(this.key, token)) this.bridge.keep(`${this.key} ${token}`);
  }

  #kept() {
    const [key, token] = (this.bridge.kept ?? '').split(' ');
    return read(this.key) ?? (key === this.key ? token : null);
  }

  /** @param {string} jwt @returns {Promise<Start | null>} null when the server does not accept the ENT's word */
  async #openSigned(jwt) {
    try {
      const opened = await this.api.openSession({}, jwt);
      this.#hold(opened);
      // the person's conversation may have begun elsewhere: the server has it whole
      const history = await this.api.messages().catch(() => opened);
      const resumed = history.messages.some((message) => message.from === 'user');
      return { ...opened, messages: history.messages.length ? history.messages : opened.messages, resumed, unrecognised: false };
    } catch (error) {
      if (error instanceof Refused && [400, 401, 403, 422].includes(error.status)) return null;
      throw error;
    }
  }

  /** @returns {Promise<(Reply & {resumed: true}) | null>} */
  async #takeUp() {
    const stored = this.#kept();
    if (!stored) return null;
    this.api.token = stored;
    try {
      const history = await this.api.messages();
      this.profile = history.profile ?? this.profile;
      return { ...history, resumed: true };
    } catch (error) {
      if (!(error instanceof Refused) || ![401, 403, 404, 410].includes(error.status)) throw error;
      this.forget(); // expired or erased
      return null;
    }
  }

  /** @param {Opened} opened */
  #hold(opened) {
    this.api.token = opened.token;
    this.profile = opened.profile ?? this.profile;
  }
}
