"""The gate: what is refused, for which reason, and what chance alone may not refuse."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.learning import gate
from bot.learning.gate import MISSED, OFFERED, RIGHT, WRONG

VERDICTS = (RIGHT, OFFERED, WRONG, MISSED)


def row(was: str, now: str, topic: str = "cdt_consulter_devoirs", profile: str | None = "parent") -> dict[str, Any]:
    made = {"outcome": "answer", "topic": topic, "confidence": 0.9, "choices": []}
    return {"id": "x", "topic": topic, "ok": [], "profile": profile, "served": {**made, "verdict": was},
            "candidate": {**made, "verdict": now}}  # fmt: skip


def judged(*rows: dict[str, Any], heard: tuple = ()) -> gate.Verdict:
    return gate.judge(True, "", {"reference": rows, "heard": heard}, compared=True)


def against(verdict: gate.Verdict) -> list[str]:
    return [one.text for one in verdict.findings if one.against]


rows = st.lists(
    st.builds(
        row, st.sampled_from(VERDICTS), st.sampled_from(VERDICTS),
        topic=st.sampled_from(["urgence_harcelement", "cdt_consulter_devoirs"]), profile=st.sampled_from(["parent", "eleve", None]),
    ),
    max_size=40,
)  # fmt: skip


def test_one_that_does_not_load_is_refused_with_what_is_wrong_in_it() -> None:
    verdict = gate.judge(False, "ValueError: vide", {}, compared=True)
    assert not verdict.accepted
    assert "ne se charge pas : ValueError: vide" in against(verdict)[0]


def test_the_first_model_has_nothing_to_lose() -> None:
    assert gate.judge(True, "", {"reference": [row(WRONG, WRONG)]}, compared=False).accepted


def test_a_lost_emergency_refuses_whatever_else_is_gained() -> None:
    gained = [row(WRONG, RIGHT) for _ in range(200)]
    verdict = judged(row(RIGHT, OFFERED, "urgence_harcelement"), *gained)
    assert not verdict.accepted
    assert against(verdict) == [
        "Sur le jeu de référence, 0 urgence(s) reconnue(s) sur 1 ; 1 que le modèle en service reconnaît ne le sont plus."
    ]


def test_an_emergency_that_neither_saw_refuses_nothing() -> None:
    assert judged(row(WRONG, MISSED, "urgence_harcelement")).accepted


@pytest.mark.parametrize(("lost", "won", "accepted"), [(5, 0, True), (6, 0, False), (12, 8, True), (30, 12, False)])
def test_what_chance_explains_is_not_held_against_it(lost: int, won: int, accepted: bool) -> None:
    lines = [row(RIGHT, OFFERED)] * lost + [row(OFFERED, RIGHT)] * won + [row(RIGHT, RIGHT)] * 400
    assert judged(*lines).accepted is accepted


def test_a_refusal_says_its_figures() -> None:
    [sentence] = against(judged(*[row(RIGHT, OFFERED, profile=None)] * 9, *[row(RIGHT, RIGHT, profile=None)] * 11))
    assert sentence == (
        "Sur le jeu de référence, réponses justes : 11 sur 20, contre 20 pour le modèle en service ; "
        "9 perdues et 0 gagnées, ce que le hasard n’explique pas."
    )


def test_messages_heard_count_like_the_reference() -> None:
    assert not judged(row(RIGHT, RIGHT), heard=(row(RIGHT, WRONG),) * 10).accepted


def test_a_profile_may_not_pay_for_the_others() -> None:
    verdict = judged(*[row(RIGHT, OFFERED, profile="eleve")] * 12, *[row(OFFERED, RIGHT, profile="parent")] * 12)
    assert not verdict.accepted
    assert "au profil eleve" in against(verdict)[0]


@given(rows)
def test_a_model_against_itself_is_always_accepted(lines: list[dict[str, Any]]) -> None:
    assert judged(*[{**one, "candidate": one["served"]} for one in lines]).accepted


@given(rows)
def test_a_model_that_is_right_everywhere_is_always_accepted(lines: list[dict[str, Any]]) -> None:
    assert judged(*[{**one, "candidate": {**one["candidate"], "verdict": RIGHT}} for one in lines]).accepted


@given(rows)
def test_a_verdict_is_plain_data_with_a_reason_for_each_refusal(lines: list[dict[str, Any]]) -> None:
    verdict = judged(*lines)
    assert verdict.accepted is not bool(against(verdict))
    assert {type(one["text"]) for one in verdict.to_json()["findings"]} == {str}


@given(st.integers(0, 300), st.integers(0, 300))
def test_an_interval_holds_its_share_and_stays_a_share(count: int, more: int) -> None:
    total = count + more
    low, high = gate.interval(count, total)
    assert 0 <= low <= high <= 1
    if total:
        assert low - 1e-9 <= count / total <= high + 1e-9


@given(st.integers(0, 60), st.integers(0, 60))
def test_a_chance_is_one_and_falls_as_more_is_lost(lost: int, won: int) -> None:
    assert 0 < gate.chance_of(lost, won) <= 1
    assert gate.chance_of(lost + 1, won) <= gate.chance_of(lost, won) + 1e-12
