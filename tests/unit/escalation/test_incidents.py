"""Outages proposed once, in the smallest territory that holds them; requests that repeat another."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.escalation.incidents import (
    COVERAGE,
    FACTOR,
    FLOORS,
    WINDOW,
    Incident,
    Signal,
    detect,
    find_alike,
    find_duplicate,
    find_incident,
    threshold,
)
from bot.escalation.routing import EVERYWHERE, Territory
from bot.escalation.states import CLOSED, NEW, RESOLVED, STATES, WAITING
from bot.people.rules import Scope

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
HOUR = 10  # of Paris
OUTAGE = "technique_indisponible"
LYON: Territory = (Scope.ACADEMIE, "Lyon")


def school(number: int) -> tuple[Territory, ...]:
    """Schools by tens in a circonscription, by hundreds in a département, all in one académie."""
    return (
        (Scope.ETABLISSEMENT, f"e{number}"), (Scope.CIRCONSCRIPTION, f"c{number // 10}"),
        (Scope.DEPARTEMENT, f"d{number // 100}"), LYON,
    )  # fmt: skip


def signals(*schools: int | None, topic: str = OUTAGE, first: int = 0, ago: float = 5) -> list[Signal]:
    at = NOW - timedelta(minutes=ago)
    return [
        Signal(f"p{first + rank}", topic, at, () if number is None else school(number))
        for rank, number in enumerate(schools)
    ]


def proposed(found: list[Signal], **options) -> list[tuple[Territory, int]]:
    return [
        (one.incident.territory, len(one.persons))
        for one in detect(found, NOW, usual=options.pop("usual", {}), **options)
    ]


def test_a_few_people_are_no_incident() -> None:
    assert proposed(signals(1, 1, 1, 1)) == []
    assert proposed([]) == []


def test_one_person_who_insists_is_one_person() -> None:
    assert proposed([Signal("p1", OUTAGE, NOW - timedelta(minutes=m), school(1)) for m in range(20)]) == []


def test_who_reports_twice_counts_where_he_was_last() -> None:
    at_home, at_school = NOW - timedelta(minutes=9), NOW - timedelta(minutes=2)
    twice = [
        Signal(f"p{rank}", OUTAGE, at, school(place))
        for rank in range(5)
        for at, place in ((at_home, 101), (at_school, 1))
    ]
    for order in (twice, twice[::-1]):
        (one,) = detect(order, NOW, usual={})
        assert (one.incident.territory, one.first_at) == ((Scope.ETABLISSEMENT, "e1"), at_school)


def test_what_is_older_than_the_window_does_not_count() -> None:
    assert proposed(signals(1, 1, 1) + signals(1, 1, 1, first=10, ago=WINDOW / timedelta(minutes=1))) == []
    assert proposed(signals(*[1] * 6, ago=-1)) == []


def test_different_topics_do_not_add_up() -> None:
    assert proposed(signals(1, 1, 1) + signals(1, 1, 1, topic="messagerie_erreur", first=10)) == []


@pytest.mark.parametrize(
    ("schools", "territory"),
    [
        ([1] * 6, (Scope.ETABLISSEMENT, "e1")),
        ([1, 2, 3, 4, 5, 6, 7, 8], (Scope.CIRCONSCRIPTION, "c0")),
        ([1, 11, 21, 31, 41, 51, 61, 71, 81, 91, 12, 22], (Scope.DEPARTEMENT, "d0")),
        (list(range(0, 1000, 50)), LYON),
        ([1] * 18 + [101, 201, 301], (Scope.ETABLISSEMENT, "e1")),
        ([1] * 16 + [101, 201, 301, 401], (Scope.ETABLISSEMENT, "e1")),
        ([1] * 15 + [101, 201, 301, 401, 501], LYON),
        ([None] * 25, EVERYWHERE),
        ([None] * 5 + [1] * 20, (Scope.ETABLISSEMENT, "e1")),
        ([None] * 20 + [1] * 5, EVERYWHERE),
    ],
)
def test_one_incident_is_proposed_for_the_smallest_territory_that_holds_it(schools, territory) -> None:
    found = detect(signals(*schools), NOW, usual={})
    assert [one.incident for one in found] == [Incident(OUTAGE, territory)]


def test_two_places_apart_are_two_incidents_until_the_whole_is_unusual() -> None:
    two = signals(*[1] * 6) + signals(*[101] * 6, first=10)
    assert proposed(two) == [((Scope.ETABLISSEMENT, "e1"), 6), ((Scope.ETABLISSEMENT, "e101"), 6)]
    more = two + signals(*[201] * 8, first=20)
    assert proposed(more) == [(LYON, 20)]


def test_what_is_usual_at_that_hour_is_not_an_incident() -> None:
    place = (Scope.ETABLISSEMENT, "e1")
    usual = {(OUTAGE, place, HOUR): 3.0}
    assert threshold(3.0, place) == 3.0 * FACTOR
    assert proposed(signals(*[1] * 8), usual={**usual, (OUTAGE, (Scope.CIRCONSCRIPTION, "c0"), HOUR): 3.0}) == []
    assert proposed(signals(*[1] * 9), usual=usual) == [(place, 9)]
    # Usual at another hour, or of another topic, excuses nothing.
    assert proposed(signals(*[1] * 6), usual={(OUTAGE, place, HOUR + 1): 9.0, ("autre", place, HOUR): 9.0}) == [
        (place, 6)
    ]


def test_a_school_is_heard_in_the_din_of_its_academie() -> None:
    din = signals(*range(100, 500, 10))
    usual = {(OUTAGE, EVERYWHERE, HOUR): 40.0, (OUTAGE, LYON, HOUR): 40.0}
    usual |= {(OUTAGE, (Scope.DEPARTEMENT, f"d{number}"), HOUR): 10.0 for number in range(5)}
    assert proposed(din, usual=usual) == []
    assert proposed(din + signals(*[1] * 6, first=900), usual=usual) == [((Scope.ETABLISSEMENT, "e1"), 6)]


def test_three_hundred_people_are_one_incident_and_it_is_proposed_once() -> None:
    found = detect(signals(*range(300)), NOW, usual={})
    assert [one.incident for one in found] == [Incident(OUTAGE, LYON)]
    assert len(found[0].persons) == 300
    assert detect(signals(*range(300)), NOW, usual={}, known=[found[0].incident]) == []


def test_a_known_incident_covers_its_topic_in_its_territory() -> None:
    here, wide = Incident(OUTAGE, (Scope.ETABLISSEMENT, "e1")), Incident(OUTAGE, LYON)
    assert find_incident([wide, here], OUTAGE, school(1)) is here
    assert find_incident([here, wide], OUTAGE, school(2)) is wide
    assert find_incident([here, wide], OUTAGE, ()) is None
    assert find_incident([here, wide], "messagerie_erreur", school(1)) is None
    assert find_incident([Incident(OUTAGE, EVERYWHERE)], OUTAGE, ()) is not None
    # What goes beyond it is proposed, wider.
    assert proposed(signals(*[1] * 6, *range(100, 300, 10)), known=[here]) == [(LYON, 20)]


CROWDS = st.lists(
    st.builds(
        Signal,
        person=st.integers(0, 60).map("p{}".format),
        topic=st.sampled_from([OUTAGE, "messagerie_erreur"]),
        at=st.timedeltas(timedelta(0), timedelta(hours=1)).map(lambda ago: NOW - ago),
        chain=st.one_of(st.just(()), st.sampled_from([1, 2, 11, 101, 102, 250]).map(school)),
    ),
    max_size=150,
)
USUAL = st.dictionaries(
    st.tuples(
        st.sampled_from([OUTAGE, "messagerie_erreur"]),
        st.sampled_from([EVERYWHERE, *school(1), *school(101), *school(250)]),
        st.just(HOUR),
    ),
    st.floats(0, 20),
)


@given(CROWDS, USUAL, st.randoms(use_true_random=False))
def test_a_proposal_is_founded_apart_from_others_and_free_of_order(crowd, usual, random) -> None:
    found = detect(crowd, NOW, usual=usual)
    taken: set[tuple[str, str]] = set()
    for one in found:
        topic, territory = one.incident.topic, one.incident.territory
        assert len(one.persons) == len(set(one.persons))
        # At least COVERAGE of the lowest floor, of people with a school.
        assert len(one.persons) * 100 >= COVERAGE * min(FLOORS.values()) / 2
        assert NOW - WINDOW < one.first_at <= one.last_at <= NOW
        there = {
            signal.person
            for signal in crowd
            if signal.topic == topic and signal.at > NOW - WINDOW and territory in (*signal.chain, EVERYWHERE)
        }
        assert set(one.persons) <= there
        assert not taken & {(topic, person) for person in one.persons}
        taken |= {(topic, person) for person in one.persons}
    random.shuffle(crowd)
    assert detect(crowd, NOW, usual=usual) == found


@given(CROWDS)
def test_what_is_attached_is_not_proposed_again(crowd) -> None:
    known: list[Incident] = []
    for _ in range(30):
        found = detect(crowd, NOW, usual={}, known=known)
        assert not {one.incident for one in found} & set(known)
        known += [one.incident for one in found]
        if not found:
            return
    pytest.fail("it never ends")


# --- requests that repeat another -------------------------------------------------------------


@dataclass
class Asked:
    person_id: str = "p1"
    topic: str | None = OUTAGE
    state: str = NEW
    opened_at: datetime = NOW


def test_a_second_request_of_the_same_person_on_the_topic_joins_the_first_while_it_is_open() -> None:
    first, second = Asked(state=WAITING, opened_at=NOW - timedelta(days=3)), Asked()
    assert find_duplicate([second, first], person_id="p1", topic=OUTAGE) is first
    assert find_duplicate([first], person_id="p2", topic=OUTAGE) is None
    assert find_duplicate([first], person_id="p1", topic="messagerie_erreur") is None


@pytest.mark.parametrize("state", STATES)
def test_what_is_resolved_or_closed_is_joined_by_nothing(state: str) -> None:
    found = find_duplicate([Asked(state=state)], person_id="p1", topic=OUTAGE)
    assert (found is None) == (state in (RESOLVED, CLOSED))


def test_what_was_not_understood_joins_nothing() -> None:
    assert find_duplicate([Asked(topic=None)], person_id="p1", topic=None) is None


# The same trouble as three people tell it.
TOLD = [
    [
        "Depuis ce matin la page d’accueil de l’ENT reste blanche, je ne peux rien ouvrir",
        "page blanche sur l ent depuis ce matin impossible d ouvrir",
        "L’accueil de l’ENT est blanc depuis ce matin, rien ne s’ouvre",
    ],
    [
        "Je n’arrive plus à ouvrir le cahier de textes de mon fils, erreur 500",
        "erreur 500 quand j’ouvre le cahier de textes",
        "Le cahier de textes affiche une erreur 500 à l’ouverture",
    ],
    [
        "La messagerie n’envoie plus les pièces jointes",
        "impossible d’envoyer des pieces jointes dans la messagerie",
        "Les pièces jointes ne partent plus de la messagerie depuis hier",
    ],
    [
        "Impossible de se connecter avec EduConnect, message erreur inconnue",
        "educonnect erreur inconnue pas possible de me connecter",
        "Connexion EduConnect impossible : « erreur inconnue »",
    ],
    [
        "Les notes du trimestre n’apparaissent pas",
        "on ne voit pas les notes du trimestre",
        "Les notes de ce trimestre n’apparaissent plus pour ma fille",
    ],
    [
        "L’import de la base élèves de lundi a supprimé les comptes des CE2",
        "les comptes des CE2 ont disparu depuis l’import de lundi",
        "Depuis l’import de lundi, plus de comptes pour les CE2",
    ],
]


def test_the_same_trouble_told_otherwise_is_proposed_and_another_is_not() -> None:
    texts = {(group, teller): text for group, tellers in enumerate(TOLD) for teller, text in enumerate(tellers)}
    missed = 0
    for key, text in texts.items():
        found = find_alike(text, {other: told for other, told in texts.items() if other != key})
        assert {group for (group, _), _ in found} <= {key[0]}
        assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)
        missed += 2 - len(found)
    assert missed <= 4, "of 36"


def test_a_greeting_is_like_no_request() -> None:
    assert find_alike("bonjour", {1: "bonjour, la messagerie ne marche plus", 2: "", 3: "oui"}) == []
    assert find_alike("", {1: "la messagerie ne marche plus"}) == []
