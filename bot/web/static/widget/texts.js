/**
 * Every sentence that the frame shows, but for the names of fixed buttons, which its template has. Adults are told
 * "vous", pupils "tu", in shorter words.
 */

const NBSP = '\u00a0';

export const VOUS = {
  bot: 'Assistant',
  you: 'Vous',
  agent: 'Une personne de l’assistance',
  notice: 'Je suis un programme, pas une personne. N’écrivez ni mot de passe, ni code. Vos messages sont gardés pour vous répondre, puis effacés.',
  inputLabel: 'Votre question',
  placeholder: 'Écrivez votre question',
  restarted: 'Nouvelle conversation ouverte.',
  thinking: 'L’assistant prépare sa réponse.',
  choices: 'Choix proposés',
  chosen: 'choisi',
  newWindow: 'nouvelle fenêtre',
  updated: (/** @type {string} */ date) => `Mis à jour le ${date}`,
  opinion: 'Votre avis sur cette réponse',
  useful: 'Utile',
  useless: 'Pas utile',
  missing: 'Que manque-t-il dans cette réponse ? (facultatif)',
  sendComment: 'Envoyer l’avis',
  thanks: 'Merci, votre avis est transmis.',
  feedbackFailed: 'Votre avis n’est pas parti. Essayez à nouveau.',
  request: 'Votre demande',
  number: 'Numéro',
  followedBy: 'Suivie par',
  state: 'État',
  requestChanged: (/** @type {string} */ number, /** @type {string} */ state) => `Votre demande ${number} est à l’état${NBSP}: ${state}.`,
  notSent: 'Non envoyé',
  retry: 'Réessayer',
  edit: 'Modifier',
  waiting: (/** @type {number} */ seconds) => `En attente. Nouvel envoi dans ${seconds}${NBSP}s.`,
  passedOn: 'Transmis à la personne qui suit votre demande.',
  unreachable: 'La connexion ne répond pas. Vérifiez votre réseau.',
  refused: 'Ce message n’a pas pu être traité.',
  down: 'L’assistant ne répond pas pour le moment. Essayez à nouveau, ou adressez-vous à votre école.',
  downFor: (/** @type {number} */ seconds) => `L’assistant est très demandé. Nouvel essai dans ${seconds}${NBSP}s.`,
  unrecognised: 'L’ENT n’a pas confirmé votre compte. Vous pouvez poser votre question, mais vos conversations passées ne s’affichent pas.',
  expired: 'Votre session avait pris fin. Une nouvelle conversation commence.',
  incident: 'Incident en cours',
  info: 'Information',
  hide: 'Masquer',
  hideNamed: (/** @type {string} */ title) => `Masquer l’annonce ${title}`,
  suggestionCount: (/** @type {number} */ n) => (n > 1
    ? `${n} questions proposées, flèche vers le haut ou le bas pour choisir.`
    : '1 question proposée, flèche vers le bas pour la choisir.'),
  counter: (/** @type {number} */ n) => `${n.toLocaleString('fr-FR')} caractères.`,
  tooLong: 'Au-delà de 1 000 caractères, le message est lu en partie. Un texte plus court aide à mieux répondre.',
  joining: 'Envoi de la capture…',
  joined: (/** @type {number} */ n) => `Captures jointes${NBSP}: ${n}.`,
  unjoin: (/** @type {number} */ n) => `Retirer la capture ${n}`,
  dataTitle: 'Vos données',
  dataBody: [
    'L’assistant est un programme. Il choisit ses réponses parmi des textes écrits et relus par des personnes.',
    'Les numéros de téléphone, adresses et mots de passe sont masqués avant d’être gardés. N’en écrivez pas quand même.',
  ],
  dataKept: (/** @type {string} */ days) => (days
    ? `Vos messages sont effacés au bout de ${days} jours.`
    : 'Vos messages sont effacés au bout du délai fixé par votre académie.'),
  download: 'Télécharger mes données',
  downloaded: 'Le fichier est téléchargé.',
  erase: 'Effacer cette conversation',
  eraseSure: `Effacer vos messages pour toujours${NBSP}? Ils ne pourront pas être retrouvés.`,
  eraseYes: 'Oui, effacer',
  eraseNo: 'Non, garder',
  erased: 'Vos messages sont effacés. Une nouvelle conversation commence.',
  leave: 'Quitter sur cet appareil',
  leaveWhy: 'Sur un ordinateur partagé, la personne suivante ne verra pas vos messages.',
  left: 'La conversation n’est plus sur cet appareil.',
  dataFailed: 'Cela n’a pas marché. Essayez à nouveau.',
  dataClose: 'Fermer',
};

