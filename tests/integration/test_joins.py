"""Requests that repeat one another: joined to one's own, merged by agents, and what each person hears."""

from __future__ import annotations

import random
import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from bot.clock import FixedClock
from bot.connectors.models import ExchangeStep
from bot.db import Database
from bot.escalation.models import Attachment, Contact, Ticket, TicketEvent
from bot.escalation.states import CLOSED, OPEN_STATES, STATES
from tests.integration.console import COLLEGE, ECOLE, Browser, Open, ask, heard, path
from tests.integration.desks import SECRETS, serve_kind
from tests.integration.exchanges import GROUP, open_post
from tests.integration.gateway import PREFIX, Api, Chat

OUTAGE = "Le cahier de textes affiche une erreur 500 à l’ouverture"
SAME = "erreur 500 quand j’ouvre le cahier de textes"
OTHER = "Les notes du trimestre n’apparaissent pas"


async def two(site: Api, uai: str = COLLEGE) -> tuple[Chat, dict, Chat, dict]:
    """Two people ask for the same thing; return their conversations and requests."""
    return *await ask(site, uai, OUTAGE), *await ask(site, uai, SAME)


async def about(site: Api, uai: str | None = COLLEGE, **who) -> Chat:
    """Open a conversation where an article has been shown: what is then told is on its topic."""
    chat = await site.open("parent", uai, **who)
    await chat.say("où sont les devoirs ?")
    return chat


async def tell(chat: Chat, problem: str) -> dict:
    """Tell a request up to the agreement; return what is asked then."""
    await chat.say("je veux parler à quelqu'un")
    return (await chat.say(problem))["messages"][-1]


async def rows(site: Api, chat: Chat) -> list[dict]:
    return (await site.get(f"{PREFIX}/tickets", token=chat.token)).json["tickets"]


async def events(database: Database, ticket: dict) -> list[TicketEvent]:
    async with database.reading() as session:
        query = sa.select(TicketEvent).join(Ticket, Ticket.id == TicketEvent.ticket_id)
        found = await session.scalars(query.where(Ticket.number == ticket["number"]).order_by(TicketEvent.id))
        return list(found.all())


async def find(database: Database, ticket: dict) -> Ticket:
    async with database.reading() as session:
        return (await session.scalars(sa.select(Ticket).where(Ticket.number == ticket["number"]))).one()


def ticked(page_text: str) -> list[str]:
    """Return the numbers that the page proposes to merge."""
    return re.findall(r'<input type="checkbox" name="number" value="([^"]+)"', page_text)


# --- of one person ----------------------------------------------------------------------------


async def test_a_second_request_on_the_topic_joins_the_first(site: Api, own_database: Database) -> None:
    chat = await about(site)
    first = await chat.open_ticket("Les devoirs de lundi ne paraissent pas")
    await chat.say("où sont les devoirs ?")
    asked = await tell(chat, "Ceux de mardi non plus, joignez-moi au 06 12 34 56 78")
    assert first["number"] in asked["text"]
    assert "sera joint" in asked["text"]
    told = (await chat.say("oui"))["messages"][-1]
    assert told["ticket"] == first
    assert "est joint à votre demande" in told["text"]
    assert [row["number"] for row in await rows(site, chat)] == [first["number"]]
    *_, last = await events(own_database, first)
    assert (last.kind, last.author, last.data["text"]) == (
        "joint", "usager", "Ceux de mardi non plus, joignez-moi au [téléphone]"
    )  # fmt: skip
    async with own_database.reading() as session:
        [contact] = (await session.scalars(sa.select(Contact))).all()
    assert contact.ticket_id == (await find(own_database, first)).id


@pytest.mark.parametrize("words", ["une demande à part", "Non, à part", "je veux une nouvelle demande", None])
async def test_who_insists_gets_a_request_of_its_own(site: Api, words: str | None) -> None:
    chat = await about(site)
    first = await chat.open_ticket("Les devoirs de lundi ne paraissent pas")
    await chat.say("où sont les devoirs ?")
    asked = await tell(chat, "Ceux de mardi non plus")
    assert "demande:separer" in [button["choice"] for button in asked["buttons"]]
    reply = await (chat.say(words) if words else chat.choose("demande:separer"))
    second = reply["messages"][-1]["ticket"]
    assert second["number"] != first["number"]
    assert [row["number"] for row in await rows(site, chat)] == [second["number"], first["number"]]


async def test_what_is_set_apart_in_a_sentence_is_only_said(site: Api) -> None:
    chat = await about(site)
    await tell(chat, "Ceux de mardi non plus")
    reply = await chat.say("à part ça tout marche")
    assert reply["result"]["outcome"] == "form"
    assert "à part ça tout marche" in reply["messages"][-1]["text"]


