"""What a question is, and what became of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rollout.questions import (
    COUNTED,
    HANDED,
    LASTING,
    OFF_TOPIC,
    REMARK,
    SILENT,
    SITTING,
    SOLVED,
    UNANSWERED,
    UNSOLVED,
    URGENT,
    VERDICTS,
    Turn,
    questions_of,
    returns_of,
)

START = datetime(2026, 11, 23, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def turns(*said: tuple, gap: timedelta = MINUTE) -> list[Turn]:
    """Messages a minute apart: (outcome, topic, what else)."""
    return [
        Turn(START + place * gap, one[0], one[1] if len(one) > 1 else None, **(one[2] if len(one) > 2 else {}))
        for place, one in enumerate(said)
    ]


def found(*said: tuple, gap: timedelta = MINUTE) -> list[tuple[str | None, str]]:
    return [(one.topic, one.verdict) for one in questions_of(turns(*said, gap=gap))]


YES, NO = {"helped": True}, {"helped": False}


@pytest.mark.parametrize(("said", "questions"), [
    ([("answer", "a", YES)], [("a", SOLVED)]),
    ([("answer", "a", NO)], [("a", UNSOLVED)]),
    # Silence is not success.
    ([("answer", "a")], [("a", SILENT)]),
    # Not understood, said otherwise, answered: one question.
    ([("clarify",), ("choices", "b", {"offered": True}), ("answer", "a", YES)], [("a", SOLVED)]),
    ([("clarify",), ("clarify",)], [(None, UNANSWERED)]),
    ([("choices", "b", {"offered": True})], [("b", UNANSWERED)]),
    # « Non », and the second answer.
    ([("answer", "a", NO), ("answer", "b", YES)], [("b", SOLVED)]),
    ([("answer", "a", NO), ("choices", "c", {"offered": True}), ("answer", "c")], [("c", SILENT)]),
    # Two questions.
    ([("answer", "a", YES), ("answer", "b")], [("a", SOLVED), ("b", SILENT)]),
    ([("answer", "a"), ("answer", "b")], [("a", SILENT), ("b", SILENT)]),
    ([("answer", "a"), ("answer", "a")], [("a", SILENT)]),
    # A person was asked for.
    ([("answer", "a", NO), ("form", "parler_humain"), ("ticket", "parler_humain")], [("a", HANDED)]),
    ([("form", "parler_humain"), ("form", "parler_humain"), ("ticket", "parler_humain", {"about": "z"})], [("z", HANDED)]),
    ([("answer", "a", YES), ("form", "parler_humain")], [("a", SOLVED), (None, HANDED)]),
    ([("ticket", "suivre_ticket")], []),
    # What is no question, or in no share.
    ([("dialogue", "salutation"), ("answer", "a", YES), ("dialogue", "remerciement")], [("a", SOLVED)]),
    ([("urgent", "u")], [("u", URGENT)]),
    ([("answer", "a"), ("urgent", "u"), ("answer", "b", YES)], [("a", SILENT), ("u", URGENT), ("b", SOLVED)]),
    ([("out_of_scope", "hors_sujet")], [("hors_sujet", OFF_TOPIC)]),
    ([("dialogue", "insulte", {"worry": "refus"})], [(None, REMARK)]),
    # Rasa was out.
    ([("degraded", "a", YES)], [("a", SOLVED)]),
    ([("degraded", "a", {"offered": True}), ("degraded", None)], [("a", UNANSWERED)]),
    ([("incident", "a")], [("a", SILENT)]),
])  # fmt: skip
def test_what_becomes_of_what_is_said(said, questions):
    assert found(*said) == questions


def test_another_day_it_is_another_question():
    said = [("clarify",), ("answer", "a", YES)]
    assert found(*said, gap=SITTING) == [("a", SOLVED)]
    assert found(*said, gap=SITTING + MINUTE) == [(None, UNANSWERED), ("a", SOLVED)]


def test_a_worry_goes_with_its_question():
    [one] = questions_of(turns(("clarify", None, {"worry": "ecrans"}), ("answer", "a", {"worry": "refus"})))
    assert (one.worry, one.verdict) == ("ecrans", SILENT)


outcomes = st.sampled_from(
    ["answer", "choices", "clarify", "urgent", "form", "ticket", "dialogue", "degraded", "agent", "out_of_scope",
     "other_profile", "incident"]
)  # fmt: skip


@st.composite
def conversations(draw) -> list[Turn]:
    at = START
    said = []
    for _ in range(draw(st.integers(0, 12))):
        at += draw(st.timedeltas(timedelta(0), timedelta(hours=2)))
        said.append(
            Turn(
                at, draw(outcomes), draw(st.sampled_from([None, "a", "b", "parler_humain", "suivre_ticket"])),
                draw(st.booleans()), draw(st.none() | st.booleans()), draw(st.none() | st.just("refus")),
            )
        )  # fmt: skip
    return said


@given(conversations())
def test_any_conversation_has_questions_in_order_and_each_a_verdict(said: list[Turn]):
    asked = questions_of(said)
    assert all(one.verdict in VERDICTS and one.at <= one.ended_at for one in asked)
    assert [one.at for one in asked] == sorted(one.at for one in asked)
    assert len(asked) <= len(said)
    # Every worry is counted somewhere.
    assert any(turn.worry for turn in said) == any(one.worry for one in asked)
    # Nothing is solved unless somebody said so.
    assert sum(one.verdict == SOLVED for one in asked) <= sum(turn.helped is True for turn in said)


@given(conversations())
def test_asking_for_a_person_is_never_counted_as_solved_by_the_assistant(said: list[Turn]):
    for turn in said:
        if turn.outcome == "form" and turn.topic != "suivre_ticket":
            inside = [one for one in questions_of(said) if one.at <= turn.at <= one.ended_at and one.verdict in COUNTED]
            assert any(one.verdict == HANDED for one in inside)


# --- lasting ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("later", "topic", "returned"), [
    (LASTING, "a", True), (LASTING + MINUTE, "a", False), (timedelta(days=1), "b", False),
])  # fmt: skip
def test_one_returns_on_the_same_topic_within_a_week(later, topic, returned):
    first = ("a", START, START + MINUTE)
    second = (topic, START + MINUTE + later, START + MINUTE + later)
    assert returns_of([first, second]) == [returned, False]


def test_what_has_no_topic_is_not_returned_to():
    assert returns_of([(None, START, START), (None, START + MINUTE, START + MINUTE)]) == [False, False]


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.timedeltas(timedelta(0), timedelta(days=30))), max_size=12))
def test_the_last_on_a_topic_was_never_returned_to(asked):
    rows = [(topic, START + later, START + later) for topic, later in asked]
    for (topic, at, _), returned in zip(rows, returns_of(rows)):
        if at == max(other for name, other, _ in rows if name == topic):
            assert not returned
