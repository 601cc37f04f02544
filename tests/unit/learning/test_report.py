"""The report: figures with their margins, what changed, new confusions; ids and no words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bot.learning.report import REFERENCE_FILE, build_report, read_reference


def made(verdict: str, topic: str | None, outcome: str = "answer") -> dict[str, Any]:
    return {"verdict": verdict, "topic": topic, "outcome": outcome, "confidence": 0.8, "choices": []}


def row(
    identifier: str, topic: str, served: dict | None, candidate: dict, profile: str | None = "parent", ok: tuple = ()
):
    return {"id": identifier, "topic": topic, "ok": list(ok), "profile": profile, "served": served, "candidate": candidate}  # fmt: skip


ROWS = [
    row("a", "blog", made("right", "blog"), made("wrong", "notes")),
    row("b", "blog", made("right", "blog"), made("wrong", "notes"), profile=None),
    row("c", "notes", made("missed", None, "clarify"), made("right", "notes")),
    row("d", "notes", made("wrong", "blog"), made("wrong", "blog")),
    row("e", "urgence_x", made("right", "urgence_x", "urgent"), made("missed", None, "clarify"), profile="eleve"),
    row("f", "blog", made("right", "blog"), made("right", "blog", "urgent")),
]


def measured(rows=ROWS) -> dict[str, Any]:
    return build_report({"reference": rows}, {"name": "m", "run": 3, "trained_at": ""}, "")["sets"]["reference"]


def figure(label: str, rows=ROWS) -> dict[str, Any]:
    return next(one for one in measured(rows)["figures"] if one["label"] == label)


def test_each_figure_has_both_models_and_a_margin() -> None:
    right = figure("Juste")
    assert (right["served"]["count"], right["candidate"]["count"], right["served"]["total"]) == (4, 2, 6)
    assert right["served"]["low"] < 4 / 6 < right["served"]["high"]
    assert figure("Urgences reconnues")["candidate"] == {"count": 0, "total": 1, "low": 0.0, "high": 0.7935}
    assert figure("Fausses alertes")["candidate"]["count"] == 1


def test_what_broke_is_listed_one_by_one_the_urgent_first() -> None:
    found = measured()
    assert [one["id"] for one in found["worse"]] == ["e", "a", "b"]
    assert [one["id"] for one in found["better"]] == ["c"]
    assert found["worse"][1]["now_topic"] == "notes"


def test_a_confusion_that_the_other_model_makes_too_is_not_new() -> None:
    assert measured()["confusions"] == [{"topic": "blog", "taken_for": "notes", "ids": ["a", "b"]}]


def test_a_topic_that_is_fair_too_is_no_confusion() -> None:
    assert (
        measured([row("a", "blog", made("right", "blog"), made("wrong", "notes"), ok=("notes",))])["confusions"] == []
    )


def test_topics_and_profiles_are_counted_apart() -> None:
    assert [(one["of"], one["candidate"]["total"]) for one in measured()["profiles"]] == [
        ("", 1),
        ("eleve", 1),
        ("parent", 4),
    ]
    assert [one["of"] for one in measured()["topics"]] == ["blog", "notes", "urgence_x"]


def test_without_a_model_in_service_there_is_nothing_to_compare() -> None:
    alone = measured([{**one, "served": None} for one in ROWS])
    assert alone["figures"][0]["served"] is None
    assert alone["worse"] == alone["better"] == alone["confusions"] == []


def test_a_report_holds_no_words_and_can_be_kept() -> None:
    rows = [{**one, "text": "mon fils Milo"} for one in ROWS]
    assert "Milo" not in json.dumps(build_report({"reference": rows}, None, "illisible"))


def test_nothing_measured_is_a_report_too() -> None:
    assert measured([])["count"] == 0


def test_the_words_of_the_reference_are_read_by_id_or_not_at_all(tmp_path: Path) -> None:
    assert read_reference(tmp_path) == {}
    path = tmp_path / REFERENCE_FILE
    path.parent.mkdir(parents=True)
    path.write_text('{"id": "x-1", "text": "bonjour"}\n\n', encoding="utf-8")
    assert read_reference(tmp_path) == {"x-1": "bonjour"}
    path.write_text("{", encoding="utf-8")
    assert read_reference(tmp_path) == {}
