"""Rasa's own memory of a conversation, in its SQLite file: erased and purged with ours, for Rasa has no way to."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from bot.errors import StorageUnavailable
from bot.privacy.service import Retention, Subject

_WAIT_S = 2.0


class TrackerData:
    """The table `events` of Rasa's tracker store."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def export(self, session: AsyncSession, subject: Subject) -> dict[str, Any]:
        """Add nothing: it repeats what the conversation holds."""
        return {}

    async def erase(self, session: AsyncSession, subject: Subject) -> None:
        """Remove a conversation's events."""
        await self._run("DELETE FROM events WHERE sender_id = ?", (subject.conversation_id,))

    async def purge(self, session: AsyncSession, now: datetime, retention: Retention) -> dict[str, int]:
        """Remove old events."""
        before = (now - retention.conversations).timestamp()
        return {"tracker": await self._run("DELETE FROM events WHERE timestamp < ?", (before,))}

    async def _run(self, statement: str, values: tuple[Any, ...]) -> int:
        return await asyncio.to_thread(self._run_now, statement, values)

    def _run_now(self, statement: str, values: tuple[Any, ...]) -> int:
        if not self._path.exists():
            return 0
        try:
            with closing(sqlite3.connect(self._path, timeout=_WAIT_S)) as connection, connection:
                return connection.execute(statement, values).rowcount
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return 0
            raise StorageUnavailable from error
