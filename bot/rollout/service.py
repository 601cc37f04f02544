"""Use cases of the announcements."""

from __future__ import annotations

import uuid
from datetime import datetime

import sqlalchemy as sa

from bot.clock import Clock
from bot.db import Database
from bot.errors import InvalidInput
from bot.rollout.models import Announcement
from bot.topics import PROFILES

LEVELS = ("info", "incident")


async def publish(
    database: Database, clock: Clock, *, level: str, title: str, text: str, profiles: tuple[str, ...] = (),
    ends_at: datetime | None = None,
) -> str:  # fmt: skip
    """Publish an announcement for these profiles (none: for all); return its id."""
    if level not in LEVELS:
        raise InvalidInput(f"Le niveau est info ou incident, pas « {level} ».")
    unknown = set(profiles) - set(PROFILES)
    if unknown:
        raise InvalidInput(f"Profils inconnus : {', '.join(sorted(unknown))}.")
    if not title.strip() or len(title) > 200:
        raise InvalidInput("Le titre compte de 1 à 200 caractères.")
    identifier = str(uuid.uuid4())
    async with database.transaction() as session:
        session.add(
            Announcement(
                id=identifier,
                level=level,
                title=title.strip(),
                text=text.strip(),
                profiles=list(profiles),
                starts_at=clock.now(),
                ends_at=ends_at,
            )
        )
    return identifier


async def withdraw(database: Database, clock: Clock, identifier: str) -> bool:
    """End an announcement now; return whether there was one."""
    async with database.transaction() as session:
        announcement = await session.get(Announcement, identifier)
        if announcement is None:
            return False
        announcement.ends_at = clock.now()
        return True


async def current(database: Database, clock: Clock, profile: str | None) -> list[Announcement]:
    """Return what is on show for a profile: incidents first, then the newest."""
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
    shown = [row for row in rows if not row.profiles or profile in row.profiles]
    return sorted(shown, key=lambda row: row.level != "incident")
