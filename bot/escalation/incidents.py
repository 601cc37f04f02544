"""Many people with the same trouble: outages to propose, requests to join. Pure.

Nothing here decides: a référent opens the incident, an agent merges what is alike. Only the second request of the same
person on the same topic joins by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from rapidfuzz import fuzz, process

from bot.escalation.calendars import PARIS
from bot.escalation.routing import EVERYWHERE, Territory
from bot.escalation.states import OPEN_STATES
from bot.language.normalise import normalise
from bot.people.rules import Scope

# Half an hour: an outage at the first lesson is told within it, and what is further apart is hardly one event.
WINDOW = timedelta(minutes=30)
# Three times what is usual there at that hour: a lively Monday morning is about twice an ordinary one.
FACTOR = 3
# Where next to nothing is usual, at least so many people: the wider the territory, the likelier a coincidence.
FLOORS: Mapping[str, int] = {
    Scope.ETABLISSEMENT: 5,
    Scope.CIRCONSCRIPTION: 8,
    Scope.DEPARTEMENT: 12,
    Scope.ACADEMIE: 20,
    Scope.TOUT: 20,
}
# An incident is of the smallest territory that holds so many of a hundred of those who report it.
COVERAGE = 80

# Two texts (0–100) so alike are proposed to be merged. Of a million pairs of data/nlu on different topics, one in ten
# thousand reaches 63; the same trouble told by two people mostly does (tests/unit/escalation/test_incidents.py).
ALIKE = 64
_MOST_ALIKE = 20
# A week: the same trouble told later is another one, or already known to whoever deals with the first.
LIKELY_WITHIN = timedelta(days=7)


@dataclass(frozen=True)
class Signal:
    """Somebody's question or request on a topic, and the territories of his school, nearest first (none: unknown)."""

    person: str
    topic: str
    at: datetime
    chain: tuple[Territory, ...]


@dataclass(frozen=True)
class Incident:
    """An open incident, or a proposed one: everything on `topic` within `territory`."""

    topic: str
    territory: Territory


@dataclass(frozen=True)
class Proposal:
    """What a référent is shown: the incident, who reported it there (each once), since when, how many are usual."""

    incident: Incident
    persons: tuple[str, ...]
    first_at: datetime
    last_at: datetime
    usual: float


# The mean number of people in a WINDOW, by topic, territory and hour of Paris; what is absent is none.
Usual = Mapping[tuple[str, Territory, int], float]


def threshold(usual: float, territory: Territory) -> float:
    """Return from how many people on a topic is unusual."""
    return max(FLOORS[territory[0]], FACTOR * usual)


def detect(signals: Iterable[Signal], now: datetime, *, usual: Usual, known: Iterable[Incident] = ()) -> list[Proposal]:
    """Return the incidents to propose at `now`, from the signals of the last WINDOW (others are left out).

    One proposal for one cause: where a territory is over its threshold, the smallest territory inside it that holds
    COVERAGE of its people is proposed, and nothing else inside. What `known` incidents cover is not proposed again.
    """
    known = list(known)
    latest: dict[str, dict[str, Signal]] = defaultdict(dict)
    # The instant, then the school: whatever the order they come in, the same signal of a person is kept.
    for signal in sorted(signals, key=lambda signal: (signal.at, signal.chain)):
        if now - WINDOW < signal.at <= now and find_incident(known, signal.topic, signal.chain) is None:
            latest[signal.topic][signal.person] = signal
    hour = now.astimezone(PARIS).hour
    found: list[Proposal] = []
    for topic in sorted(latest):
        found += _search(EVERYWHERE, list(latest[topic].values()), hour, usual)
    return found


def find_incident(incidents: Iterable[Incident], topic: str | None, chain: tuple[Territory, ...]) -> Incident | None:
    """Return the incident that covers a question: its topic, in the nearest of its territories."""
    by_territory = {incident.territory: incident for incident in incidents if incident.topic == topic}
    return next((by_territory[place] for place in (*chain, EVERYWHERE) if place in by_territory), None)


