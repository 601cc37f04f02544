"""The decision on one message: answer, offer, ask, admit, protect, take a request.

`decide` is called once a message, on a ranking of intents with calibrated probabilities. What is minimised is the
wrong answer said with confidence: the thresholds come with the model (bot.engine), with others for the time without it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from bot.dialogue.state import (
    ASKED_ANSWER,
    ASKED_CHOICE,
    ASKED_CONSENT,
    ASKED_HELPED,
    ASKED_PERSON,
    ASKED_PROBLEM,
    ASKED_SCHOOL,
    FORM_STEPS,
    DialogueState,
)
from bot.language.replies import Reply, read_reply
from bot.language.sentences import announces_another, wants_something
from bot.topics import PROFILES, Topics

# Kinds of decision. Those that are not a topic's own are intents of their own in domain.yml (`decision_<kind>`).
ANSWER = "repondre"
CHOICES = "choisir"
CLARIFY = "preciser"
SEARCH = "chercher"
OTHER_PROFILE = "autre_profil"
URGENT = "urgence"
PROTECT = "proteger"
PROTECT_ACCOUNT = "proteger_compte"
OUT_OF_SCOPE = "hors_sujet"
DIALOGUE = "dialogue"
ASK_PROFILE = "demander_profil"
TAKE_PROFILE = "prendre_profil"
OFFER_PERSON = "proposer_personne"
FORM = "demande"
FOLLOW = "suivi"
DROPPED = "rien_a_annuler"
FOREIGN = "autre_langue"
REPEATED_INSULT = "insulte_repetee"
SECOND_TRY = "autre_essai"

# What the form is told to do with a message.
OPEN = "ouvrir"
RESUME = "reprendre"
SCHOOL = "ecole"
PROBLEM = "probleme"
ADD = "completer"
SEND = "envoyer"
SEPARATE = "separer"
DROP = "abandonner"

# What the follow-up is told to do.
STATUS = "etat"
CLOSE = "clore"
REOPEN = "rouvrir"
PRECISE = "preciser_demande"
RATE_WELL = "satisfait"
RATE_ILL = "insatisfait"

INTENT_CANCEL = "annuler"
INTENT_PROFILE = "indiquer_profil"
INTENT_FOREIGN = "autre_langue"
EXTRA_INTENTS = (INTENT_CANCEL, INTENT_PROFILE, INTENT_FOREIGN)

# How much lower the bar of an urgent topic is when the words sound urgent as well.
HINT_DIVISOR = 3
# A question asked aside in a form, or while protecting somebody, must be clearer than one asked at ease.
ASIDE_MARGIN = 0.10
PROTECTION_MARGIN = 0.25
# Weight given to the topics just offered when the person answers in words instead of pressing a button.
OFFERED_BOOST = 4.0
# « Non » with more words than this may be a new question.
BARE_NO_WORDS = 4
# « Annuler » with more words than this cancels something else: a meal, an appointment, a message.
BARE_CANCEL_WORDS = 2
# The name of a school looks like nothing the classifier knows: only what is nearly sure is urgent there.
SURE_URGENT = 0.90
# A thank-you longer than this may hold a question.
THANKS_WORDS = 9
# From this many insults in a row on, the assistant closes politely.
PATIENCE = 2


@dataclass(frozen=True)
class Thresholds:
    """Probabilities above which something is said. Chosen on held-out data, kept with the model."""

    answer: float = 0.50
    offer: float = 0.45
    out_of_scope: float = 0.50
    urgent: float = 0.35
    second: float = 0.20
    least_choice: float = 0.06
    # What is less likely than this is not what was meant: after « non », the topic's neighbours come instead.
    least_second: float = 0.01
    # A dialogue topic cannot be offered: less than this and one says that one did not understand.
    dialogue: float = 0.50
    # A sentence taken out of its message is seen without what explains it: it is urgent when it is surer of it.
    urgent_part: float = 0.90
    # Two sentences that are each sure of a topic are two questions, where the message as a whole does not rule one out.
    least_part: float = 0.005


@dataclass(frozen=True)
class Context:
    """What is known besides the words of the message."""

    profile: str | None = None
    profile_required: bool = False
    state: DialogueState = field(default_factory=DialogueState)
    choice: str | None = None
    urgent_hint: str | None = None

    @classmethod
    def from_metadata(cls, metadata: dict[str, Any]) -> Context:
        """Read what the gateway sends; without a gateway (rasa shell, rasa test) nothing is known nor required."""
        profile = metadata.get("profil")
        return cls(
            profile=profile if profile in PROFILES else None,
            profile_required="profil" in metadata and profile not in PROFILES,
            state=DialogueState.from_json(metadata.get("etat")),
            choice=metadata.get("choix"),
            urgent_hint=metadata.get("urgence"),
        )


@dataclass(frozen=True)
class Decision:
    """What to do with a message; `topic` is what it was understood as.

    `command` is what the form or the follow-up is told; with choices, the vague topic that leaves open which, None in a doubt.
    """

    kind: str
    topic: str | None = None
    confidence: float = 0.0
    choices: tuple[str, ...] = ()
    alternatives: tuple[str, ...] = ()
    command: str | None = None
    profile: str | None = None
    aside: bool = False
    second: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain data, for the engine's answer."""
        data = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {key: list(value) if isinstance(value, tuple) else value for key, value in data.items()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Decision:
        """Build from the engine's answer; TypeError when it is not one."""
        return cls(**{key: tuple(value) if isinstance(value, list) else value for key, value in data.items()})


@dataclass(frozen=True)
class Ranking:
    """Intents with their calibrated probabilities, most likely first."""

    pairs: tuple[tuple[str, float], ...]

    @property
    def top(self) -> tuple[str, float]:
        """The most likely intent, or a blank one."""
        return self.pairs[0] if self.pairs else ("", 0.0)

    def of(self, intent: str) -> float:
        """Return the probability of one intent."""
        return next((probability for name, probability in self.pairs if name == intent), 0.0)

    def boosted(self, intents: tuple[str, ...], weight: float) -> Ranking:
        """Return the ranking with some intents weighing more, renormalised."""
        raw = [(name, p * (weight if name in intents else 1.0)) for name, p in self.pairs]
        total = sum(p for _, p in raw) or 1.0
        return Ranking(tuple(sorted(((name, p / total) for name, p in raw), key=lambda pair: -pair[1])))


@dataclass(frozen=True)
class Part:
    """One sentence of a message that has several, and what it means by itself."""

    text: str
    ranking: Ranking

    @classmethod
    def of(cls, read: Iterable[tuple[str, Iterable[tuple[str, float]]]]) -> tuple[Part, ...]:
        """Build from (sentence, its ranking)."""
        return tuple(cls(text, Ranking(tuple(pairs))) for text, pairs in read)

    @property
    def wants(self) -> bool:
        """Tell whether it asks or wants something, rather than tells what came before."""
        return read_reply(self.text).question or wants_something(self.text)


def decide(
    ranking: Ranking, text: str, context: Context, *, topics: Topics, thresholds: Thresholds | None = None,
    parts: tuple[Part, ...] = (),
) -> Decision:  # fmt: skip
    """Decide what to do with `text`, urgent first; `parts` are its sentences, when it has several."""
    return _Decider(ranking, text, context, topics, thresholds or Thresholds(), parts).decide()


class _Decider:
    """One decision being taken: each method looks at one circumstance and returns a Decision, or None to pass on."""

    def __init__(self, ranking: Ranking, text: str, context: Context, topics: Topics, thresholds: Thresholds,
                 parts: tuple[Part, ...]) -> None:  # fmt: skip
        self.ranking = ranking
        self.text = text
        self.parts = parts
        self.context = context
        self.state = context.state
        self.topics = topics
        self.thresholds = thresholds
        self.reply: Reply = read_reply(text)

    def decide(self) -> Decision:
        for look in (
            self._choice, self._urgent, self._protection, self._form, self._asked_by_an_agent, self._explicit, self._profile, self._offered,
            self._helped, self._person_offered, self._foreign,
        ):  # fmt: skip
            decision = look()
            if decision is not None:
                return decision
        return self._topic()

    # --- circumstances ------------------------------------------------------------------------

    def _choice(self) -> Decision | None:
        """A button: its value says all."""
        if not self.context.choice:
            return None
        kind, _, value = self.context.choice.partition(":")
        if kind == "sujet" and value in self.topics:
            return self._about(value, 1.0)
        if kind == "profil" and value in PROFILES:
            return Decision(TAKE_PROFILE, profile=value, confidence=1.0)
        if kind == "demande":
            command = {"ouvrir": OPEN, "envoyer": SEND, "separer": SEPARATE, "abandonner": DROP}.get(value, RESUME)
            return Decision(FORM, "parler_humain", 1.0, command=command)
        if kind == "suivi":
            command = {"rouvrir": REOPEN, "satisfait": RATE_WELL, "insatisfait": RATE_ILL}.get(value, STATUS)
            return Decision(FOLLOW, "suivre_ticket", 1.0, command=command)
        if kind == "aide":
            return self._helped_yes() if value == "oui" else self._helped_no()
        return Decision(CLARIFY)

    def _urgent(self) -> Decision | None:
        by_topic = {topic.id: self.ranking.of(topic.id) for topic in self.topics if topic.is_urgent}
        best = max(by_topic, key=lambda name: by_topic[name])
        hint = self.context.urgent_hint
        names_a_school = self.state.asked == ASKED_SCHOOL and self.reply.school and not hint
        if by_topic[best] >= (SURE_URGENT if names_a_school else self.thresholds.urgent):
            return Decision(URGENT, best, round(by_topic[best], 4))
        # Two weak signs agree: the words sound urgent and the ranking does not rule it out.
        if hint and by_topic.get(hint, 0.0) >= self.thresholds.urgent / HINT_DIVISOR:
            return Decision(URGENT, hint, round(by_topic[hint], 4))
        if names_a_school:
            return None
        # Said among other things, an emergency is drowned in the whole of the message.
        in_parts = {name: max((part.ranking.of(name) for part in self.parts), default=0.0) for name in by_topic}
        worst = max(in_parts, key=lambda name: in_parts[name])
        if in_parts[worst] >= self.thresholds.urgent_part:
            return Decision(URGENT, worst, round(in_parts[worst], 4))
        return None

    def _protection(self) -> Decision | None:
        """After an urgent message: no form, no « cela vous a-t-il aidé », until thanks, leave, or a clear question."""
        if self.state.protection is None:
            return None
        if self.reply.bye:
            return Decision(DIALOGUE, "au_revoir", self.ranking.of("au_revoir"))
        if self.reply.thanks:
            return Decision(DIALOGUE, "remerciement", self.ranking.of("remerciement"))
        name, probability = self.ranking.top
        topic = self.topics.get(name)
        # A hacked account leaves its owner asking ordinary questions; a pupil in danger must not be sent to an article.
        margin = 0.0 if self.state.protection == "urgence_compte_pirate" else PROTECTION_MARGIN
        clear = self.thresholds.answer + margin
        if topic and not topic.is_dialogue and probability >= clear:
            return None
        if self.reply.human:
            return None
        kind = PROTECT_ACCOUNT if self.state.protection == "urgence_compte_pirate" else PROTECT
        return Decision(kind, None, round(probability, 4))

    def _form(self) -> Decision | None:
        step = self.state.asked
        if step not in FORM_STEPS:
            return None
        if self.reply.cancel or (self.ranking.top[0] == INTENT_CANCEL and self.ranking.top[1] >= 0.6):
            return self._request(DROP)
        if self.reply.follow:
            return self._follow()
        if step == ASKED_CONSENT:
            if self.reply.separate:
                return self._request(SEPARATE)
            if self.reply.no:
                return self._request(DROP)
            return self._request(SEND if self.reply.yes and self.reply.words <= BARE_NO_WORDS else ADD)
        if self._is_aside(step):
            decision = self._topic()
            if decision.kind in (ANSWER, OTHER_PROFILE):
                return Decision(decision.kind, decision.topic, decision.confidence, aside=True)
        if step == ASKED_PROBLEM:
            return self._request(RESUME if self._says_nothing() else PROBLEM)
        if self.reply.human or self._says_nothing():
            return self._request(RESUME)
        return self._request(SCHOOL)

    def _asked_by_an_agent(self) -> Decision | None:
        """Somebody who deals with the request asked something: what comes is the answer, unless openly set apart."""
        if self.state.asked != ASKED_ANSWER or self.reply.apart or self.reply.follow or self._says_nothing():
            return None
        return self._follow(PRECISE)

    def _is_aside(self, step: str) -> bool:
        if self.reply.apart:
            return True
        if step != ASKED_SCHOOL:
            return False
        clear = self.thresholds.answer + ASIDE_MARGIN
        top = self.topics.get(self.ranking.top[0])
        is_topic = top is not None and not top.is_dialogue
        return is_topic and self.ranking.top[1] >= clear and (self.reply.question or not self.reply.school)

    def _says_nothing(self) -> bool:
        """A greeting or a bare yes in the middle of a form: the question is put again."""
        short = self.reply.words <= BARE_NO_WORDS
        return self.reply.words == 0 or self.reply.hello or (short and self.reply.yes and not self.reply.school)

    def _explicit(self) -> Decision | None:
        """A person, a follow-up, an « annuler »: honoured at once from anywhere."""
        name, probability = self.ranking.top
        sure = probability >= self.thresholds.answer
        told = probability >= self.thresholds.dialogue
        if self.reply.follow or (name == "suivre_ticket" and told):
            return self._follow()
        if self.reply.human or (name == "parler_humain" and told):
            return self._request(OPEN)
        if (self.reply.cancel and self.reply.words <= BARE_CANCEL_WORDS) or (name == INTENT_CANCEL and sure):
            return Decision(DROPPED, None, round(probability, 4))
        return None

    def _profile(self) -> Decision | None:
        """Who one is: taken wherever it is said; asked once something else is wanted and it is not known."""
        name, probability = self.ranking.top
        topic = self.topics.get(name)
        asks = topic is not None and not topic.is_dialogue and probability >= self.thresholds.answer
        if self.reply.foreign:
            return None
        if self.reply.profile and not asks and (self.context.profile_required or name == INTENT_PROFILE):
            return Decision(TAKE_PROFILE, profile=self.reply.profile, confidence=round(probability, 4))
        if not self.context.profile_required:
            return None
        if self.reply.profile and asks:
            return Decision(TAKE_PROFILE, name, round(probability, 4), profile=self.reply.profile)
        return Decision(ASK_PROFILE, None, round(probability, 4))

    def _offered(self) -> Decision | None:
        """Topics were offered and the person answers in words."""
        if self.state.asked != ASKED_CHOICE:
            return None
        if self.reply.solved and self.state.refusals:
            return self._helped_yes()
        if self.reply.no and self.reply.words <= BARE_NO_WORDS + 2:
            return Decision(OFFER_PERSON, "nier", self.ranking.of("nier"))
        boosted = self.ranking.boosted(self.state.offered, OFFERED_BOOST)
        name, probability = boosted.top
        if name in self.state.offered and name in self.topics and probability >= self.thresholds.answer:
            return self._about(name, probability)
        return None

    def _helped(self) -> Decision | None:
        """« Cela vous a-t-il aidé ? » was asked."""
        if self.state.asked != ASKED_HELPED:
            return None
        name, probability = self.ranking.top
        topic = self.topics.get(name)
        asks = (
            topic is not None and not topic.is_dialogue and probability >= self.thresholds.answer
            and not self.state.asking_again(name)
        )  # fmt: skip
        if (self.reply.solved or self.reply.thanks) and not self.reply.no:
            wants_another = self.reply.thanks and not (self.reply.only_thanks or self.reply.solved or self.reply.yes)
            asks_another = asks and (self.reply.question or wants_another)
            if not asks_another:
                return Decision(DIALOGUE, "remerciement" if self.reply.thanks else "affirmer", round(probability, 4))
            return None
        is_no = self.reply.no or (name == "nier" and probability >= self.thresholds.answer)
        if is_no and not (asks and self.reply.words > BARE_NO_WORDS and self.reply.question):
            return self._helped_no()
        if self.reply.yes and not asks:
            return self._helped_yes()
        return None

    def _helped_yes(self) -> Decision:
        return Decision(DIALOGUE, "affirmer", max(self.ranking.of("affirmer"), 0.5))

    def _helped_no(self) -> Decision:
        """Not helped: others are offered once, never the same article, then a person."""
        left = tuple(name for name in self.state.alternatives if name not in self.state.shown)[:3]
        if left and not self.state.refusals:
            return Decision(SECOND_TRY, left[0], self.ranking.of("nier"), choices=left)
        return Decision(OFFER_PERSON, "nier", self.ranking.of("nier"))

    def _person_offered(self) -> Decision | None:
        if self.state.asked != ASKED_PERSON:
            return None
        if self.reply.solved:
            return self._helped_yes()
        if self.reply.yes:
            return self._request(OPEN)
        if self.reply.no and self.reply.words <= BARE_NO_WORDS:
            return Decision(DIALOGUE, "nier", self.ranking.of("nier"))
        return None

    def _foreign(self) -> Decision | None:
        name, probability = self.ranking.top
        if self.reply.foreign:
            return Decision(FOREIGN, None, 1.0)
        if not self.reply.legible:
            return Decision(CLARIFY)
        if name == INTENT_FOREIGN and probability >= self.thresholds.answer:
            return Decision(FOREIGN, None, round(probability, 4))
        return None

    # --- the topic ----------------------------------------------------------------------------

    def _topic(self) -> Decision:
        pairs = [(name, p) for name, p in self.ranking.pairs if name in self.topics]
        if not pairs:
            return Decision(SEARCH)
        if (two := self._two_topics()) is not None:
            return two
        name, probability = pairs[0]
        short_thanks = self.reply.only_thanks and not self.reply.question and self.reply.words <= THANKS_WORDS
        if short_thanks and (self.topics[name].is_dialogue or probability < self.thresholds.answer + ASIDE_MARGIN):
            return Decision(DIALOGUE, "remerciement", round(probability, 4))
        if self.topics[name].is_vague:
            choices = tuple(self._near(name))
            return Decision(
                CHOICES, choices[0], round(probability, 4), choices=choices, alternatives=choices, command=name
            )
        sure = probability >= self._bar(name)
        if name == OUT_OF_SCOPE and sure:
            return Decision(OUT_OF_SCOPE, name, round(probability, 4))
        if self.topics[name].is_dialogue and name != OUT_OF_SCOPE and sure:
            if name == "insulte" and self.state.insults >= PATIENCE:
                return Decision(REPEATED_INSULT, name, round(probability, 4))
            return Decision(DIALOGUE, name, round(probability, 4))
        if not self.topics[name].is_dialogue and sure:
            return self._about(name, probability)
        return self._offer(pairs)

    def _two_topics(self) -> Decision | None:
        """Two sentences are sure of two topics: the first is answered and the other offered, or both are offered.

        A story that comes before its question may sound like a topic too. The order of the sentences is that of the questions
        where each wants something or where another subject is announced; else the whole message says which one it is about.
        """
        announced = bool(self.parts) and announces_another(self.text)
        floor = 0.0 if announced else self.thresholds.least_part
        found: dict[str, Part] = {}
        for part in self.parts:
            name, probability = part.ranking.top
            topic = self.topics.get(name)
            if (
                topic is not None and not topic.is_dialogue and not topic.is_urgent and topic.allows(self.context.profile)
                and probability >= self.thresholds.answer and self.ranking.of(name) >= floor
            ):  # fmt: skip
                found.setdefault(name, part)
        if len(found) < 2:
            return None
        top, probability = self.ranking.top
        first, second = list(found)[:2]
        if not (all(found[name].wants for name in (first, second)) or announced):
            sure = probability >= self._bar(top)
            if top not in found and sure:
                return None
            if not sure:
                choices = tuple(found)[:4]
                return Decision(CHOICES, first, round(probability, 4), choices=choices, alternatives=choices)
            first, second = top, next(name for name in found if name != top)
        return replace(self._about(first, found[first].ranking.top[1]), second=second)

    def _bar(self, name: str) -> float:
        """Return the probability from which something is said of an intent."""
        if name == OUT_OF_SCOPE:
            return self.thresholds.out_of_scope
        topic = self.topics.get(name)
        return self.thresholds.dialogue if topic is not None and topic.is_dialogue else self.thresholds.answer

    def _offer(self, pairs: list[tuple[str, float]]) -> Decision:
        likely = [
            (name, p)
            for name, p in pairs[:5]
            if p >= self.thresholds.least_choice and not self.topics[name].is_dialogue
        ][:4]
        best = round(pairs[0][1], 4)
        if likely and sum(p for _, p in likely) >= self.thresholds.offer:
            if len(likely) == 1:
                # One topic is plausible but not sure: it is still offered, beside what it is nearest to.
                others = (name for name, _ in pairs if name != likely[0][0] and not self.topics[name].is_dialogue)
                likely += [(name, 0.0) for name in (*self._near(likely[0][0]), *others)][:1]
            choices = tuple(name for name, _ in likely)
            return Decision(CHOICES, choices[0], best, choices=choices, alternatives=choices)
        return Decision(SEARCH, None, best)

    def _about(self, name: str, probability: float) -> Decision:
        topic = self.topics[name]
        confidence = round(probability, 4)
        if topic.is_urgent:
            return Decision(URGENT, name, confidence)
        if topic.is_dialogue:
            return Decision(DIALOGUE, name, confidence)
        others = [
            (other, p) for other, p in self.ranking.pairs
            if other != name and other in self.topics and not self.topics[other].is_dialogue
            and not self.topics[other].is_urgent
        ][:4]  # fmt: skip
        if not topic.allows(self.context.profile):
            return Decision(OTHER_PROFILE, name, confidence)
        likely = (
            other for other, p in others
            if p >= self.thresholds.least_second and self.topics[other].allows(self.context.profile)
        )  # fmt: skip
        alternatives = tuple(dict.fromkeys((*likely, *self._near(name))))
        second = others[0][0] if others and others[0][1] >= self.thresholds.second else None
        return Decision(ANSWER, name, confidence, alternatives=alternatives[:3], second=second)

    def _near(self, name: str) -> list[str]:
        """Return the neighbours of a topic on which this profile may be answered."""
        known = (self.topics.get(other) for other in self.topics[name].neighbours)
        return [topic.id for topic in known if topic is not None and topic.allows(self.context.profile)]

    def _request(self, command: str) -> Decision:
        return Decision(FORM, "parler_humain", max(round(self.ranking.of("parler_humain"), 4), 0.5), command=command)

    def _follow(self, command: str | None = None) -> Decision:
        command = command or (REOPEN if self.reply.reopen else CLOSE if self.reply.close else STATUS)
        return Decision(FOLLOW, "suivre_ticket", max(round(self.ranking.of("suivre_ticket"), 4), 0.5), command=command)
