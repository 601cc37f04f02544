"""Migrations: up and down again, on both kinds, and the same tables as the models."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import bot.web.app
from bot import migrations
from bot.db import Base, Database, create_engine
from bot.errors import OperationError
from bot.settings import ROOT

assert bot.web.app  # every capability's tables are known once it is imported


async def tables(url: str) -> set[str]:
    engine = create_engine(url)
    async with engine.connect() as connection:
        found = await connection.run_sync(lambda sync: set(sa.inspect(sync).get_table_names()))
    await engine.dispose()
    return found


async def differences(url: str) -> list:
    def compare(connection: sa.Connection) -> list:
        options = {"compare_type": True, "compare_server_default": True, "include_object": migrations.is_in_models}
        return compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata)

    engine = create_engine(url)
    async with engine.connect() as connection:
        found = await connection.run_sync(compare)
    await engine.dispose()
    return found


async def test_migrated_up_the_tables_are_those_of_the_models(database_url: str) -> None:
    await asyncio.to_thread(migrations.upgrade, ROOT, database_url)
    assert await tables(database_url) == {table.name for table in Base.metadata.sorted_tables} | {"alembic_version"}
    assert await differences(database_url) == []


async def test_migrated_down_nothing_is_left_and_up_again_all_is_there(database_url: str) -> None:
    await asyncio.to_thread(migrations.upgrade, ROOT, database_url)
    await asyncio.to_thread(migrations.downgrade, ROOT, database_url, "base")
    assert await tables(database_url) == {"alembic_version"}
    await asyncio.to_thread(migrations.upgrade, ROOT, database_url)
    assert await differences(database_url) == []


async def test_each_step_goes_down_and_up_again(database_url: str) -> None:
    script = ScriptDirectory(str(ROOT / "migrations"))
    for revision in reversed(list(script.walk_revisions())):
        await asyncio.to_thread(migrations.upgrade, ROOT, database_url, revision.revision)
        await asyncio.to_thread(migrations.downgrade, ROOT, database_url, revision.down_revision or "base")
        await asyncio.to_thread(migrations.upgrade, ROOT, database_url, revision.revision)
    assert await differences(database_url) == []


async def test_migrating_again_changes_nothing(database_url: str) -> None:
    for _ in range(2):
        await asyncio.to_thread(migrations.upgrade, ROOT, database_url)
    database = Database(database_url)
    assert await database.is_ready()
    await database.close()


async def test_a_database_that_cannot_be_reached_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(OperationError, match="ASSISTENT_DATABASE_URL"):
        await asyncio.to_thread(migrations.upgrade, ROOT, f"postgresql+asyncpg://x@/x?host={tmp_path}")
