"""The rules of requests: steps, numbers, dates."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.dialogue import decision as commands
from bot.dialogue.state import FORM_STEPS
from bot.escalation.rules import (
    ABANDONED,
    DONE,
    advance,
    french_date,
    is_ticket_number,
    likely_topic,
    open_form,
    ticket_number,
)
from bot.topics import load_topics

COMMANDS = [
    commands.OPEN, commands.RESUME, commands.SCHOOL, commands.PROBLEM, commands.ADD, commands.SEND, commands.DROP,
]  # fmt: skip


def test_the_school_is_asked_only_where_the_session_names_none() -> None:
    assert open_form(None, "").step == "ecole"
    assert open_form("0750001U", "École Les Tilleuls, Valmont").step == "probleme"


def test_a_school_that_is_not_found_is_kept_as_typed() -> None:
    form = advance(open_form(None, ""), commands.SCHOOL, "École du bout du monde")
    assert (form.step, form.uai, form.school) == ("probleme", None, "École du bout du monde")


def test_told_to_its_end_a_request_is_done() -> None:
    form = open_form(None, "")
    form = advance(form, commands.SCHOOL, "les tilleuls", found=("0750001U", "École Les Tilleuls, Valmont"))
    form = advance(form, commands.PROBLEM, "Rien ne va")
    assert form.step == "accord"
    form = advance(form, commands.ADD, "depuis lundi")
    assert form.problem == "Rien ne va\ndepuis lundi"
    assert advance(form, commands.SEND, "oui").step == DONE


@pytest.mark.parametrize("step", FORM_STEPS)
def test_a_request_can_be_dropped_at_every_step(step: str) -> None:
    form = open_form(None, "")
    for command, text in ((commands.SCHOOL, "une école"), (commands.PROBLEM, "un souci")):
        if form.step == step:
            break
        form = advance(form, command, text)
    assert form.step == step
    assert advance(form, commands.DROP, "annuler").step == ABANDONED


@given(st.lists(st.tuples(st.sampled_from(COMMANDS), st.text(max_size=40)), max_size=30), st.booleans())
def test_no_sequence_sends_a_request_without_a_problem_and_an_agreement(steps, known) -> None:
    form = open_form("0750001U", "École") if known else open_form(None, "")
    for command, text in steps:
        before, form = form, advance(form, command, text)
        if form.step == DONE:
            assert before.step in ("accord", DONE)
            assert command == commands.SEND or before.step == DONE
            assert form.problem.strip()
            assert form.school.strip()
        if form.step == ABANDONED:
            assert command == commands.DROP or before.step == ABANDONED


@given(st.integers(1, 10_000_000), st.integers(2026, 2099))
def test_a_number_carries_its_own_check(identifier: int, year: int) -> None:
    number = ticket_number(identifier, year)
    assert is_ticket_number(number)
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    assert not is_ticket_number(wrong)


def test_dates_are_written_in_french_on_paris_time() -> None:
    assert french_date(datetime(2026, 11, 22, 8, 5, tzinfo=UTC)) == "22 novembre 2026 à 9 h 05"
    assert french_date(datetime(2026, 7, 31, 22, 30, tzinfo=UTC)) == "1er août 2026 à 0 h 30"


@pytest.mark.parametrize(
    ("ranking", "topic"),
    [
        ([("blog_consulter", 0.9), ("blog_publier", 0.1)], "blog_consulter"),
        ([("blog_consulter", 0.4), ("blog_publier", 0.3)], None),
        ([("parler_humain", 0.9), ("blog_consulter", 0.1)], None),
        ([("hors_sujet", 0.9)], None),
        ([("urgence_harcelement", 0.9)], None),
        ([("inconnu", 0.9)], None),
        ([], None),
    ],
)
def test_a_problem_is_of_the_topic_that_it_is_surely_about(ranking: list[tuple[str, float]], topic: str | None) -> None:
    assert likely_topic(ranking, load_topics()) == topic
