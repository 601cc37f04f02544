"""Jobs: what fails in one turn is told, and done at the next."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from structlog.testing import capture_logs

from bot.errors import StorageUnavailable
from bot.web.jobs import Job, repeat


@pytest.mark.parametrize(
    ("failure", "told"), [(StorageUnavailable(), "job_postponed"), (ZeroDivisionError("unforeseen"), "job_failed")]
)
async def test_a_turn_that_fails_is_told_and_the_next_one_comes(failure: Exception, told: str) -> None:
    turns, done = 0, asyncio.Event()

    async def _work() -> None:
        nonlocal turns
        turns += 1
        if turns == 1:
            raise failure
        done.set()

    with capture_logs() as logs:
        task = asyncio.create_task(repeat(Job(_work, first_s=0, every_s=0.01)))
        await asyncio.wait_for(done.wait(), 5)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    assert [(line["event"], line["job"]) for line in logs] == [(told, "work")]


async def test_a_job_begins_after_its_wait_and_ends_when_it_is_told_to() -> None:
    turns = []

    async def _work() -> None:
        turns.append(asyncio.get_running_loop().time())

    began = asyncio.get_running_loop().time()
    task = asyncio.create_task(repeat(Job(_work, first_s=0.05, every_s=0.05)))
    await asyncio.sleep(0.3)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert turns[0] - began >= 0.05
    counted = len(turns)
    await asyncio.sleep(0.1)
    assert len(turns) == counted > 1
