"""The routing table: the nearest territory, then the topic, then the profile; a default that always catches."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import InvalidInput
from bot.escalation.routing import RoutingRow, chain_of, check_table, route
from bot.people.rules import Scope


@dataclass
class School:
    uai: str = "0750001U"
    circonscription: str | None = "Paris 12"
    departement: str | None = "75"
    academie: str | None = "Paris"


CHAIN = chain_of(School())
DEFAULT = RoutingRow("dan")


def to(
    *rows: RoutingRow, topic="connexion_erreur", theme="connexion", profile="parent", chain=CHAIN
) -> tuple[str, int]:
    return route([DEFAULT, *rows], topic=topic, theme=theme, profile=profile, chain=chain)


def test_what_no_row_names_goes_to_the_default() -> None:
    assert to() == ("dan", 2)
    assert to(topic=None, theme=None, profile=None, chain=()) == ("dan", 2)
    assert to(RoutingRow("lyon", scope="academie", territory="Lyon")) == ("dan", 2)


def test_the_chain_goes_from_the_school_to_the_academie_without_what_is_unknown() -> None:
    assert chain_of(School(circonscription=None)) == (
        (Scope.ETABLISSEMENT, "0750001U"), (Scope.DEPARTEMENT, "75"), (Scope.ACADEMIE, "Paris"),
    )  # fmt: skip
    assert chain_of(None) == ()


def test_the_nearest_territory_wins_over_the_most_precise_subject() -> None:
    near = RoutingRow("circo", scope="circonscription", territory="Paris 12")
    far = RoutingRow("dsi", topic="connexion_erreur", profile="parent", scope="academie", territory="Paris")
    assert to(near, far) == ("circo", 2)


def test_the_topic_wins_over_the_theme_and_the_theme_over_the_profile() -> None:
    topic, theme = RoutingRow("sujet", topic="connexion_erreur"), RoutingRow("theme", theme="connexion")
    profile = RoutingRow("profil", profile="parent")
    assert to(topic, theme, profile) == ("sujet", 2)
    assert to(theme, profile) == ("theme", 2)
    assert to(profile) == ("profil", 2)
    assert to(topic, replace(topic, group="les deux", profile="parent")) == ("les deux", 2)


def test_level_3_at_once_only_for_what_the_table_says() -> None:
    vendor = RoutingRow("editeur", level=3, topic="technique_indisponible")
    assert to(vendor) == ("dan", 2)
    assert to(vendor, topic="technique_indisponible", theme="technique") == ("editeur", 3)


def test_a_table_without_a_default_is_refused() -> None:
    with pytest.raises(InvalidInput, match="par défaut"):
        route([RoutingRow("dsi", theme="connexion")], topic=None, theme="connexion", profile=None, chain=())
    with pytest.raises(InvalidInput, match="par défaut"):
        check_table([])


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (RoutingRow("autre"), "même chose"),
        (RoutingRow("autre", topic="", theme="", profile="", scope="", territory=""), "même chose"),
        (RoutingRow("autre", scope="tout", territory=""), "même chose"),
        (RoutingRow(""), "groupe"),
        (RoutingRow("autre", level=1, topic="x"), "niveau"),
        (RoutingRow("autre", topic="connexion_erreur", theme="connexion"), "pas les deux"),
        (RoutingRow("autre", scope="region", territory="x"), "portée"),
        (RoutingRow("autre", scope="academie"), "ensemble"),
        (RoutingRow("autre", territory="Paris"), "ensemble"),
        (RoutingRow("autre", scope="tout", territory="Paris"), "ensemble"),
    ],
)
def test_a_row_that_makes_no_sense_is_refused_with_a_sentence(row: RoutingRow, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        check_table([DEFAULT, row])


# --- any table --------------------------------------------------------------------------------

PLACES = [(None, None), *CHAIN, (Scope.ACADEMIE, "Lyon"), (Scope.ETABLISSEMENT, "0690001A")]
SUBJECTS = [(None, None), ("t1", None), ("t2", None), (None, "h1"), (None, "h2")]
KEYS = st.tuples(st.sampled_from(PLACES), st.sampled_from(SUBJECTS), st.sampled_from([None, "parent", "eleve"]))


@st.composite
def tables(draw) -> list[RoutingRow]:
    keys = draw(st.sets(KEYS, max_size=12)) | {((None, None), (None, None), None)}
    return [
        RoutingRow(f"g{rank}", draw(st.sampled_from([2, 3])), topic, theme, profile, scope, territory)
        for rank, ((scope, territory), (topic, theme), profile) in enumerate(sorted(keys, key=str))
    ]


QUESTIONS = st.tuples(
    st.sampled_from([("t1", "h1"), ("t2", "h2"), ("t3", "h1"), (None, None)]),
    st.sampled_from(["parent", "eleve", "personnel", None]),
    st.sampled_from([CHAIN, CHAIN[1:], CHAIN[-1:], ()]),
)


@given(tables(), QUESTIONS, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_count(rows, question, random) -> None:
    (topic, theme), profile, chain = question
    expected = route(rows, topic=topic, theme=theme, profile=profile, chain=chain)
    random.shuffle(rows)
    assert route(rows, topic=topic, theme=theme, profile=profile, chain=chain) == expected


@given(tables(), QUESTIONS)
def test_the_row_that_wins_fits_and_none_that_fits_is_more_precise(rows, question) -> None:
    (topic, theme), profile, chain = question

    def fits(row: RoutingRow) -> bool:
        return (
            row.topic in (None, topic)
            and row.theme in (None, theme)
            and row.profile in (None, profile)
            and (row.scope is None or (row.scope, row.territory) in chain)
        )

    def precision(row: RoutingRow) -> tuple:
        near = -chain.index((row.scope, row.territory)) if row.scope else -9
        return near, 2 if row.topic else 1 if row.theme else 0, row.profile is not None

    best = max(filter(fits, rows), key=precision)
    assert route(rows, topic=topic, theme=theme, profile=profile, chain=chain) == (best.group, best.level)
