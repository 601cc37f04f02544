"""What is promised to the person: told before and after sending, kept on the request, raised when it passes."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from bot.clock import FixedClock
from bot.db import Database
from bot.errors import InvalidInput
from bot.escalation.models import CalendarRow, Ticket, TicketEvent
from bot.escalation.promises import ALERT, calendar_from_file, raise_alerts, read_opening, save_promises
from tests.integration.console import COLLEGE, Open, ask, path
from tests.integration.gateway import PREFIX, Api

WEEK = {day: ["8:30-12:00", "13:30-17:30"] for day in ("lundi", "mardi", "mercredi", "jeudi", "vendredi")}
DELAYS = [
    {"level": 2, "first_answer_hours": 15, "solution_hours": 45},
    {"level": 2, "priority": "haute", "first_answer_hours": 4, "solution_hours": 15},
    {"level": 3, "first_answer_hours": 22.5, "solution_hours": 75},
]


@pytest.fixture(autouse=True)
async def promised(site: Api, own_database: Database) -> None:
    async with own_database.transaction() as session:
        await save_promises(session, [{"hours": WEEK}], DELAYS)


async def kept(database: Database, number: str) -> Ticket:
    async with database.reading() as session:
        return await session.scalar(sa.select(Ticket).where(Ticket.number == number))


async def alerts(database: Database) -> list[str]:
    async with database.reading() as session:
        rows = await session.scalars(sa.select(TicketEvent).where(TicketEvent.kind == ALERT).order_by(TicketEvent.id))
        return [row.data["alert"] for row in rows]


async def test_the_delay_is_told_before_sending_and_after(site: Api, clock: FixedClock) -> None:
    chat = await site.open("parent", COLLEGE)
    await chat.say("je veux parler à quelqu'un")
    before = (await chat.say("Le blog de la classe reste vide"))["messages"][0]["text"]
    assert "- À : " in before
    assert "(niveau 2)" in before
    assert "- Réponse : sous 2 jours ouvrés, au plus tard le" in before
    sent = (await chat.choose("demande:envoyer"))["messages"][0]["text"]
    assert "Délai de réponse : sous 2 jours ouvrés" in sent
    status = (await chat.say("où en est ma demande"))["messages"][0]["text"]
    assert "Délai de réponse : " in status


async def test_in_a_closure_the_person_is_told_when_the_team_is_back(site: Api, own_database: Database,
                                                                     clock: FixedClock) -> None:  # fmt: skip
    day = clock.now().date()
    closure = {"name": "Fermeture", "from": day, "to": day + timedelta(days=6)}
    async with own_database.transaction() as session:
        await save_promises(session, [{"hours": WEEK, "closures": [closure]}], DELAYS)
    chat = await site.open("parent", COLLEGE)
    await chat.say("je veux parler à quelqu'un")
    before = (await chat.say("Le blog de la classe reste vide"))["messages"][0]["text"]
    assert "l’équipe est fermée jusqu’au" in before


async def test_the_calendar_of_the_academie_wins(site: Api, own_database: Database) -> None:
    mornings = {"academie": "Valmont", "hours": {"lundi": ["9:00-10:00"]}}
    async with own_database.transaction() as session:
        await save_promises(session, [{"hours": WEEK}, mornings], DELAYS)
    _, ticket = await ask(site)
    due = (await kept(own_database, ticket["number"])).answer_by
    assert due - (await kept(own_database, ticket["number"])).opened_at > timedelta(days=90)


async def test_a_deadline_is_raised_once_then_once_again_when_it_passes(site: Api, own_database: Database,
                                                                        clock: FixedClock) -> None:  # fmt: skip
    _, ticket = await ask(site)
    row = await kept(own_database, ticket["number"])
    assert await raise_alerts(own_database, clock) == 0
    clock.advance(row.warn_by - clock.now())
    assert [await raise_alerts(own_database, clock) for _ in range(2)] == [1, 0]
    clock.advance(row.answer_by - clock.now())
    assert [await raise_alerts(own_database, clock) for _ in range(2)] == [1, 0]
    assert await alerts(own_database) == ["proche", "depasse"]


async def test_answered_the_solution_is_due_and_waiting_nothing_is(site: Api, browser_of: Open,
                                                                   own_database: Database) -> None:  # fmt: skip
    _, ticket = await ask(site)
    first = (await kept(own_database, ticket["number"])).answer_by
    browser = await browser_of("agent_n2")
    await browser.post(path(ticket, "repondre"), text="Nous regardons.")
    assert (await kept(own_database, ticket["number"])).answer_by > first
    await browser.post(path(ticket, "demander"), text="Quelle classe ?")
    assert (await kept(own_database, ticket["number"])).answer_by is None
    await browser.post(path(ticket, "resoudre"), text="C’est fait.")
    assert (await kept(own_database, ticket["number"])).answer_by is None


async def test_a_high_priority_brings_the_deadline_nearer(site: Api, browser_of: Open,
                                                          own_database: Database) -> None:  # fmt: skip
    _, ticket = await ask(site)
    before = (await kept(own_database, ticket["number"])).answer_by
    browser = await browser_of("agent_n2")
    page = await browser.post(path(ticket, "priorite"), priority="haute")
    assert page.status == 303
    assert (await kept(own_database, ticket["number"])).answer_by < before
    assert "Priorité" in (await browser.get(path(ticket))).words
    assert (await browser.post(path(ticket, "priorite"), priority="vitale")).status == 422


async def test_a_late_request_is_said_to_be(site: Api, browser_of: Open, clock: FixedClock) -> None:
    _, ticket = await ask(site)
    browser = await browser_of("agent_n2")
    assert ticket["number"] not in (await browser.get("/console/demandes?late=True")).text
    clock.advance(timedelta(days=5))
    # The session has ended since.
    browser = await browser_of("agent_n2")
    page = await browser.get("/console/demandes?late=True")
    assert ticket["number"] in page.text
    assert "en retard" in page.words


async def test_without_a_calendar_nothing_is_promised(site: Api, own_database: Database) -> None:
    async with own_database.transaction() as session:
        await session.execute(sa.delete(CalendarRow))
    chat, ticket = await ask(site)
    assert (await kept(own_database, ticket["number"])).answer_by is None
    messages = (await site.get(f"{PREFIX}/messages", token=chat.token)).json["messages"]
    assert not any("Délai de réponse" in message["text"] for message in messages)


@pytest.mark.parametrize(
    ("text", "bounds"),
    [("8:30-12:00", ["08:30", "12:00"]), ("8 h 30 – 12 h", ["08:30", "12:00"]), ("13h-17h15", ["13:00", "17:15"])],
)
def test_openings_are_written_as_people_write_them(text: str, bounds: list[str]) -> None:
    assert read_opening(text) == bounds


@pytest.mark.parametrize(
    "entry",
    [
        {"hours": {"lundi": ["matin"]}}, {"hours": {"monday": ["8:30-12:00"]}}, {"hours": {}},
        {"hours": {"lundi": ["12:00-8:30"]}}, {"hours": {"lundi": ["8:70-12:00"]}},
        {"hours": WEEK, "closures": [{"name": "x", "from": "2026-13-01", "to": "2026-12-31"}]},
        {"hours": WEEK, "closes_for": "D"},
    ],
)  # fmt: skip
def test_a_calendar_that_makes_no_sense_is_refused(entry: dict) -> None:
    with pytest.raises(InvalidInput):
        calendar_from_file(entry)


@pytest.mark.parametrize(
    "delays",
    [
        [{"level": 1, "first_answer_hours": 1, "solution_hours": 2}],
        [{"level": 2, "first_answer_hours": 3, "solution_hours": 2}],
        [{"level": 2, "first_answer_hours": 1, "solution_hours": 2}] * 2,
        [{"level": 2, "priority": "vitale", "first_answer_hours": 1, "solution_hours": 2}],
    ],
)
async def test_delays_that_make_no_sense_are_refused(own_database: Database, delays: list[dict]) -> None:
    with pytest.raises(InvalidInput):
        async with own_database.transaction() as session:
            await save_promises(session, [{"hours": WEEK}], delays)
