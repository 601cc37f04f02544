"""A known incident: proposed, opened, told in place of the article, and told to everybody when it ends."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa

from bot.clock import FixedClock
from bot.connectors.models import ExchangeStep
from bot.connectors.rules import COMMENT, CREATE, RESOLVED, STATE
from bot.connectors.setup import save_connectors
from bot.db import Database
from bot.escalation.models import IncidentPerson, IncidentRow, Ticket
from bot.escalation.outages import tell_ended
from bot.people.accounts import NewGrant
from tests.integration.console import COLLEGE, ECOLE, Browser, Open, heard, path
from tests.integration.gateway import PREFIX, Api

TOPIC = "cdt_consulter_devoirs"
QUESTION = "sujet:" + TOPIC
INCIDENTS = "/console/incidents"


async def open_one(browser: Browser, place: str = "academie:Valmont", topic: str = TOPIC) -> str:
    """Open an incident; return where its page is."""
    page = await browser.post(
        f"{INCIDENTS}/nouveau",
        topic=topic,
        place=place,
        title="La messagerie est en panne",
        text="Retour prévu à 14 h.",
    )
    assert page.status == 303, page.words
    return page.location.partition("?")[0]


async def until_known(site: Api, known: bool = True) -> None:
    """Wait until the assistant has read the incidents again."""
    for _ in range(100):
        shown = (await site.open("parent", COLLEGE)).opened["announcements"]
        if bool(shown) == known:
            await asyncio.sleep(2.2)
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the announcement never changed")


async def ask_about_it(site: Api, uai: str = COLLEGE, profile: str = "parent"):
    """Ask about the topic, in a conversation of one's own; return it and what was answered."""
    chat = await site.open(profile, uai)
    return chat, await chat.say("Où sont les devoirs de ma fille")


async def test_told_in_place_of_the_article_then_ended(site: Api, browser_of: Open, own_database: Database,
                                                       clock: FixedClock) -> None:  # fmt: skip
    browser = await browser_of("agent_n2")
    place = await open_one(browser)
    await until_known(site)
    chat, reply = await ask_about_it(site)
    assert (reply["result"]["outcome"], reply["result"]["topic"]) == ("incident", TOPIC)
    assert "La messagerie est en panne" in reply["messages"][0]["text"]
    assert [button["choice"] for button in reply["messages"][0]["buttons"]] == [QUESTION, "demande:ouvrir"]
    # Once a conversation: who asks again, or wants it, reads the article.
    again = await chat.choose(QUESTION)
    assert again["result"]["outcome"] == "answer"
    assert "1" in (await browser.get(place)).words
    await browser.post(f"{place}/terminer", text="Les messages sont tous arrivés.")
    await tell_ended(own_database, clock)
    last = (await heard(site, chat))[-1]
    assert "est terminé. Les messages sont tous arrivés." in last["text"]
    await until_known(site, known=False)
    _, after = await ask_about_it(site)
    assert after["result"]["outcome"] == "answer"


async def test_a_request_is_attached_and_resolved_at_the_end(site: Api, browser_of: Open, own_database: Database,
                                                             clock: FixedClock) -> None:  # fmt: skip
    browser = await browser_of("agent_n2")
    place = await open_one(browser)
    await until_known(site)
    chat, _ = await ask_about_it(site)
    ticket = await chat.open_ticket("Je ne peux plus envoyer de message")
    assert ticket["number"] in (await browser.get(place)).text
    await browser.post(f"{place}/terminer", text="")
    await tell_ended(own_database, clock)
    [row] = (await site.get(f"{PREFIX}/tickets", token=chat.token)).json["tickets"]
    assert row["status"] == "resolu"
    assert (await heard(site, chat))[-1]["buttons"][0]["choice"] == "suivi:satisfait"


async def test_a_request_attached_by_hand(site: Api, browser_of: Open, own_database: Database) -> None:
    chat = await site.open("parent", COLLEGE)
    ticket = await chat.open_ticket("Plus rien ne part")
    browser = await browser_of("agent_n2")
    place = await open_one(browser)
    identifier = place.rsplit("/", 1)[1]
    assert (await browser.post(path(ticket, "incident"), incident="inconnu")).status == 422
    assert (await browser.post(path(ticket, "incident"), incident=identifier)).status == 303
    assert ticket["number"] in (await browser.get(place)).text
    assert (await browser.post(path(ticket, "incident"), incident="")).status == 303
    assert ticket["number"] not in (await browser.get(place)).text


