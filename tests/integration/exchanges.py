"""What the tests of the exchanges share: a gateway whose group has a tool, and the courier that serves it."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import aiohttp
import sqlalchemy as sa

from bot.clock import FixedClock
from bot.connectors.courier import Courier
from bot.connectors.http import open_http
from bot.connectors.models import Exchange, ExchangeStep
from bot.connectors.outbox import follow, open_exchange
from bot.connectors.setup import save_connectors
from bot.conversations.models import Person
from bot.db import Database
from bot.escalation.models import Ticket
from bot.escalation.states import Kind
from tests.integration.tools import Issue, key_of

# Who the requests of these tests go to (deploy/demonstration.yml).
GROUP = "dan"
# No call of these tests waits longer than this for a tool; the faults that are late are later.
TIMEOUT_S = 1.5
LATE_S = 2.0


@dataclass
class Post:
    """The courier of a database, and its clock."""

    database: Database
    clock: FixedClock
    courier: Courier
    http: aiohttp.ClientSession

    async def rounds(self, settle: Callable[[], Any] | None = None, *, most: int = 200) -> int:
        """Carry until nothing is left to be sent, time passing as needed; return how many rounds it took."""
        for turn in range(most):
            while await self.courier.send_due():
                pass
            if settle:
                await settle()
            if not await self.left():
                return turn + 1
            # The longest of the delays between two attempts.
            self.clock.advance(timedelta(minutes=10))
        raise AssertionError(f"{await self.left()} left after {most} rounds")

    async def left(self) -> int:
        """Return how many steps are to be sent."""
        query = sa.select(sa.func.count()).select_from(ExchangeStep).where(ExchangeStep.state == "a_envoyer")
        async with self.database.reading() as session:
            return await session.scalar(query)

    async def read(self) -> None:
        """Ask the tools what changed."""
        self.clock.advance(timedelta(minutes=2))
        await self.courier.read_due()

    async def steps(self) -> list[ExchangeStep]:
        """Return every step, in order."""
        async with self.database.reading() as session:
            return list((await session.scalars(sa.select(ExchangeStep).order_by(ExchangeStep.id))).all())

    async def exchange(self) -> Exchange:
        """Return the only exchange."""
        async with self.database.reading() as session:
            return (await session.scalars(sa.select(Exchange))).one()


@asynccontextmanager
async def open_post(
    database: Database, clock: FixedClock, *connectors: dict[str, Any], secrets: dict[str, str], timeout: float = TIMEOUT_S
) -> AsyncIterator[Post]:  # fmt: skip
    """Give groups their tools and open a courier for them."""
    async with database.transaction() as session:
        await save_connectors(session, connectors)
    async with open_http() as http:
        yield Post(database, clock, Courier(database, clock, secrets, http, timeout=timeout), http)


async def open_requests(database: Database, clock: FixedClock, count: int) -> None:
    """Open requests for the group; each is then resolved with an answer."""
    now = clock.now()
    async with database.transaction() as session:
        session.add(Person(id="une-personne", created_at=now))
        await session.flush()
        for index in range(count):
            ticket = Ticket(
                number=f"26-{index:05}-0", message_id=f"message-{index}", conversation_id=None, person_id="une-personne",
                profile="parent", uai="0750002V", school="Collège Olympe-de-Gouges", school_checked=True, level=2,
                group_id=GROUP, state="nouveau", since=now, problem=f"Problème {index}.", context={}, opened_at=now,
                updated_at=now,
            )  # fmt: skip
            session.add(ticket)
            await session.flush()
            await open_exchange(session, now, ticket)
            await follow(session, now, ticket, Kind.RESOLVE, f"Réponse {index}.")


async def check_none_lost_none_twice(post: Post, issues: Collection[Issue], count: int) -> None:
    """Hold what a tool has to what was opened: each request once, with its one answer, finished."""
    async with post.database.reading() as session:
        exchanges = (await session.execute(sa.select(Exchange.key, Exchange.remote_id))).all()
        numbers = set((await session.scalars(sa.select(Ticket.number))).all())
    assert Counter(key_of(issue.text) for issue in issues) == Counter(key for key, _ in exchanges)
    assert {str(issue.id) for issue in issues} == {remote_id for _, remote_id in exchanges}
    assert len(numbers) == len(issues) == count
    for issue in issues:
        [comment] = issue.comments
        assert comment.text.startswith("Réponse envoyée à la personne"), comment
        assert issue.state != "ouvert"
