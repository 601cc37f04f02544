"""Events: what an open chat is told as it happens, without loss and without saying it twice."""

from __future__ import annotations

import asyncio
import time

import pytest
from yarl import URL

from bot.chat.views import HUB
from bot.clock import FixedClock
from bot.conversations.models import ConversationEvent
from bot.conversations.service import AGENT, Said, announce_late
from bot.db import Database
from tests.integration.conftest import MONDAY
from tests.integration.gateway import ONE_KIND, PREFIX, Api, Chat, Stream


async def tell(database: Database, chat: Chat, *texts: str) -> None:
    for text in texts:
        await announce_late(database, FixedClock(MONDAY), chat.conversation, [Said(text, {}, sender=AGENT)])


async def texts_of(stream: Stream, count: int) -> list[str]:
    return [(await stream.next())["data"]["text"] for _ in range(count)]


async def test_a_stream_begins_by_saying_that_it_is_ready(api: Api) -> None:
    chat = await api.open()
    async with api.events(chat.token) as stream:
        ready = await stream.next()
    assert ready["event"] == "ready"
    assert ready["id"].isdigit()


async def test_a_late_message_arrives_within_two_seconds(api: Api, shared_database: Database) -> None:
    chat = await api.open()
    async with api.events(chat.token) as stream:
        await stream.next()
        await tell(shared_database, chat, "Bonjour, ici **Claire**, de l'assistance.")
        event = await stream.next(within=2)
    assert event["event"] == "message"
    assert event["data"]["from"] == "agent"
    assert "<strong>Claire</strong>" in event["data"]["html"]
    assert event["data"] == (await chat.history())[-1]


async def test_a_ticket_arrives_within_two_seconds(api: Api) -> None:
    chat = await api.open()
    async with api.events(chat.token) as stream:
        await stream.next()
        ticket = await chat.open_ticket()
        event = await stream.next(within=2)
    assert event["event"] == "ticket"
    assert event["data"]["ticket"]["number"] == ticket["number"]


async def test_nothing_of_another_conversation_arrives(api: Api, shared_database: Database) -> None:
    mine, theirs = await api.open(), await api.open()
    async with api.events(mine.token) as stream:
        await stream.next()
        await tell(shared_database, theirs, "pour eux")
        await tell(shared_database, mine, "pour moi")
        assert await texts_of(stream, 1) == ["pour moi"]


async def test_every_tab_is_told(api: Api, shared_database: Database) -> None:
    chat = await api.open()
    async with api.events(chat.token) as first, api.events(chat.token) as second:
        await first.next()
        await second.next()
        await tell(shared_database, chat, "un", "deux")
        assert await texts_of(first, 2) == ["un", "deux"]
        assert await texts_of(second, 2) == ["un", "deux"]


async def test_a_stream_goes_on_where_it_was_cut_without_loss_or_repetition(
    api: Api, shared_database: Database
) -> None:
    chat = await api.open()
    async with api.events(chat.token) as stream:
        await stream.next()
        await tell(shared_database, chat, "un", "deux")
        first, second = await stream.next(), await stream.next()
    await tell(shared_database, chat, "trois", "quatre")
    async with api.events(chat.token, last=second["id"]) as stream:
        ready = await stream.next()
        # Were it cut here, nothing would be lost: it was told no further than what it has.
        assert ready["id"] == second["id"]
        await tell(shared_database, chat, "cinq")
        assert await texts_of(stream, 3) == ["trois", "quatre", "cinq"]
    async with api.events(chat.token, last=first["id"]) as stream:
        await stream.next()
        assert await texts_of(stream, 4) == ["deux", "trois", "quatre", "cinq"]


async def test_a_stream_cut_before_anything_happened_misses_nothing(api: Api, shared_database: Database) -> None:
    chat = await api.open()
    async with api.events(chat.token) as stream:
        ready = await stream.next()
    await tell(shared_database, chat, "un")
    async with api.events(chat.token, last=ready["id"]) as stream:
        await stream.next()
        assert await texts_of(stream, 1) == ["un"]


async def test_without_a_number_only_what_comes_is_told(api: Api, shared_database: Database) -> None:
    chat = await api.open()
    await tell(shared_database, chat, "avant")
    async with api.events(chat.token) as stream:
        await stream.next()
        await tell(shared_database, chat, "après")
        assert await texts_of(stream, 1) == ["après"]


