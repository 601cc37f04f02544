"""From what was said to questions, and what became of each: the one place where « solved » is defined. Pure.

A question is what a person wants to know, in one message or in several that follow each other: the words that were not
understood and those said in their place, an answer, the « non » and the second answer. It is

- `resolue` when its reader said that the answer helped, and asked for nobody;
- `non_resolue` when he said that it did not;
- `sans_avis` when he was answered and said nothing of it: silence is not success, so it is counted apart;
- `confiee` when he asked for a person, whatever was said before;
- `sans_reponse` when nothing was answered: not understood, or offered topics of which none was chosen;
- `urgente`: protection comes first, and no share is made of it;
- `hors_sujet`, or `remarque` (a worry voiced with no question): no question about the ENT, in no share.

It is *lastingly* solved when the same person did not ask on the same topic within the seven days that follow. A visitor is known
as the same person as long as his browser keeps the conversation.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

SOLVED, UNSOLVED, SILENT, HANDED = "resolue", "non_resolue", "sans_avis", "confiee"
UNANSWERED, URGENT, OFF_TOPIC, REMARK = "sans_reponse", "urgente", "hors_sujet", "remarque"
# Those that a share is made of.
COUNTED = (SOLVED, UNSOLVED, SILENT, HANDED, UNANSWERED)
VERDICTS = (*COUNTED, URGENT, OFF_TOPIC, REMARK)

# Said within this time, words that follow belong to the same question; later, it is another.
SITTING = timedelta(minutes=30)
# How long without asking again makes a solution a lasting one.
LASTING = timedelta(days=7)

_ANSWERED = frozenset({"answer", "other_profile", "incident"})
_NOT_ANSWERED = frozenset({"choices", "clarify"})
_PERSON = frozenset({"form", "ticket"})
# Asking where one's request is: no question of its own.
_FOLLOW = "suivre_ticket"
# What asking for a person is called where a topic is: no topic.
_HUMAN = "parler_humain"


@dataclass(frozen=True)
class Turn:
    """A person's message as its result tells it; `helped` is what was said of the answer, `about` the topic of the request it sent."""

    at: datetime
    outcome: str
    topic: str | None = None
    offered: bool = False
    helped: bool | None = None
    worry: str | None = None
    about: str | None = None


@dataclass(frozen=True)
class Asked:
    """A question, from its first message to its last."""

    at: datetime
    ended_at: datetime
    topic: str | None
    verdict: str
    worry: str | None = None


@dataclass
class _Open:
    at: datetime
    ended_at: datetime
    topic: str | None = None
    answered: bool = False
    handed: bool = False
    helped: bool | None = None
    worry: str | None = None
    # What it is, where nothing that follows can change it.
    fixed: str | None = None

    @property
    def verdict(self) -> str:
        if self.fixed:
            return self.fixed
        if self.handed:
            return HANDED
        if not self.answered:
            return UNANSWERED
        return {None: SILENT, True: SOLVED, False: UNSOLVED}[self.helped]


def questions_of(turns: Iterable[Turn]) -> list[Asked]:
    """Return the questions of a conversation, whose turns are in order."""
    found: list[_Open] = []
    for turn in turns:
        question = _take(found, turn)
        if question is None:
            if turn.worry:
                found.append(_Open(turn.at, turn.at, worry=turn.worry, fixed=REMARK))
            continue
        question.ended_at = turn.at
        question.worry = question.worry or turn.worry
        if turn.helped is not None:
            question.helped = turn.helped
    return [Asked(one.at, one.ended_at, one.topic, one.verdict, one.worry) for one in found]


def _take(found: list[_Open], turn: Turn) -> _Open | None:
    """Return the question that a turn belongs to, brought up to date; None when it belongs to none."""
    current = found[-1] if found and not found[-1].fixed and turn.at - found[-1].ended_at <= SITTING else None
    topic = None if turn.topic == _HUMAN else turn.topic
    if turn.topic == _FOLLOW:
        return None
    if turn.outcome in ("urgent", "out_of_scope"):
        return _begin(found, turn, topic, fixed=URGENT if turn.outcome == "urgent" else OFF_TOPIC)
    if turn.outcome in _PERSON:
        if current is None or (current.helped and not current.handed):
            current = _begin(found, turn, None)
        current.handed = True
        current.topic = current.topic or turn.about
        return current
    answered = turn.outcome in _ANSWERED or (turn.outcome == "degraded" and topic is not None and not turn.offered)
    if answered:
        if current is None or not _goes_on(current, topic):
            current = _begin(found, turn, topic)
        current.topic, current.answered, current.helped = topic, True, None
        return current
    if turn.outcome in _NOT_ANSWERED or turn.outcome == "degraded":
        if current is None or current.handed or (current.answered and current.helped is not False):
            return _begin(found, turn, topic)
        current.topic = current.topic or topic
        return current
    return None


def _goes_on(current: _Open, topic: str | None) -> bool:
    """Tell whether an answer on a topic belongs to the question before: not answered yet, refused, or asked again unsaid."""
    if current.handed:
        return False
    return not current.answered or current.helped is False or (current.helped is None and current.topic == topic)


def _begin(found: list[_Open], turn: Turn, topic: str | None, *, fixed: str | None = None) -> _Open:
    found.append(_Open(turn.at, turn.at, topic, fixed=fixed))
    return found[-1]


def returns_of(asked: Sequence[tuple[str | None, datetime, datetime]]) -> list[bool]:
    """Tell of each question of one person (topic, beginning, end) whether he asked on its topic again within LASTING."""
    starts: dict[str, list[datetime]] = {}
    for topic, at, _ in asked:
        if topic is not None:
            starts.setdefault(topic, []).append(at)
    return [
        topic is not None and any(at < other and other <= ended + LASTING for other in starts[topic])
        for topic, at, ended in asked
    ]
