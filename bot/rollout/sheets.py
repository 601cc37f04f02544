"""A table of figures as a page, a chart and a file show it: what may be shown, shares, CSV. Pure.

Nothing is told of fewer than MIN_PERSONS: in a class, three questions on one topic have a face. Rows under it are gathered, with
as many more as it takes for the gathered row to be no smaller.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from statistics import median, quantiles
from typing import Any

from bot.language.worries import EQUIPMENT, HOSTILITY, REFUSAL, SCREENS, WATCHED, WORKLOAD
from bot.people.directory import harmless

MIN_PERSONS = 5
# Rows of a table: beyond, it is read by nobody, and the rest is gathered.
MAX_ROWS = 50

NO_TOPIC = "Sans sujet reconnu"
OTHERS = "Autres"
WORRY_NAMES: Mapping[str, str] = {
    SCREENS: "Temps d’écran",
    WATCHED: "Surveillance, données",
    WORKLOAD: "Charge de travail",
    EQUIPMENT: "Matériel, connexion, aide",
    REFUSAL: "Refus de l’ENT",
    HOSTILITY: "Colère",
}

Cell = str | int | None


@dataclass(frozen=True)
class Count:
    """How many questions of each kind, under a key; `ripe` were asked long enough ago to tell whether they are solved for good."""

    key: str | None
    persons: int = 0
    asked: int = 0
    solved: int = 0
    unsolved: int = 0
    silent: int = 0
    handed: int = 0
    unanswered: int = 0
    urgent: int = 0
    ripe: int = 0
    lasting: int = 0

    def __add__(self, other: Count) -> Count:
        numbers = {one.name: getattr(self, one.name) + getattr(other, one.name) for one in fields(self)[1:]}
        return Count(self.key, **numbers)

    @property
    def everything(self) -> int:
        """What was asked, urgent questions too."""
        return self.asked + self.urgent


@dataclass(frozen=True)
class Sheet:
    """A table: its first column names the row, `bars` are the columns that the chart draws."""

    id: str
    title: str
    note: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    bars: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {one.name: _plain(getattr(self, one.name)) for one in fields(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Sheet:
        """Build it from plain data."""
        return cls(
            data["id"], data["title"], data["note"], tuple(data["columns"]), tuple(map(tuple, data["rows"])),
            tuple(data["bars"]),
        )  # fmt: skip


def _plain(value: Any) -> Any:
    return [_plain(one) for one in value] if isinstance(value, tuple) else value


def share(part: int, whole: int) -> int | None:
    """Return a percentage, None of nothing."""
    return round(100 * part / whole) if whole else None


def gather(counts: Iterable[Count], limit: int = MAX_ROWS) -> tuple[list[Count], list[Count]]:
    """Part the counts into those that are shown, the most asked first, and those that are told together.

    The latter come from MIN_PERSONS at least, or nothing is shown: else what is hidden could be had by subtraction.
    """
    ordered = sorted((one for one in counts if one.everything), key=lambda one: (-one.everything, one.key or ""))
    shown = [one for one in ordered if one.persons >= MIN_PERSONS][:limit]
    kept = {id(one) for one in shown}
    hidden = [one for one in ordered if id(one) not in kept]
    while hidden and shown and sum(one.persons for one in hidden) < MIN_PERSONS:
        hidden.append(shown.pop())
    return shown, hidden


_COLUMNS = (
    "Questions", "Résolues", "% résolues", "% durablement", "Non résolues", "Sans avis", "Confiées à une personne",
    "Sans réponse",
)  # fmt: skip


def count_sheet(
    name: str, title: str, head: str, counts: Iterable[Count], label: Callable[[str | None], str], *, note: str = "",
    limit: int = MAX_ROWS,
) -> Sheet:  # fmt: skip
    """Return what became of the questions, a row a key."""
    shown, hidden = gather(counts, limit)
    rows = [_count_row(label(one.key), one) for one in shown]
    if hidden:
        rows.append(_others(hidden, _count_row))
    return Sheet(name, title, note, (head, *_COLUMNS), tuple(rows), (1, 2))


def _count_row(label: str, one: Count) -> tuple[Cell, ...]:
    return (
        label, one.asked, one.solved, share(one.solved, one.asked), share(one.lasting, one.ripe), one.unsolved, one.silent,
        one.handed, one.unanswered,
    )  # fmt: skip


def _others(hidden: Sequence[Count], row: Callable[[str, Count], tuple[Cell, ...]]) -> tuple[Cell, ...]:
    label = f"{OTHERS} ({len(hidden)})"
    if sum(one.persons for one in hidden) < MIN_PERSONS:
        return (
            label,
            *("moins de 5 personnes" if place == 0 else None for place in range(len(row(label, hidden[0])) - 1)),
        )
    total = hidden[0]
    for one in hidden[1:]:
        total += one
    return row(label, total)


def tally_sheet(
    name: str, title: str, columns: tuple[str, str], counts: Iterable[Count], label: Callable[[str | None], str], *,
    note: str = "",
) -> Sheet:  # fmt: skip
    """Return how many there are, a row a key: the count is `asked`."""
    shown, hidden = gather(counts)

    def row(name: str, one: Count) -> tuple[Cell, ...]:
        return (name, one.asked)

    rows = [row(label(one.key), one) for one in shown]
    if hidden:
        rows.append(_others(hidden, row))
    return Sheet(name, title, note, columns, tuple(rows), (1,))


def satisfaction_sheet(total: Count, rated: tuple[int, int]) -> Sheet:
    """Return what readers say of the answers, and of the requests that people dealt with (yes, no)."""
    rows = []
    for label, yes, no in (
        ("Réponses de l’assistant", total.solved, total.unsolved), ("Demandes traitées par une personne", *rated)
    ):  # fmt: skip
        if yes + no >= MIN_PERSONS:
            rows.append((label, yes, no, share(yes, yes + no)))
        elif yes + no:
            rows.append((label, "moins de 5 avis", None, None))
    note = "Ce que répondent les personnes à « Cela vous a-t-il aidé ? » et « Est-ce réglé ? »."
    return Sheet("satisfaction", "Satisfaction", note, ("Avis sur", "Oui", "Non", "% oui"), tuple(rows), (1, 2))


def delays_sheet(times: Mapping[int, tuple[Sequence[float], Sequence[float]]], counts: Mapping[int, int], unit: str
                 ) -> Sheet:  # fmt: skip
    """Return how long the requests of each level waited, in hours: for the first answer, then for the solution."""
    rows: list[tuple[Cell, ...]] = []
    for level in sorted(counts):
        for label, hours in zip(("première réponse", "solution"), times.get(level, ((), ()))):
            few = counts[level] < MIN_PERSONS or len(hours) < MIN_PERSONS
            rows.append(
                (f"Niveau {level}, {label}", "moins de 5 demandes", None, None) if few
                else (f"Niveau {level}, {label}", len(hours), round(median(hours)), round(quantiles(hours, n=10)[-1]))
            )  # fmt: skip
    note = f"En {unit}, depuis l’envoi de la demande. La moitié des demandes attendent moins que la médiane."
    columns = ("Niveau", "Demandes", "Médiane, en heures", "9 sur 10 en moins de, en heures")
    return Sheet("delais", "Délais des demandes, par niveau", note, columns, tuple(rows), (2, 3))


def worry_label(key: str | None, profiles: Mapping[str, str]) -> str:
    """Return « Temps d’écran, parent » for « ecrans|parent »."""
    worry, _, profile = (key or "").partition("|")
    return f"{WORRY_NAMES.get(worry, worry)} – {profiles.get(profile, 'profil inconnu')}"


def first_sheet(first: Iterable[Count], phrases: Mapping[str, int], articles: Iterable[str], label: Callable[[str | None], str]
                ) -> Sheet:  # fmt: skip
    """Return what is new: topics asked for the first time, phrases learnt and articles written, by topic."""
    asked = {one.key: one for one in first}
    named = {key for key, one in asked.items() if one.persons >= MIN_PERSONS}
    written = set(articles)
    rows: list[tuple[Cell, ...]] = [
        (label(key), asked[key].everything if key in named else None, phrases.get(key, 0), "oui" if key in written else None)
        for key in sorted({*named, *phrases, *written}, key=lambda key: label(key).casefold())
    ]  # fmt: skip
    if few := len(asked) - len(named):
        rows.append((f"{OTHERS} ({few})", "moins de 5 personnes", None, None))
    columns = ("Sujet", "Questions, posées pour la première fois", "Phrases ajoutées", "Article ajouté")
    return Sheet("nouveautes", "Ce qui est nouveau", "Depuis l’ouverture de la vague.", columns, tuple(rows), (1, 2))


def changed_sheet(changes: Iterable[tuple[str, int, Count, Count]]) -> Sheet:
    """Return what was enriched and what it changed: title, versions written, questions before and after."""
    rows = []
    for title, versions, before, after in changes:
        few = [one.persons < MIN_PERSONS for one in (before, after)]
        rows.append(
            (title, versions, None if few[0] else before.asked, None if few[0] else share(before.solved, before.asked),
             None if few[1] else after.asked, None if few[1] else share(after.solved, after.asked))
        )  # fmt: skip
    columns = ("Article", "Versions", "Questions avant", "% résolues avant", "Questions après", "% résolues après")
    note = "Avant la première modification et après la dernière. Un tiret : moins de 5 personnes."
    return Sheet("enrichis", "Ce qui a été enrichi, et ce que cela a changé", note, columns, tuple(rows), (3, 5))


def worries_sheet(before: Iterable[Count], after: Iterable[Count], label: Callable[[str | None], str]) -> Sheet:
    """Return which worries were voiced before the opening and after it, over as long."""
    sides = [{one.key: one for one in counts} for counts in (before, after)]
    both = {}
    for side in sides:
        for key, one in side.items():
            # The greater number: the same person may have spoken on both sides.
            known = both.get(key, Count(key))
            both[key] = Count(key, persons=max(known.persons, one.persons), asked=known.asked + one.asked)
    shown, hidden = gather(both.values())

    def row(name: str, keys: Sequence[Count]) -> tuple[Cell, ...]:
        return (name, *(sum(side[one.key].asked for one in keys if one.key in side) for side in sides))

    rows = [row(label(one.key), [one]) for one in shown]
    if hidden:
        few = sum(one.persons for one in hidden) < MIN_PERSONS
        name = f"{OTHERS} ({len(hidden)})"
        rows.append((name, "moins de 5 personnes", None) if few else row(name, hidden))
    columns = ("Inquiétude et profil", "Avant l’ouverture", "Depuis l’ouverture")
    note = "Avant : aussi longtemps que depuis l’ouverture, dans les mêmes écoles."
    return Sheet("inquietudes", "Inquiétudes exprimées", note, columns, tuple(rows), (1, 2))


def to_csv(*sheets: Sheet) -> str:
    """Return tables as spreadsheets take them: semicolons, the mark by which they know UTF-8, and no formula.

    Several come under each other, each below its title.
    """
    out = io.StringIO()
    out.write("\ufeff")
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    for sheet in sheets:
        head = [(sheet.title,)] if len(sheets) > 1 else []
        foot = [()] if len(sheets) > 1 else []
        for row in (*head, sheet.columns, *sheet.rows, *foot):
            writer.writerow([_safe(cell) for cell in row])
    return out.getvalue()


def _safe(cell: Cell) -> Cell:
    if isinstance(cell, str):
        return harmless(cell)
    return "" if cell is None else cell
