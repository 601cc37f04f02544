"""Delays, marks and words of the exchanges."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.connectors import rules
from bot.connectors.rules import CLOSED, OPEN, RESOLVED
from bot.escalation.models import Ticket
from bot.escalation.states import Kind
from bot.topics import load_topics

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
KEY = "123e4567-e89b-42d3-a456-426614174000"


def test_the_delay_doubles_from_a_minute_to_ten() -> None:
    delays = [rules.retry_at(NOW, attempts) - NOW for attempts in range(1, 8)]
    assert [delay // timedelta(minutes=1) for delay in delays] == [1, 2, 4, 8, 10, 10, 10]
    assert rules.retry_at(NOW, 10_000) - NOW == timedelta(minutes=10)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (rules.mark("Bonjour", KEY), KEY),
        (rules.mark("", KEY) + "\n\n  ", KEY),
        (rules.mark("Bonjour", KEY) + "\nMerci", None),
        ("> " + rules.mark("Bonjour", KEY).replace("\n", "\n> "), None),
        (f"[AssistENT {KEY}] oui", None),
        ("", None),
    ],
)
def test_a_text_of_ours_is_known_by_its_last_line(text: str, found: str | None) -> None:
    assert rules.marked_with(text) == found


@given(st.text())
def test_what_came_from_a_tool_can_be_kept_and_said(text: str) -> None:
    kept = rules.clean(text + "\x00\ud800")
    assert len(kept) <= rules.MAX_TEXT
    assert "\x00" not in kept
    kept.encode()


def test_a_long_comment_says_that_it_is_cut() -> None:
    kept = rules.clean("a" * 20_000)
    assert len(kept) == rules.MAX_TEXT
    assert kept.endswith("dans l’outil de l’équipe.]")


@given(st.text(alphabet=st.characters(exclude_categories=["Cc", "Cs", "Z"])))
def test_words_survive_html_and_back(text: str) -> None:
    assert rules.from_html(rules.to_html(text).replace("&", "&#38;")) == rules.from_html(rules.to_html(text))


def test_html_becomes_lines() -> None:
    assert rules.from_html("&#60;p&#62;Un&#60;br&#62;deux &amp;amp; trois&#60;/p&#62;") == "Un\ndeux & trois"
    assert rules.from_html("<p>Un</p>\n<ul><li>deux</li></ul>").split() == ["Un", "deux"]


@pytest.mark.parametrize(
    ("remote", "state", "gesture"),
    [
        (OPEN, "nouveau", None), (OPEN, "resolu", Kind.REOPEN), (OPEN, "clos", Kind.REOPEN),
        (RESOLVED, "en_cours", Kind.RESOLVE), (RESOLVED, "resolu", None), (RESOLVED, "clos", None),
        (CLOSED, "en_attente", Kind.RESOLVE), (CLOSED, "resolu", Kind.CLOSE), (CLOSED, "clos", None),
    ],
)  # fmt: skip
def test_a_state_there_is_a_gesture_here(remote: str, state: str, gesture: Kind | None) -> None:
    assert rules.gesture_for(remote, state) == gesture


def test_a_request_is_described_with_what_is_known() -> None:
    ticket = Ticket(
        number="26-00001-0", profile="parent", uai=None, school="Collège X", school_checked=False, topic=None, page="",
        browser="", level=2, problem="Rien ne marche",
    )  # fmt: skip
    out = rules.describe(ticket, load_topics())
    assert out.title == "Demande 26-00001-0 – Collège X"
    assert out.text.splitlines()[:2] == ["Demande : 26-00001-0", "École : Collège X (à vérifier)"]
    assert out.text.endswith("\n\nRien ne marche")
    assert "Sujet" not in out.text
