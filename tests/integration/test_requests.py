"""Requests to people, through the chat: the form, the ticket, the list, the contact put aside."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa

from bot.db import Database
from bot.dialogue import decision as commands
from bot.escalation.models import Contact, Draft, Ticket, TicketEvent
from bot.escalation.rules import is_ticket_number
from bot.escalation.service import Request, RequestReply, handle_request
from bot.privacy.vault import Vault
from tests.integration.gateway import PREFIX, Api
from tests.integration.jwts import sign


async def tickets(api: Api, token: str) -> list[dict]:
    return (await api.get(f"{PREFIX}/tickets", token=token)).json["tickets"]


async def test_a_request_is_told_in_two_steps_where_the_school_is_known(api: Api) -> None:
    chat = await api.open("parent", "0750001U")
    asked = await chat.say("je veux parler à quelqu'un")
    assert (asked["result"]["outcome"], asked["result"]["topic"]) == ("form", "parler_humain")
    assert "Décrivez votre problème" in asked["messages"][0]["text"]
    summary = await chat.say("Le blog de la classe est vide", page="Blog")
    text = summary["messages"][0]["text"]
    for part in ("École Les Tilleuls, Valmont", "Parent", "Blog", "Le blog de la classe est vide"):
        assert part in text
    opened = await chat.say("oui")
    ticket = opened["messages"][0]["ticket"]
    assert opened["result"]["outcome"] == "ticket"
    assert is_ticket_number(ticket["number"])
    assert (ticket["level"], ticket["status"]) == (2, "nouveau")
    [row] = await tickets(api, chat.token)
    assert row["number"] == ticket["number"]
    assert row["problem"] == "Le blog de la classe est vide"
    assert row["school"] == "École Les Tilleuls, Valmont"


@pytest.mark.parametrize("text", ["non", "annuler", "laissez tomber"])
async def test_saying_no_sends_nothing(api: Api, text: str) -> None:
    chat = await api.open()
    await chat.say("je veux parler à quelqu'un")
    await chat.say("Le blog de la classe est vide")
    reply = await chat.say(text)
    assert "rien n’a été envoyé" in reply["messages"][0]["text"]
    assert await tickets(api, chat.token) == []


async def test_a_school_code_that_no_school_has_is_refused_and_nothing_is_lost(api: Api) -> None:
    chat = await api.open(uai=None)
    await chat.say("je veux parler à quelqu'un")
    refused = await chat.say("mon école est 0750001X")
    assert refused["result"]["outcome"] == "form"
    assert "Aucun établissement n’a le code 0750001X" in refused["messages"][0]["text"]
    asked = await chat.say("pardon, 0750001U")
    assert "Décrivez votre problème" in asked["messages"][0]["text"]
    await chat.say("Le blog de la classe est vide")
    await chat.say("oui")
    [row] = await tickets(api, chat.token)
    assert row["school"] == "École Les Tilleuls, Valmont"


async def test_the_newest_request_comes_first(api: Api) -> None:
    chat = await api.open(token=sign())
    numbers = [(await chat.open_ticket(f"Le blog est vide, épisode {index}"))["number"] for index in range(3)]
    assert [row["number"] for row in await tickets(api, chat.token)] == numbers[::-1]


@pytest.mark.parametrize("school", ["x" * 300, "École " + "très " * 300 + "longue", "é" * 20_000])
async def test_a_school_of_any_length_is_kept_as_typed_and_the_form_goes_on(api: Api, school: str) -> None:
    chat = await api.open("parent", None)
    await chat.say("je veux parler à quelqu'un")
    reply = await chat.say(school)
    assert reply["result"]["outcome"] == "form"
    await chat.say("Le blog de la classe est vide")
    assert (await chat.choose("demande:envoyer"))["result"]["outcome"] == "ticket"
    [row] = await tickets(api, chat.token)
    assert row["school"].startswith(school[:50])


@pytest.mark.parametrize("problem", ["x" * 20_000, "\u202eà l'envers", "<script>alert(1)</script>", "Le blog 🙂", "a"])
async def test_a_problem_is_whatever_is_written(api: Api, problem: str) -> None:
    chat = await api.open()
    await chat.say("je veux parler à quelqu'un")
    assert (await chat.say(problem))["result"]["outcome"] == "form"
    assert (await chat.choose("demande:envoyer"))["result"]["outcome"] == "ticket"


@pytest.mark.parametrize("text", ["🙂🙂🙂", "?", "oui", "bonjour"])
async def test_a_problem_that_says_nothing_is_asked_again(api: Api, text: str) -> None:
    chat = await api.open()
    await chat.say("je veux parler à quelqu'un")
    reply = await chat.say(text)
    assert reply["result"]["outcome"] == "form"
    assert "Décrivez votre problème" in reply["messages"][0]["text"]


@pytest.mark.parametrize(
    ("contact", "kind"),
    [("06 12 34 56 78", "téléphone"), ("marie.durand@exemple.fr", "adresse mail"), ("+33 6 12 34 56 78", "téléphone")],
)
async def test_a_contact_is_put_aside_encrypted_for_the_ticket(
    start, own_database: Database, contact: str, kind: str
) -> None:
    api = await start(secret_key="clé d'essai de plus de trente-deux caractères")
    chat = await api.open()
    await chat.say("je veux parler à quelqu'un")
    summary = await chat.say(f"Le blog est vide, répondez-moi au {contact} svp")
    assert contact not in str(summary)
    assert kind in summary["messages"][0]["text"]
    await chat.say("oui")
    async with own_database.transaction() as session:
        [row] = (await session.scalars(sa.select(Contact))).all()
        [ticket] = (await session.scalars(sa.select(Ticket))).all()
    assert row.ticket_id == ticket.id
    assert row.kind == kind
    assert contact not in row.secret
    assert Vault("clé d'essai de plus de trente-deux caractères").open(row.secret) == contact
    assert contact not in ticket.problem
    assert f"[{kind}]" in ticket.problem


async def test_the_export_has_what_one_gave_for_the_answer_and_of_nobody_else(start, own_database: Database) -> None:
    api = await start()
    for place, contact in enumerate(("06 12 34 56 78", "marie.durand@exemple.fr")):
        chat = await api.open()
        await chat.say("je veux parler à quelqu'un")
        await chat.say(f"Le blog est vide, répondez-moi au {contact} svp")
        told = (await api.get(f"{PREFIX}/conversation/export", token=chat.token)).json["contacts"]
        assert [(one["request"], one["value"]) for one in told] == [(None, contact)], "before it is sent"
        ticket = (await chat.say("oui"))["messages"][0]["ticket"]
        [told] = (await api.get(f"{PREFIX}/conversation/export", token=chat.token)).json["contacts"]
        kind = ("téléphone", "adresse mail")[place]
        assert (told["request"], told["kind"], told["value"]) == (ticket["number"], kind, contact)
    async with own_database.transaction() as session:
        await session.execute(sa.update(Contact).values(secret=Vault("la clé d’avant").seal("06")))
    [lost] = (await api.get(f"{PREFIX}/conversation/export", token=chat.token)).json["contacts"]
    assert lost["value"] is None


async def test_a_contact_of_a_request_given_up_is_forgotten(start, own_database: Database) -> None:
    api = await start()
    chat = await api.open()
    await chat.say("je veux parler à quelqu'un")
    await chat.say("Le blog est vide, 06 12 34 56 78")
    await chat.say("annuler")
    async with own_database.transaction() as session:
        for table in (Contact, Draft, Ticket, TicketEvent):
            assert await session.scalar(sa.select(sa.func.count()).select_from(table)) == 0


async def test_a_ticket_carries_what_was_asked_answered_and_rejected(start, own_database: Database) -> None:
    api = await start()
    chat = await api.open()
    await chat.say("mot de passe oublié")
    await chat.choose("aide:non")
    await chat.open_ticket()
    async with own_database.transaction() as session:
        [ticket] = (await session.scalars(sa.select(Ticket))).all()
        [event] = (await session.scalars(sa.select(TicketEvent))).all()
    assert ticket.context["question"] == "mot de passe oublié"
    assert "connexion_mot_de_passe_oublie" in ticket.context["articles"]
    asked = next(row for row in ticket.context["messages"] if row["text"] == "mot de passe oublié")
    assert asked["ranking"][0][0] == "connexion_mot_de_passe_oublie"
    assert (event.kind, event.author) == ("ouvert", "usager")


async def test_the_action_server_and_the_gateway_at_once_act_once(start, own_database: Database, clock) -> None:
    """The action is late, the gateway does without it, and both come to the database with the same message."""
    api = await start()
    chat = await api.open()

    async def together(command: str, text: str) -> RequestReply:
        request = Request(chat.conversation, f"message-{command}", command, text)
        replies = await asyncio.gather(*(handle_request(own_database, clock, request) for _ in range(4)))
        assert all(reply == replies[0] for reply in replies)
        return replies[0]

    await together(commands.OPEN, "je veux parler à quelqu'un")
    await together(commands.PROBLEM, "Le blog de la classe est vide")
    opened = await together(commands.SEND, "oui")
    [row] = await tickets(api, chat.token)
    assert row["number"] == opened.ticket["number"]
