"""What the formateurs' inbox costs: grouping 20,000 messages in a process apart, and its pages with very many lines.

    .venv/bin/python -m benchmarks.inbox [LINES]

`measure` is for benchmarks/bench.py to call. The messages are the utterances of data/nlu.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

import bot.web.app  # noqa: F401 - every table is known once it is imported
from bot.conversations.models import Conversation, Message, Person
from bot.db import Base, Database
from bot.knowledge.service import read_utterances
from bot.learning.collecting import KINDS, OPEN
from bot.learning.grouper import MAX_GROUPED, group_apart
from bot.learning.inbox import InboxFilter, count_ungrouped, list_groups, list_sentences
from bot.learning.models import InboxGroup, InboxLine
from bot.people.models import Grant, School
from bot.settings import ROOT

TURNS = 20


async def measure(lines: int = 20_000) -> dict[str, Any]:
    """Return the seconds that grouping takes and, for each page, its median and 95th percentile in milliseconds."""
    texts = [text for said in read_utterances(ROOT / "data" / "nlu").values() for text in said]
    random.Random(0).shuffle(texts)
    started = time.perf_counter()
    grouped = await group_apart(texts[:MAX_GROUPED], ROOT / "models" / "assistent.tar.gz")
    seconds = time.perf_counter() - started
    sizes = sorted((grouped[0].count(label) for label in set(grouped[0])), reverse=True) if grouped else []
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite+aiosqlite:///{Path(folder) / 'inbox.db'}")
        await _fill(database, lines, texts)
        pages = await _pages(database)
        await database.close()
    return {
        "grouping": {"messages": len(texts[:MAX_GROUPED]), "seconds": round(seconds, 1), "groups": len(sizes), "largest": sizes[:5]},
        "lines": lines,
        "pages": pages,
    }  # fmt: skip


async def _fill(database: Database, lines: int, texts: list[str]) -> None:
    chance, now = random.Random(0), datetime.now(UTC)
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
        person = {"id": "p", "created_at": now}
        conversation = {"id": "c", "person_id": "p", "signed": False, "state": {}, "last_position": 0, "opened_at": now, "last_at": now}  # fmt: skip
        schools = [
            {
                "uai": f"{number:07d}A",
                "name": "École",
                "commune": "Valmont",
                "degree": "1er",
                "academie": "AB"[number % 2],
            }
            for number in range(1_000)
        ]
        groups = [{"id": number + 1, "face_id": number + 1} for number in range(lines // 10)]
        for table, rows in (
            (Person, [person]),
            (Conversation, [conversation]),
            (School, schools),
            (InboxGroup, groups),
        ):
            await connection.execute(sa.insert(table), rows)
        for start in range(0, lines, 10_000):
            places = range(start, min(lines, start + 10_000))
            await connection.execute(
                sa.insert(Message),
                [
                    {"id": f"m{place}", "conversation_id": "c", "position": place, "sender": "user", "text": "", "extras": {}, "at": now}
                    for place in places
                ],
            )  # fmt: skip
            await connection.execute(
                sa.insert(InboxLine),
                [
                    {
                        "message_id": f"m{place}", "conversation_id": "c", "kind": chance.choice(list(KINDS)), "state": OPEN,
                        "text": texts[place % len(texts)], "form": texts[place % len(texts)].lower(), "ranking": [],
                        "profile": chance.choice(("parent", "eleve")), "uai": f"{chance.randrange(1_000):07d}A", "at": now,
                        # A few groups have many messages, most have few.
                        "group_id": min(lines // 10, int(chance.paretovariate(0.5))),
                    }
                    for place in places
                ],
            )  # fmt: skip


async def _pages(database: Database) -> dict[str, dict[str, float]]:
    everywhere, limited = (
        SimpleNamespace(grants=[Grant(role="formateur", scope=scope, territory=territory)])
        for scope, territory in (("tout", ""), ("academie", "A"))
    )
    async with database.reading() as session:
        largest = (await list_groups(session, everywhere, InboxFilter()))[0][0].id

    async def front(session: AsyncSession, caller: Any, wanted: InboxFilter) -> None:
        await list_groups(session, caller, wanted)
        await count_ungrouped(session, caller)

    return {
        "groups, everywhere": await _time(database, lambda session: front(session, everywhere, InboxFilter())),
        "groups, an académie": await _time(database, lambda session: front(session, limited, InboxFilter())),
        "groups, filtered": await _time(database, lambda session: front(session, limited, InboxFilter("incompris", "parent"))),
        "the largest group": await _time(database, lambda session: list_sentences(session, limited, largest)),
    }  # fmt: skip


async def _time(database: Database, page: Callable[[AsyncSession], Awaitable[Any]]) -> dict[str, float]:
    took = []
    for _ in range(TURNS):
        async with database.reading() as session:
            started = time.perf_counter()
            await page(session)
            took.append((time.perf_counter() - started) * 1000)
    return {"median_ms": round(statistics.median(took), 1), "p95_ms": round(sorted(took)[int(TURNS * 0.95) - 1], 1)}


if __name__ == "__main__":
    for name, figures in asyncio.run(measure(*map(int, sys.argv[1:2]))).items():
        print(name, figures)
