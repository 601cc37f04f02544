"""The figures of the indicators, read from the questions and the requests of a territory and a period."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from bot.errors import InvalidInput
from bot.escalation.calendars import Calendar
from bot.escalation.deadlines import working_time_between
from bot.escalation.models import CalendarRow, Ticket
from bot.escalation.promises import EVERY_ACADEMIE
from bot.people.models import School
from bot.people.rules import Held, Permission, Scope, grants_for
from bot.people.service import covered
from bot.rollout.models import Question, Wave, WaveSchool
from bot.rollout.questions import COUNTED, HANDED, LASTING, SILENT, SOLVED, UNANSWERED, UNSOLVED, URGENT
from bot.rollout.sheets import Count

# Of as many requests, the newest, the waiting time is worked out: it takes a calendar, and a median needs no more.
TIMED = 5_000
# Keys read of one table: the schools of an académie.
_MAX_KEYS = 10_000


@dataclass(frozen=True)
class Wanted:
    """Which questions are looked at: asked in [since, until[; empty fields want everything."""

    since: datetime
    until: datetime
    profile: str = ""
    topic: str = ""
    uai: str = ""
    wave: int | None = None


def among(grants: Iterable[Held], wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    """Return the conditions on Question: the territories of these grants, and what is wanted."""
    return [
        Question.at >= wanted.since, Question.at < wanted.until,
        *_places(grants, wanted, Question.uai, Question.at),
        *(column == value for column, value in ((Question.profile, wanted.profile), (Question.topic, wanted.topic)) if value),
    ]  # fmt: skip


def _requests(grants: Iterable[Held], wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    return [
        Ticket.opened_at >= wanted.since, Ticket.opened_at < wanted.until,
        *_places(grants, wanted, Ticket.uai, Ticket.opened_at),
        *(column == value for column, value in ((Ticket.profile, wanted.profile), (Ticket.topic, wanted.topic)) if value),
    ]  # fmt: skip


def _places(grants: Iterable[Held], wanted: Wanted, uai: sa.ColumnElement, at: sa.ColumnElement
            ) -> list[sa.ColumnElement[bool]]:  # fmt: skip
    conditions: list[sa.ColumnElement[bool]] = []
    held = grants_for(grants, Permission.READ_INDICATORS)
    # A question of no known school is in nobody's territory but everything's.
    if not any(grant.scope == Scope.TOUT for grant in held):
        conditions.append(uai.in_(sa.select(School.uai).where(covered(held))))
    if wanted.uai:
        conditions.append(uai == wanted.uai)
    if wanted.wave is not None:
        conditions.append(while_in(wanted.wave, uai, at))
    return conditions


def while_in(wave_id: int, uai: sa.ColumnElement, at: sa.ColumnElement) -> sa.ColumnElement[bool]:
    """Return the condition that a school was in a wave at an instant: what it asks once it left counts elsewhere."""
    stay = aliased(WaveSchool)
    return (
        sa.exists()
        .where(stay.wave_id == wave_id, stay.uai == uai, stay.since <= at)
        .where(sa.or_(stay.until.is_(None), stay.until > at))
    )


# --- questions --------------------------------------------------------------------------------


async def count_by(
    session: AsyncSession, key: sa.ColumnElement | None, conditions: Sequence[sa.ColumnElement[bool]], now: datetime, *,
    by_wave: bool = False,
) -> list[Count]:  # fmt: skip
    """Return what became of the questions, by a column (none: all of them under one count, if there are any)."""

    def number(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
        return sa.func.sum(sa.case((condition, 1), else_=0))

    ripe = Question.ended_at <= now - LASTING
    counted = Question.verdict.in_(COUNTED)
    query = sa.select(
        sa.literal(None) if key is None else key,
        sa.func.count(Question.asker.distinct()),
        number(counted),
        *(number(Question.verdict == verdict) for verdict in (SOLVED, UNSOLVED, SILENT, HANDED, UNANSWERED, URGENT)),
        number(sa.and_(counted, ripe)),
        number(sa.and_(Question.verdict == SOLVED, ripe, sa.not_(Question.returned))),
    ).where(Question.verdict.in_((*COUNTED, URGENT)), *conditions)
    if by_wave:
        query = query.outerjoin(
            WaveSchool,
            sa.and_(
                WaveSchool.uai == Question.uai, WaveSchool.since <= Question.at,
                sa.or_(WaveSchool.until.is_(None), WaveSchool.until > Question.at),
            ),
        ).outerjoin(Wave, Wave.id == WaveSchool.wave_id)  # fmt: skip
    if key is not None:
        query = query.group_by(key).order_by(sa.func.count().desc()).limit(_MAX_KEYS)
    rows = (await session.execute(query)).all()
    return [Count(row[0], *(int(number or 0) for number in row[1:])) for row in rows if row[1]]


async def count_worries(session: AsyncSession, conditions: Sequence[sa.ColumnElement[bool]]) -> list[Count]:
    """Return how often each worry was voiced, by profile: the key is « worry|profile »."""
    rows = await session.execute(
        sa.select(Question.worry, Question.profile, sa.func.count(Question.asker.distinct()), sa.func.count())
        .where(Question.worry.is_not(None), *conditions)
        .group_by(Question.worry, Question.profile)
    )
    return [Count(f"{worry}|{profile or ''}", persons, asked) for worry, profile, persons, asked in rows.all()]


async def name_schools(session: AsyncSession, codes: Iterable[str | None]) -> dict[str, str]:
    """Return the names of schools by their code."""
    rows = await session.scalars(sa.select(School).where(School.uai.in_([code for code in codes if code])))
    return {school.uai: f"{school.name}, {school.commune} ({school.uai})" for school in rows.all()}


# --- requests ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Handled:
    """The requests of a period: how many a level, how long each waited, in hours, and what was said of them (yes, no)."""

    levels: Mapping[int, int]
    hours: Mapping[int, tuple[list[float], list[float]]]
    rated: tuple[int, int]
    in_working_time: bool


async def read_requests(session: AsyncSession, grants: Iterable[Held], wanted: Wanted) -> Handled:
    """Return how the requests of a territory and a period were dealt with."""
    return await handle_times(session, _requests(list(grants), wanted))


async def handle_times(session: AsyncSession, conditions: Sequence[sa.ColumnElement[bool]]) -> Handled:
    """Return how the requests under these conditions on Ticket were dealt with."""
    levels = dict(
        (await session.execute(sa.select(Ticket.level, sa.func.count()).where(*conditions).group_by(Ticket.level)))
        .tuples().all()
    )  # fmt: skip
    rated = dict(
        (
            await session.execute(
                sa.select(Ticket.rating, sa.func.count())
                .where(Ticket.rating.is_not(None), *conditions)
                .group_by(Ticket.rating)
            )
        ).tuples().all()
    )  # fmt: skip
    rows = await session.execute(
        sa.select(Ticket.level, Ticket.opened_at, Ticket.answered_at, Ticket.resolved_at, School.academie)
        .outerjoin(School, School.uai == Ticket.uai)
        .where(*conditions)
        .order_by(Ticket.opened_at.desc())
        .limit(TIMED)
    )
    calendars = {
        row.academie: Calendar.from_json(row.data) for row in (await session.scalars(sa.select(CalendarRow))).all()
    }
    hours: dict[int, tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
    for level, opened_at, answered_at, resolved_at, academie in rows.all():
        calendar = calendars.get(academie or EVERY_ACADEMIE) or calendars.get(EVERY_ACADEMIE)
        for kept, ended_at in zip(hours[level], (answered_at, resolved_at)):
            if ended_at is not None:
                kept.append(_hours(calendar, opened_at, ended_at))
    return Handled(levels, hours, (rated.get(True, 0), rated.get(False, 0)), bool(calendars))


def _hours(calendar: Calendar | None, begin: datetime, end: datetime) -> float:
    if calendar is not None:
        try:
            return working_time_between(calendar, begin, end).total_seconds() / 3600
        except InvalidInput:
            pass
    return max(0.0, (end - begin).total_seconds() / 3600)
