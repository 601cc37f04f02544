"""A team that has an address and no tool: real letters, over SMTP, to aiosmtpd."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from bot.clock import FixedClock
from bot.connectors.mail import Mail
from bot.connectors.rules import DEAD, SENT, WAITING
from bot.db import Database
from bot.errors import ToolRefused, ToolUnavailable
from tests.integration.exchanges import GROUP, LATE_S, TIMEOUT_S, Post, open_post
from tests.integration.gateway import Api

KEY = "123e4567-e89b-42d3-a456-426614174000"


class Box:
    """Takes letters; `replies` are given before the good one, after what they say was done."""

    def __init__(self) -> None:
        self.letters: list[EmailMessage] = []
        self.replies: list[str] = []
        self.port = 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        reply = self.replies.pop(0) if self.replies else "250 OK"
        if reply.startswith(("250", "late")):
            self.letters.append(message_from_bytes(envelope.content, policy=policy.default))
        if reply == "late":
            await asyncio.sleep(LATE_S)
            return "250 OK"
        return reply


@pytest.fixture
async def box() -> AsyncIterator[Box]:
    """A mail server on loopback."""
    box = Box()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(box, loop=loop), "127.0.0.1", 0)
    box.port = server.sockets[0].getsockname()[1]
    yield box
    server.close()
    await server.wait_closed()


@pytest.fixture
async def post(box: Box, own_database: Database, clock: FixedClock) -> AsyncIterator[Post]:
    """The courier of a database whose group has that address."""
    entry = {
        "group": GROUP, "kind": "email", "address": f"smtp://127.0.0.1:{box.port}",
        "options": {"from": "assistant@ent.example", "to": "equipe@academie.example"},
    }  # fmt: skip
    async with open_post(own_database, clock, entry, secrets={}) as opened:
        yield opened


@pytest.fixture
async def site(start, post: Post) -> Api:
    """A gateway on that database."""
    return await start()


def mail(box: Box, **changes) -> Mail:
    return Mail(
        f"smtp://127.0.0.1:{box.port}", "assistant@ent.example", "equipe@academie.example", timeout=TIMEOUT_S, **changes
    )


async def test_a_request_is_a_letter_and_what_follows_answers_it(site: Api, post: Post, box: Box) -> None:
    chat = await site.open("parent", "0750002V")
    ticket = await chat.open_ticket("Le blog de l’été est vide")
    await post.rounds()
    [letter] = box.letters
    assert (letter["From"], letter["To"]) == ("assistant@ent.example", "equipe@academie.example")
    assert letter["Subject"].startswith(f"Demande {ticket['number']} – Collège")
    assert "Le blog de l’été est vide" in letter.get_content()
    assert letter["Auto-Submitted"] == "auto-generated"
    assert (await post.exchange()).remote_id == ticket["number"]


async def test_a_letter_that_may_have_been_taken_goes_again_under_the_same_name(
    site: Api, post: Post, box: Box
) -> None:
    chat = await site.open("parent", "0750002V")
    await chat.open_ticket()
    box.replies = ["late", "451 4.3.0 Plus tard"]
    await post.courier.send_due()
    [step] = await post.steps()
    assert step.state == WAITING
    await post.rounds()
    [step] = await post.steps()
    assert (step.state, step.attempts) == (SENT, 3)
    assert len(box.letters) == 2
    assert len({letter["Message-ID"] for letter in box.letters}) == 1


async def test_what_is_refused_for_good_is_given_up(site: Api, post: Post, box: Box) -> None:
    chat = await site.open("parent", "0750002V")
    await chat.open_ticket()
    box.replies = ["550 5.1.1 Inconnu"]
    await post.courier.send_due()
    [step] = await post.steps()
    assert (step.state, "550" in step.error) == (DEAD, True)
    assert box.letters == []


async def test_comments_and_states_are_answers_to_the_first_letter(box: Box) -> None:
    tool = mail(box)
    await tool.comment("26-00001-0", KEY, "Une précision")
    await tool.change_state("26-00001-0", KEY, "resolu")
    comment, state = box.letters
    assert comment["In-Reply-To"] == comment["References"] == "<assistent.26-00001-0@ent.example>"
    assert comment["Message-ID"] == f"<assistent.{KEY}@ent.example>"
    assert comment["Subject"] == "Re: Demande 26-00001-0"
    assert "La demande est résolue." in state.get_content()


async def test_replies_say_whether_to_try_again(box: Box) -> None:
    for reply, refusal in (("452 plein", ToolUnavailable), ("554 non", ToolRefused)):
        box.replies = [reply]
        with pytest.raises(refusal):
            await mail(box).comment("26-00001-0", KEY, "x")


async def test_a_server_that_is_not_there_is_waited_for(box: Box) -> None:
    tool = Mail("smtp://127.0.0.1:1", "a@ent.example", "b@ent.example", timeout=TIMEOUT_S)
    with pytest.raises(ToolUnavailable):
        await tool.comment("26-00001-0", KEY, "x")
