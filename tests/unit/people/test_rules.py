"""Roles and what each may do, territories, the slowing down of whoever guesses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import InvalidField
from bot.people.models import Grant, School
from bot.people.rules import (
    ACCOUNT_SLOWDOWN,
    ADDRESS_SLOWDOWN,
    PERMISSIONS,
    ROLE_NAMES,
    SCOPE_NAMES,
    Permission,
    Role,
    Scope,
    check_grant,
    check_login,
    covers,
    grants_for,
    login_of,
    may,
    search_form,
)

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ECOLE = School(uai="0750001U", name="École Les Tilleuls", circonscription="Nord", departement="D", academie="A")
COLLEGE = School(uai="0750002V", name="Collège", circonscription=None, departement="D", academie="A")
ELSEWHERE = School(uai="0750003W", name="Lycée", circonscription=None, departement=None, academie=None)


def grant(role: str, scope: str, territory: str = "") -> Grant:
    return Grant(role=role, scope=scope, territory=territory)


@pytest.mark.parametrize(
    ("scope", "territory", "reached"),
    [
        ("tout", "", {ECOLE, COLLEGE, ELSEWHERE}),
        ("academie", "A", {ECOLE, COLLEGE}),
        ("departement", "D", {ECOLE, COLLEGE}),
        ("circonscription", "Nord", {ECOLE}),
        ("etablissement", "0750002V", {COLLEGE}),
        ("etablissement", "Nord", set()),
        ("academie", "D", set()),
        ("circonscription", "", set()),
        ("academie", "a", set()),
    ],
)
def test_a_grant_reaches_the_schools_of_its_territory_and_no_other(scope: str, territory: str, reached: set) -> None:
    held = grant("referent", scope, territory)
    assert {school for school in (ECOLE, COLLEGE, ELSEWHERE) if covers(held, school)} == reached


def test_a_permission_holds_where_the_role_that_carries_it_reaches() -> None:
    grants = [grant("referent", "etablissement", "0750002V"), grant("formateur", "academie", "A")]
    assert may(grants, Permission.READ_TICKETS)
    assert may(grants, Permission.READ_TICKETS, COLLEGE)
    assert not may(grants, Permission.READ_TICKETS, ECOLE)
    assert may(grants, Permission.WRITE_KNOWLEDGE, ECOLE)
    assert not may(grants, Permission.MANAGE_ACCOUNTS)
    assert grants_for(grants, Permission.READ_TICKETS) == grants[:1]
    assert not may([], Permission.READ_INDICATORS)


def test_what_each_role_may_do() -> None:
    """The list itself: a right that moves must be seen to move."""
    told = {role.value: sorted(permission.value for permission in PERMISSIONS[role]) for role in Role}
    agent = [
        "answer_tickets",
        "follow_exchanges",
        "handle_tickets",
        "keep_views",
        "manage_incidents",
        "read_contacts",
        "read_indicators",
        "read_tickets",
        "write_canned",
    ]
    assert told == {
        "referent": ["answer_tickets", "keep_views", "manage_incidents", "read_indicators", "read_tickets"],
        "agent_n2": agent,
        "agent_n3": agent,
        "formateur": ["manage_waves", "read_indicators", "train_models", "write_knowledge"],
        "administrateur": [
            "configure",
            "follow_exchanges",
            "keep_views",
            "manage_accounts",
            "manage_waves",
            "overrule_models",
            "read_audit",
            "read_indicators",
            "train_models",
            "write_canned",
        ],
    }


def test_every_role_and_scope_has_a_name() -> None:
    assert set(ROLE_NAMES) == set(Role)
    assert set(SCOPE_NAMES) == set(Scope)


@pytest.mark.parametrize(
    ("role", "scope", "territory", "field"),
    [
        ("chef", "tout", "", "role"),
        ("", "tout", "", "role"),
        ("referent", "pays", "x", "scope"),
        ("administrateur", "academie", "A", "scope"),
        ("referent", "academie", "", "territory"),
        ("agent_n2", "tout", "A", "territory"),
    ],
)
def test_a_grant_that_makes_no_sense_is_refused_at_its_field(role: str, scope: str, territory: str, field: str) -> None:
    with pytest.raises(InvalidField) as refused:
        check_grant(role, scope, territory)
    assert refused.value.field == field


def test_one_address_is_one_login_however_it_is_typed() -> None:
    assert login_of("  Jean.DUPONT@Académie.fr ") == login_of("jean.dupont@acade\u0301mie.fr")
    check_login(login_of("jean.dupont+ent@ac-valmont.fr"))


@pytest.mark.parametrize("text", ["", "jean", "jean@", "@x.fr", "jean@x", "a b@x.fr", "a@b@c.fr", "a\n@x.fr", '<a@x.fr>',
                                  "a" * 250 + "@x.fr", "a@x.", "a@.fr,b@x.fr"])  # fmt: skip
def test_what_is_not_an_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidField):
        check_login(login_of(text))


@given(st.text(max_size=60))
def test_searching_looks_through_accents_and_capitals_and_never_fails(text: str) -> None:
    assert search_form(search_form(text)) == search_form(text)
    assert search_form("Élodie  NOËL") == "elodie noel"


def test_ten_failures_are_free_then_each_one_waits_longer() -> None:
    last = SimpleNamespace(at=NOW)
    waits = [ACCOUNT_SLOWDOWN.wait(count, last.at, NOW) for count in range(16)]
    assert waits[:10] == [timedelta(0)] * 10
    assert [wait.total_seconds() / 60 for wait in waits[10:]] == [1, 2, 4, 8, 15, 15]
    assert ACCOUNT_SLOWDOWN.wait(10, NOW - timedelta(seconds=59), NOW) == timedelta(seconds=1)
    assert ACCOUNT_SLOWDOWN.wait(10, NOW - timedelta(seconds=60), NOW) == timedelta(0)


@given(st.integers(0, 10**9), st.integers(-(10**6), 10**6))
def test_no_wait_is_longer_than_the_longest(count: int, ago: int) -> None:
    for slowdown in (ACCOUNT_SLOWDOWN, ADDRESS_SLOWDOWN):
        wait = slowdown.wait(count, NOW - timedelta(seconds=max(0, ago)), NOW)
        assert timedelta(0) <= wait <= slowdown.longest
