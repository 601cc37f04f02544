"""Leases: of several processes, one does a job."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from bot.clock import FixedClock
from bot.db import Database
from bot.errors import StorageUnavailable
from bot.web.lease import Lease

DAY = timedelta(days=1)


async def test_a_lease_is_taken_by_one_until_it_ends(database: Database, clock: FixedClock) -> None:
    first, second = Lease(database, clock), Lease(database, clock)
    assert await first.take("purge", clock.now() + DAY)
    assert not await second.take("purge", clock.now() + DAY)
    clock.advance(DAY)
    assert await second.take("purge", clock.now() + DAY)
    assert not await first.take("purge", clock.now() + DAY)


async def test_leases_of_other_jobs_are_others(database: Database, clock: FixedClock) -> None:
    lease = Lease(database, clock)
    assert await lease.take("purge", clock.now() + DAY)
    assert await lease.take("autre", clock.now() + DAY)


async def test_of_ten_at_once_one_takes_it(database: Database, clock: FixedClock) -> None:
    for _ in range(2):
        leases = (Lease(database, clock) for _ in range(10))
        asked = (lease.take("purge", clock.now() + DAY) for lease in leases)
        taken = await asyncio.gather(*asked, return_exceptions=True)
        # On a machine that is busy SQLite may keep one waiting too long: it has not taken it either.
        assert taken.count(True) == 1
        assert all(one in (True, False) or isinstance(one, StorageUnavailable) for one in taken)
        clock.advance(DAY)


async def test_a_lease_given_back_is_free_at_once_and_another_s_is_left(database: Database, clock: FixedClock) -> None:
    lease, until = Lease(database, clock), clock.now() + DAY
    assert await lease.take("groupes", until)
    await lease.give_back("groupes", until - timedelta(hours=1))
    assert not await lease.take("groupes", until)
    await lease.give_back("groupes", until)
    assert await lease.take("groupes", until)
