"""What an open chat is told as it happens: one reader of the database for all the streams of this process."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict

import structlog

from bot.conversations.models import ConversationEvent
from bot.conversations.service import events_after, last_event_id
from bot.db import Database
from bot.errors import StorageUnavailable

POLL_S = 0.5
# A reader this far behind is cut off: it will come back with its Last-Event-ID.
QUEUE = 100
# Two transactions may commit in another order than their numbers': this many numbers are looked at again each time.
OVERLAP = 100

log = structlog.get_logger()


class EventHub:
    """Hands each new event to the streams of its conversation."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queues: dict[str, set[asyncio.Queue[ConversationEvent | None]]] = defaultdict(set)
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
    async def listen(self, conversation_id: str):
        """Give a queue of the conversation's events; None in it means: come back later."""
        if not self.listeners:
            async with self._database.reading() as session:
                newest = await last_event_id(session)
                seen = {event.id for event in await events_after(session, newest - OVERLAP)}
            # Another stream may have come in between, and be owed what came since.
            if not self.listeners:
                self._last, self._seen = newest, seen
        queue: asyncio.Queue[ConversationEvent | None] = asyncio.Queue(QUEUE)
        self._queues[conversation_id].add(queue)
        try:
            yield queue
        finally:
            self._queues[conversation_id].discard(queue)
            if not self._queues[conversation_id]:
                del self._queues[conversation_id]

    async def _read(self) -> None:
        while True:
            await asyncio.sleep(POLL_S)
            if not self.listeners:
                continue
            try:
                async with self._database.reading() as session:
                    events = await events_after(session, self._last - OVERLAP)
            except StorageUnavailable:
                log.warning("events_unreadable")
                continue
            for event in events:
                if event.id not in self._seen:
                    for queue in tuple(self._queues.get(event.conversation_id, ())):
                        self._give(queue, event)
            self._last = max([self._last, *(event.id for event in events)])
            self._seen = {event.id for event in events if event.id > self._last - OVERLAP}

    @staticmethod
    def _give(queue: asyncio.Queue[ConversationEvent | None], event: ConversationEvent) -> None:
        if queue.qsize() >= QUEUE - 1:
            event = None
        with contextlib.suppress(asyncio.QueueFull):
            queue.put_nowait(event)
