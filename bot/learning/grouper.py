"""Keeps the inbox grouped: hands the open messages to a process apart (bot.learning.grouping) and writes down its groups."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa
import structlog

from bot.db import Database
from bot.learning.collecting import OPEN
from bot.learning.likeness import faces, keep_names
from bot.learning.models import InboxGroup, InboxLine, InboxMark
from bot.settings import ROOT

# The newest messages are grouped anew; older ones stay in the group that they are in.
MAX_GROUPED = 20_000
# Several times what as many take; REGROUPED_WITHIN is longer, so that two never group at once.
_WITHIN_S = 180
REGROUPED_WITHIN = timedelta(minutes=5)
# As many lines change group in one transaction: other writers take their turn in between.
_BATCH = 500
# One thread: a machine of two cores has another thing to do.
_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}

log = structlog.get_logger()


@dataclass(frozen=True)
class _Line:
    id: int
    text: str
    group_id: int | None


async def has_new(database: Database) -> bool:
    """Tell whether messages came in since the last time."""
    async with database.reading() as session:
        mark = await session.scalar(sa.select(InboxMark))
        newest = await session.scalar(sa.select(sa.func.max(InboxLine.id)).where(InboxLine.state == OPEN)) or 0
    return mark is not None and newest > mark.grouped_line


async def regroup(database: Database, model: Path) -> int:
    """Group the open messages if any came in since the last time; return how many were grouped. One process at a time."""
    if not await has_new(database):
        return 0
    async with database.reading() as session:
        rows = await session.execute(
            sa.select(InboxLine.id, InboxLine.text, InboxLine.group_id)
            .where(InboxLine.state == OPEN)
            .order_by(InboxLine.id.desc())
            .limit(MAX_GROUPED)
        )
        lines = [_Line(*row) for row in rows]
    if not lines:
        return 0
    answer = await group_apart([line.text for line in lines], model)
    if answer is None:
        return 0
    labels, nearness = answer
    await _write(database, lines, labels, nearness)
    async with database.transaction() as session:
        await session.execute(sa.update(InboxMark).values(grouped_line=lines[0].id))
        held = sa.select(InboxLine.group_id).where(InboxLine.group_id.is_not(None))
        await session.execute(sa.delete(InboxGroup).where(InboxGroup.id.not_in(held)))
    return len(lines)


async def group_apart(texts: list[str], model: Path) -> tuple[list[int], list[float]] | None:
    """Return the group of each text and its nearness to the middle, from a process of the lowest priority; None if it failed."""
    request = json.dumps({"texts": texts, "model": str(model)}).encode()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot.learning.grouping", cwd=ROOT, env=_ENVIRONMENT, stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(_WITHIN_S):
            out, told = await process.communicate(request)
    except TimeoutError:
        log.warning("inbox_ungrouped", reason="time", messages=len(texts))
        return None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        # The last line says which exception; none of ours carries a message's words.
        log.warning("inbox_ungrouped", reason=told.decode(errors="replace").strip().rpartition("\n")[2][:200])
        return None
    answer = json.loads(out)
    return answer["groups"], answer["nearness"]


async def _write(database: Database, lines: list[_Line], labels: list[int], nearness: list[float]) -> None:
    named = keep_names([line.group_id for line in lines], labels)
    faced = {label: lines[place].id for label, place in faces(labels, nearness).items()}
    unnamed = [label for label in faced if label not in named]
    for start in range(0, len(unnamed), _BATCH):
        async with database.transaction() as session:
            groups = {label: InboxGroup(face_id=faced[label]) for label in unnamed[start : start + _BATCH]}
            session.add_all(groups.values())
            await session.flush()
            named.update({label: group.id for label, group in groups.items()})
    await _update(database, InboxGroup, [{"id": named[label], "face_id": face} for label, face in faced.items()])
    moved = [{"id": line.id, "group_id": named[label]} for line, label in zip(lines, labels) if line.group_id != named[label]]  # fmt: skip
    await _update(database, InboxLine, moved)


async def _update(database: Database, table: type, rows: list[dict[str, int]]) -> None:
    """Write values by identifier; a row that was erased meanwhile is left alone."""
    statement = sa.update(table.__table__).where(table.__table__.c.id == sa.bindparam("row"))
    for start in range(0, len(rows), _BATCH):
        values = [{"row": row.pop("id"), **row} for row in rows[start : start + _BATCH]]
        async with database.transaction() as session:
            connection = await session.connection()
            await connection.execute(statement, values)
