"""A real Redmine, both ways: issues, notes and states, and requests while three calls in ten fail."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import aiohttp
import pytest
from aiohttp import web

from bot.clock import FixedClock
from bot.connectors.http import ToolClient
from bot.connectors.redmine import Redmine as Tool
from bot.connectors.rules import CLOSED, OPEN, RESOLVED
from bot.connectors.setup import save_connectors
from bot.db import Database
from bot.errors import ToolRefused
from tests.integration.console import add_account, signed_in
from tests.integration.exchanges import GROUP, Post, check_none_lost_none_twice, open_post, open_requests
from tests.integration.gateway import ONE_KIND, PREFIX, Api, Chat
from tests.integration.tools import Comment, Issue, serve
from tests.redmine import Redmine, run_redmine
from tests.soak import LONG

NAME = "ASSISTENT_CONNECTOR_REDMINE"
SECRETS = {NAME: "assistentkey"}
# A real tool on a busy machine takes its time.
PATIENCE_S = 20.0

# What the database is does not matter to Redmine: tests/integration/test_connectors.py runs on both.
pytestmark = [ONE_KIND, pytest.mark.timeout(600)]

REQUESTS = 200 if LONG else 15


@pytest.fixture(scope="module")
def redmine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redmine]:
    """The module's Redmine."""
    with run_redmine(tmp_path_factory.mktemp("redmine")) as running:
        yield running


def entry(address: str) -> dict:
    return {
        "group": GROUP, "kind": "redmine", "address": address, "secrets": {"api_key": NAME},
        "options": {"project": "ent"},
    }  # fmt: skip


@pytest.fixture
async def post(redmine: Redmine, own_database: Database, clock: FixedClock) -> AsyncIterator[Post]:
    """The courier of a database whose group has that Redmine."""
    async with open_post(own_database, clock, entry(redmine.address), secrets=SECRETS, timeout=PATIENCE_S) as opened:
        yield opened


@pytest.fixture
async def sent(start, post: Post) -> tuple[Api, Chat, dict, str]:
    """A request that Redmine has: where it was asked, its conversation, its card, its issue."""
    site = await start()
    chat = await site.open("parent", "0750002V")
    ticket = await chat.open_ticket("Le blog est vide « été » & muet")
    await post.rounds()
    return site, chat, ticket, (await post.exchange()).remote_id


async def call(redmine: Redmine, post: Post, method: str, path: str, changes: dict | None = None) -> dict:
    """Call Redmine as an agent of the team."""
    body = {"issue": changes} if changes else None
    headers = {"X-Redmine-API-Key": "agentkey"}
    async with post.http.request(method, f"{redmine.address}/{path}", json=body, headers=headers) as answer:
        assert answer.status < 300, await answer.text()
        return await answer.json() if method == "GET" else {}


async def status_of(redmine: Redmine, post: Post, *, closed: bool) -> int:
    statuses = (await call(redmine, post, "GET", "issue_statuses.json"))["issue_statuses"]
    return next(status["id"] for status in statuses if status["is_closed"] == closed)


async def answers(chat: Chat) -> list[str]:
    return [message["text"] for message in await chat.history() if message["from"] == "agent"]


async def state(site: Api, chat: Chat) -> str:
    return (await site.get(f"{PREFIX}/tickets", token=chat.token)).json["tickets"][0]["status"]


async def test_the_request_is_an_issue_with_its_words(redmine: Redmine, post: Post, sent) -> None:
    _, _, ticket, remote = sent
    issue = (await call(redmine, post, "GET", f"issues/{remote}.json"))["issue"]
    assert issue["subject"] == f"Demande {ticket['number']} – Collège Olympe-de-Gouges, Valmont"
    assert "Le blog est vide « été » & muet" in issue["description"]
    assert (await post.exchange()).key in issue["description"]


async def test_what_redmine_has_is_found_and_not_created_again(redmine: Redmine, post: Post, sent) -> None:
    remote, key = sent[3], (await post.exchange()).key
    tool = Tool(ToolClient(post.http, redmine.address, {"X-Redmine-API-Key": "assistentkey"}), "ent")
    assert await tool.find(key) == remote
    await call(
        redmine, post, "PUT", f"issues/{remote}.json", {"status_id": await status_of(redmine, post, closed=True)}
    )
    assert await tool.find(key) == remote
    assert await tool.find("00000000-0000-0000-0000-000000000000") is None
    assert await tool.has_comment(remote, key) is False
    await tool.comment(remote, key, "Une note")
    assert await tool.has_comment(remote, key) is True


