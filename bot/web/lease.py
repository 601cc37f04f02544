"""Leases in the database: of several processes, one does a job."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from bot.clock import Clock
from bot.db import Base, Database, Instant


class LeaseRow(Base):
    """Who need not do a job again before when."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    until: Mapped[datetime] = mapped_column(Instant)


class Lease:
    """Takes leases."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def take(self, name: str, until: datetime) -> bool:
        """Take the lease `name` until then; return False when somebody holds it."""
        async with self._database.transaction() as session:
            taken = await session.execute(
                sa.update(LeaseRow)
                .where(LeaseRow.name == name, LeaseRow.until <= self._clock.now())
                .values(until=until)
            )
            if taken.rowcount:
                return True
            try:
                async with session.begin_nested():
                    session.add(LeaseRow(name=name, until=until))
            except IntegrityError:
                return False
            return True

    async def give_back(self, name: str, until: datetime) -> None:
        """End, before its time, the lease that was taken until then; another's is left."""
        async with self._database.transaction() as session:
            await session.execute(
                sa.update(LeaseRow)
                .where(LeaseRow.name == name, LeaseRow.until == until)
                .values(until=self._clock.now())
            )
