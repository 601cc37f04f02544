"""Deadlines in working time, and how they are said. Pure: instants are arguments, aware; results are in UTC."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from bot.errors import InvalidInput
from bot.escalation.calendars import HORIZON_DAYS, Calendar
from bot.escalation.rules import MONTHS, PARIS

# Whoever has a request is warned when three quarters of its time are gone.
WARNING_SHARE = 0.75

_ZERO = timedelta(0)
_DAY = timedelta(days=1)
WEEKDAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
# A date this far is said with its year.
_FAR = timedelta(days=180)

Pause = tuple[datetime, datetime | None]


@dataclass(frozen=True)
class Delays:
    """What is promised at a level, in working time; `priority` None stands for those that have no row of their own."""

    level: int
    priority: str | None
    first_answer: timedelta
    solution: timedelta

    def __post_init__(self) -> None:
        if not _ZERO < self.first_answer <= self.solution:
            raise InvalidInput(
                "Les délais sont positifs, et celui de la première réponse n’est pas plus long que celui de la solution."
            )


def find_delays(rows: Iterable[Delays], level: int, priority: str | None) -> Delays | None:
    """Return the delays of a level and priority, else those of the level, else None: nothing is promised."""
    found = {row.priority: row for row in rows if row.level == level}
    return found.get(priority) or found.get(None)


def add_working_time(calendar: Calendar, start: datetime, duration: timedelta) -> datetime:
    """Return the instant at which `duration` of working time has passed since `start`.

    It is never in closed time: at the latest a closing, and for no time at all the next opening. InvalidInput: the
    duration is negative, or ten years do not hold it.
    """
    if duration < _ZERO:
        raise InvalidInput("Un délai ne peut pas être négatif.")
    start = _in_utc(start)
    left = duration
    for opens, closes in calendar.openings_from(start):
        begins = max(opens, start)
        if closes - begins >= left:
            return begins + left
        left -= closes - begins
    raise InvalidInput("Ce calendrier n’ouvre pas assez d’heures pour ce délai dans les dix ans.")


def working_time_between(calendar: Calendar, begin: datetime, end: datetime) -> timedelta:
    """Return the working time from `begin` to `end`, none when `end` comes first; over ten years raises InvalidInput."""
    begin, end = _in_utc(begin), _in_utc(end)
    if end - begin >= timedelta(days=HORIZON_DAYS - 1):
        raise InvalidInput("Ces deux dates sont à plus de dix ans l’une de l’autre.")
    total = _ZERO
    for opens, closes in calendar.openings_from(begin):
        if opens >= end:
            break
        total += max(_ZERO, min(closes, end) - max(opens, begin))
    return total


def deadline_of(calendar: Calendar, since: datetime, delay: timedelta, pauses: Iterable[Pause] = ()) -> datetime | None:
    """Return when `delay` of working time has passed since `since`, `pauses` left out (in order, apart).

    None while a pause lasts that began before the deadline: nothing is due as long as the person is waited for.
    """
    left, since = delay, _in_utc(since)
    for begins, ends in pauses:
        worked = working_time_between(calendar, since, begins)
        if worked >= left:
            break
        if ends is None:
            return None
        left -= worked
        since = max(since, _in_utc(ends))
    return add_working_time(calendar, since, left)


def warning_at(calendar: Calendar, since: datetime, delay: timedelta, pauses: Iterable[Pause] = ()) -> datetime | None:
    """Return when to warn that the deadline comes near; None while a pause lasts that began before."""
    return deadline_of(calendar, since, delay * WARNING_SHARE, pauses)


def closed_until(calendar: Calendar, now: datetime) -> datetime | None:
    """Return when the team is back, if a holiday or a closure shuts it now; None at work, at night, at a weekend."""
    now = _in_utc(now)
    back = add_working_time(calendar, now, _ZERO)
    day, last = now.astimezone(PARIS).date(), back.astimezone(PARIS).date()
    # A Sunday is no closure: only days on which the team would otherwise have come count.
    if now < back and any(
        calendar.is_closed(between) and calendar.hours.get(between.weekday()) for between in _days(day, last)
    ):
        return back
    return None


def say_delay(calendar: Calendar, now: datetime, deadline: datetime | None) -> str:
    """Say a deadline in French, to follow « Délai de réponse : »: neither « tu » nor « vous »."""
    if deadline is None:
        return "suspendu en attendant une précision"
    if deadline <= now:
        return f"dépassé depuis le {say_instant(now, deadline)}"
    back = closed_until(calendar, now)
    if back:
        return f"l’équipe est fermée jusqu’au {say_instant(now, back)}, réponse au plus tard le {say_instant(now, deadline)}"
    today, due = now.astimezone(PARIS).date(), deadline.astimezone(PARIS).date()
    if due == today:
        return f"aujourd’hui, au plus tard à {_hour(deadline)}"
    if due == today + _DAY:
        return f"d’ici demain à {_hour(deadline)}"
    count = sum(calendar.is_working_day(day) for day in _days(today + _DAY, due + _DAY))
    days = f"{count} jours ouvrés" if count > 1 else "1 jour ouvré"
    return f"sous {days}, au plus tard le {say_instant(now, deadline)}"


def say_instant(now: datetime, instant: datetime) -> str:
    """Return « mardi 24 novembre à 17 h », on Paris time; with the year when it is far from `now`."""
    local = instant.astimezone(PARIS)
    day = "1er" if local.day == 1 else str(local.day)
    year = f" {local.year}" if abs(instant - now) > _FAR else ""
    return f"{WEEKDAYS[local.weekday()]} {day} {MONTHS[local.month - 1]}{year} à {_hour(instant)}"


def _hour(instant: datetime) -> str:
    local = instant.astimezone(PARIS)
    return f"{local.hour} h {local.minute:02d}" if local.minute else f"{local.hour} h"


def _days(first: date, end: date) -> Iterable[date]:
    """Return the days from `first` to `end`, the latter left out."""
    return (first + offset * _DAY for offset in range((end - first).days))


def _in_utc(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError("an instant without a zone says nothing")
    return instant.astimezone(UTC)