async def test_another_topic_school_person_or_a_finished_request_is_joined_by_nothing(site: Api) -> None:
    chat = await about(site)
    first = await chat.open_ticket("Les devoirs de lundi ne paraissent pas")
    for other in (await site.open("parent", COLLEGE), await about(site)):
        assert "sera joint" not in (await tell(other, "Les devoirs de lundi ne paraissent pas"))["text"]
    await chat.say("mot de passe oublié")
    assert "sera joint" not in (await tell(chat, "Le mot de passe est refusé"))["text"]
    await chat.say("annuler")
    await chat.say("Vous pouvez clore ma demande")
    await chat.say("où sont les devoirs ?")
    assert "sera joint" not in (await tell(chat, "Ceux de mardi non plus"))["text"]
    assert [row["number"] for row in await rows(site, chat)] == [first["number"]]


async def test_a_message_played_twice_joins_once(site: Api, own_database: Database) -> None:
    chat = await about(site)
    first = await chat.open_ticket("Les devoirs de lundi ne paraissent pas")
    await chat.say("où sont les devoirs ?")
    await tell(chat, "Ceux de mardi non plus")
    identifier = "3e0b39c6-9d1c-4b8e-8e68-3c2f3d6b6f7a"
    assert await chat.say("oui", id=identifier) == await chat.say("oui", id=identifier)
    assert [event.kind for event in await events(own_database, first)] == ["ouvert", "joint"]


# --- of several -------------------------------------------------------------------------------


async def test_the_page_proposes_what_seems_to_repeat_it(site: Api, browser_of: Open, clock: FixedClock) -> None:
    await ask(site, COLLEGE, OUTAGE)
    clock.advance(timedelta(days=8))
    _, first, _, second = await two(site)
    _, elsewhere = await ask(site, ECOLE, SAME)
    await ask(site, COLLEGE, OTHER)
    browser = await browser_of("agent_n2")
    page = await browser.get(path(first))
    assert set(ticked(page.text)) == {second["number"], elsewhere["number"]}
    assert "Demandes qui se ressemblent (2)" in page.words
    assert SAME in page.words
    referent = await browser_of("referent")
    assert ticked((await referent.get(path(first))).text) == []


async def test_each_person_hears_the_answer_under_his_own_number(
    site: Api, browser_of: Open, own_database: Database
) -> None:
    one, first, other, second = await two(site)
    browser = await browser_of("agent_n2", name="Noé Essai")
    page = await browser.post(path(first, "fusionner"), number=second["number"])
    assert (page.status, page.location.endswith("demande-fusionner")) == (303, True)
    told = (await heard(site, other))[-1]
    assert "traitée avec d’autres demandes semblables" in told["text"]
    assert second["number"] in told["text"]
    assert first["number"] not in told["text"]
    await browser.post(path(first, "repondre"), text="Le service est redémarré.")
    for chat, ticket in ((one, first), (other, second)):
        last = (await heard(site, chat))[-1]
        assert (last["from"], last["text"]) == ("agent", "Le service est redémarré.")
        assert (last["ticket"]["number"], last["ticket"]["status"]) == (ticket["number"], "en_cours")
    [row] = await rows(site, other)
    assert (row["number"], row["status"]) == (second["number"], "en_cours")
    # The words of the one are nowhere in what the other reads.
    assert SAME not in str(await heard(site, one))
    assert OUTAGE not in str(await heard(site, other))
    await browser.post(path(first, "resoudre"), text="C’est réparé.")
    question = (await heard(site, other))[-1]
    assert second["number"] in question["text"]
    await other.choose("suivi:satisfait")
    kept = await find(own_database, second)
    assert (kept.state, kept.rating) == (CLOSED, True)
    assert (await find(own_database, first)).rating is None


async def test_a_question_is_for_the_one_it_is_asked_of(site: Api, browser_of: Open) -> None:
    one, first, other, second = await two(site)
    browser = await browser_of("agent_n2")
    await browser.post(path(first, "fusionner"), number=second["number"])
    before = await heard(site, other)
    await browser.post(path(first, "demander"), text="Dans quelle classe ?")
    assert await heard(site, other) == before
    assert [row["status"] for row in await rows(site, other)] == ["en_cours"]
    assert [row["status"] for row in await rows(site, one)] == ["en_attente"]
    assert "en cours de traitement" in (await other.say("où en est ma demande ?"))["messages"][0]["text"]