async def test_a_number_that_was_never_given_out_silences_nothing(api: Api, shared_database: Database) -> None:
    chat = await api.open()
    async with api.events(chat.token, last="9" * 18) as stream:
        await stream.next()
        await tell(shared_database, chat, "un")
        assert await texts_of(stream, 1) == ["un"]


async def test_many_events_at_once_all_arrive_in_order(api: Api, shared_database: Database) -> None:
    chat = await api.open()
    said = [Said(f"ligne {index}", {}, sender=AGENT) for index in range(60)]
    async with api.events(chat.token) as stream:
        await stream.next()
        await announce_late(shared_database, FixedClock(MONDAY), chat.conversation, said)
        assert await texts_of(stream, 60) == [one.text for one in said]


async def test_a_reader_who_is_far_behind_is_cut_off_and_loses_nothing(api: Api, shared_database: Database) -> None:
    chat = await api.open()
    said = [Said(f"ligne {index}", {}, sender=AGENT) for index in range(250)]
    got: list[str] = []
    async with api.events(chat.token) as stream:
        last = (await stream.next())["id"]
        await announce_late(shared_database, FixedClock(MONDAY), chat.conversation, said)
        while event := await stream.next():
            got.append(event["data"]["text"])
            last = event["id"]
            if len(got) == len(said):
                break
    while len(got) < len(said):
        async with api.events(chat.token, last=last) as stream:
            await stream.next()
            while len(got) < len(said) and (event := await stream.next()):
                got.append(event["data"]["text"])
                last = event["id"]
    assert got == [one.text for one in said]


async def test_what_is_committed_out_of_order_is_told_all_the_same(api: Api, shared_database: Database, store) -> None:
    if store.kind == "sqlite":
        pytest.skip("SQLite writes one transaction at a time")
    first, second = await api.open(), await api.open()

    def event(chat: Chat) -> ConversationEvent:
        return ConversationEvent(conversation_id=chat.conversation, kind="note", payload={"a": 1}, at=MONDAY)

    async with api.events(first.token) as slow, api.events(second.token) as quick:
        await slow.next()
        await quick.next()
        async with shared_database.transaction() as session:
            session.add(event(first))
            await session.flush()
            async with shared_database.transaction() as other:
                other.add(event(second))
            later = await quick.next()
        earlier = await slow.next()
    assert int(earlier["id"]) < int(later["id"])


@ONE_KIND
@pytest.mark.parametrize("last", ["abc", "-1", "1.5", "1 2", "9" * 19, "٣", "0x1", "1e3", "null", "'; --"])
async def test_a_number_that_is_none_is_refused(api: Api, last: str) -> None:
    chat = await api.open()
    answer = await api.get(f"{PREFIX}/events", token=chat.token, headers={"Last-Event-ID": last})
    assert (answer.status, answer.code) == (400, "requete_invalide")


async def test_a_stream_ends_at_shutdown_and_does_not_hold_it_up(start, aiohttp_client) -> None:
    api = await start()
    chat = await api.open()
    async with api.events(chat.token) as stream:
        await stream.next()
        stopping = asyncio.create_task(api.server.close())
        started = time.monotonic()
        assert await stream.next(within=3) is None
        await stopping
    assert time.monotonic() - started < 3


@ONE_KIND
async def test_a_reader_who_left_is_forgotten(start) -> None:
    api = await start()
    chat = await api.open()
    async with api.events(chat.token) as stream:
        await stream.next()
        assert api.app[HUB].listeners == 1
        assert b"assistent_event_streams 1.0" in (await api.get("/metrics")).body
    async with asyncio.timeout(10):
        while api.app[HUB].listeners:
            await asyncio.sleep(0.2)
    assert b"assistent_event_streams 0.0" in (await api.get("/metrics")).body


async def test_the_first_event_is_not_missed_while_the_stream_is_being_opened(
    api: Api, shared_database: Database
) -> None:
    chat = await api.open()
    async with api.http.get(
        api.base.join(URL(f"{PREFIX}/events")), headers={"Authorization": f"Bearer {chat.token}"}
    ) as reply:
        await tell(shared_database, chat, "tout de suite")
        stream = Stream(reply)
        assert (await stream.next())["event"] == "ready"
        assert await texts_of(stream, 1) == ["tout de suite"]
