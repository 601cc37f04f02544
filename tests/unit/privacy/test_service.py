"""Export, erasure and purge: every holder is asked, all or nothing, batch by batch."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from bot.clock import FixedClock
from bot.db import Database
from bot.privacy.service import PersonalData, Retention, Subject
from bot.web.lease import LeaseRow

SUBJECT = Subject("conversation", "personne")
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Holder:
    """Something that holds data; `left` rows are purged two at a time."""

    def __init__(self, name: str, left: int = 0, breaks: bool = False) -> None:
        self.name, self.left, self.breaks = name, left, breaks
        self.asked: list[Any] = []

    async def export(self, session, subject: Subject) -> dict[str, Any]:
        return {self.name: [subject.conversation_id]}

    async def erase(self, session, subject: Subject) -> None:
        self.asked.append(subject)
        session.add(LeaseRow(name=self.name, until=NOON))
        await session.flush()
        if self.breaks:
            raise RuntimeError

    async def purge(self, session, now: datetime, retention: Retention) -> dict[str, int]:
        self.asked.append((now, retention))
        taken = min(self.left, 2)
        self.left -= taken
        return {self.name: taken}


async def names(database: Database) -> list[str]:
    async with database.transaction() as session:
        return list((await session.scalars(sa.select(LeaseRow.name))).all())


async def test_the_export_is_what_every_holder_gives(database: Database, clock: FixedClock) -> None:
    data = PersonalData(database, clock, [Holder("a"), Holder("b")])
    assert await data.export(SUBJECT) == {"a": ["conversation"], "b": ["conversation"]}


async def test_every_holder_erases_in_one_transaction(database: Database, clock: FixedClock) -> None:
    await PersonalData(database, clock, [Holder("a"), Holder("b")]).erase(SUBJECT)
    assert sorted(await names(database)) == ["a", "b"]


async def test_when_one_cannot_erase_none_does(database: Database, clock: FixedClock) -> None:
    data = PersonalData(database, clock, [Holder("a"), Holder("b", breaks=True), Holder("c")])
    with pytest.raises(RuntimeError):
        await data.erase(SUBJECT)
    assert await names(database) == []


async def test_a_purge_goes_on_until_nothing_is_left(database: Database, clock: FixedClock) -> None:
    holders = [Holder("a", left=5), Holder("b", left=1)]
    data = PersonalData(database, clock, holders)
    assert await data.purge() == {"a": 5, "b": 1}
    assert [holder.left for holder in holders] == [0, 0]
    assert holders[0].asked[0] == (clock.now(), data.retention)
