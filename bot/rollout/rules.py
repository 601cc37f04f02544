"""The waves: what moves one, how a list of schools is read, how a school's opening is said. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from bot.errors import Conflict, InvalidField
from bot.escalation.rules import MONTHS
from bot.people.rules import is_uai

PLANNED, PILOT, OPEN, CLOSED = "prevue", "pilote", "ouverte", "close"
STATE_NAMES: Mapping[str, str] = {PLANNED: "Prévue", PILOT: "Pilote", OPEN: "Ouverte", CLOSED: "Close"}
# From each state, those that it may pass to by hand. A mistake goes back by one step; a closed wave comes back by undoing alone.
MOVES: Mapping[str, tuple[str, ...]] = {
    PLANNED: (PILOT, OPEN),
    PILOT: (OPEN, PLANNED),
    OPEN: (CLOSED, PILOT),
    CLOSED: (),
}
# For how long a closing may be undone: the meeting is not held, the balance not handed round.
UNDO = timedelta(days=1)

MAX_NAME, MAX_BEFORE = 120, 600
# Openings are planned years ahead at most: a year further off is a slip of the keyboard.
_YEARS = range(2015, 2101)
# An académie has some five thousand schools.
MAX_CODES = 20_000
# How much of a refused line is shown again.
_SHOWN = 60

_CODE = re.compile(r"(?<![0-9A-Za-z])(\d{7})\s?([A-Za-z])(?![0-9A-Za-z])")


# --- states -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stage:
    """Where a wave is: its state, since when it is open and when it was closed."""

    state: str
    opened_at: datetime | None = None
    closed_at: datetime | None = None


def advance(stage: Stage, to: str, now: datetime) -> Stage:
    """Return the wave once moved by hand; Conflict when it may not be."""
    if to not in MOVES.get(stage.state, ()):
        name = STATE_NAMES.get(to, to).lower()
        raise Conflict(f"Une vague {STATE_NAMES[stage.state].lower()} ne peut pas devenir « {name} ».")
    if to == OPEN:
        return Stage(OPEN, now)
    if to == CLOSED:
        return Stage(CLOSED, stage.opened_at, now)
    return Stage(to)


def can_undo(stage: Stage, now: datetime) -> bool:
    """Tell whether the wave was closed lately enough for that to be undone."""
    return stage.closed_at is not None and now - stage.closed_at <= UNDO


def undo_closing(stage: Stage, now: datetime) -> Stage:
    """Return the wave as it was before it was closed; Conflict when it is not, or has been for too long."""
    if not can_undo(stage, now):
        raise Conflict("Cette clôture ne peut plus être annulée : elle ne l’est que dans les 24 heures qui la suivent.")
    return Stage(OPEN, stage.opened_at)


# --- what a form holds ------------------------------------------------------------------------


@dataclass(frozen=True)
class WaveFields:
    """What is written of a wave."""

    name: str
    starts_on: date
    ends_on: date | None
    before: str


def read_fields(given: Mapping[str, str]) -> WaveFields:
    """Return what a form says of a wave; InvalidField names the field to correct."""
    name = " ".join(given.get("name", "").split())
    if not name or len(name) > MAX_NAME:
        raise InvalidField("name", f"Donnez un nom à la vague, de {MAX_NAME} caractères au plus.")
    starts_on = _day("starts_on", given.get("starts_on", ""))
    if starts_on is None:
        raise InvalidField("starts_on", "Indiquez la date d’ouverture.")
    ends_on = _day("ends_on", given.get("ends_on", ""))
    if ends_on is not None and ends_on < starts_on:
        raise InvalidField("ends_on", "La fin vient avant l’ouverture. Corrigez l’une des deux dates.")
    # Said within a sentence: an end of line would cut it.
    before = " ".join(given.get("before", "").split())
    if len(before) > MAX_BEFORE:
        raise InvalidField("before", f"Ce qui précède l’ouverture compte {MAX_BEFORE} caractères au plus.")
    return WaveFields(name, starts_on, ends_on, before)


def _day(field: str, text: str) -> date | None:
    if not text.strip():
        return None
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        day = None
    if day is None or day.year not in _YEARS:
        raise InvalidField(field, "Cette date n’existe pas. Écrivez-la ainsi : 2027-01-04.")
    return day


# --- a list of schools ------------------------------------------------------------------------


@dataclass(frozen=True)
class Refused:
    """Something of a list that is not taken, and why."""

    text: str
    reason: str


@dataclass(frozen=True)
class CodeList:
    """The school codes of a list, once each, in its order, and what is refused of it."""

    codes: tuple[str, ...]
    refused: tuple[Refused, ...]


def read_codes(text: str) -> CodeList:
    """Read a pasted list or a file: one or several codes a line, with whatever else the line has."""
    codes: dict[str, None] = {}
    refused: list[Refused] = []
    for number, line in enumerate(text.splitlines()):
        found = [(digits + letter.upper()) for digits, letter in _CODE.findall(line)]
        if not found and line.strip() and not (number == 0 and "uai" in line.lower()):
            refused.append(Refused(_cut(line), "Aucun code UAI : sept chiffres puis une lettre."))
        for code in found:
            if not is_uai(code):
                refused.append(Refused(code, "La lettre finale ne va pas avec les chiffres : vérifiez le code."))
            elif code in codes:
                refused.append(Refused(code, "Déjà dans la liste."))
            elif len(codes) >= MAX_CODES:
                refused.append(Refused(code, f"La liste dépasse {MAX_CODES} écoles : envoyez-la en plusieurs fois."))
            else:
                codes[code] = None
    return CodeList(tuple(codes), tuple(refused))


def _cut(line: str) -> str:
    line = " ".join(line.split())
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"


# --- what a person is told --------------------------------------------------------------------


def say_day(day: date) -> str:
    """Return « 4 janvier 2027 »."""
    return f"{'1er' if day.day == 1 else day.day} {MONTHS[day.month - 1]} {day.year}"


NO_WAVE = "elle n’est encore inscrite dans aucune vague, et sa date n’est pas fixée"


def say_wave(name: str, state: str, starts_on: date, opened_on: date | None, today: date) -> str:
    """Say when the ENT opens in the schools of a wave, to follow « Votre école : ».

    A date that has passed is never told as one to come.
    """
    if state == CLOSED:
        return f"{name}, ENT ouvert depuis le {say_day(opened_on or starts_on)}, déploiement terminé"
    if state == OPEN:
        return f"{name}, ENT ouvert depuis le {say_day(opened_on or starts_on)}"
    if starts_on > today:
        opening = f"le {say_day(starts_on)}"
    elif starts_on == today:
        opening = "aujourd’hui"
    else:
        opening = ""
    if state == PILOT:
        return f"{name}, en phase pilote, ouverture à tous {opening or 'à une date qui sera précisée'}"
    if opening:
        return f"{name}, ouverture prévue {opening}"
    return f"{name}, ouverture prévue le {say_day(starts_on)} et pas encore faite, la nouvelle date sera précisée"
