"""Requests by the hundred to tools that fail three times in ten: none lost, none twice.

Forty requests in `make test`; a thousand under ASSISTENT_SOAK=1 (`make soak`).
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.clock import FixedClock
from bot.db import Database
from tests.integration.desks import KINDS, SECRETS, serve_kind
from tests.integration.exchanges import GROUP, check_none_lost_none_twice, open_post, open_requests
from tests.integration.gateway import ONE_KIND
from tests.soak import LONG

REQUESTS = 1_000 if LONG else 40
FAULTS = 0.3


# Many calls are late here: they are not waited for as long as elsewhere.
TIMEOUT_S = 0.4
LATE_S = 0.6

pytestmark = pytest.mark.timeout(1_800 if LONG else 120)


async def test_with_three_calls_in_ten_that_fail_none_is_lost_and_none_is_twice(
    own_database: Database, clock: FixedClock
) -> None:
    await soak("webhook", own_database, clock)


@ONE_KIND
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "webhook"])
async def test_nor_in_the_tools_that_are_known(kind: str, own_database: Database, clock: FixedClock) -> None:
    await soak(kind, own_database, clock)


async def soak(kind: str, database: Database, clock: FixedClock) -> None:
    async with (
        serve_kind(kind, clock, GROUP) as (tool, entry),
        open_post(database, clock, entry, secrets=SECRETS, timeout=TIMEOUT_S) as post,
    ):
        tool.faults.late_s = LATE_S
        tool.faults.rate = FAULTS
        await open_requests(database, clock, REQUESTS)
        began = clock.now()
        rounds = await post.rounds(tool.faults.settle)
        assert 0.2 < tool.faults.inflicted / tool.faults.calls < 0.4
        await check_none_lost_none_twice(post, tool.desk.issues.values(), REQUESTS)
        print(
            f"{kind}: {REQUESTS} requests, {tool.faults.calls} calls, {tool.faults.inflicted} faults, {rounds} rounds, "
            f"{(clock.now() - began) // timedelta(minutes=1)} minutes"
        )
