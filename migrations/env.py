"""Alembic's environment: the tables of every capability, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio

from alembic import context
from sqlalchemy import Connection

import bot.connectors.models
import bot.conversations.models
import bot.escalation.models
import bot.knowledge.models
import bot.learning.models
import bot.people.models
import bot.rollout.models
import bot.web.lease  # noqa: F401
from bot.db import Base, Instant, create_engine
from bot.migrations import is_in_models
from bot.settings import Settings


def render(kind: str, item: object, autogen) -> str | bool:
    """Write our own column type by its name, imported by script.py.mako."""
    return "Instant()" if kind == "type" and isinstance(item, Instant) else False


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        compare_type=True,
        render_item=render,
        include_object=is_in_models,
    )
    with context.begin_transaction():
        context.run_migrations()


async def migrate() -> None:
    url = context.config.attributes.get("url") or Settings.from_env().storage_url
    engine = create_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(run)
    await engine.dispose()


asyncio.run(migrate())
