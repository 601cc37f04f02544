"""The rules of requests, without input or output: the form's steps, the ticket's number, French dates."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from bot.dialogue import decision as commands
from bot.dialogue.state import ASKED_CONSENT, ASKED_PROBLEM, ASKED_SCHOOL
from bot.topics import Topics

DONE = "fini"
ABANDONED = "abandonne"

# A problem told without having asked a question first is of the topic that it is so likely to be about.
_SURE = 0.5

PARIS = ZoneInfo("Europe/Paris")
MONTHS = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
]


@dataclass(frozen=True)
class Form:
    """A request being told; `step` is what is asked now, or DONE, or ABANDONED."""

    step: str
    uai: str | None = None
    school: str = ""
    problem: str = ""


def open_form(uai: str | None, school: str) -> Form:
    """Begin a request: the school is asked only where the session does not name one."""
    return Form(ASKED_PROBLEM if school else ASKED_SCHOOL, uai, school)


def advance(form: Form, command: str, text: str, *, found: tuple[str, str] | None = None) -> Form:
    """Apply one command of the dialogue to the form.

    `found` is (uai, name) of the school that `text` surely names, if any. A command that does not fit the step leaves
    the form as it is, so that the question is put again.
    """
    if command == commands.DROP:
        return replace(form, step=ABANDONED)
    if command == commands.SCHOOL and form.step == ASKED_SCHOOL:
        uai, school = found or (None, text.strip())
        return _next(replace(form, uai=uai, school=school))
    if command == commands.PROBLEM and form.step == ASKED_PROBLEM:
        return _next(replace(form, problem=text.strip()))
    if command == commands.ADD and form.step == ASKED_CONSENT:
        return replace(form, problem=f"{form.problem}\n{text.strip()}")
    if command in (commands.SEND, commands.SEPARATE) and form.step == ASKED_CONSENT:
        return replace(form, step=DONE)
    return form


def likely_topic(ranking: Iterable[Iterable[Any]], topics: Topics) -> str | None:
    """Return the topic that the words of a problem are surely about, from (name, chance) pairs, the likeliest first."""
    for name, chance in ranking:
        if chance < _SURE:
            return None
        if (topic := topics.get(name)) and not topic.is_dialogue and not topic.is_urgent:
            return name
    return None


def _next(form: Form) -> Form:
    if not form.school:
        return replace(form, step=ASKED_SCHOOL)
    return replace(form, step=ASKED_CONSENT if form.problem else ASKED_PROBLEM)


def ticket_number(identifier: int, year: int) -> str:
    """Return the number of a ticket, short enough to be read aloud: year, rank, check digit (Luhn)."""
    rank = f"{identifier:05d}"
    return f"{year % 100:02d}-{rank}-{_luhn(f'{year % 100:02d}{rank}')}"


def _luhn(digits: str) -> int:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return (10 - total % 10) % 10


def is_ticket_number(text: str) -> bool:
    """Tell whether `text` has the form and the check digit of a ticket's number."""
    digits = text.replace("-", "")
    return len(digits) >= 8 and digits.isdigit() and _luhn(digits[:-1]) == int(digits[-1])


def french_date(instant: datetime) -> str:
    """Return « 3 novembre 2026 à 14 h 05 », on Paris time."""
    local = instant.astimezone(PARIS)
    day = "1er" if local.day == 1 else str(local.day)
    return f"{day} {MONTHS[local.month - 1]} {local.year} à {local.hour} h {local.minute:02d}"
