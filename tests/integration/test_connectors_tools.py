"""GLPI and Zammad, both ways, against servers written from their public documentation: no real one was run."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.clock import FixedClock
from bot.connectors.rules import CLOSED, OPEN, RESOLVED
from bot.db import Database
from tests.integration.console import add_account, signed_in
from tests.integration.desks import SECRETS, serve_kind
from tests.integration.exchanges import GROUP, LATE_S, Post, open_post
from tests.integration.gateway import PREFIX, Api, Chat
from tests.integration.tools import Served, key_of

POLLED = ("glpi_v1", "glpi_v2", "zammad")


@pytest.fixture(params=POLLED)
async def joined(request: pytest.FixtureRequest, own_database: Database, clock: FixedClock
                 ) -> AsyncIterator[tuple[Post, Served]]:  # fmt: skip
    """A tool of each kind in turn, and the courier of a database whose group has it."""
    async with (
        serve_kind(request.param, clock, GROUP) as (tool, entry),
        open_post(own_database, clock, entry, secrets=SECRETS) as post,
    ):
        tool.faults.late_s = LATE_S
        yield post, tool


@pytest.fixture
async def sent(start, joined: tuple[Post, Served]) -> tuple[Api, Chat, dict]:
    """A request that the tool has."""
    post, _ = joined
    site = await start()
    chat = await site.open("parent", "0750002V")
    ticket = await chat.open_ticket("Le blog <b>vide</b> & muet")
    await post.rounds()
    return site, chat, ticket


async def status(site: Api, chat: Chat) -> str:
    return (await site.get(f"{PREFIX}/tickets", token=chat.token)).json["tickets"][0]["status"]


async def answers(chat: Chat) -> list[str]:
    return [message["text"] for message in await chat.history() if message["from"] == "agent"]


async def test_the_request_is_there_with_its_words_and_its_key(joined: tuple[Post, Served], sent) -> None:
    post, tool = joined
    issue = tool.desk.only()
    assert sent[2]["number"] in issue.title
    assert "vide" in issue.text
    exchange = await post.exchange()
    assert (exchange.remote_id, exchange.key) == (str(issue.id), key_of(issue.text))


async def test_what_is_answered_there_is_read_in_the_chat_once(joined: tuple[Post, Served], sent) -> None:
    post, tool = joined
    site, chat, _ = sent
    issue = tool.desk.only()
    tool.desk.comment(issue, "<p>C’est réparé &amp; vérifié.</p>")
    tool.desk.comment(issue, "Entre nous", private=True)
    for _ in range(2):
        await post.read()
    assert await answers(chat) == ["C’est réparé & vérifié."]
    assert await status(site, chat) == "en_cours"
    tool.desk.comment(issue, "Et autre chose")
    await post.read()
    assert await answers(chat) == ["C’est réparé & vérifié.", "Et autre chose"]
    assert await post.left() == 0


async def test_what_we_write_there_does_not_come_back(joined: tuple[Post, Served], sent) -> None:
    post, tool = joined
    site, chat, ticket = sent
    account = await add_account(post.database, post.clock, "agent_n2")
    async with signed_in(site.base, post.database, post.clock, account) as browser:
        await browser.post(f"/console/demandes/{ticket['number']}/repondre", text="Nous regardons.")
    await post.rounds()
    [comment] = tool.desk.only().comments
    assert "Nous regardons." in comment.text
    await post.read()
    assert await answers(chat) == ["Nous regardons."]


async def test_solved_there_is_resolved_here_and_reopened_here_is_open_there(joined: tuple[Post, Served], sent) -> None:
    post, tool = joined
    site, chat, _ = sent
    issue = tool.desk.only()
    tool.desk.put(issue, RESOLVED)
    await post.read()
    assert await status(site, chat) == "resolu"
    await chat.choose("suivi:rouvrir")
    await post.read()
    assert await status(site, chat) == "nouveau"
    await post.rounds()
    assert issue.state == OPEN
    tool.desk.put(issue, CLOSED)
    await post.read()
    assert await status(site, chat) == "resolu"


async def test_a_tool_that_is_out_is_read_again_where_it_was_left(joined: tuple[Post, Served], sent) -> None:
    post, tool = joined
    _, chat, _ = sent
    await post.read()
    tool.desk.comment(tool.desk.only(), "Pendant la panne")
    tool.faults.rate, tool.faults.KINDS = 1.0, ("500",)
    await post.read()
    assert await answers(chat) == []
    tool.faults.rate = 0.0
    await post.read()
    assert await answers(chat) == ["Pendant la panne"]


async def test_a_wrong_key_is_said_and_waited_for(joined: tuple[Post, Served], sent) -> None:
    post, tool = joined
    _, chat, _ = sent
    tool.desk.comment(tool.desk.only(), "Bonjour")
    post.courier._secrets = {name: f"{value}, périmé" for name, value in SECRETS.items()}
    await post.read()
    assert await answers(chat) == []
