"""What is promised to the person who asks: calendars and delays as the deployment gives them, kept on each request."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import Clock
from bot.db import Database
from bot.errors import InvalidInput
from bot.escalation.calendars import Calendar
from bot.escalation.deadlines import WEEKDAYS, Delays, deadline_of, find_delays, say_delay, warning_at
from bot.escalation.models import CalendarRow, DelayRow, Ticket, TicketEvent
from bot.escalation.states import ACADEMIE_LEVEL, OPEN_STATES, SYSTEM, VENDOR_LEVEL, TicketState
from bot.people.audit import audit
from bot.people.models import School

LOW, NORMAL, HIGH = "basse", "normale", "haute"
PRIORITIES = (LOW, NORMAL, HIGH)
# The calendar of every académie that has none of its own.
EVERY_ACADEMIE = ""
# What is said of a deadline: three quarters of its time are gone; it has passed.
NEAR, LATE = "proche", "depasse"
ALERT = "echeance"
# As many are raised in one transaction: a writer keeps the others waiting.
_BATCH = 200


@dataclass(frozen=True)
class Promise:
    """The calendar that counts for a school, and the delays of the levels."""

    calendar: Calendar
    delays: tuple[Delays, ...]

    def due(self, state: TicketState, priority: str) -> tuple[datetime | None, datetime | None]:
        """Return when the next answer (the first one, then the solution) is due, and when to warn of it."""
        delays = find_delays(self.delays, state.level, priority)
        if delays is None or state.state not in OPEN_STATES:
            return None, None
        delay = delays.solution if state.answered_at else delays.first_answer
        return (
            deadline_of(self.calendar, state.since, delay, state.pauses),
            warning_at(self.calendar, state.since, delay, state.pauses),
        )


async def read_promise(session: AsyncSession, uai: str | None) -> Promise | None:
    """Return what is promised for a school (None: not known); None when the deployment promises nothing."""
    nearest = sa.select(School.academie).where(School.uai == uai)
    rows = (
        await session.scalars(
            sa.select(CalendarRow).where(
                sa.or_(CalendarRow.academie == EVERY_ACADEMIE, CalendarRow.academie.in_(nearest))
            )
        )
    ).all()
    if not rows:
        return None
    nearest = max(rows, key=lambda row: row.academie != EVERY_ACADEMIE)
    return Promise(_calendar(json.dumps(nearest.data)), tuple(map(_delays_of, await list_delays(session))))


@lru_cache(maxsize=64)
def _calendar(data: str) -> Calendar:
    # A calendar remembers the openings that it worked out: the same one is asked again at every request.
    return Calendar.from_json(json.loads(data))


def _delays_of(row: DelayRow) -> Delays:
    return Delays(
        row.level, row.priority, timedelta(minutes=row.first_answer_minutes), timedelta(minutes=row.solution_minutes)
    )


async def keep_deadline(session: AsyncSession, ticket: Ticket, state: TicketState) -> Promise | None:
    """Write on a request when its next answer is due; return what is promised, for whoever is told of it."""
    promise = await read_promise(session, ticket.uai)
    before = ticket.answer_by
    ticket.answer_by, ticket.warn_by = promise.due(state, ticket.priority) if promise else (None, None)
    if ticket.answer_by != before:
        ticket.alert = None
    return promise


async def delay_in_words(session: AsyncSession, uai: str | None, level: int, now: datetime) -> str | None:
    """Say within what time a request sent `now` is first answered; None when nothing is promised."""
    promise = await read_promise(session, uai)
    due = promise.due(TicketState(level, now), NORMAL)[0] if promise else None
    return say_delay(promise.calendar, now, due) if promise and due else None


async def delay_left(session: AsyncSession, ticket: Ticket, now: datetime) -> str | None:
    """Say when the next answer to a request is due; None when nothing is."""
    return say_left(await read_promise(session, ticket.uai), ticket, now)


def say_left(promise: Promise | None, ticket: Ticket, now: datetime) -> str | None:
    """Say the same, of what was promised."""
    return say_delay(promise.calendar, now, ticket.answer_by) if promise and ticket.answer_by else None


async def raise_alerts(database: Database, clock: Clock) -> int:
    """Note in their history the requests whose deadline comes near or has passed, once each; return how many."""
    now = clock.now()
    near = sa.and_(Ticket.warn_by <= now, Ticket.alert.is_(None))
    late = sa.and_(Ticket.answer_by <= now, sa.or_(Ticket.alert.is_(None), Ticket.alert != LATE))
    due = sa.select(Ticket).where(Ticket.state.in_(OPEN_STATES), sa.or_(near, late)).order_by(Ticket.id).limit(_BATCH)
    async with database.reading() as session:
        if (await session.scalars(due.limit(1))).first() is None:
            return 0
    async with database.transaction() as session:
        tickets = (await session.scalars(due.with_for_update())).all()
        for ticket in tickets:
            ticket.alert = LATE if ticket.answer_by and ticket.answer_by <= now else NEAR
            data = {"alert": ticket.alert, "due": ticket.answer_by.isoformat() if ticket.answer_by else None}
            session.add(TicketEvent(ticket_id=ticket.id, kind=ALERT, author=SYSTEM, data=data, at=now))
        return len(tickets)


# --- what the deployment says -----------------------------------------------------------------


def calendar_from_file(entry: dict[str, Any]) -> Calendar:
    """Build a calendar from a deployment's file: days in French, openings as « 8:30-12:00 »; InvalidInput says what is wrong."""
    hours = {}
    for name, openings in entry["hours"].items():
        if name not in WEEKDAYS:
            raise InvalidInput(f"« {name} » n’est pas un jour de la semaine.")
        hours[str(WEEKDAYS.index(name))] = [read_opening(opening) for opening in openings]
    periods = [
        {"name": one["name"], "first": str(one["from"]), "last": str(one["to"]), "zone": one.get("zone")}
        for one in entry.get("closures", ())
    ]
    return Calendar.from_json({**entry, "hours": hours, "periods": periods})


