"""A request in the console, from the chat and back: who sees it, who does what, what the person reads."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from bot.conversations.models import Conversation
from bot.db import Database
from bot.escalation.models import Contact, Ticket, TicketEvent
from bot.people.models import AuditEntry
from tests.integration.console import COLLEGE, ECOLE, Open, ask, heard, path
from tests.integration.gateway import PREFIX, Api


async def test_a_referent_sees_his_school_and_nothing_else(site: Api, browser_of: Open) -> None:
    _, mine = await ask(site)
    _, other = await ask(site, ECOLE, "Les devoirs ne paraissent pas")
    browser = await browser_of("referent")
    queue = await browser.get("/console/demandes")
    assert mine["number"] in queue.text
    assert other["number"] not in queue.text
    assert (await browser.get(path(mine))).status == 200
    assert (await browser.get(path(other))).status == 404
    assert (await browser.post(path(other, "repondre"), text="Bonjour")).status == 404


async def test_a_reply_appears_in_the_chat_and_in_the_history(site: Api, browser_of: Open) -> None:
    chat, ticket = await ask(site)
    browser = await browser_of("agent_n2", name="Noé Essai")
    page = await browser.post(path(ticket, "repondre"), text="Le blog est **réparé** <script>")
    assert page.status == 303
    last = (await heard(site, chat))[-1]
    assert last["from"] == "agent"
    assert "<strong>réparé</strong>" in last["html"]
    assert "<script" not in last["html"]
    page = await browser.get(path(ticket))
    assert "Réponse à l’usager" in page.words
    assert "Noé Essai" in page.words
    assert "En cours" in page.words


async def test_a_question_is_answered_in_the_chat(site: Api, browser_of: Open) -> None:
    chat, ticket = await ask(site)
    browser = await browser_of("agent_n2")
    await browser.post(path(ticket, "demander"), text="Dans quelle classe est votre enfant ?")
    [row] = (await site.get(f"{PREFIX}/tickets", token=chat.token)).json["tickets"]
    assert row["status"] == "en_attente"
    reply = await chat.say("Il est en 5e B")
    assert reply["result"]["outcome"] == "ticket"
    assert reply["messages"][0]["ticket"]["status"] == "en_cours"
    page = await browser.get(path(ticket))
    assert "Il est en 5e B" in page.words
    assert "Précision de l’usager" in page.words


async def test_resolved_then_rated(site: Api, browser_of: Open, own_database: Database) -> None:
    chat, ticket = await ask(site)
    browser = await browser_of("agent_n2")
    await browser.post(path(ticket, "resoudre"), text="C’est réparé.")
    *_, answer, question = await heard(site, chat)
    assert (answer["from"], question["from"]) == ("agent", "bot")
    assert [button["choice"] for button in question["buttons"]] == [
        "suivi:satisfait",
        "suivi:rouvrir",
        "suivi:insatisfait",
    ]
    await chat.choose("suivi:insatisfait")
    await chat.say("C’était trop long")
    async with own_database.reading() as session:
        kept = await session.scalar(sa.select(Ticket).where(Ticket.number == ticket["number"]))
    assert (kept.rating, kept.rating_reason, kept.state) == (False, "C’était trop long", "resolu")


async def test_not_solved_it_is_reopened_under_the_same_number(site: Api, browser_of: Open) -> None:
    chat, ticket = await ask(site)
    browser = await browser_of("agent_n2")
    await browser.post(path(ticket, "resoudre"), text="C’est réparé.")
    reply = await chat.choose("suivi:rouvrir")
    assert reply["messages"][0]["ticket"]["number"] == ticket["number"]
    assert reply["messages"][0]["ticket"]["status"] == "nouveau"
    rows = (await site.get(f"{PREFIX}/tickets", token=chat.token)).json["tickets"]
    assert [row["number"] for row in rows] == [ticket["number"]]


async def test_the_person_closes_and_reopens_by_words(site: Api) -> None:
    chat, ticket = await ask(site)
    closed = await chat.say("Vous pouvez clore ma demande")
    assert closed["messages"][0]["ticket"] == {**ticket, "status": "clos"}
    opened = await chat.say("Il faut rouvrir ma demande")
    assert opened["messages"][0]["ticket"] == {**ticket, "status": "nouveau"}


async def test_reopening_by_its_number(site: Api) -> None:
    chat, ticket = await ask(site)
    stranger = await site.open("parent", COLLEGE)
    address = f"{PREFIX}/tickets/{ticket['number']}/reopen"
    assert (await site.post(address, token=chat.token)).status == 409
    await chat.say("Vous pouvez clore ma demande")
    assert (await site.post(address, token=stranger.token)).status == 404
    answer = await site.post(address, token=chat.token)
    assert (answer.status, answer.json["status"], answer.json["number"]) == (200, "nouveau", ticket["number"])


async def test_escalated_the_vendor_sees_it_and_gives_it_back(site: Api, browser_of: Open) -> None:
    chat, ticket = await ask(site)
    vendor, agent = await browser_of("agent_n3"), await browser_of("agent_n2")
    assert (await vendor.get(path(ticket))).status == 404
    refused = await agent.post(path(ticket, "escalader"), reason="")
    assert refused.status == 422
    assert "Indiquez la raison" in refused.words
    await agent.post(path(ticket, "escalader"), reason="Défaut du blog, reproduit")
    page = await vendor.get(path(ticket))
    assert "Défaut du blog, reproduit" in page.words
    assert "Assistance de l'éditeur" in page.words
    assert (await heard(site, chat))[-1]["ticket"]["level"] == 3
    status = await chat.say("où en est ma demande ?")
    assert status["messages"][0]["ticket"]["level"] == 3
    await vendor.post(path(ticket, "rendre"), reason="Réglage de l’académie")
    assert (await vendor.get(path(ticket))).status == 404
    assert "Réglage de l’académie" in (await agent.get(path(ticket))).words


@pytest.mark.parametrize(
    ("question", "group"), [("créer un compte pour un enseignant", "dsi"), ("changer mon mot de passe", "dan")]
)
async def test_the_table_says_which_group(site: Api, own_database, question: str, group: str) -> None:
    chat = await site.open("directeur", COLLEGE)
    await chat.say(question)
    ticket = await chat.open_ticket("Cela ne marche toujours pas")
    async with own_database.reading() as session:
        kept = await session.scalar(sa.select(Ticket).where(Ticket.number == ticket["number"]))
    assert (kept.topic, kept.group_id, kept.level) == (kept.topic, group, 2)
    assert kept.topic


async def test_taken_over_the_assistant_is_silent_but_for_an_emergency(
    site: Api, browser_of: Open, own_database
) -> None:
    chat, ticket = await ask(site)
    browser, colleague = await browser_of("agent_n2"), await browser_of("referent")
    await browser.post(path(ticket, "parler"))
    assert "prend la suite" in (await heard(site, chat))[-1]["text"]
    silent = await chat.say("Où sont les devoirs ?")
    assert silent["result"] | {"took_ms": 0} == {
        "outcome": "agent", "topic": None, "confidence": 0.0, "choices": [], "model": None, "took_ms": 0,
    }  # fmt: skip
    assert silent["messages"] == []
    refused = await colleague.post(path(ticket, "parler"))
    assert refused.status == 422
    assert "Une autre personne parle déjà" in refused.words
    urgent = await chat.say("j'ai envie de mourir")
    assert urgent["result"]["outcome"] == "urgent"
    await browser.post(path(ticket, "se-taire"))
    again = await chat.say("Où sont les devoirs ?")
    assert again["result"]["outcome"] != "agent"


async def test_notes_stay_between_colleagues(site: Api, browser_of: Open) -> None:
    chat, ticket = await ask(site)
    browser = await browser_of("referent")
    before = len(await heard(site, chat))
    await browser.post(path(ticket, "note"), text="La famille a déjà appelé")
    assert "La famille a déjà appelé" in (await browser.get(path(ticket))).words
    assert len(await heard(site, chat)) == before


@pytest.mark.parametrize(
    ("gesture", "fields"), [("repondre", {"text": " "}), ("note", {"text": ""}), ("repondre", {"text": "x" * 5_001})]
)
async def test_what_cannot_be_taken_changes_nothing(site: Api, browser_of: Open, own_database, gesture, fields) -> None:
    chat, ticket = await ask(site)
    browser = await browser_of("agent_n2")
    before = await heard(site, chat)
    page = await browser.post(path(ticket, gesture), **fields)
    assert page.status == 422
    assert 'aria-invalid="true"' in page.text
    assert await heard(site, chat) == before
    async with own_database.reading() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(TicketEvent)) == 1


@pytest.mark.parametrize("number", ["26-00001-0", "nimporte", "26-99999-9", "%00"])
async def test_a_forged_number_is_no_request(site: Api, browser_of: Open, number: str) -> None:
    browser = await browser_of("agent_n2")
    assert (await browser.get(f"/console/demandes/{number}")).status == 404


async def test_contacts_are_for_agents_alone(site: Api, browser_of: Open, own_database) -> None:
    chat = await site.open("parent", COLLEGE)
    ticket = await chat.open_ticket("Le blog est vide, appelez le 06 39 98 12 34")
    assert "06 39 98 12 34" in (await (await browser_of("agent_n2")).get(path(ticket))).words
    assert "06 39 98 12 34" not in (await (await browser_of("referent")).get(path(ticket))).words
    async with own_database.reading() as session:
        assert "0639981234" not in (await session.scalar(sa.select(Contact.secret)))


async def test_the_queue_filters_and_searches(site: Api, browser_of: Open) -> None:
    _, blog = await ask(site)
    _, marks = await ask(site, problem="Les notes de maths ont disparu", profile="eleve")
    browser = await browser_of("agent_n2")

    async def shown(query: str) -> set[str]:
        text = (await browser.get(f"/console/demandes?{query}")).text
        return {one["number"] for one in (blog, marks) if one["number"] in text}

    both = {blog["number"], marks["number"]}
    assert await shown("") == both
    assert await shown("text=maths") == {marks["number"]}
    assert await shown(f"text={blog['number']}") == {blog["number"]}
    assert await shown("profile=eleve") == {marks["number"]}
    assert await shown("level=3") == set()
    assert await shown("text=%25") == both
    await browser.post(path(blog, "prendre"))
    assert await shown("mine=True") == {blog["number"]}
    assert await shown("unassigned=True") == {marks["number"]}
    await browser.post(path(blog, "clore"))
    assert await shown("") == {marks["number"]}
    assert await shown("state=clos") == {blog["number"]}
    assert await shown("state=") == both


async def test_a_conversation_that_was_erased_leaves_the_request(site: Api, browser_of: Open) -> None:
    chat, ticket = await ask(site)
    await site.call("DELETE", f"{PREFIX}/conversation", token=chat.token)
    browser = await browser_of("agent_n2")
    page = await browser.get(path(ticket))
    assert "a effacé sa conversation" in page.words
    assert (await browser.post(path(ticket, "repondre"), text="Bonjour")).status == 303
    assert (await browser.post(path(ticket, "parler"))).status == 422


async def test_gestures_are_in_the_audit_log(site: Api, browser_of: Open, own_database) -> None:
    _, ticket = await ask(site)
    browser = await browser_of("agent_n2")
    await browser.post(path(ticket, "prendre"))
    await browser.post(path(ticket, "parler"))
    async with own_database.reading() as session:
        kept = (
            await session.scalars(sa.select(AuditEntry).where(AuditEntry.kind == "ticket").order_by(AuditEntry.id))
        ).all()
        taken = await session.scalar(sa.select(Conversation.taken_by))
    assert [(entry.action, entry.object_id) for entry in kept] == [
        ("ticket_handled", ticket["number"]), ("conversation_taken_over", ticket["number"]),
    ]  # fmt: skip
    assert taken


async def test_a_problem_told_at_once_goes_to_the_group_of_its_topic(site: Api, own_database: Database) -> None:
    """Nobody asked a question first: the words of the problem say what it is about."""
    chat = await site.open("directeur", ECOLE)
    ticket = await chat.open_ticket("Impossible de créer un compte pour la remplaçante")
    async with own_database.reading() as session:
        kept = await session.scalar(sa.select(Ticket).where(Ticket.number == ticket["number"]))
    assert (kept.topic, kept.group_id) == ("admin_creer_compte", "dsi")
    chat = await site.open("parent", ECOLE)
    ticket = await chat.open_ticket("Tout va de travers depuis hier")
    async with own_database.reading() as session:
        kept = await session.scalar(sa.select(Ticket).where(Ticket.number == ticket["number"]))
    assert (kept.topic, kept.group_id) == (None, "dan")