def _search(territory: Territory, signals: list[Signal], hour: int, usual: Usual) -> list[Proposal]:
    topic = signals[0].topic
    if len(signals) >= threshold(usual.get((topic, territory, hour), 0.0), territory):
        scope = _smallest(territory, signals)
        within = [signal for signal in signals if scope in (*signal.chain, EVERYWHERE)]
        return [
            Proposal(
                incident=Incident(topic, scope),
                persons=tuple(sorted(signal.person for signal in within)),
                first_at=min(signal.at for signal in within),
                last_at=max(signal.at for signal in within),
                usual=usual.get((topic, scope, hour), 0.0),
            )
        ]
    inside: dict[Territory, list[Signal]] = defaultdict(list)
    for signal in signals:
        path = (*signal.chain, EVERYWHERE)
        place = path.index(territory)
        if place:
            inside[path[place - 1]].append(signal)
    return [proposal for part in sorted(inside) for proposal in _search(part, inside[part], hour, usual)]


def _smallest(territory: Territory, signals: list[Signal]) -> Territory:
    """Return the smallest territory, `territory` at most, that holds COVERAGE of the people."""
    # A visitor who cannot sign in has no school: he counts, but not against a place unless most are like him.
    located = [signal for signal in signals if signal.chain]
    if 2 * len(located) < len(signals):
        return territory
    counts: dict[Territory, int] = defaultdict(int)
    for signal in located:
        for place in signal.chain:
            counts[place] += 1
    order = list(FLOORS)
    enough = [place for place, count in counts.items() if 100 * count >= COVERAGE * len(located)]
    # Several of one scope cannot hold 80 % each; territories that contain `territory` come after it.
    return min((*enough, territory), key=lambda place: order.index(place[0]))


@dataclass(frozen=True)
class Told:
    """A request as it is compared with others: who, on what, when, the territories of the school, in which words."""

    person: str
    topic: str | None
    at: datetime
    chain: tuple[Territory, ...]
    text: str


class Request(Protocol):
    """What a request shows to find the one that it repeats."""

    person_id: str
    topic: str | None
    state: str
    opened_at: datetime


R = TypeVar("R", bound=Request)
K = TypeVar("K")


def find_duplicate(requests: Iterable[R], *, person_id: str, topic: str | None) -> R | None:
    """Return the open request that a new one of the same person on the same topic joins: the oldest, if there is one."""
    same = [
        request
        for request in requests
        if topic and request.person_id == person_id and request.topic == topic and request.state in OPEN_STATES
    ]
    return min(same, key=lambda request: request.opened_at, default=None)


def find_alike(text: str, others: Mapping[K, str]) -> list[tuple[K, int]]:
    """Return the requests of other people whose text is like `text`, with the likeness (0–100), the most alike first.

    Only a proposal. Words count, in any order, typos and shorthand allowed.
    """
    written = {key: normalise(other) for key, other in others.items()}
    found = process.extract(
        normalise(text), written, scorer=fuzz.token_sort_ratio, score_cutoff=ALIKE, limit=_MOST_ALIKE
    )
    return [(key, round(score)) for _, score, key in found]


def find_likely(asked: Told, others: Mapping[K, Told]) -> list[tuple[K, int]]:
    """Return the requests of other people that seem to repeat `asked`, with their likeness, the most alike first.

    Within LIKELY_WITHIN, not known to be on two topics nor in two places that no territory holds, in words alike.
    """
    near = {
        key: other.text
        for key, other in others.items()
        if other.person != asked.person
        and abs(other.at - asked.at) <= LIKELY_WITHIN
        and (other.topic == asked.topic or None in (other.topic, asked.topic))
        and (not other.chain or not asked.chain or set(other.chain) & set(asked.chain))
    }
    return find_alike(asked.text, near)
