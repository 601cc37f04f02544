"""Open pages of the console are told what changes, each of its own territory, and who else is looking."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import asynccontextmanager

from yarl import URL

from tests.integration.console import COLLEGE, ECOLE, Browser, Open, ask, path
from tests.integration.gateway import Api

STREAM = "/console/flux"


@asynccontextmanager
async def listening(browser: Browser, number: str = ""):
    """Give a function that waits for the next event of the stream: (name, data)."""
    address = STREAM + (f"?numero={number}" if number else "")
    async with browser.http.get(browser.base.join(URL(address))) as answer:
        assert answer.status == 200, await answer.text()
        assert answer.content_type == "text/event-stream"

        async def following(name: str, seconds: float = 2.0) -> list[str] | None:
            event = ""
            async with asyncio.timeout(seconds):
                async for raw in answer.content:
                    line = raw.decode().rstrip("\r\n")
                    if line.startswith("event: "):
                        event = line[7:]
                    if line.startswith("data: ") and event == name:
                        return json.loads(line[6:]) if line[6:] else []
            return None

        await following("pret")
        yield following


async def quiet(following, name: str) -> bool:
    """Tell whether nothing of that name comes for a while."""
    try:
        return await following(name, 1.5) is None
    except TimeoutError:
        return True


async def test_a_request_is_told_within_two_seconds(site: Api, browser_of: Open) -> None:
    browser = await browser_of("referent")
    async with listening(browser) as following:
        started = time.monotonic()
        _, ticket = await ask(site)
        assert await following("change") == [ticket["number"]]
        assert time.monotonic() - started < 2.5


async def test_another_territory_is_not_told(site: Api, browser_of: Open) -> None:
    browser = await browser_of("referent")
    async with listening(browser) as following:
        await ask(site, ECOLE)
        assert await quiet(following, "change")


async def test_the_vendor_is_told_of_what_is_escalated_only(site: Api, browser_of: Open) -> None:
    vendor, agent = await browser_of("agent_n3"), await browser_of("agent_n2")
    async with listening(vendor) as following:
        _, ticket = await ask(site)
        assert await quiet(following, "change")
    async with listening(vendor) as following:
        await agent.post(path(ticket, "escalader"), reason="Il faut l’éditeur")
        assert await following("change") == [ticket["number"]]


async def test_who_else_is_looking(site: Api, browser_of: Open) -> None:
    _, ticket = await ask(site)
    first, second = await browser_of("agent_n2", name="Ada Essai"), await browser_of("agent_n2", name="Noé Essai")
    async with listening(first, ticket["number"]) as following:
        async with listening(second, ticket["number"]) as other:
            assert await other("presence") == ["Ada Essai"]
            assert await following("presence") == ["Noé Essai"] or await following("presence") == ["Noé Essai"]
        assert await following("presence", 15) == []


async def test_nobody_listens_to_what_he_may_not_see(site: Api, browser_of: Open) -> None:
    _, ticket = await ask(site, ECOLE)
    browser = await browser_of("referent")
    answer = await browser.get(f"{STREAM}?numero={ticket['number']}")
    assert answer.status == 404
    formateur = await browser_of("formateur")
    assert (await formateur.get(STREAM)).status == 403


async def test_what_is_seen_live_is_what_is_seen_in_the_queue(site: Api, browser_of: Open) -> None:
    """The person writes while an agent has the conversation: the agent's page is told."""
    chat, ticket = await ask(site, COLLEGE)
    browser = await browser_of("agent_n2")
    await browser.post(path(ticket, "parler"))
    async with listening(browser, ticket["number"]) as following:
        await chat.say("Vous êtes là ?")
        assert await following("change") == [ticket["number"]]
