"""The report of a run: its candidate beside the model in service, figure by figure and line by line. Pure.

It holds ids and no words: those of the measuring set stay in its file, those of people in the table that an erasure reaches.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bot.learning.gate import MISSED, OFFERED, RIGHT, URGENT, WRONG, Row, interval

REFERENCE, HEARD = "reference", "heard"
REFERENCE_FILE = Path("benchmarks") / "eval" / "dev.jsonl"
CANDIDATE, SERVED = "candidate", "served"
OUT_OF_SCOPE = "hors_sujet"
VERDICT_NAMES: Mapping[str, str] = {RIGHT: "juste", OFFERED: "proposé", WRONG: "faux", MISSED: "manqué"}
_WORTH = {WRONG: 0, MISSED: 1, OFFERED: 2, RIGHT: 3}
# A page must open: of the longest lists the first ones are shown, and the count of all.
MOST_CHANGES, MOST_CONFUSIONS = 200, 50


def _is_urgent(row: Row) -> bool:
    return row["topic"].startswith(URGENT)


def _is_calm(row: Row) -> bool:
    return not any(topic.startswith(URGENT) for topic in (row["topic"], *row["ok"]))


def _verdict(*kinds: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda judged: judged["verdict"] in kinds


# Label → which rows, and what of them is counted.
_FIGURES: Mapping[str, tuple[Callable[[Row], bool], Callable[[Mapping[str, Any]], bool]]] = {
    "Juste": (lambda row: True, _verdict(RIGHT)),
    "Juste ou proposé parmi les choix": (lambda row: True, _verdict(RIGHT, OFFERED)),
    "Faux, dit avec assurance": (lambda row: True, _verdict(WRONG)),
    "Manqué : « je n’ai pas compris »": (lambda row: True, _verdict(MISSED)),
    "Urgences reconnues": (_is_urgent, _verdict(RIGHT)),
    "Fausses alertes": (_is_calm, lambda judged: judged["outcome"] == "urgent"),
    "Hors sujet reconnu": (lambda row: row["topic"] == OUT_OF_SCOPE, _verdict(RIGHT)),
}


def build_report(
    sets: Mapping[str, Sequence[Row]], served: Mapping[str, Any] | None, served_why: str
) -> dict[str, Any]:
    """Return the report as plain data; `served` says which model it was held against, `served_why` why it could not be."""
    return {
        "against": dict(served) if served else None,
        "served_why": served_why,
        "sets": {name: _of_set(rows) for name, rows in sets.items()},
    }


def _of_set(rows: Sequence[Row]) -> dict[str, Any]:
    better, worse = _changes(rows)
    return {
        "count": len(rows),
        "figures": [
            {"label": label, **_both([row for row in rows if concerns(row)], counts)}
            for label, (concerns, counts) in _FIGURES.items()
            if any(map(concerns, rows))
        ],
        "profiles": _by(rows, "profile"),
        "topics": _by(rows, "topic"),
        "better": better[:MOST_CHANGES],
        "worse": worse[:MOST_CHANGES],
        "better_count": len(better),
        "worse_count": len(worse),
        "confusions": _confusions(rows)[:MOST_CONFUSIONS],
    }


def _both(rows: Sequence[Row], counts: Callable[[Mapping[str, Any]], bool]) -> dict[str, Any]:
    return {
        who: _share(sum(counts(row[who]) for row in rows), len(rows)) if all(row[who] for row in rows) else None
        for who in (SERVED, CANDIDATE)
    }


def _share(count: int, total: int) -> dict[str, Any]:
    low, high = interval(count, total)
    return {"count": count, "total": total, "low": round(low, 4), "high": round(high, 4)}


def _by(rows: Sequence[Row], key: str) -> list[dict[str, Any]]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row[key] or ""].append(row)
    return [{"of": name, **_both(mine, _verdict(RIGHT))} for name, mine in sorted(groups.items())]


def _changes(rows: Iterable[Row]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the rows that the candidate judges better, and those that it judges worse, what was urgent first."""
    better: list[dict[str, Any]] = []
    worse: list[dict[str, Any]] = []
    for row in rows:
        was, now = row[SERVED], row[CANDIDATE]
        if was is None or was["verdict"] == now["verdict"]:
            continue
        change = {
            "id": row["id"], "topic": row["topic"], "profile": row["profile"], "was": was["verdict"], "now": now["verdict"],
            "was_topic": was["topic"], "now_topic": now["topic"],
        }  # fmt: skip
        (better if _WORTH[now["verdict"]] > _WORTH[was["verdict"]] else worse).append(change)
    order = lambda change: (not change["topic"].startswith(URGENT), _WORTH[change["now"]])  # noqa: E731
    return sorted(better, key=order), sorted(worse, key=order)


def _confusions(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Return the topics that the candidate takes for another where the model in service did not."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in rows:
        taken = _taken_for(row, row[CANDIDATE])
        if row[SERVED] is not None and taken and taken != _taken_for(row, row[SERVED]):
            found[row["topic"], taken].append(row["id"])
    ranked = sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
    return [{"topic": topic, "taken_for": taken, "ids": ids} for (topic, taken), ids in ranked]


def _taken_for(row: Row, judged: Mapping[str, Any]) -> str | None:
    wrong = judged["verdict"] == WRONG and judged["topic"] not in (row["topic"], *row["ok"])
    return judged["topic"] if wrong else None


def read_reference(root: Path) -> dict[str, str]:
    """Return the words of the measuring set by id; none when its file is not there."""
    try:
        lines = (root / REFERENCE_FILE).read_text(encoding="utf-8").splitlines()
        return {line["id"]: line["text"] for line in map(json.loads, filter(None, lines))}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
