"""Use cases of the announcements."""

from __future__ import annotations

import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import Clock
from bot.db import Database
from bot.errors import InvalidInput
from bot.people.models import School
from bot.people.rules import Scope, covers
from bot.rollout.models import Announcement
from bot.topics import PROFILES

LEVELS = ("info", "incident")


async def publish(
    database: Database, clock: Clock, *, level: str, title: str, text: str, profiles: tuple[str, ...] = (),
    ends_at: datetime | None = None,
) -> str:  # fmt: skip
    """Publish an announcement for these profiles (none: for all), everywhere; return its id."""
    async with database.transaction() as session:
        return publish_in(session, clock.now(), level=level, title=title, text=text, profiles=profiles, ends_at=ends_at)


def publish_in(
    session: AsyncSession, now: datetime, *, level: str, title: str, text: str, profiles: tuple[str, ...] = (),
    ends_at: datetime | None = None, territory: tuple[str, str] | None = None,
) -> str:  # fmt: skip
    """Do the same within a transaction; `territory` (scope and name) is the only one where it is shown."""
    if level not in LEVELS:
        raise InvalidInput(f"Le niveau est info ou incident, pas « {level} ».")
    unknown = set(profiles) - set(PROFILES)
    if unknown:
        raise InvalidInput(f"Profils inconnus : {', '.join(sorted(unknown))}.")
    if not title.strip() or len(title) > 200:
        raise InvalidInput("Le titre compte de 1 à 200 caractères.")
    identifier = str(uuid.uuid4())
    scope, place = territory or (None, None)
    session.add(
        Announcement(
            id=identifier, level=level, title=title.strip(), text=text.strip(), profiles=list(profiles), scope=scope,
            territory=place, starts_at=now, ends_at=ends_at,
        )
    )  # fmt: skip
    return identifier


async def withdraw(database: Database, clock: Clock, identifier: str) -> bool:
    """End an announcement now; return whether there was one."""
    async with database.transaction() as session:
        return await withdraw_in(session, clock.now(), identifier)


async def withdraw_in(session: AsyncSession, now: datetime, identifier: str) -> bool:
    """Do the same within a transaction."""
    announcement = await session.get(Announcement, identifier)
    if announcement is None:
        return False
    announcement.ends_at = now
    return True


async def current(database: Database, clock: Clock, profile: str | None, uai: str | None) -> list[Announcement]:
    """Return what is on show for a profile at a school (None: not known): incidents first, then the newest."""
    now = clock.now()
    async with database.reading() as session:
        rows = (
            await session.scalars(
                sa.select(Announcement)
                .where(
                    Announcement.starts_at <= now, sa.or_(Announcement.ends_at.is_(None), Announcement.ends_at > now)
                )
                .order_by(Announcement.starts_at.desc())
            )
        ).all()
        school = await session.get(School, uai) if uai and any(row.scope for row in rows) else None
    shown = [
        row
        for row in rows
        if (not row.profiles or profile in row.profiles) and (row.scope is None or _is_shown_at(row, school))
    ]
    return sorted(shown, key=lambda row: row.level != "incident")


def _is_shown_at(row: Announcement, school: School | None) -> bool:
    return row.scope == Scope.TOUT or (school is not None and covers(row, school))
