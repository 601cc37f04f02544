/** What may stand in or under a message: an article's opinion buttons, a request's card, choices. */
import { h, hidden, icon } from './dom.js';
import { levelName, longDate, spelled, stateName } from './texts.js';

/** @param {Ticket} ticket @param {Texts} texts */
export function ticketCard(ticket, texts) {
  const row = (/** @type {string} */ name, /** @type {(Node | string)[]} */ ...value) => h('div', {}, h('dt', {}, name), h('dd', {}, ...value));
  const card = h('div', { class: 'ticket', 'data-number': ticket.number },
    h('p', { class: 'ticket-title' }, icon('ticket'), texts.request),
    h('dl', {},
      // a voice would read the number as one word, or as millions
      row(texts.number, h('span', { class: 'number', 'aria-hidden': 'true' }, ticket.number), hidden(spelled(ticket.number))),
      row(texts.followedBy, levelName(ticket.level)),
      row(texts.state, h('span', { class: 'state' }, stateName(ticket.status)))));
  return card;
}

/** @param {string | undefined} updated @param {Texts} texts */
export function articleDate(updated, texts) {
  const date = longDate(updated);
  return date ? h('p', { class: 'updated' }, texts.updated(date)) : null;
}

/**
 * @param {Button[]} buttons @param {Texts} texts
 * @param {(button: Button, byKeyboard: boolean) => void} choose
 */
export function choiceGroup(buttons, texts, choose) {
  const group = h('div', { class: 'choices', role: 'group', 'aria-label': texts.choices });
  for (const button of buttons) {
    const made = h('button', { type: 'button', class: 'choice' }, button.title);
    made.addEventListener('click', (event) => {
      made.classList.add('chosen');
      made.append(hidden(` (${texts.chosen})`));
      choose(button, event.detail === 0); // a click without a pointer comes from a key or a screen reader
    });
    group.append(made);
  }
  return group;
}

/** The choices of a past turn stay readable, but can no longer be made. @param {ParentNode} scope */
export function disableChoices(scope) {
  for (const button of scope.querySelectorAll('.choice')) button.setAttribute('disabled', '');
}

/**
 * @param {Message} message @param {Texts} texts
 * @param {(opinion: Opinion) => Promise<unknown>} send
 */
export function feedbackBar(message, texts, send) {
  const field = `comment-${message.id}`;
  const yes = h('button', { type: 'button', class: 'opinion', 'aria-pressed': 'false' }, icon('up'), texts.useful);
  const no = h('button', { type: 'button', class: 'opinion', 'aria-pressed': 'false' }, icon('down'), texts.useless);
  const said = h('p', { class: 'said' }); // inside the log, which is read aloud already
  const words = h('textarea', { id: field, rows: '2', maxlength: '1000' });
  const form = h('form', { class: 'comment', hidden: true },
    h('label', { for: field }, texts.missing), words, h('button', { type: 'submit', class: 'plain' }, texts.sendComment));

  const press = (/** @type {boolean | null} */ helpful) => {
    yes.setAttribute('aria-pressed', String(helpful === true));
    no.setAttribute('aria-pressed', String(helpful === false));
  };
  let current = message.feedback ? message.feedback.helpful : null;
  press(current);

  /** @param {boolean} helpful @param {string} [comment] */
  const give = async (helpful, comment) => {
    const before = current;
    current = helpful;
    press(helpful);
    form.hidden = helpful || comment !== undefined;
    if (!form.hidden) form.scrollIntoView({ block: 'nearest' });
    try {
      await send(comment ? { helpful, comment } : { helpful });
      said.textContent = texts.thanks;
    } catch {
      current = before;
      press(before);
      form.hidden = comment === undefined;
      said.textContent = texts.feedbackFailed;
    }
  };
  yes.addEventListener('click', () => give(true));
  no.addEventListener('click', () => give(false));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    no.focus(); // the form goes away under the focus
    void give(false, words.value.trim());
  });
  // no question here: the assistant asks its own in the conversation, and two would be read as one
  return h('div', { class: 'feedback', role: 'group', 'aria-label': texts.opinion }, h('div', { class: 'opinions' }, yes, no), form, said);
}
