"""What every test may ask for: settings, a clock, a migrated and loaded database of either kind, the application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import hypothesis
import pytest
import yaml

from bot import migrations
from bot.clock import FixedClock
from bot.db import Database
from bot.knowledge import service as knowledge
from bot.people.service import save_schools
from bot.settings import ROOT, Settings, read_settings
from bot.topics import load_topics
from tests.soak import LONG

pytest_plugins = ["tests.machine", "tests.parallel", "tests.postgres", "tests.stack"]

# The same examples each time, but in the long form: it is there to find what nobody thought of, and says how to see it again.
hypothesis.settings.register_profile("assistent", derandomize=not LONG, deadline=None, database=None, print_blob=True)
hypothesis.settings.load_profile("assistent")


@pytest.fixture
def clock() -> FixedClock:
    """A Monday morning of November."""
    return FixedClock(datetime(2026, 11, 23, 9, 0, tzinfo=UTC))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database, of each kind in turn."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgres_url")
    return f"sqlite+aiosqlite:///{tmp_path / 'assistent.db'}"


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    """The demonstration's settings, writing in a folder of the test's own."""
    return read_settings(
        {
            "ASSISTENT_DATABASE_URL": database_url,
            "ASSISTENT_VAR_DIR": str(tmp_path / "var"),
            "ASSISTENT_RATE_LIMITS": "off",
        }
    )


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    """A database, migrated."""
    await asyncio.to_thread(migrations.upgrade, ROOT, settings.storage_url)
    database = Database(settings.storage_url)
    yield database
    await database.close()


@pytest.fixture
async def loaded(database: Database, clock: FixedClock) -> Database:
    """A database with the demonstration's territory and the project's articles."""
    data = yaml.safe_load((ROOT / "deploy" / "demonstration.yml").read_text(encoding="utf-8"))
    async with database.transaction() as session:
        await save_schools(session, data["schools"])
        for layer in data["values"]:
            await knowledge.set_values(session, layer["scope"], layer["territory"], layer["set"])
    report = await knowledge.import_articles(database, ROOT / "knowledge", load_topics(), clock, author="essai")
    assert not report.refused
    return database
