"""Rasa's memory of a conversation, at the price of what a message needs: Rasa's own table, read and written less.

Rasa's store reads every event since the conversation began, counts them again before it writes, and with SQLite opens
the file anew and waits for the disk each time. What the assistant must not lose is in the gateway's database; here a
crash of the machine may cost the last turn, and rules look no further back than a few.
"""

from __future__ import annotations

import functools
import json
from typing import Any

import sqlalchemy as sa
from rasa.core.tracker_store import SQLTrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import Event, SessionStarted
from rasa.shared.core.trackers import DialogueStateTracker

# Four turns, of seven events each: the stories look three back.
EVENTS_READ = 30
_BUSY_TIMEOUT_S = 2.0
# Rasa walks through all of its classes for each event that it reads.
_kind_of = functools.cache(Event.resolve_by_type)


class RecentTrackerStore(SQLTrackerStore):
    """SQLTrackerStore that reads the last events only, and writes those added since it read."""

    _newest = (
        sa.select(SQLTrackerStore.SQLEvent.type_name, SQLTrackerStore.SQLEvent.data)
        .where(SQLTrackerStore.SQLEvent.sender_id == sa.bindparam("sender_id"))
        .order_by(SQLTrackerStore.SQLEvent.id.desc())
        .limit(EVENTS_READ)
    )
    _insert = sa.insert(SQLTrackerStore.SQLEvent.__table__)

    def __init__(self, domain: Domain | None = None, dialect: str = "sqlite", **options: Any) -> None:
        super().__init__(domain, dialect, **options)
        if dialect == "sqlite":
            self.engine.dispose()
            self.engine = _open_sqlite(self.engine.url)
            self.sessionmaker = sa.orm.sessionmaker(bind=self.engine)

    async def retrieve(self, sender_id: str) -> DialogueStateTracker | None:
        """Return the conversation as its last events leave it, those of its running session; None when there are none."""
        with self.engine.connect() as connection:
            rows = connection.execute(self._newest, {"sender_id": sender_id}).all()
        if not rows or self.domain is None:
            return None
        begun = next((place for place, row in enumerate(rows) if row.type_name == SessionStarted.type_name), len(rows))
        events = [_kind_of(row.type_name)._from_parameters(json.loads(row.data)) for row in reversed(rows[: begun + 1])]
        tracker = DialogueStateTracker.from_events(sender_id, events, self.domain.slots)
        tracker.stored_events = len(tracker.events)
        return tracker

    async def retrieve_full_tracker(self, conversation_id: str) -> DialogueStateTracker | None:
        """Return the conversation with all its events."""
        tracker = await super().retrieve_full_tracker(conversation_id)
        if tracker is not None:
            tracker.stored_events = len(tracker.events)
        return tracker

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Write the events added since the conversation was read."""
        await self.stream_events(tracker)
        # What was not read from here is new.
        added = list(tracker.events)[getattr(tracker, "stored_events", 0) :]
        if not added:
            return
        rows = [_row_of(tracker.sender_id, event.type_name, event.as_dict()) for event in added]
        with self.engine.begin() as connection:
            connection.execute(self._insert, rows)
        tracker.stored_events = len(tracker.events)


def _row_of(sender_id: str, type_name: str, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "sender_id": sender_id, "type_name": type_name, "timestamp": data.get("timestamp"),
        "intent_name": data.get("parse_data", {}).get("intent", {}).get("name"), "action_name": data.get("name"),
        "data": json.dumps(data),
    }  # fmt: skip


def _open_sqlite(url: sa.engine.URL) -> sa.engine.Engine:
    """Return an engine that keeps its connection: the one that closes last has to fold the write-ahead log."""
    engine = sa.create_engine(
        url, poolclass=sa.pool.QueuePool, connect_args={"timeout": _BUSY_TIMEOUT_S, "check_same_thread": False}
    )

    @sa.event.listens_for(engine, "connect")
    def _set_pragmas(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.close()

    return engine
