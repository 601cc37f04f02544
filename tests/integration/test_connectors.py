"""A request leaves for the tool of its group and comes back: from the chat to the tool, from the tool to the chat."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial

import pytest
import sqlalchemy as sa
from aiohttp import web
from yarl import URL

from bot.clock import FixedClock
from bot.connectors.http import ToolClient, open_http
from bot.connectors.models import Connector, Exchange, ExchangeStep
from bot.connectors.outbox import open_exchange
from bot.connectors.rules import DEAD, SENT, WAITING
from bot.connectors.setup import save_connectors
from bot.db import Database
from bot.errors import InvalidInput, ToolUnavailable
from bot.escalation.models import Ticket, TicketEvent
from tests.integration.console import Open, add_account, signed_in
from tests.integration.exchanges import GROUP, LATE_S, Post, open_post
from tests.integration.gateway import ONE_KIND, PREFIX, Api, Chat
from tests.integration.tools import SECRET, Served, key_of, serve, tell, webhook

NAME = "ASSISTENT_CONNECTOR_DAN"
SECRETS = {NAME: SECRET}
INBOX = f"{PREFIX}/exchanges/{GROUP}"


def settings_of(address: str, group: str = GROUP) -> dict:
    return {"group": group, "kind": "webhook", "address": address, "secrets": {"signing": NAME}}


@pytest.fixture
async def tool(clock: FixedClock) -> AsyncIterator[Served]:
    """A webhook that listens."""
    async with serve(partial(webhook, clock=clock), "/assistent") as served:
        served.faults.late_s = LATE_S
        yield served


@pytest.fixture
async def post(own_database: Database, clock: FixedClock, tool: Served) -> AsyncIterator[Post]:
    """The courier of a database whose group has that webhook."""
    async with open_post(own_database, clock, settings_of(tool.address), secrets=SECRETS) as opened:
        yield opened


@pytest.fixture
async def site(start, post: Post) -> Api:
    """A gateway on that database."""
    return await start(connector_secrets=SECRETS)


async def ask(site: Api, problem: str = "Le blog de la classe est vide") -> tuple[Chat, dict]:
    chat = await site.open("parent", "0750002V")
    return chat, await chat.open_ticket(problem)


def path(ticket: dict, gesture: str = "") -> str:
    return f"/console/demandes/{ticket['number']}" + (f"/{gesture}" if gesture else "")


# --- out --------------------------------------------------------------------------------------


async def test_a_request_leaves_with_what_was_agreed_to_and_no_contact(site: Api, post: Post, tool: Served) -> None:
    _chat, ticket = await ask(site, "Le blog est vide, rappelez-moi au 06 12 34 56 78")
    assert await post.left() == 1
    await post.rounds()
    issue = tool.desk.only()
    assert issue.title == ticket["number"]
    assert "Le blog est vide, rappelez-moi au [téléphone]" in issue.text
    assert "Collège Olympe-de-Gouges" in issue.text
    assert "06 12" not in issue.text
    exchange = await post.exchange()
    assert exchange.remote_id == str(issue.id)
    assert exchange.key == key_of(issue.text)


async def test_a_group_without_a_tool_queues_nothing(site: Api, post: Post) -> None:
    async with post.database.transaction() as session:
        await save_connectors(session, [])
    await ask(site)
    assert await post.steps() == []


async def test_what_is_rolled_back_is_not_queued(site: Api, post: Post) -> None:
    await ask(site)
    async with post.database.transaction() as session:
        await session.execute(sa.delete(Exchange))
    with pytest.raises(RuntimeError):
        async with post.database.transaction() as session:
            ticket = (await session.scalars(sa.select(Ticket))).one()
            await open_exchange(session, post.clock.now(), ticket)
            raise RuntimeError
    assert await post.steps() == []


@pytest.mark.parametrize("fault", ["500", "lost", "silent", "late before", "late after"])
async def test_whatever_befalls_the_first_call_the_request_arrives_once(
    site: Api, post: Post, tool: Served, fault: str
) -> None:
    await ask(site)
    tool.faults.next = [fault]
    await post.courier.send_due()
    [step] = await post.steps()
    assert (step.state, step.attempts, bool(step.error)) == (WAITING, 1, True)
    # Not again before its time.
    assert await post.courier.send_due() == 0
    await tool.faults.settle()
    post.clock.advance(timedelta(minutes=1))
    await post.courier.send_due()
    [step] = await post.steps()
    assert (step.state, step.attempts, step.error) == (SENT, 2, "")
    assert len(tool.desk.issues) == 1


async def test_what_follows_goes_in_order_and_once(site: Api, post: Post, tool: Served) -> None:
    chat, ticket = await ask(site)
    account = await add_account(post.database, post.clock, "agent_n2")
    async with signed_in(site.base, post.database, post.clock, account) as browser:
        await browser.post(path(ticket, "demander"), text="Dans quelle classe ?")
        await chat.say("Il est en 5e B")
        await browser.post(path(ticket, "resoudre"), text="C’est réparé.")
        await browser.post(path(ticket, "note"), text="Entre nous")
    tool.faults.next = ["", "lost", "late after", "500", "lost"]
    await post.rounds(tool.faults.settle)
    issue = tool.desk.only()
    assert [comment.text.splitlines()[1] for comment in issue.comments] == [
        "Dans quelle classe ?", "Il est en 5e B", "C’est réparé.",
    ]  # fmt: skip
    assert issue.comments[1].text.startswith("Précision de la personne")
    assert issue.state == "resolu"
    # What was sent is not kept a second time.
    assert {step.content for step in await post.steps()} == {""}


async def test_two_couriers_send_once(site: Api, post: Post, tool: Served) -> None:
    for _ in range(3):
        await ask(site)
    await asyncio.gather(*(post.courier.send_due() for _ in range(4)))
    assert len(tool.desk.issues) == 3


async def test_an_escalation_opens_the_request_in_the_vendor_s_tool(site: Api, post: Post, tool: Served) -> None:
    async with post.database.transaction() as session:
        await save_connectors(session, [settings_of(tool.address), settings_of(tool.address, "editeur")])
    _, ticket = await ask(site)
    account = await add_account(post.database, post.clock, "agent_n2")
    async with signed_in(site.base, post.database, post.clock, account) as browser:
        await browser.post(path(ticket, "escalader"), reason="Le serveur de l’éditeur répond 500")
    await post.rounds()
    first, second = tool.desk.issues.values()
    assert "Le serveur de l’éditeur répond 500" in first.comments[0].text
    assert (first.title, second.title) == (ticket["number"], ticket["number"])
    assert second.comments == []


async def test_a_database_that_is_busy_puts_off_the_steps_and_loses_none(
    site: Api, post: Post, tool: Served, lock
) -> None:
    for _ in range(3):
        await ask(site)
    async with lock("EXCLUSIVE"):
        assert await post.courier.send_due() == 3
    assert tool.desk.issues == {}
    await post.rounds()
    assert len(tool.desk.issues) == 3


# --- what cannot be sent ----------------------------------------------------------------------


async def test_what_a_tool_refuses_is_given_up_shown_and_sent_again_by_hand(
    site: Api, post: Post, tool: Served, clock: FixedClock
) -> None:
    _, ticket = await ask(site)

    def refuse(desk):
        async def answer(request: web.Request) -> web.Response:
            return web.Response(status=422)

        return [web.route("*", "/{any:.*}", answer)]

    async with serve(refuse, "/assistent") as other:
        async with post.database.transaction() as session:
            await save_connectors(session, [settings_of(other.address)])
        await post.courier.send_due()
    [step] = await post.steps()
    assert (step.state, "422" in step.error) == (DEAD, True)
    async with post.database.transaction() as session:
        await save_connectors(session, [settings_of(tool.address)])
    account = await add_account(post.database, clock, "agent_n2")
    async with signed_in(site.base, post.database, clock, account) as browser:
        page = await browser.get(path(ticket))
        assert "Échec : la demande n’est pas partie après 1 essai." in page.words
        assert "Renvoyer" in page.words
        page = await browser.post(path(ticket, "renvoyer"))
        assert page.status == 303
        page = await browser.get(path(ticket))
        assert "En attente d’envoi : la demande." in page.words
        await post.rounds()
        page = await browser.get(path(ticket))
        assert f"reçue sous le n° {tool.desk.only().id}, dernier envoi" in page.words
        assert "Renvoyer" not in page.words
        assert (await browser.post(path(ticket, "renvoyer"))).status == 422


async def test_a_reader_without_the_right_to_answer_may_not_send_again(
    site: Api, post: Post, clock: FixedClock
) -> None:
    _, ticket = await ask(site)
    async with post.database.transaction() as session:
        await session.execute(sa.update(ExchangeStep).values(state=DEAD))
    account = await add_account(post.database, clock, "agent_n3")
    async with signed_in(site.base, post.database, clock, account) as browser:
        assert (await browser.post(path(ticket, "renvoyer"))).status == 404


@ONE_KIND
async def test_a_tool_is_given_up_after_many_attempts_and_the_rest_leaves(site: Api, post: Post, tool: Served) -> None:
    await ask(site)
    async with post.database.transaction() as session:
        await session.execute(sa.update(ExchangeStep).values(attempts=99))
    tool.faults.next = ["500"]
    await post.courier.send_due()
    [step] = await post.steps()
    assert (step.state, step.attempts) == (DEAD, 100)
    await ask(site)
    await post.courier.send_due()
    assert len(tool.desk.issues) == 1


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
async def test_a_call_whose_connection_breaks_is_made_once(method: str) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response({})

    async with serve(lambda desk: [web.route("*", "/", answer)]) as tool, open_http() as http:
        tool.faults.next = ["", "lost"]
        client = ToolClient(http, tool.address, {})
        await client.call(method, "", json={})
        with pytest.raises(ToolUnavailable):
            await client.call(method, "", json={})
        assert tool.faults.calls == 2


@ONE_KIND
async def test_no_redirect_is_followed(site: Api, post: Post, tool: Served) -> None:
    await ask(site)

    def redirect(desk):
        async def answer(request: web.Request) -> web.Response:
            raise web.HTTPTemporaryRedirect(tool.address)

        return [web.route("*", "/{any:.*}", answer)]

    async with serve(redirect, "/assistent") as other:
        async with post.database.transaction() as session:
            await save_connectors(session, [settings_of(other.address)])
        await post.courier.send_due()
    [step] = await post.steps()
    assert (step.state, "autre adresse" in step.error) == (DEAD, True)
    assert tool.desk.issues == {}


@ONE_KIND
async def test_a_secret_that_is_missing_is_named_and_waited_for(site: Api, post: Post, own_database: Database) -> None:
    await ask(site)
    post.courier._secrets = {}
    await post.courier.send_due()
    [step] = await post.steps()
    assert (step.state, NAME in step.error) == (WAITING, True)


# --- back -------------------------------------------------------------------------------------


@pytest.fixture
async def sent(site: Api, post: Post, tool: Served) -> tuple[Chat, dict, str]:
    """A request that the tool has: its conversation, its card, its key there."""
    chat, ticket = await ask(site)
    await post.rounds()
    return chat, ticket, key_of(tool.desk.only().text)


async def test_a_comment_of_the_tool_is_read_in_the_chat_once(site: Api, post: Post, tool: Served, sent) -> None:
    chat, _ticket, key = sent
    change = {"id": "c-1", "key": key, "comment": "Le blog est **réparé**.\u0000"}
    url = site.base.join(URL(INBOX))
    for expected in (True, False):
        assert await tell(post.http, url, post.clock.now(), change) == (200, {"taken": expected})
    said = [message for message in await chat.history() if message["from"] == "agent"]
    assert [message["text"] for message in said] == ["Le blog est **réparé**."]
    assert (await site.get(f"{PREFIX}/tickets", token=chat.token)).json["tickets"][0]["status"] == "en_cours"
    # It is not sent back to where it came from.
    assert await post.left() == 0


async def test_resolved_there_is_resolved_here_and_reopened_here_is_open_there(
    site: Api, post: Post, tool: Served, sent
) -> None:
    chat, _ticket, key = sent
    url = site.base.join(URL(INBOX))
    change = {"id": "s-1", "key": key, "state": "resolu"}
    assert await tell(post.http, url, post.clock.now(), change) == (200, {"taken": True})
    last = (await chat.history())[-1]
    assert "suivi:rouvrir" in [button["choice"] for button in last["buttons"]]
    reply = await chat.choose("suivi:rouvrir")
    assert reply["messages"][0]["ticket"]["status"] == "nouveau"
    # Told before the tool knows that it is open again: what it says is older than what the person did.
    change = {"id": "s-2", "key": key, "state": "clos"}
    assert (await tell(post.http, url, post.clock.now(), change))[0] == 200
    assert (await site.get(f"{PREFIX}/tickets", token=chat.token)).json["tickets"][0]["status"] == "nouveau"
    await post.rounds()
    assert tool.desk.only().state == "ouvert"


async def test_a_comment_on_a_closed_request_is_kept_as_a_note(site: Api, post: Post, sent) -> None:
    chat, _ticket, key = sent
    async with post.database.transaction() as session:
        await session.execute(sa.update(Ticket).values(state="clos"))
    change = {"id": "c-1", "key": key, "comment": "Trop tard"}
    assert (await tell(post.http, site.base.join(URL(INBOX)), post.clock.now(), change))[0] == 200
    async with post.database.reading() as session:
        [note] = (await session.scalars(sa.select(TicketEvent).where(TicketEvent.kind == "note"))).all()
    assert note.data["text"] == "Trop tard"
    assert [message for message in await chat.history() if message["from"] == "agent"] == []


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"secret": SECRET + "!"}, 401),
        ({"age": timedelta(minutes=6)}, 401),
        ({"age": -timedelta(minutes=6)}, 401),
        ({"body": b'{"id": "c-1", "key": "00000000-0000-0000-0000-000000000000"}'}, 401),
    ],
    ids=["another secret", "too old", "too early", "another body"],
)
@ONE_KIND
async def test_what_the_tool_has_not_signed_now_is_refused(
    site: Api, post: Post, sent, options: dict, status: int
) -> None:
    chat, _, key = sent
    change = {"id": "c-1", "key": key, "comment": "Faux"}
    answer = await tell(post.http, site.base.join(URL(INBOX)), post.clock.now(), change, **options)
    assert (answer[0], answer[1]["code"]) == (status, "non_authentifie")
    assert [message for message in await chat.history() if message["from"] == "agent"] == []


@ONE_KIND
async def test_a_key_that_was_not_sent_to_the_tool_is_unknown(site: Api, post: Post, sent) -> None:
    change = {"id": "c-1", "key": "00000000-0000-0000-0000-000000000000", "comment": "?"}
    url = site.base.join(URL(INBOX))
    assert (await tell(post.http, url, post.clock.now(), change))[0] == 404
    other = site.base.join(URL(f"{PREFIX}/exchanges/dsi"))
    assert (await tell(post.http, other, post.clock.now(), change))[0] == 401
    unsigned = await site.post(INBOX, change)
    assert (unsigned.status, unsigned.code) == (401, "non_authentifie")


# --- what a deployment says -------------------------------------------------------------------


async def test_an_exchange_goes_with_its_request(site: Api, post: Post, sent) -> None:
    async with post.database.transaction() as session:
        await session.execute(sa.delete(Ticket))
    assert await post.steps() == []


async def test_tools_are_replaced_and_what_was_read_of_one_is_kept(post: Post, tool: Served) -> None:
    async with post.database.transaction() as session:
        await session.execute(sa.update(Connector).values(cursor="2026-11-23"))
        await save_connectors(session, [settings_of(tool.address + "/autre"), settings_of(tool.address, "dsi")])
    async with post.database.transaction() as session:
        kept = await session.get(Connector, GROUP)
        assert (kept.cursor, kept.address) == ("2026-11-23", tool.address + "/autre")
        with pytest.raises(InvalidInput, match="deux"):
            await save_connectors(session, [settings_of(tool.address), settings_of(tool.address)])
        await save_connectors(session, [settings_of(tool.address)])
        assert await session.get(Connector, "dsi") is None


async def test_no_name_of_a_person_leaves_and_the_school_s_stays(
    site: Api, post: Post, tool: Served, browser_of: Open
) -> None:
    chat = await site.open("parent", "0750002V")
    ticket = await chat.open_ticket(
        "Ma fille Léa Martin, du collège Olympe-de-Gouges, ne voit pas le blog de Mme Petit"
    )
    agent = await browser_of("agent_n2")
    await agent.post(path(ticket, "repondre"), text="Bonjour Mme Martin, Léa est rattachée.")
    await post.rounds()
    issue = tool.desk.only()
    assert "Ma fille [nom], du collège Olympe-de-Gouges, ne voit pas le blog de Mme [nom]" in issue.text
    assert "École : Collège Olympe-de-Gouges" in issue.text
    assert "Bonjour Mme [nom], [nom] est rattachée." in issue.comments[-1].text
    # Here it is kept as it was told.
    assert "Léa Martin" in (await agent.get(path(ticket))).words