async def test_what_he_adds_is_read_where_it_is_dealt_with(site: Api, browser_of: Open) -> None:
    first_chat, first = await ask(site, COLLEGE, OUTAGE)
    chat = await about(site)
    second = await chat.open_ticket("Les devoirs de lundi ne paraissent pas")
    browser = await browser_of("agent_n2")
    await browser.post(path(first, "fusionner"), other=second["number"])
    await chat.say("où sont les devoirs ?")
    asked = await tell(chat, "Depuis hier soir")
    assert second["number"] in asked["text"]
    assert (await chat.say("oui"))["messages"][-1]["ticket"]["number"] == second["number"]
    page = await browser.get(path(first))
    assert "Depuis hier soir" in page.words
    assert f"demande {second['number']}" in page.words
    assert "Depuis hier soir" not in str(await heard(site, first_chat))


async def test_not_solved_for_him_he_goes_on_alone(site: Api, browser_of: Open) -> None:
    one, first, other, second = await two(site)
    browser = await browser_of("agent_n2")
    await browser.post(path(first, "fusionner"), number=second["number"])
    await browser.post(path(first, "resoudre"), text="C’est réparé.")
    reply = await other.choose("suivi:rouvrir")
    assert reply["messages"][0]["ticket"] == {**second, "status": "nouveau"}
    assert [row["status"] for row in await rows(site, one)] == ["resolu"]
    before = await heard(site, other)
    await browser.post(path(first, "repondre"), text="Un mot de plus.")
    assert await heard(site, other) == before


async def test_the_main_one_closed_by_its_person_another_takes_its_place(
    site: Api, browser_of: Open, own_database: Database
) -> None:
    one, first, other, second = await two(site)
    third_chat, third = await ask(site, COLLEGE, SAME)
    browser = await browser_of("agent_n2")
    await browser.post(path(first, "fusionner"), number=second["number"], other=third["number"])
    await one.say("Vous pouvez clore ma demande")
    assert [row["status"] for row in await rows(site, one)] == ["clos"]
    assert [row["status"] for row in await rows(site, other)] == ["nouveau"]
    assert (await find(own_database, third)).main_id == (await find(own_database, second)).id
    await browser.post(path(second, "repondre"), text="C’est vu.")
    for chat in (other, third_chat):
        assert (await heard(site, chat))[-1]["text"] == "C’est vu."
    assert "C’est vu." not in str(await heard(site, one))


async def test_who_closes_his_own_hears_no_more(site: Api, browser_of: Open) -> None:
    _, first, other, second = await two(site)
    browser = await browser_of("agent_n2")
    await browser.post(path(first, "fusionner"), number=second["number"])
    await other.say("Vous pouvez clore ma demande")
    await browser.post(path(first, "repondre"), text="C’est vu.")
    assert "C’est vu." not in str(await heard(site, other))
    assert [row["status"] for row in await rows(site, other)] == ["clos"]


async def test_separated_while_the_main_one_is_open(site: Api, browser_of: Open) -> None:
    _, first, other, second = await two(site)
    browser = await browser_of("agent_n2")
    await browser.post(path(first, "fusionner"), number=second["number"])
    page = await browser.get(path(second))
    assert f"Fusionnée avec la demande {first['number']}" in page.words
    assert "Votre réponse sera aussi lue par 1 autre personne" in (await browser.get(path(first))).words
    refused = await browser.post(path(second, "repondre"), text="Bonjour")
    assert (refused.status, "c’est l’autre" in refused.words) == (422, True)
    assert (await browser.post(path(second, "separer"))).status == 303
    assert "de nouveau traitée à part" in (await heard(site, other))[-1]["text"]
    assert [row["status"] for row in await rows(site, other)] == ["nouveau"]
    assert "Séparation" in (await browser.get(path(first))).words
    await browser.post(path(first, "resoudre"), text="Fini.")
    assert "Fini." not in str(await heard(site, other))


async def test_several_are_merged_from_the_queue_into_the_oldest_or_the_one_named(
    site: Api, browser_of: Open, own_database: Database
) -> None:
    tickets = [(await ask(site, COLLEGE, f"{OUTAGE}, {index}"))[1] for index in range(4)]
    browser = await browser_of("agent_n2")
    a, b, c, d = tickets

    async def tick(*chosen: dict, **fields: str):
        data = [("csrf", browser.csrf), ("gesture", "fusionner"), *(("number", one["number"]) for one in chosen)]
        return await browser.call(
            "POST", "/console/demandes", data=[*data, *fields.items()], headers={"Origin": str(browser.base.origin())}
        )

    assert "au moins deux demandes" in (await tick(a)).words
    page = await tick(b, a)
    assert f"1 demande fusionnée avec la demande {a['number']}" in page.words
    # What followed the one that is merged follows the new main one.
    await tick(a, c, main=d["number"])
    main = await find(own_database, d)
    assert [(await find(own_database, one)).main_id for one in tickets] == [main.id, main.id, main.id, None]
    again = await tick(a, main=d["number"])
    assert "1 refusée" in again.words
    assert "Cette demande n’existe pas" in (await tick(d, main="26-99999-9")).words