def read_opening(text: str) -> list[str]:
    """Return [« 08:30 », « 12:00 »] of « 8:30-12:00 », « 8 h 30 – 12 h » and the like; InvalidInput when it is neither."""
    bounds = [bound.lower().replace("h", ":").replace(" ", "") for bound in text.replace("–", "-").split("-")]
    try:
        opens, closes = ([int(part or 0) for part in bound.split(":")] for bound in bounds)
        return [f"{hour:02d}:{minute[0] if minute else 0:02d}" for hour, *minute in (opens, closes)]
    except ValueError as error:
        raise InvalidInput(f"« {text} » n’est pas une plage d’ouverture : écrivez « 8 h 30 - 12 h ».") from error


async def save_promises(
    session: AsyncSession, calendars: Iterable[dict[str, Any]], delays: Iterable[dict[str, Any]]
) -> None:
    """Put a deployment's calendars and delays in place of those before; InvalidInput says what is wrong."""
    await session.execute(sa.delete(CalendarRow))
    for entry in calendars:
        session.add(
            CalendarRow(academie=entry.get("academie", EVERY_ACADEMIE), data=calendar_from_file(entry).to_json())
        )
    rows = [
        DelayRow(
            level=entry["level"], priority=entry.get("priority"),
            first_answer_minutes=round(entry["first_answer_hours"] * 60),
            solution_minutes=round(entry["solution_hours"] * 60),
        )
        for entry in delays
    ]  # fmt: skip
    await _put_delays(session, rows)


async def _put_delays(session: AsyncSession, rows: list[DelayRow]) -> None:
    check_delays(rows)
    await session.execute(sa.delete(DelayRow))
    session.add_all(rows)


async def list_delays(session: AsyncSession) -> list[DelayRow]:
    """Return the delays of the deployment."""
    return list((await session.scalars(sa.select(DelayRow))).all())


async def replace_delays(database: Database, clock: Clock, by: str, rows: list[DelayRow]) -> None:
    """Put delays in place of those before; InvalidInput says what is wrong."""
    async with database.transaction() as session:
        before = _in_words(await list_delays(session))
        await _put_delays(session, rows)
        audit(session, clock.now(), by, "delays_changed", "delays", "", before=before, after=_in_words(rows))


def _in_words(rows: Iterable[DelayRow]) -> str:
    return " ; ".join(
        f"niveau {row.level}, {row.priority or 'toutes'} : {row.first_answer_minutes} min, {row.solution_minutes} min"
        for row in sorted(rows, key=lambda row: (row.level, row.priority or ""))
    )


async def list_academies(session: AsyncSession) -> list[tuple[str, bool]]:
    """Return every académie of the schools and whether it has a calendar of its own; the one of all first."""
    own = set((await session.scalars(sa.select(CalendarRow.academie))).all())
    query = sa.select(School.academie).where(School.academie.is_not(None)).distinct()
    names = set((await session.scalars(query)).all()) | own - {EVERY_ACADEMIE}
    return [(name, name in own) for name in (EVERY_ACADEMIE, *sorted(names))]


async def read_calendar(session: AsyncSession, academie: str) -> Calendar | None:
    """Return the calendar of an académie's own, or of all; None when there is none."""
    row = await session.get(CalendarRow, academie)
    return Calendar.from_json(row.data) if row else None


async def put_calendar(database: Database, clock: Clock, by: str, academie: str, calendar: Calendar | None) -> None:
    """Put a calendar in place of an académie's, or take it away (None)."""
    async with database.transaction() as session:
        row = await session.get(CalendarRow, academie)
        if calendar is not None:
            await session.merge(CalendarRow(academie=academie, data=calendar.to_json()))
        elif row is not None:
            await session.delete(row)
        audit(session, clock.now(), by, "calendar_changed", "calendar", academie)


def check_delays(rows: list[DelayRow]) -> None:
    """Refuse delays of another level or priority, twice the same, or that make no sense."""
    seen = set()
    for row in rows:
        if row.level not in (ACADEMIE_LEVEL, VENDOR_LEVEL) or row.priority not in (None, *PRIORITIES):
            raise InvalidInput("Un délai vaut pour le niveau 2 ou 3, et pour une priorité de la liste ou toutes.")
        if (row.level, row.priority) in seen:
            raise InvalidInput("Deux délais valent pour le même niveau et la même priorité : gardez-en un.")
        seen.add((row.level, row.priority))
        _delays_of(row)
