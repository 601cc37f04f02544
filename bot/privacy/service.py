"""Export, erasure and purge of personal data, over every capability that holds some."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import Clock
from bot.db import Database

log = structlog.get_logger()


@dataclass(frozen=True)
class Retention:
    """How long each kind of data is kept after the last use; past it, the daily purge removes it."""

    conversations: timedelta = timedelta(days=180)
    events: timedelta = timedelta(days=7)
    closed_tickets: timedelta = timedelta(days=365)
    # A telephone, an e-mail or an image that no request took within this time was not given for one.
    unused_contacts: timedelta = timedelta(days=1)
    # A message of the inbox that was given to a topic or discarded stays as long as the gesture can be undone.
    settled_lines: timedelta = timedelta(days=30)


@dataclass(frozen=True)
class Subject:
    """Whose data: a conversation and its person."""

    conversation_id: str
    person_id: str


class PersonalDataHolder(Protocol):
    """A capability that holds personal data; it works inside the transaction that it is given."""

    async def export(self, session: AsyncSession, subject: Subject) -> dict[str, Any]:
        """Return what is held of the subject, by kind."""

    async def erase(self, session: AsyncSession, subject: Subject) -> None:
        """Remove it."""

    async def purge(self, session: AsyncSession, now: datetime, retention: Retention) -> dict[str, int]:
        """Remove what is past its time; return how many rows, by kind."""


class PersonalData:
    """Asks every holder, in one transaction, in the order of the list."""

    def __init__(self, database: Database, clock: Clock, holders: Sequence[PersonalDataHolder],
                 retention: Retention | None = None) -> None:  # fmt: skip
        self._database = database
        self._clock = clock
        self._holders = holders
        self.retention = retention or Retention()

    async def export(self, subject: Subject) -> dict[str, Any]:
        """Return all that is held of the subject."""
        exported: dict[str, Any] = {}
        async with self._database.reading() as session:
            for holder in self._holders:
                exported.update(await holder.export(session, subject))
        return exported

    async def erase(self, subject: Subject) -> None:
        """Remove all that is held of the subject, or nothing."""
        async with self._database.transaction() as session:
            for holder in self._holders:
                await holder.erase(session, subject)
        log.info("erased", conversation=subject.conversation_id)

    async def purge(self) -> dict[str, int]:
        """Remove what is past its time, a batch a transaction until nothing is left: no lock is held for long."""
        removed: Counter[str] = Counter()
        while True:
            batch: dict[str, int] = {}
            async with self._database.transaction() as session:
                for holder in self._holders:
                    batch.update(await holder.purge(session, self._clock.now(), self.retention))
            removed.update(batch)
            if not any(batch.values()):
                break
        log.info("purged", **removed)
        return dict(removed)
