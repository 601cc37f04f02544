"""What open pages are told as it happens: one reader of the database for all the streams of this process."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Generic, Protocol, TypeVar

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import Database
from bot.errors import StorageUnavailable

POLL_S = 0.5
# A reader this far behind is cut off: it will come back with its Last-Event-ID.
QUEUE = 100
# Two transactions may commit in another order than their numbers': this many numbers are looked at again each time.
OVERLAP = 100

log = structlog.get_logger()


class Numbered(Protocol):
    """A row that is read in the order of its numbers."""

    id: int


E = TypeVar("E", bound=Numbered)


class EventHub(Generic[E]):
    """Hands each new event to the streams that listen to its key: a conversation, or all of a console."""

    def __init__(
        self, database: Database, *, newest: Callable[[AsyncSession], Awaitable[int]],
        after: Callable[[AsyncSession, int], Awaitable[list[E]]], key: Callable[[E], str],
    ) -> None:  # fmt: skip
        """Read with `after` what comes after a number, `newest` being the last one given."""
        self._database = database
        self._newest = newest
        self._after = after
        self._key = key
        self._queues: dict[str, set[asyncio.Queue[E | None]]] = defaultdict(set)
        self._last = 0
        self._seen: set[int] = set()
        self._task: asyncio.Task[None] | None = None

    @property
    def listeners(self) -> int:
        """How many streams are open."""
        return sum(map(len, self._queues.values()))

    async def start(self) -> None:
        """Begin to read."""
        self._task = asyncio.create_task(self._read())

    async def stop(self) -> None:
        """Stop reading and end every stream."""
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        for queues in self._queues.values():
            for queue in queues:
                with contextlib.suppress(asyncio.QueueFull):
                    queue.put_nowait(None)

    @contextlib.asynccontextmanager
    async def listen(self, key: str) -> AsyncIterator[asyncio.Queue[E | None]]:
        """Give a queue of the events of `key`; None in it means: come back later."""
        if not self.listeners:
            async with self._database.reading() as session:
                newest = await self._newest(session)
                seen = {event.id for event in await self._after(session, newest - OVERLAP)}
            # Another stream may have come in between, and be owed what came since.
            if not self.listeners:
                self._last, self._seen = newest, seen
        queue: asyncio.Queue[E | None] = asyncio.Queue(QUEUE)
        self._queues[key].add(queue)
        try:
            yield queue
        finally:
            self._queues[key].discard(queue)
            if not self._queues[key]:
                del self._queues[key]

    async def _read(self) -> None:
        while True:
            await asyncio.sleep(POLL_S)
            if not self.listeners:
                continue
            try:
                async with self._database.reading() as session:
                    events = await self._after(session, self._last - OVERLAP)
            except StorageUnavailable:
                log.warning("events_unreadable")
                continue
            for event in events:
                if event.id not in self._seen:
                    for queue in tuple(self._queues.get(self._key(event), ())):
                        self._give(queue, event)
            self._last = max([self._last, *(event.id for event in events)])
            self._seen = {event.id for event in events if event.id > self._last - OVERLAP}

    @staticmethod
    def _give(queue: asyncio.Queue[E | None], event: E | None) -> None:
        if queue.qsize() >= QUEUE - 1:
            event = None
        with contextlib.suppress(asyncio.QueueFull):
            queue.put_nowait(event)
