"""From a decision to what is said: texts, buttons, the outcome reported, and the dialogue's next state.

Pure but for the knowledge base in memory. What has effects (requests) was done before: its reply is handed in.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from bot.chat.phrasebook import Phrasebook
from bot.conversations.service import Said
from bot.dialogue import decision as kinds
from bot.dialogue.decision import Decision
from bot.dialogue.state import (
    ASKED_CHOICE,
    ASKED_HELPED,
    ASKED_MORE,
    ASKED_PERSON,
    ASKED_PROBLEM,
    ASKED_PROFILE,
    FORM_STEPS,
    DialogueState,
    after_article,
    after_question,
)
from bot.escalation import phrases
from bot.escalation.models import IncidentRow
from bot.escalation.service import RequestReply
from bot.knowledge.service import KnowledgeBase
from bot.language.worries import EQUIPMENT, HOSTILITY, REFUSAL, SCREENS, WATCHED, WORKLOAD
from bot.topics import PROFILE_NAMES, PROFILES

PERSON_BUTTON = {"title": "Parler à une personne", "choice": "demande:ouvrir"}
OTHER_BUTTON = {"title": "Autre chose", "choice": "autre"}
HELPED_BUTTONS = [{"title": "Oui", "choice": "aide:oui"}, {"title": "Non", "choice": "aide:non"}]
HELPED = {False: "Cela vous a-t-il aidé ?", True: "Est-ce que cela t’a aidé ?"}
SECOND = {False: "Votre message parle peut-être aussi de ceci :", True: "Ton message parle peut-être aussi de ceci :"}
NO_SECRETS = {
    False: "Pour votre sécurité, n’écrivez jamais de mot de passe ni de code ici. Je l’ai effacé de votre message ; s’il est encore en service, changez-le.",
    True: "N’écris jamais ton mot de passe ici. Je l’ai effacé de ton message. S’il marche encore, change-le.",
}
# What is said before the answer to somebody who is worried or angry about the ENT itself: calm, and nothing promised.
WORRIED = {
    SCREENS: {
        False: "Le temps d’écran inquiète beaucoup de familles : parlez-en à l’enseignant ou à la direction, qui peuvent dire ce qui est demandé en ligne et ce qui peut se faire autrement.",
        True: "Le temps d’écran, c’est une vraie question : tu peux en parler à ton enseignant ou à tes parents.",
    },
    WATCHED: {
        False: "Il est normal de demander qui voit quoi : vous avez le droit de savoir ce qui est enregistré, et pourquoi.",
        True: "Tu as le droit de savoir ce qui est enregistré et qui peut le voir.",
    },
    WORKLOAD: {
        False: "Un outil de plus prend du temps, surtout au début : dites-le à votre référent, c’est par là que l’usage s’ajuste.",
        True: "Un outil de plus, ça prend du temps au début : dis-le à ton enseignant.",
    },
    EQUIPMENT: {
        False: "Si vous n’avez pas de matériel, de connexion ou d’aide, dites-le à l’école : elle peut vous donner les informations autrement.",
        True: "Si tu n’as pas d’ordinateur ou de connexion, dis-le à ton enseignant : on peut faire autrement.",
    },
    REFUSAL: {
        False: "Vous pouvez dire votre désaccord à la direction de l’école, qui répond de l’usage de l’ENT.",
        True: "Tu peux dire que tu n’es pas d’accord : parles-en à tes parents et à ton enseignant.",
    },
    HOSTILITY: {
        False: "Je comprends l’agacement. Voici ce que je peux faire :",
        True: "Je comprends que ça t’énerve. Voici ce que je peux faire :",
    },
}
READ_IN_PART = {
    False: "Votre message est long : j’en ai lu le début et la fin. Si la réponse ne convient pas, redites l’essentiel en une ou deux phrases.",
    True: "Ton message est long : j’ai lu le début et la fin. Si la réponse ne va pas, redis l’essentiel en une phrase.",
}
FOUND = {
    False: "Je ne suis pas sûr d’avoir compris. Ces articles peuvent vous aider :",
    True: "Je ne suis pas sûr d’avoir compris. Ces articles peuvent t’aider :",
}
WELCOME = {
    False: "Bonjour. Je suis l’assistant automatique de l’ENT : un programme, pas une personne. Écrivez votre question avec vos mots. Ne donnez ni mot de passe, ni code, ni nom d’élève.",
    True: "Bonjour. Je suis l’assistant automatique de l’ENT : un programme, pas une personne. Écris ta question avec tes mots. Ne donne ni mot de passe, ni nom de famille.",
}
DEGRADED = "L’assistant fonctionne en mode réduit pour le moment : voici ce que j’ai trouvé dans les articles."

PUPIL = "eleve"


@dataclass(frozen=True)
class Composed:
    """What is said in answer to a message, and what is remembered."""

    said: list[Said]
    outcome: str
    topic: str | None
    state: DialogueState
    choices: tuple[str, ...] = ()
    profile: str | None = None
    helped: bool | None = None


class Composer:
    """Turns decisions into French, for a profile and a school."""

    def __init__(self, knowledge: KnowledgeBase, phrasebook: Phrasebook) -> None:
        self._knowledge = knowledge
        self._phrasebook = phrasebook

    def compose(
        self, decided: Decision, *, text: str, profile: str | None, uai: str | None, state: DialogueState,
        engine_text: str | None = None, request: RequestReply | None = None,
    ) -> Composed:  # fmt: skip
        """Say what was decided on `text`; `engine_text` is what Rasa's rule uttered, `request` what the form replied."""
        turn = _Turn(self, decided, text, profile, uai, state, engine_text)
        composed = turn.request(request) if request is not None else turn.compose()
        return replace(composed, helped=_helped(decided, state))

    def incident(self, known: IncidentRow, answer: Composed) -> Composed:
        """Say a known incident in place of `answer`, whose article stays a button away."""
        pupil = answer.profile == phrases.PUPIL
        buttons = [{"title": phrases.INCIDENT_ARTICLE, "choice": f"sujet:{known.topic}"}, PERSON_BUTTON]
        text = phrases.INCIDENT[pupil].format(title=known.title, text=known.text)
        state = replace(answer.state, asked=None, shown=()).with_buttons([button["choice"] for button in buttons])
        return replace(answer, said=[Said(text, {"buttons": buttons})], outcome="incident", state=state)

    def button_title(self, choice: str) -> str:
        """Return the words of a button by its value, for the history."""
        kind, _, value = choice.partition(":")
        if kind == "sujet":
            return self._knowledge.title(value) or value
        if kind == "profil":
            return PROFILE_NAMES.get(value, choice)
        fixed = [
            PERSON_BUTTON, OTHER_BUTTON, *HELPED_BUTTONS,
            {"title": phrases.BUTTON_SEND, "choice": "demande:envoyer"},
            {"title": phrases.BUTTON_SEPARATE, "choice": "demande:separer"},
            {"title": phrases.BUTTON_CANCEL, "choice": "demande:abandonner"},
        ]  # fmt: skip
        return next((button["title"] for button in fixed if button["choice"] == choice), choice)

    def topic_buttons(self, topics: list[str] | tuple[str, ...]) -> list[dict[str, str]]:
        """Return a button a topic that has an article."""
        return [
            {"title": title, "choice": f"sujet:{topic}", "topic": topic}
            for topic in topics
            if (title := self._knowledge.title(topic))
        ]

    def say(self, name: str, profile: str | None) -> str:
        """Return a fixed sentence."""
        return self._phrasebook.say(name, profile)