@pytest.mark.parametrize(("role", "status"), [("referent", 422), ("agent_n3", 422), ("formateur", 403)])
async def test_only_agents_who_see_both_merge(site: Api, browser_of: Open, role: str, status: int) -> None:
    _, first, _, second = await two(site)
    browser: Browser = await browser_of(role)
    assert (await browser.post(path(first, "fusionner"), number=second["number"])).status in (status, 404)
    for bad in ("", "26-00000-0", "<b>", "x" * 5000, second["number"] + "\x00"):
        page = await (await browser_of("agent_n2")).post(path(first, "fusionner"), other=bad)
        assert page.status in (303, 422)


async def test_merged_or_separated_the_tool_is_told(
    site: Api, browser_of: Open, own_database: Database, clock: FixedClock
) -> None:
    async with (
        serve_kind("webhook", clock, GROUP) as (served, entry),
        open_post(own_database, clock, entry, secrets=SECRETS) as post,
    ):
        _, first, _, second = await two(site)
        await post.rounds()
        browser = await browser_of("agent_n2")
        await browser.post(path(first, "fusionner"), number=second["number"])
        await post.rounds()
        issue = next(one for one in served.desk.issues.values() if second["number"] in one.text)
        assert issue.state == "clos"
        assert f"Fusionnée avec la demande :\n{first['number']}" in issue.comments[-1].text
        await browser.post(path(second, "separer"))
        await post.rounds()
        assert issue.state == "ouvert"


async def test_erasing_ones_own_leaves_the_others(site: Api, browser_of: Open, own_database: Database) -> None:
    one, first, other, second = await two(site)
    browser = await browser_of("agent_n2")
    await browser.post(path(first, "fusionner"), number=second["number"])
    assert (await site.call("DELETE", f"{PREFIX}/conversation", token=one.token)).status == 204
    await browser.post(path(first, "repondre"), text="C’est vu.")
    assert (await heard(site, other))[-1]["text"] == "C’est vu."
    export = (await site.get(f"{PREFIX}/conversation/export", token=other.token)).json
    assert [row["status"] for row in export["tickets"]] == ["en_cours"]
    assert OUTAGE not in str(export)
    async with own_database.reading() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(Ticket)) == 2
        assert await session.scalar(sa.select(sa.func.count()).select_from(Attachment)) == 0
        assert await session.scalar(sa.select(sa.func.count()).select_from(ExchangeStep)) == 0


# --- any sequence -----------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_is_done_in_whatever_order_nothing_is_lost(
    site: Api, browser_of: Open, own_database: Database, seed: int
) -> None:
    """Four requests, an agent and their persons who do anything: legal states, and every answer heard where it is due."""
    chance = random.Random(seed)
    talks = [await ask(site, COLLEGE, f"{OUTAGE}, {index}") for index in range(4)]
    browser = await browser_of("agent_n2")
    for turn in range(30):
        chat, ticket = chance.choice(talks)
        other = chance.choice(talks)[1]
        before = await events(own_database, ticket)
        hearing = [
            talk for talk, one in talks
            if one == ticket or (await find(own_database, one)).main_id == (await find(own_database, ticket)).id
        ]  # fmt: skip
        gesture = chance.choice(
            ["fusionner", "fusionner", "separer", "repondre", "resoudre", "rouvrir", "clore", "eux"]
        )
        if gesture == "eux":
            await chat.say(chance.choice(["Vous pouvez clore ma demande", "Il faut rouvrir ma demande"]))
            continue
        said = f"Réponse {turn}."
        page = await browser.post(path(ticket, gesture), text=said, other=other["number"])
        assert page.status in (303, 422)
        if page.status == 422:
            assert len(await events(own_database, ticket)) == len(before)
            continue
        assert len(await events(own_database, ticket)) > len(before)
        if gesture in ("repondre", "resoudre"):
            for talk, _ in talks:
                assert (said in [one["text"] for one in await heard(site, talk)]) == (talk in hearing)
        async with own_database.reading() as session:
            for row in (await session.scalars(sa.select(Ticket))).all():
                assert row.state in STATES
                assert row.main_id is None or (row.state == CLOSED and row.main.main_id is None)
                assert (row.resolved_at is None) == (row.state in OPEN_STATES)
