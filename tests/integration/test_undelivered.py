"""What was given up of the exchanges, across the requests: who follows which, why, and sending it again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial

import pytest
import sqlalchemy as sa

from bot.clock import FixedClock
from bot.connectors.models import Connector, ExchangeStep
from bot.connectors.outbox import open_exchange
from bot.connectors.rules import DEAD, SENT, WAITING
from bot.db import Database
from bot.escalation.models import Ticket
from bot.people.accounts import NewGrant
from bot.people.models import AuditEntry
from tests.integration.console import COLLEGE, ECOLE, Browser, Open, ask
from tests.integration.exchanges import GROUP, Post, open_post
from tests.integration.gateway import ONE_KIND, Api
from tests.integration.tools import SECRET, Served, serve, webhook

LETTERS = "/console/echanges"
NAME = "ASSISTENT_CONNECTOR_DAN"
NO = "L’outil a refusé ce qui lui a été envoyé (réponse 422)."
OTHER = "L’outil n’a pas répondu à temps."


@pytest.fixture
async def tool(clock: FixedClock) -> AsyncIterator[Served]:
    """A webhook that listens."""
    async with serve(partial(webhook, clock=clock), "/assistent") as served:
        yield served


@pytest.fixture
async def post(own_database: Database, clock: FixedClock, tool: Served) -> AsyncIterator[Post]:
    """The courier of a database whose group has that webhook."""
    connector = {"group": GROUP, "kind": "webhook", "address": tool.address, "secrets": {"signing": NAME}}
    async with open_post(own_database, clock, connector, secrets={NAME: SECRET}) as opened:
        yield opened


@pytest.fixture
async def site(start, post: Post) -> Api:
    """A gateway on that database."""
    return await start(connector_secrets={NAME: SECRET})


async def give_up(database: Database, *numbers: str, reason: str = NO, attempts: int = 3) -> list[int]:
    """Give up what is queued of these requests; return the steps."""
    found = []
    async with database.transaction() as session:
        for step in await session.scalars(sa.select(ExchangeStep).order_by(ExchangeStep.id)):
            number = await session.scalar(
                sa.text("SELECT number FROM tickets JOIN exchanges ON tickets.id = ticket_id WHERE exchanges.id = :id"),
                {"id": step.exchange_id},
            )
            if number in numbers:
                step.state, step.error, step.attempts = DEAD, reason, attempts
                found.append(step.id)
    return found


async def state_of(database: Database, *steps: int) -> list[str]:
    async with database.reading() as session:
        return [(await session.get(ExchangeStep, step)).state for step in steps]


async def test_what_was_given_up_is_listed_with_why_and_since_when(
    site: Api, browser_of: Open, own_database: Database
) -> None:
    numbers = [(await ask(site, problem="Le secret de tante Ursule"))[1]["number"] for _ in range(3)]
    await give_up(own_database, *numbers[:2])
    await give_up(own_database, numbers[2], reason=OTHER, attempts=100)
    agent, admin = await browser_of("agent_n2"), await browser_of("administrateur")
    for browser in (agent, admin):
        page = await browser.get(LETTERS)
        assert all(number in page.text for number in numbers)
        assert f"adresse d’échange {NO} 2 " in page.words
        assert f" 100 {OTHER}" in page.words
        assert "Ursule" not in page.text
    assert f'href="/console/demandes/{numbers[0]}"' in (await agent.get(LETTERS)).text
    assert "/console/demandes/" not in (await admin.get(LETTERS)).text
    assert "3 envois vers les outils des équipes abandonnés" in (await agent.get("/console/demandes")).words
    assert "3 envois vers les outils des équipes abandonnés" in (await admin.get("/console/groupes")).words


async def test_filters(site: Api, browser_of: Open, own_database: Database) -> None:
    first, second = [(await ask(site))[1]["number"] for _ in range(2)]
    await give_up(own_database, first)
    await give_up(own_database, second, reason=OTHER)
    agent = await browser_of("agent_n2")

    async def shown(**query: str) -> set[str]:
        page = await agent.get(f"{LETTERS}?{'&'.join(f'{name}={value}' for name, value in query.items())}")
        return {number for number in (first, second) if f"/demandes/{number}" in page.text}

    assert await shown() == {first, second}
    assert await shown(group="dan", tool="webhook") == {first, second}
    assert await shown(group="dsi") == set()
    assert await shown(tool="redmine") == set()
    assert await shown(reason=OTHER) == {second}
    assert await shown(state=WAITING) == set()
    assert await shown(state="nul", page="x") == {first, second}


async def test_each_follows_his_territory_and_a_referent_none(
    site: Api, browser_of: Open, own_database: Database, clock: FixedClock
) -> None:
    college, ecole = [(await ask(site, uai))[1]["number"] for uai in (COLLEGE, ECOLE)]
    mine, other = await give_up(own_database, college, ecole)
    near = await browser_of("referent", grants=[NewGrant("agent_n2", "etablissement", ECOLE)])
    vendor, referent = await browser_of("agent_n3"), await browser_of("referent")
    page = await near.get(LETTERS)
    assert ecole in page.text
    # He reads the collège's requests as its référent, but follows no exchange there.
    assert college not in page.text
    assert (await near.post(f"{LETTERS}/{mine}/renvoyer")).status == 404
    assert college not in (await vendor.get(LETTERS)).text
    assert (await vendor.post(f"{LETTERS}/{other}/renvoyer")).status == 404
    assert (await vendor.get(f"{LETTERS}/renvoyer?group=dan")).status == 404
    assert (await vendor.post(f"{LETTERS}/renvoyer", group="dan")).status == 409
    assert (await referent.get(LETTERS)).status == 403
    assert (await referent.post(f"{LETTERS}/{mine}/renvoyer")).status == 403
    # A lot is what he follows of it.
    assert (await near.post(f"{LETTERS}/renvoyer", group="dan")).status == 303
    assert await state_of(own_database, mine, other) == [DEAD, WAITING]
    async with own_database.transaction() as session:
        await session.execute(sa.update(Ticket).where(Ticket.number == college).values(level=3))
    assert college in (await vendor.get(LETTERS)).text


async def test_one_is_sent_again_and_arrives(
    site: Api, browser_of: Open, own_database: Database, post: Post, tool: Served
) -> None:
    number = (await ask(site))[1]["number"]
    [step] = await give_up(own_database, number)
    agent = await browser_of("agent_n2")
    page = await agent.get((await agent.post(f"{LETTERS}/{step}/renvoyer")).location)
    assert "L’envoi est refait dans un instant." in page.words
    assert number in page.text
    assert "Prochain essai" in page.words
    # Nobody's group is not everybody's.
    await give_up(own_database, number)
    assert (await agent.post(f"{LETTERS}/renvoyer")).status == 409
    assert await state_of(own_database, step) == [DEAD]
    assert (await agent.post(f"{LETTERS}/{step}/renvoyer")).status == 303
    again = await agent.post(f"{LETTERS}/{step}/renvoyer")
    assert again.status == 409
    assert "déjà en cours de nouvel essai" in again.words
    await post.rounds()
    assert tool.desk.only().title == number
    assert await state_of(own_database, step) == [SENT]
    assert "déjà parti" in (await agent.post(f"{LETTERS}/{step}/renvoyer")).words
    assert "Aucun envoi n’est abandonné." in (await agent.get(LETTERS)).words
    async with own_database.reading() as session:
        entry = await session.scalar(sa.select(AuditEntry).where(AuditEntry.kind == "ticket"))
    assert (entry.object_id, entry.details) == (number, {"gesture": "renvoi"})


async def test_a_lot_is_confirmed_then_sent_once(
    site: Api, browser_of: Open, own_database: Database, post: Post, tool: Served
) -> None:
    numbers = [(await ask(site))[1]["number"] for _ in range(3)]
    steps = await give_up(own_database, *numbers[:2])
    [late] = await give_up(own_database, numbers[2], reason=OTHER)
    agent, admin = await browser_of("agent_n2"), await browser_of("administrateur")
    page = await agent.get(f"{LETTERS}/renvoyer?group=dan&reason={NO}")
    assert page.title.startswith("Renvoyer un lot")
    assert "Renvoyer 2 envois ?" in page.words
    assert await state_of(own_database, *steps) == [DEAD, DEAD]
    form = {"group": "dan", "reason": NO}
    pages = await asyncio.gather(*(one.post(f"{LETTERS}/renvoyer", **form) for one in (agent, admin)))
    assert sorted(one.status for one in pages) == [303, 409]
    assert "quelqu’un l’a peut-être déjà fait" in next(one for one in pages if one.status == 409).words
    assert await state_of(own_database, *steps, late) == [WAITING, WAITING, DEAD]
    assert "Renvoyer 1 envoi ?" in (await admin.get(f"{LETTERS}/renvoyer?group=dan")).words
    assert (await admin.post(f"{LETTERS}/renvoyer", group="dan", reason="")).status == 303
    await post.rounds()
    assert sorted(issue.title for issue in tool.desk.issues.values()) == sorted(numbers)
    async with own_database.reading() as session:
        found = await session.scalars(sa.select(AuditEntry).where(AuditEntry.action == "exchanges_replayed"))
        told = [(one.object_id, one.details["reason"], one.details["count"]) for one in found]
    assert told == [("dan", NO, 2), ("dan", "", 1)]


async def test_a_tool_that_was_taken_away_is_said(site: Api, browser_of: Open, own_database: Database) -> None:
    number = (await ask(site))[1]["number"]
    await give_up(own_database, number)
    async with own_database.transaction() as session:
        await session.execute(sa.delete(Connector))
    page = await (await browser_of("agent_n2")).get(LETTERS)
    assert number in page.text
    assert "Reliez d’abord un outil" in page.words


async def test_a_long_list_comes_by_pages(site: Api, browser_of: Open, own_database: Database, clock) -> None:
    number = (await ask(site))[1]["number"]
    async with own_database.transaction() as session:
        first = await session.scalar(sa.select(Ticket).where(Ticket.number == number))
        for place in range(60):
            values = {column.key: getattr(first, column.key) for column in Ticket.__table__.columns}
            copy = Ticket(**{**values, "id": None, "number": f"26-9{place:04}-0", "message_id": f"copie-{place}"})
            session.add(copy)
            await session.flush()
            await open_exchange(session, clock.now() + timedelta(seconds=place), copy)
        await session.execute(sa.update(ExchangeStep).values(state=DEAD, error=NO))
    agent = await browser_of("agent_n2")
    pages = [(await agent.get(f"{LETTERS}?page={page}")).text for page in (1, 2)]
    assert [page.count("/demandes/26-") for page in pages] == [50, 11]
    assert 'rel="next"' in pages[0]


@ONE_KIND
async def test_odd_addresses(site: Api, browser_of: Open) -> None:
    browser: Browser = await browser_of("agent_n2")
    for odd in ("0", "x", "9" * 30, "%3Cb%3E", "%00"):
        assert (
            await browser.get(f"{LETTERS}?group={odd}&tool={odd}&reason={odd}&state={odd}&page={odd}")
        ).status == 200
        assert (await browser.get(f"{LETTERS}/renvoyer?group={odd}")).status == 404
        assert (await browser.post(f"{LETTERS}/{odd}/renvoyer")).status == 404
    assert (await browser.post(f"{LETTERS}/renvoyer", group="<b>" * 10_000)).status == 409
    assert (await browser.post(f"{LETTERS}/renvoyer")).status == 409