def _helped(decided: Decision, state: DialogueState) -> bool | None:
    """Return what the person says of the last article when asked whether it helped; None when nothing is said."""
    if state.asked != ASKED_HELPED:
        return None
    if decided.kind == kinds.DIALOGUE and decided.topic in ("affirmer", "remerciement"):
        return True
    return False if decided.kind in (kinds.SECOND_TRY, kinds.OFFER_PERSON) else None


def profile_buttons() -> list[dict[str, str]]:
    """Return a button a profile."""
    return [{"title": PROFILE_NAMES[profile], "choice": f"profil:{profile}"} for profile in PROFILES]


class _Turn:
    """One reply being composed."""

    def __init__(self, composer: Composer, decided: Decision, text: str, profile: str | None, uai: str | None,
                 state: DialogueState, engine_text: str | None) -> None:  # fmt: skip
        self.composer = composer
        self.knowledge = composer._knowledge
        self.decided = decided
        self.text = text
        self.profile = profile
        self.uai = uai
        self.state = state
        self.engine_text = engine_text
        self.pupil = profile == PUPIL

    def compose(self) -> Composed:
        kind = self.decided.kind
        if kind == kinds.ANSWER:
            return self.answer()
        if kind == kinds.CHOICES:
            return self.choices()
        if kind == kinds.SECOND_TRY:
            return self.second_try()
        if kind == kinds.SEARCH:
            return self.search()
        if kind == kinds.OTHER_PROFILE:
            return self.other_profile()
        if kind == kinds.URGENT:
            return self.urgent()
        if kind == kinds.ASK_PROFILE:
            return self.ask_profile()
        if kind == kinds.TAKE_PROFILE:
            return self._done(self._sentence("utter_indiquer_profil"), "dialogue", None, self.state.asking(None))
        if kind == kinds.CLARIFY:
            return self.clarify()
        return self.talk()

    # --- articles -----------------------------------------------------------------------------

    def answer(self) -> Composed:
        topic = self.decided.topic
        rendered = self.knowledge.render(topic, self.profile, self.uai)
        if rendered is None or not rendered.text:
            return self.search()
        state = self.state
        if self.decided.aside:
            again = phrases.ASK_PROBLEM if state.asked == ASKED_PROBLEM else phrases.ASK_SCHOOL_AGAIN
            said = [self._article(topic, rendered, []), Said(again[self.pupil], {})]
            return self._composed(said, "answer", topic, state)
        if state.asked == ASKED_CHOICE and topic in state.offered:
            # One of the topics offered for the question in hand: what was tried and refused before still counts.
            left = tuple(other for other in (*state.offered, *state.alternatives) if other != topic)
            state = replace(state, alternatives=tuple(dict.fromkeys(left)))
        else:
            state = after_question(state, self.text, self.decided.alternatives)
        said = [self._article(topic, rendered, [])]
        if self.decided.second:
            buttons = self.composer.topic_buttons([self.decided.second])
            if buttons:
                said.append(Said(SECOND[self.pupil], {"buttons": buttons}))
        said.append(Said(HELPED[self.pupil], {"buttons": HELPED_BUTTONS}))
        return self._composed(said, "answer", topic, after_article(state, topic))

    def other_profile(self) -> Composed:
        topic = self.decided.topic
        rendered = self.knowledge.render(topic, self.profile, self.uai)
        if rendered is None or not rendered.text:
            return self.search()
        state = self.state if self.decided.aside else after_question(self.state, self.text, ()).asking(None)
        return self._composed([self._article(topic, rendered, [PERSON_BUTTON])], "other_profile", topic, state)

    def urgent(self) -> Composed:
        topic = self.decided.topic
        # Somebody unknown is spoken to as a pupil: it is the gentler mistake.
        rendered = self.knowledge.render(topic, self.profile or PUPIL, self.uai)
        said = (
            [self._article(topic, rendered, [])] if rendered else [Said(self.composer.say("utter_proteger", PUPIL), {})]
        )
        state = replace(self.state, asked=None, offered=(), protection=topic, pending=None, article=None)
        return self._composed(said, "urgent", topic, state)

    def choices(self) -> Composed:
        topics = [topic for topic in self.decided.choices if topic != kinds.OUT_OF_SCOPE]
        buttons = self.composer.topic_buttons(topics)
        if not buttons:
            return self.search()
        state = after_question(self.state, self.text, self.decided.alternatives)
        which = "utter_laquelle" if self.decided.command else "utter_choisir"
        return self._offered(self._sentence(which), [*buttons, OTHER_BUTTON], state)

    def second_try(self) -> Composed:
        """Offer other articles, or a person; a person alone when none of them is in service any more."""
        buttons = self.composer.topic_buttons(self.decided.choices)
        if not buttons:
            person = replace(self.decided, kind=kinds.OFFER_PERSON)
            return _Turn(self.composer, person, self.text, self.profile, self.uai, self.state, None).talk()
        state = replace(self.state, refusals=self.state.refusals + 1)
        return self._offered(self._sentence("utter_autre_essai"), [*buttons, PERSON_BUTTON], state)

    def search(self) -> Composed:
        found = [item.topic for item in self.knowledge.search.find(self.text) if item.score >= LEAST_SCORE][:3]
        buttons = self.composer.topic_buttons([topic for topic in found if topic not in self.state.shown])
        if not buttons:
            return self.clarify()
        offered = tuple(button["topic"] for button in buttons)
        return self._offered(
            FOUND[self.pupil], [*buttons, OTHER_BUTTON], after_question(self.state, self.text, offered)
        )

    def _offered(self, text: str, buttons: list[dict[str, str]], state: DialogueState) -> Composed:
        offered = tuple(button["topic"] for button in buttons if "topic" in button)
        state = replace(state, asked=ASKED_CHOICE, offered=offered)
        return self._composed([Said(text, {"buttons": buttons})], "choices", offered[0], state, choices=offered)

    # --- dialogue -----------------------------------------------------------------------------

    def clarify(self) -> Composed:
        state = replace(after_question(self.state, self.text, ()), asked=ASKED_MORE)
        said = [Said(self.composer.say("utter_preciser", self.profile), {"buttons": [PERSON_BUTTON]})]
        return self._composed(said, "clarify", None, state)

    def ask_profile(self) -> Composed:
        state = replace(self.state, asked=ASKED_PROFILE, pending=self.text)
        said = [Said(self._sentence("utter_demander_profil"), {"buttons": profile_buttons()})]
        return self._composed(said, "clarify", None, state)

    def talk(self) -> Composed:
        kind, topic = self.decided.kind, self.decided.topic
        state = self.state if kind in (kinds.PROTECT, kinds.PROTECT_ACCOUNT) else replace(self.state, asked=None)
        buttons: list[dict[str, str]] = []
        if kind == kinds.OUT_OF_SCOPE:
            return self._done(self._sentence("utter_hors_sujet"), "out_of_scope", topic, state)
        if kind == kinds.OFFER_PERSON:
            state = replace(state, asked=ASKED_PERSON, refusals=state.refusals + 1)
            buttons = [PERSON_BUTTON]
        elif topic == "insatisfaction":
            state, buttons = state.asking(ASKED_PERSON), [PERSON_BUTTON]
        elif topic in ("insulte", "identite_bot"):
            state = replace(state, insults=state.insults + (topic == "insulte"))
            buttons = [PERSON_BUTTON]
        elif topic in ("remerciement", "au_revoir"):
            state = replace(state, protection=None)
        name = f"utter_{topic}" if kind == kinds.DIALOGUE else f"utter_{_UTTERANCE.get(kind, kind)}"
        return self._done(self._sentence(name), "dialogue", topic, state, buttons)

    def request(self, reply: RequestReply) -> Composed:
        """Say what the form or the follow-up replied."""
        reply = replace(reply, text=self._with_assistance(reply))
        said = [Said(reply.text, {"buttons": reply.buttons, **({"ticket": reply.ticket} if reply.ticket else {})})]
        state = replace(self.state, asked=reply.asked, protection=None, offered=(), pending=None)
        if self.decided.kind == kinds.FOLLOW:
            return self._composed(said, "ticket" if reply.ticket else "dialogue", "suivre_ticket", state)
        if reply.ticket:
            return self._composed(said, "ticket", "parler_humain", replace(state, shown=(), refusals=0))
        if reply.asked in FORM_STEPS:
            return self._composed(said, "form", "parler_humain", state)
        return self._composed(said, "dialogue", None, state)

    def _with_assistance(self, reply: RequestReply) -> str:
        """Add what the deployment says of its assistance: whom to see, and when, as a request opens."""
        values = self.knowledge.values(self.uai)
        notes = []
        if self.decided.command == kinds.OPEN and reply.asked in FORM_STEPS:
            if contact := values.get("contact_n1"):
                notes.append((phrases.CONTACT_PUPIL if self.pupil else phrases.CONTACT).format(contact=contact))
            if hours := values.get("horaires_assistance"):
                notes.append(phrases.HOURS.format(hours=hours))
        return "\n\n".join([reply.text, " ".join(notes)]) if notes else reply.text

    # --- pieces -------------------------------------------------------------------------------

    def _sentence(self, name: str) -> str:
        """What Rasa uttered, or the same sentence from domain.yml without it."""
        return self.engine_text or self.composer.say(name, self.profile)

    def _article(self, topic: str, rendered: Any, buttons: list[dict[str, str]]) -> Said:
        article = self.knowledge.articles[topic]
        return Said(
            rendered.text,
            {
                "article": {
                    "id": topic, "title": rendered.title, "topic": topic, "updated": article.reviewed_on.isoformat(),
                },
                "buttons": buttons,
            },
        )  # fmt: skip

    def _done(self, text: str, outcome: str, topic: str | None, state: DialogueState,
              buttons: list[dict[str, str]] | None = None) -> Composed:  # fmt: skip
        return self._composed([Said(text, {"buttons": buttons or []})], outcome, topic, state)

    def _composed(self, said: list[Said], outcome: str, topic: str | None, state: DialogueState,
                  choices: tuple[str, ...] = ()) -> Composed:  # fmt: skip
        offered = [button["choice"] for one in said for button in one.extras.get("buttons", [])]
        return Composed(said, outcome, topic, state.with_buttons(offered), choices, self.profile)


# Decisions whose response in domain.yml has another name.
_UTTERANCE = {kinds.DROPPED: "annuler"}

# Under this score (BM25, measured on the project's articles) what the search finds shares a word by chance.
LEAST_SCORE = 4.0
