"""The database's own rules: instants, transactions, what the drivers throw."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, StatementError

from bot.db import BUSY_TIMEOUT_MS, Base, Database
from bot.errors import StorageUnavailable
from bot.web.lease import LeaseRow

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture
async def leases(database_url: str):
    """A database with one small table."""
    database = Database(database_url)
    async with database.engine.begin() as connection:
        await connection.run_sync(lambda sync: Base.metadata.create_all(sync, tables=[LeaseRow.__table__]))
    yield database
    await database.close()


async def names(database: Database) -> list[str]:
    async with database.transaction() as session:
        return list((await session.scalars(sa.select(LeaseRow.name).order_by(LeaseRow.name))).all())


async def write_twice(database: Database, name: str) -> None:
    async with database.transaction() as session:
        for _ in range(2):
            await session.execute(sa.insert(LeaseRow).values(name=name, until=NOON))


async def test_an_instant_comes_back_the_same_and_in_utc(leases: Database) -> None:
    paris = timezone(timedelta(hours=1))
    async with leases.transaction() as session:
        session.add(LeaseRow(name="a", until=NOON.astimezone(paris)))
    async with leases.transaction() as session:
        found = await session.scalar(sa.select(LeaseRow.until))
    assert found == NOON
    assert found.tzinfo == UTC


async def test_an_instant_without_a_zone_is_refused(leases: Database) -> None:
    with pytest.raises(StatementError, match="without a zone"):
        async with leases.transaction() as session:
            session.add(LeaseRow(name="a", until=NOON.replace(tzinfo=None)))


async def test_instants_are_compared_as_instants(leases: Database) -> None:
    async with leases.transaction() as session:
        session.add(LeaseRow(name="a", until=NOON))
    tokyo = (NOON + timedelta(minutes=1)).astimezone(timezone(timedelta(hours=9)))
    async with leases.transaction() as session:
        assert await session.scalar(sa.select(LeaseRow.name).where(LeaseRow.until < tokyo)) == "a"


async def test_a_block_that_ends_well_is_kept(leases: Database) -> None:
    async with leases.transaction() as session:
        session.add(LeaseRow(name="a", until=NOON))
    assert await names(leases) == ["a"]


async def test_a_block_that_fails_leaves_nothing(leases: Database) -> None:
    async def write() -> None:
        async with leases.transaction() as session:
            session.add(LeaseRow(name="a", until=NOON))
            await session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await write()
    assert await names(leases) == []


async def test_a_block_that_is_given_up_leaves_nothing(leases: Database) -> None:
    async def write() -> None:
        async with leases.transaction() as session:
            session.add(LeaseRow(name="a", until=NOON))
            await session.flush()
            await asyncio.sleep(10)

    writing = asyncio.create_task(write())
    await asyncio.sleep(0.3)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert await names(leases) == []


async def test_a_statement_that_is_wrong_is_not_taken_for_a_database_that_is_out(leases: Database) -> None:
    with pytest.raises(IntegrityError):
        await write_twice(leases, "a")
    assert await names(leases) == []


async def test_a_table_that_is_not_there_yet_is_a_database_that_is_out(leases: Database) -> None:
    with pytest.raises(StorageUnavailable):
        async with leases.transaction() as session:
            await session.execute(sa.text("SELECT * FROM conversations"))


async def test_a_writer_waits_for_another_no_longer_than_said(leases: Database) -> None:
    async with leases.transaction() as session:
        session.add(LeaseRow(name="a", until=NOON))
    loop = asyncio.get_running_loop()
    async with leases.transaction() as session:
        await session.execute(sa.update(LeaseRow).values(until=NOON + timedelta(days=1)))
        started = loop.time()
        with pytest.raises(StorageUnavailable):
            async with leases.transaction() as other:
                await other.execute(sa.update(LeaseRow).values(until=NOON))
        waited = loop.time() - started
    assert BUSY_TIMEOUT_MS / 1000 - 0.2 < waited < 3.9


async def test_a_writer_who_waits_less_gets_his_turn(leases: Database) -> None:
    async def write(name: str) -> None:
        async with leases.transaction() as session:
            session.add(LeaseRow(name=name, until=NOON))
            await session.flush()
            await asyncio.sleep(0.01)

    wanted = [f"bail {index:02}" for index in range(15)]
    await asyncio.gather(*map(write, wanted))
    assert await names(leases) == wanted


async def test_writers_take_turns_as_they_came_and_none_is_turned_away(leases: Database) -> None:
    """Sixty at once, where SQLite's own waiting lets some pass others until they are out of time."""
    order: list[int] = []

    async def write(number: int) -> None:
        async with leases.transaction() as session:
            session.add(LeaseRow(name=f"bail {number:02}", until=NOON))
            await session.flush()
            await asyncio.sleep(0.02)
            order.append(number)

    await asyncio.gather(*map(write, range(60)))
    assert len(await names(leases)) == 60
    if "sqlite" in str(leases.engine.url):
        assert order == sorted(order)


async def test_a_process_that_stood_still_does_not_cost_a_writer_his_turn(leases: Database) -> None:
    holds, waits = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with leases.transaction() as session:
            session.add(LeaseRow(name="a", until=NOON))
            holds.set()
            await waits.wait()
            # Nothing of this process runs meanwhile, as when its machine is paused.
            time.sleep(BUSY_TIMEOUT_MS / 1000 + 0.2)
            await asyncio.sleep(0.05)

    async def write() -> None:
        async with leases.transaction() as session:
            session.add(LeaseRow(name="b", until=NOON))

    holding = asyncio.create_task(hold())
    await holds.wait()
    writing = asyncio.create_task(write())
    await asyncio.sleep(0.1)
    waits.set()
    await asyncio.gather(holding, writing)
    assert await names(leases) == ["a", "b"]


async def test_a_writer_who_gives_up_waiting_leaves_the_turn_to_the_next(leases: Database) -> None:
    if "sqlite" not in str(leases.engine.url):
        pytest.skip("PostgreSQL's writers do not wait for one another")

    async def write(name: str) -> None:
        async with leases.transaction() as session:
            session.add(LeaseRow(name=name, until=NOON))

    async with leases.transaction() as session:
        session.add(LeaseRow(name="a", until=NOON))
        await session.flush()
        given_up, next_one = asyncio.create_task(write("b")), asyncio.create_task(write("c"))
        await asyncio.sleep(0.1)
        given_up.cancel()
    await next_one
    with pytest.raises(asyncio.CancelledError):
        await given_up
    assert await names(leases) == ["a", "c"]


async def test_what_was_being_stored_is_not_in_the_exception(leases: Database) -> None:
    with pytest.raises(IntegrityError) as caught:
        await write_twice(leases, "mes parents divorcent")
    assert "INSERT" in str(caught.value)
    if "sqlite" in str(leases.engine.url):
        assert "divorcent" not in str(caught.value)


async def test_sqlite_writes_ahead_and_minds_foreign_keys(leases: Database) -> None:
    if "sqlite" not in str(leases.engine.url):
        pytest.skip("SQLite's own settings")
    async with leases.transaction() as session:
        values = [
            (await session.execute(sa.text(f"PRAGMA {name}"))).scalar() for name in ("journal_mode", "foreign_keys")
        ]
    assert values == ["wal", 1]


async def test_a_database_that_was_not_migrated_is_not_ready(leases: Database) -> None:
    assert await leases.is_ready() is False