async def test_a_note_is_read_in_the_chat_once_and_a_private_one_is_not(redmine: Redmine, post: Post, sent) -> None:
    site, chat, _, remote = sent
    await post.read()
    await call(redmine, post, "PUT", f"issues/{remote}.json", {"notes": "C’est *réparé*."})
    await call(redmine, post, "PUT", f"issues/{remote}.json", {"notes": "Entre nous", "private_notes": True})
    for _ in range(2):
        await post.read()
    assert await answers(chat) == ["C’est *réparé*."]
    assert await state(site, chat) == "en_cours"


async def test_what_is_answered_here_is_a_note_there_and_does_not_come_back(redmine: Redmine, post: Post, sent) -> None:
    site, chat, ticket, remote = sent
    account = await add_account(post.database, post.clock, "agent_n2")
    async with signed_in(site.base, post.database, post.clock, account) as browser:
        await browser.post(f"/console/demandes/{ticket['number']}/repondre", text="Nous regardons.")
    await post.rounds()
    issue = (await call(redmine, post, "GET", f"issues/{remote}.json?include=journals"))["issue"]
    assert "Nous regardons." in issue["journals"][-1]["notes"]
    await post.read()
    assert await answers(chat) == ["Nous regardons."]


async def test_closed_there_is_resolved_here_and_reopened_here_is_open_there(
    redmine: Redmine, post: Post, sent
) -> None:
    site, chat, _, remote = sent
    closed = await status_of(redmine, post, closed=True)
    await call(redmine, post, "PUT", f"issues/{remote}.json", {"status_id": closed, "notes": "Voilà."})
    await post.read()
    assert await state(site, chat) == "resolu"
    assert await answers(chat) == ["Voilà."]
    await chat.choose("suivi:rouvrir")
    await post.rounds()
    issue = (await call(redmine, post, "GET", f"issues/{remote}.json"))["issue"]
    assert issue["status"]["is_closed"] is False
    await post.read()
    assert await state(site, chat) == "nouveau"


async def test_what_the_workflow_forbids_is_said(redmine: Redmine, post: Post, sent) -> None:
    remote = sent[3]
    tool = Tool(ToolClient(post.http, redmine.address, {"X-Redmine-API-Key": "boundkey"}), "ent")
    with pytest.raises(ToolRefused, match="flux de travail"):
        await tool.change_state(remote, "", RESOLVED)
    assert (await tool.read(remote)).state == OPEN


async def test_while_three_calls_in_ten_fail_none_is_lost_and_none_is_twice(
    redmine: Redmine, own_database: Database, clock: FixedClock
) -> None:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:

        async def forward(request: web.Request) -> web.Response:
            key = {"X-Redmine-API-Key": request.headers["X-Redmine-API-Key"], "Content-Type": "application/json"}
            body = await request.read()
            async with http.request(
                request.method, redmine.address + request.path_qs, data=body, headers=key
            ) as answer:
                return web.Response(status=answer.status, body=await answer.read(), content_type=answer.content_type)

        async with (
            serve(lambda desk: [web.route("*", "/{any:.*}", forward)]) as faulty,
            open_post(own_database, clock, entry(faulty.address), secrets=SECRETS, timeout=4.0) as post,
        ):
            faulty.faults.late_s, faulty.faults.rate = 5.0, 0.3
            before = await _issues(redmine, post)
            await open_requests(own_database, clock, REQUESTS)
            await post.rounds(faulty.faults.settle)
            assert faulty.faults.inflicted > 5
            async with post.database.transaction() as session:
                await save_connectors(session, [entry(redmine.address)])
            known = {issue.id for issue in before}
            now = [issue for issue in await _issues(redmine, post, notes=True) if issue.id not in known]
            await check_none_lost_none_twice(post, now, REQUESTS)


async def _issues(redmine: Redmine, post: Post, *, notes: bool = False) -> list[Issue]:
    """Return the issues of the project as the small servers keep theirs."""
    found: list[Issue] = []
    while True:
        path = f"issues.json?project_id=ent&status_id=*&limit=100&offset={len(found)}&sort=id"
        page = await call(redmine, post, "GET", path)
        found += [Issue(issue["id"], issue["subject"], issue["description"]) for issue in page["issues"]]
        if len(found) >= page["total_count"]:
            break
    if notes:
        for index, issue in enumerate(found):
            whole = (await call(redmine, post, "GET", f"issues/{issue.id}.json?include=journals"))["issue"]
            comments = [Comment(journal["id"], journal["notes"]) for journal in whole["journals"] if journal["notes"]]
            found[index] = replace(issue, comments=comments, state=CLOSED if whole["status"]["is_closed"] else OPEN)
    return found