/** @type {Partial<typeof VOUS>} */
const TU = {
  you: 'Toi',
  notice: 'Je suis un programme, pas une personne. N’écris pas ton mot de passe. Tes messages sont gardés pour te répondre, puis effacés.',
  inputLabel: 'Ta question',
  placeholder: 'Écris ta question',
  opinion: 'Ton avis sur cette réponse',
  thanks: 'Merci, ton avis est transmis.',
  feedbackFailed: 'Ton avis n’est pas parti. Essaie encore.',
  request: 'Ta demande',
  requestChanged: (number, state) => `Ta demande ${number} est à l’état${NBSP}: ${state}.`,
  passedOn: 'Transmis à la personne qui suit ta demande.',
  unreachable: 'La connexion ne répond pas. Vérifie ton réseau.',
  down: 'L’assistant ne répond pas pour le moment. Essaie encore, ou demande à ton enseignant.',
  unrecognised: 'L’ENT n’a pas confirmé ton compte. Tu peux poser ta question, mais tes anciennes conversations ne s’affichent pas.',
  expired: 'Ta session était finie. Une nouvelle conversation commence.',
  dataTitle: 'Tes données',
  dataBody: [
    'L’assistant est un programme. Ses réponses ont été écrites par des personnes.',
    'N’écris pas ton mot de passe, ton adresse ou ton téléphone. Si tu l’as fait, c’est caché avant d’être gardé.',
  ],
  dataKept: (days) => (days
    ? `Tes messages sont effacés au bout de ${days} jours.`
    : 'Tes messages sont effacés au bout d’un certain temps.'),
  eraseSure: `Effacer tes messages pour toujours${NBSP}? On ne pourra pas les retrouver.`,
  erased: 'Tes messages sont effacés. Une nouvelle conversation commence.',
  leaveWhy: 'Sur un ordinateur partagé, la personne suivante ne verra pas tes messages.',
  dataFailed: 'Cela n’a pas marché. Essaie encore.',
};

/** @param {string | null} profile @returns {Texts} */
export function textsFor(profile) {
  return profile === 'eleve' ? { ...VOUS, ...TU } : VOUS;
}

/** Names of a request's states; an unknown one is shown as it comes. @type {Record<string, string>} */
const STATES = {
  nouveau: 'Nouvelle',
  en_cours: 'En cours de traitement',
  en_attente: 'En attente de votre réponse',
  resolu: 'Résolue',
  clos: 'Close',
};

/** @param {string} status */
export function stateName(status) {
  return STATES[status] ?? status;
}

/** @param {number} level */
export function levelName(level) {
  return level === 3 ? 'L’éditeur de l’ENT (niveau 3)' : `L’assistance de l’académie (niveau ${level})`;
}

const LONG = new Intl.DateTimeFormat('fr-FR', { dateStyle: 'long' });
const CLOCK = new Intl.DateTimeFormat('fr-FR', { hour: '2-digit', minute: '2-digit' });

/** A date of the server, day alone or instant. @param {string} value */
function readDate(value) {
  const day = /^(\d{4})-(\d{2})-(\d{2})(?:T00:00:00(?:\.0+)?(?:Z|\+00:00))?$/.exec(value);
  // a day is written as its midnight in UTC: in Martinique it would be shown as the day before
  return day ? new Date(Number(day[1]), Number(day[2]) - 1, Number(day[3])) : new Date(value);
}

/** "20 novembre 2026", "1er décembre 2026"; empty for what is not a date. @param {string | undefined} value */
export function longDate(value) {
  const date = value ? readDate(value) : null;
  return date && !Number.isNaN(date.getTime()) ? LONG.format(date).replace(/^1 /, '1er ') : '';
}

/** @param {string | undefined} value */
export function clockTime(value) {
  const date = value ? new Date(value) : null;
  return date && !Number.isNaN(date.getTime()) ? CLOCK.format(date) : '';
}

/** The characters one by one, group by group, as a voice should read a number aloud. @param {string} number */
export function spelled(number) {
  return number.split(/[^\p{L}\p{N}]+/u).filter(Boolean).map((group) => [...group].join(' ')).join(', ');
}
