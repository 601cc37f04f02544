"""How much is taken: per conversation, address and school, and who is believed about the address."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.settings import RateLimits
from tests.integration.gateway import ONE_KIND, PREFIX, Answer, Api
from tests.integration.jwts import sign

pytestmark = ONE_KIND


def limits(**changes: str) -> RateLimits:
    """Return limits that nothing meets but what is given."""
    wide = dict.fromkeys(("session", "address", "address_sessions", "school"), "100000/minute")
    return RateLimits(enabled=True, **{**wide, **changes})


def is_refused(answer: Answer) -> bool:
    if answer.status != 429:
        return False
    assert answer.code == "trop_de_messages"
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    return True


async def test_a_conversation_that_sends_too_much_is_told_when_to_go_on(start) -> None:
    api = await start(limits=limits(session="3/minute"))
    chat, other = await api.open(), await api.open()
    for _ in range(3):
        await chat.say("bonjour")
    assert is_refused(await chat.send(text="bonjour"))
    assert len(await chat.said()) == 3
    await other.say("bonjour")


async def test_after_the_window_a_conversation_goes_on(start) -> None:
    api = await start(limits=limits(session="2/second"))
    chat = await api.open()
    answers = [await chat.send(text="bonjour") for _ in range(4)]
    refused = next(answer for answer in answers if is_refused(answer))
    await asyncio.sleep(int(refused.headers["Retry-After"]) + 0.1)
    await chat.say("bonjour")


async def test_feedback_and_erasure_count_as_messages_do(start) -> None:
    api = await start(limits=limits(session="2/minute"))
    chat = await api.open()
    path = f"{PREFIX}/messages/{chat.opened['messages'][0]['id']}/feedback"
    for _ in range(2):
        assert (await api.post(path, {"helpful": True}, token=chat.token)).status == 204
    assert is_refused(await api.post(path, {"helpful": True}, token=chat.token))
    assert is_refused(await api.call("DELETE", f"{PREFIX}/conversation", token=chat.token))


async def test_an_address_has_its_limit_whatever_the_conversation(start) -> None:
    api = await start(limits=limits(address="4/minute"))
    chats = [await api.open() for _ in range(5)]
    answers = [await chat.send(text="bonjour") for chat in chats]
    assert [answer.status for answer in answers] == [200] * 4 + [429]
    assert is_refused(answers[-1])


async def test_one_conversation_that_insists_does_not_use_up_its_school_s_address(start) -> None:
    api = await start(limits=limits(session="2/minute", address="6/minute"))
    noisy, quiet = await api.open(), await api.open()
    answers = [await noisy.send(text="bonjour") for _ in range(10)]
    assert sum(map(is_refused, answers)) == 8
    await quiet.say("bonjour")


@pytest.mark.parametrize("path", ["messages", "tickets", "conversation/export", "events", "search?q=blog"])
async def test_reading_has_its_limit_too(start, path: str) -> None:
    api = await start(limits=limits(address="2/minute"))
    for _ in range(2):
        assert (await api.get(f"{PREFIX}/{path}", token="inconnu")).status in (200, 401)
    assert is_refused(await api.get(f"{PREFIX}/{path}", token="inconnu"))


async def test_opening_conversations_has_a_limit_of_its_own(start) -> None:
    api = await start(limits=limits(address_sessions="3/minute"))
    chats = [await api.open() for _ in range(3)]
    assert is_refused(await api.post(f"{PREFIX}/sessions", {}))
    assert is_refused(await api.post(f"{PREFIX}/sessions", {}, token=sign()))
    await chats[0].say("bonjour")


async def test_a_school_has_its_limit_for_signed_sessions_only(start) -> None:
    api = await start(limits=limits(school="3/minute"))
    signed = [await api.open(token=sign(uai="0750001U")) for _ in range(2)]
    elsewhere = await api.open(token=sign(uai="0750002V"))
    visitor = await api.open("parent", "0750001U")
    for _ in range(4):
        await visitor.say("bonjour")
    for index in range(3):
        await signed[index % 2].say("bonjour")
    assert is_refused(await signed[0].send(text="bonjour"))
    assert is_refused(await signed[1].send(text="bonjour"))
    await elsewhere.say("bonjour")
    await visitor.say("bonjour")


async def test_what_is_refused_is_not_written_down(start) -> None:
    api = await start(limits=limits(session="1/minute"))
    chat = await api.open()
    await chat.say("bonjour")
    for _ in range(3):
        assert is_refused(await chat.send(text="mot de passe oublié"))
    assert await chat.said() == ["bonjour"]


async def test_limits_can_be_lifted_for_measuring(start) -> None:
    api = await start(limits=RateLimits(enabled=False, session="1/hour", address="1/hour", address_sessions="1/hour"))
    chat = await api.open()
    for _ in range(5):
        await chat.say("bonjour")


async def test_a_school_behind_one_address_meets_no_limit_on_a_normal_morning(start) -> None:
    api = await start(limits=RateLimits())
    chats = [await api.open() for _ in range(40)]
    for chat in chats:
        for text in ("bonjour", "merci", "bonjour"):
            await chat.say(text)


# --- X-Forwarded-For --------------------------------------------------------------------------


async def send_from(api: Api, forwarded: str | list[str], **options: Any) -> int:
    from multidict import CIMultiDict

    lines = [forwarded] if isinstance(forwarded, str) else forwarded
    headers = CIMultiDict([("Content-Type", "application/json"), *(("X-Forwarded-For", line) for line in lines)])
    async with api.http.post(api.base.with_path(f"{PREFIX}/sessions"), data=b"{}", headers=headers) as reply:
        return reply.status


async def test_an_address_that_is_only_claimed_is_not_believed(start) -> None:
    api = await start(limits=limits(address_sessions="2/minute"))
    assert [await send_from(api, f"203.0.113.{index}") for index in range(4)] == [201, 201, 429, 429]


@pytest.mark.parametrize("proxies", [("127.0.0.1",), ("127.0.0.0/8", "10.0.0.0/8"), ("::1/128", "127.0.0.1/32")])
async def test_a_listed_proxy_is_believed(start, proxies: tuple[str, ...]) -> None:
    api = await start(limits=limits(address_sessions="1/minute"), trusted_proxies=proxies)
    assert [await send_from(api, f"203.0.113.{index}") for index in range(4)] == [201] * 4
    assert await send_from(api, "203.0.113.1") == 429


async def test_what_the_client_adds_before_the_proxy_s_word_is_not_believed(start) -> None:
    api = await start(limits=limits(address_sessions="1/minute"), trusted_proxies=("127.0.0.1", "10.0.0.0/8"))
    assert await send_from(api, "198.51.100.1, 203.0.113.9") == 201
    assert await send_from(api, "198.51.100.2, 203.0.113.9") == 429
    assert await send_from(api, "198.51.100.3, 203.0.113.9, 10.1.2.3") == 429
    assert await send_from(api, ["198.51.100.4", "203.0.113.9"]) == 429


async def test_a_proxy_that_says_nothing_stands_for_itself(start) -> None:
    api = await start(limits=limits(address_sessions="2/minute"), trusted_proxies=("127.0.0.1",))
    assert [await send_from(api, text) for text in ("", " , ", "")] == [201, 201, 429]


@pytest.mark.parametrize("text", ["inconnu", "1.2.3.4:5678", "[::1]:80", "x" * 4_000, "\xe9", "203.0.113.1,,"])
async def test_an_address_that_is_none_breaks_nothing(start, text: str) -> None:
    api = await start(limits=limits(address_sessions="2/minute"), trusted_proxies=("127.0.0.1",))
    assert await send_from(api, text) == 201
