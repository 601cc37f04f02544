"""A finished request taken up again once it is too late to reopen it: a new one, linked, and both numbers told."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from bot.clock import FixedClock
from bot.connectors.rules import describe
from bot.db import Database
from bot.escalation.models import Contact, Ticket
from bot.escalation.states import REOPEN_DAYS
from bot.topics import load_topics
from tests.integration.console import COLLEGE, Open, ask, heard, path
from tests.integration.gateway import PREFIX, Api, Chat

LATE = timedelta(days=REOPEN_DAYS + 1)


async def finished(site: Api, clock: FixedClock) -> tuple[Chat, dict]:
    """A request that its person closed too long ago."""
    chat, ticket = await ask(site, problem="Le blog est vide, joignez-moi au 06 12 34 56 78")
    await chat.say("Vous pouvez clore ma demande")
    clock.advance(LATE)
    return chat, ticket


async def rows(site: Api, chat: Chat) -> list[dict]:
    return (await site.get(f"{PREFIX}/tickets", token=chat.token)).json["tickets"]


async def test_by_words_both_numbers_are_told_and_what_is_written_next_is_added(
    site: Api, browser_of: Open, own_database: Database, clock: FixedClock
) -> None:
    chat, former = await finished(site, clock)
    told = (await chat.say("Il faut rouvrir ma demande"))["messages"][0]
    number = told["ticket"]["number"]
    assert number != former["number"]
    assert former["number"] in told["text"]
    assert number in told["text"]
    await chat.say("Il est encore vide depuis lundi")
    assert [(row["number"], row["status"], row["follows"]) for row in await rows(site, chat)] == [
        (number, "nouveau", former["number"]), (former["number"], "clos", None)
    ]  # fmt: skip
    browser = await browser_of("agent_n2")
    page = await browser.get(path({"number": number}))
    assert f"Suite de la demande {former['number']}" in page.words
    assert "Le blog est vide" in page.words
    assert "Il est encore vide depuis lundi" in page.words
    assert f"Reprise dans : {number}" in (await browser.get(path(former))).words
    assert f"suite à la demande {former['number']}" in (await chat.say("où en est ma demande ?"))["messages"][0]["text"]
    async with own_database.reading() as session:
        ticket = (await session.scalars(sa.select(Ticket).where(Ticket.number == number))).one()
        assert f"Suite de la demande : {former['number']}" in describe(ticket, load_topics()).text
        # What was given for the answer serves for this one too.
        kept = (await session.scalars(sa.select(Contact.ticket_id).order_by(Contact.id))).all()
        assert ticket.id in kept


async def test_asked_twice_there_is_one_follow_up(site: Api, clock: FixedClock) -> None:
    chat, former = await finished(site, clock)
    address = f"{PREFIX}/tickets/{former['number']}/reopen"
    first = await site.post(address, token=chat.token)
    again = await site.post(address, token=chat.token)
    assert (first.status, first.json["status"], first.json["follows"]) == (200, "nouveau", former["number"])
    assert again.json["number"] == first.json["number"]
    assert len(await rows(site, chat)) == 2


async def test_the_follow_up_is_itself_closed_and_reopened(site: Api, clock: FixedClock) -> None:
    chat, _ = await finished(site, clock)
    first = (await chat.say("Il faut rouvrir ma demande"))["messages"][0]["ticket"]
    await chat.say("Vous pouvez clore ma demande")
    again = (await chat.say("Il faut rouvrir ma demande"))["messages"][0]
    assert again["ticket"]["number"] == first["number"]
    assert "est rouverte" in again["text"]


async def test_by_an_agent_the_person_is_told(site: Api, browser_of: Open, clock: FixedClock) -> None:
    chat, former = await ask(site)
    browser = await browser_of("agent_n2")
    assert "Ouvrir une suite" not in (await browser.get(path(former))).words
    assert (await browser.post(path(former, "suite"))).status == 422
    await browser.post(path(former, "resoudre"), text="Fait.")
    clock.advance(LATE)
    browser = await browser_of("agent_n2")
    page = await browser.get(path(former))
    assert "Ouvrir une suite" in page.words
    assert "Rouvrir" not in page.words
    opened = await browser.post(path(former, "suite"))
    assert opened.status == 303
    told = (await heard(site, chat))[-1]
    number = told["ticket"]["number"]
    assert number in opened.location
    assert former["number"] in told["text"]
    assert number in told["text"]
    assert "Suite ouverte" in (await browser.get(path(former))).words


async def test_of_another_territory_nothing_is_opened(site: Api, browser_of: Open, clock: FixedClock) -> None:
    chat, former = await ask(site, "0750001U")
    await chat.say("Vous pouvez clore ma demande")
    clock.advance(LATE)
    browser = await browser_of("referent")
    assert (await browser.post(path(former, "suite"))).status == 404
    stranger = await site.open("parent", COLLEGE)
    assert (await site.post(f"{PREFIX}/tickets/{former['number']}/reopen", token=stranger.token)).status == 404