async def test_who_may_open_it(site: Api, browser_of: Open) -> None:
    referent = await browser_of("referent")
    await open_one(referent, f"etablissement:{COLLEGE}")
    wider = {"topic": TOPIC, "title": "Panne", "text": "Panne"}
    for place in ("academie:Valmont", f"etablissement:{ECOLE}", "tout:", "academie:Ailleurs"):
        assert (await referent.post(f"{INCIDENTS}/nouveau", place=place, **wider)).status == 422
    # The second of the same topic in the same place is the first.
    again = {**wider, "place": f"etablissement:{COLLEGE}"}
    assert (await referent.post(f"{INCIDENTS}/nouveau", **again)).status == 422
    formateur = await browser_of("formateur")
    assert (await formateur.get(INCIDENTS)).status == 403


async def test_another_school_knows_nothing_of_it(site: Api, browser_of: Open) -> None:
    referent = await browser_of("referent")
    place = await open_one(referent, f"etablissement:{COLLEGE}")
    await until_known(site)
    _, reply = await ask_about_it(site, ECOLE)
    assert reply["result"]["outcome"] == "answer"
    assert not (await site.open("parent", ECOLE)).opened["announcements"]
    other = await browser_of(grants=[NewGrant("referent", "etablissement", ECOLE)])
    assert (await other.get(place)).status == 403
    assert "La messagerie" not in (await other.get(INCIDENTS)).words


@pytest.mark.parametrize(
    "bad",
    [{"topic": "salutation"}, {"topic": "urgence_harcelement"}, {"title": " "}, {"text": "x" * 1001}, {"place": ""}],
)
async def test_what_makes_no_incident_is_refused(site: Api, browser_of: Open, own_database: Database,
                                                 bad: dict[str, str]) -> None:  # fmt: skip
    browser = await browser_of("agent_n2")
    given = {"topic": TOPIC, "place": "academie:Valmont", "title": "Panne", "text": "Panne", **bad}
    assert (await browser.post(f"{INCIDENTS}/nouveau", **given)).status == 422
    async with own_database.reading() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(IncidentRow)) == 0
        assert await session.scalar(sa.select(sa.func.count()).select_from(Ticket)) == 0


async def test_many_who_ask_are_proposed_then_attached_and_told(site: Api, browser_of: Open, own_database: Database,
                                                                clock: FixedClock) -> None:  # fmt: skip
    """Thirty at the collège: one incident is proposed, all are attached, one request, everybody is told."""
    browser = await browser_of("agent_n2")
    assert "À vérifier" not in (await browser.get(INCIDENTS)).words
    chats = [(await ask_about_it(site))[0] for _ in range(30)]
    page = await browser.get(INCIDENTS)
    assert "À vérifier" in page.words
    assert "30 personnes" in page.words
    assert f"place=etablissement%3A{COLLEGE}" in page.text
    place = await open_one(browser, f"etablissement:{COLLEGE}")
    assert "À vérifier" not in (await browser.get(INCIDENTS)).words
    async with own_database.reading() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(IncidentPerson)) == 30
        assert await session.scalar(sa.select(sa.func.count()).select_from(Ticket)) == 1
    await browser.post(f"{place}/terminer", text="C’est réparé.")
    while await tell_ended(own_database, clock):
        pass
    for chat in chats:
        told = [message for message in await heard(site, chat) if "est terminé" in message["text"]]
        assert len(told) == 1


async def test_what_is_usual_is_not_proposed(site: Api, browser_of: Open, clock: FixedClock) -> None:
    """The same dozen every day at this hour is a habit, not an outage."""
    browser = await browser_of("agent_n2")
    for _ in range(28):
        for _ in range(6):
            await ask_about_it(site)
        clock.advance(timedelta(days=1))
    for _ in range(6):
        await ask_about_it(site)
    assert "À vérifier" not in (await browser.get(INCIDENTS)).words


async def test_the_tool_that_has_its_request_is_told_of_the_end(browser_of: Open, own_database: Database) -> None:
    entry = {
        "group": "dan", "kind": "webhook", "address": "http://127.0.0.1:9/", "secrets": {"signing": "ASSISTENT_CONNECTOR_X"},
    }  # fmt: skip
    async with own_database.transaction() as session:
        await save_connectors(session, [entry])
    browser = await browser_of("agent_n2")
    place = await open_one(browser)
    await browser.post(f"{place}/terminer", text="C’est réparé.")
    async with own_database.reading() as session:
        steps = (await session.scalars(sa.select(ExchangeStep).order_by(ExchangeStep.id))).all()
    assert [step.kind for step in steps] == [CREATE, COMMENT, STATE]
    assert "C’est réparé." in steps[1].content
    assert steps[2].content == RESOLVED
