"""Letters to who gave an address: real ones, over SMTP, to aiosmtpd; stopped, given up, sent again, never twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
import structlog
from aiosmtpd.smtp import SMTP, Envelope, Session
from yarl import URL

from bot.chat.markup import to_html
from bot.chat.views import PERSONAL_DATA, VAULT
from bot.clock import FixedClock
from bot.connectors.rules import DEAD, SENT, WAITING
from bot.connectors.smtp import MailServer
from bot.db import Database
from bot.escalation import letters
from bot.escalation.models import Contact, Letter
from bot.escalation.postman import Postman
from bot.settings import Mailing
from bot.web import jobs
from tests.integration.console import COLLEGE, Open, ask, path
from tests.integration.gateway import PREFIX, Api, Chat, check_headers

ADDRESS = "ursule.martin@exemple.fr"
PROBLEM = f"Le blog de la classe est vide, répondez-moi à {ADDRESS}"
SITE = "https://assistant.ent.example"


class Box:
    """Takes letters; `replies` are given before the good one, after what they say was done."""

    def __init__(self) -> None:
        self.letters: list[EmailMessage] = []
        self.to: list[str] = []
        self.replies: list[str] = []
        self.port = 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        reply = self.replies.pop(0) if self.replies else "250 OK"
        if reply.startswith(("250", "late")):
            self.letters.append(message_from_bytes(envelope.content, policy=policy.default))
            self.to += envelope.rcpt_tos
        if reply == "late":
            await asyncio.sleep(2.0)
            return "250 OK"
        return reply

    def subjects(self) -> list[str]:
        return [letter["Subject"].partition(" : ")[2] for letter in self.letters]

    def text(self) -> str:
        return self.letters[-1].get_body(("plain",)).get_content()


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
async def site(start, box: Box, monkeypatch: pytest.MonkeyPatch) -> Api:
    """A gateway that sends mail, but whose own postman makes no round: the test's makes them all."""
    monkeypatch.setattr(jobs, "FIRST_S", 3600)
    mailing = Mailing(f"smtp://127.0.0.1:{box.port}", "assistant@ent.example")
    return await start(mailing=mailing, public_url=SITE)


@pytest.fixture
def postman(site: Api, box: Box, own_database: Database, clock: FixedClock) -> Postman:
    """A postman of the gateway's database."""
    server = MailServer(f"smtp://127.0.0.1:{box.port}", timeout=1.5)
    return Postman(
        own_database, clock, site.app[VAULT], server, sender="assistant@ent.example", site=SITE, to_html=to_html
    )


@pytest.fixture
def post(postman: Postman, own_database: Database, clock: FixedClock) -> Callable[[], Awaitable[None]]:
    """Send until nothing waits, time passing as needed."""

    async def send() -> None:
        for _ in range(20):
            while await postman.send_due():
                pass
            if not [letter for letter in await kept(own_database) if letter.state == WAITING]:
                return
            clock.advance(timedelta(minutes=10))
        raise AssertionError("letters are left")

    return send


async def kept(database: Database) -> list[Letter]:
    async with database.reading() as session:
        return list((await session.scalars(sa.select(Letter).order_by(Letter.id))).all())


async def asked(site: Api) -> tuple[Chat, dict]:
    return await ask(site, COLLEGE, PROBLEM)


async def test_opening_answer_question_and_solution_each_once(site: Api, browser_of: Open, box: Box, post) -> None:
    chat, ticket = await asked(site)
    browser = await browser_of("agent_n2", name="Noé Essai")
    await browser.post(path(ticket, "repondre"), text="Le blog est **réparé**.")
    await browser.post(path(ticket, "note"), text="Entre nous.")
    await browser.post(path(ticket, "demander"), text="Dans quelle classe ?")
    await chat.say("En 5e B")
    await browser.post(path(ticket, "resoudre"), text="Tout est revenu.")
    await browser.post(path(ticket, "clore"))
    await post()
    assert box.subjects() == ["enregistrée", "une réponse", "une question", "résolue"]
    assert box.to == [ADDRESS] * 4
    assert "Tout est revenu." in box.text()
    assert "Est-ce réglé pour vous ?" in box.text()
    whole = " ".join(letter.as_string() for letter in box.letters)
    for unsaid in ("Entre nous", "Noé", "5e B", "Collège", "blog de la classe", chat.token, chat.conversation):
        assert unsaid not in whole
    page = await browser.get(path(ticket))
    assert "Courriels à la personne" in page.words
    assert "L’accusé de réception : remis" in page.words


async def test_without_an_address_no_letter(site: Api, browser_of: Open, own_database: Database) -> None:
    _, ticket = await ask(site, COLLEGE, "Le blog est vide, appelez le 06 12 34 56 78")
    browser = await browser_of("agent_n2")
    await browser.post(path(ticket, "resoudre"), text="Fait.")
    assert await kept(own_database) == []
    assert "Courriels" not in (await browser.get(path(ticket))).words


async def test_where_no_mail_is_sent_nothing_is_kept_waiting(start, own_database: Database) -> None:
    site = await start()
    await asked(site)
    await letters.drop_all(own_database)
    assert await kept(own_database) == []


async def test_the_mail_server_out_the_letter_goes_later_in_order_and_once(
    site: Api, browser_of: Open, box: Box, post, own_database: Database, postman: Postman
) -> None:
    _, ticket = await asked(site)
    browser = await browser_of("agent_n2")
    await browser.post(path(ticket, "repondre"), text="Un.")
    box.replies = ["451 4.3.0 Plus tard", "421 4.3.2 Plus tard encore"]
    await postman.send_due()
    first, second = await kept(own_database)
    assert (first.state, first.attempts, second.attempts) == (WAITING, 1, 0)
    assert "Prochain essai" in (await browser.get(path(ticket))).words
    await post()
    assert box.subjects() == ["enregistrée", "une réponse"]
    assert {(letter.state, letter.content) for letter in await kept(own_database)} == {(SENT, "")}


async def test_one_that_may_have_been_taken_goes_again_under_the_same_name(site: Api, box: Box, post) -> None:
    await asked(site)
    box.replies = ["late"]
    await post()
    assert len(box.letters) == 2
    assert len({letter["Message-ID"] for letter in box.letters}) == 1


async def test_several_postmen_send_each_letter_once(site: Api, box: Box, postman: Postman) -> None:
    for _ in range(3):
        await asked(site)
    while sum(await asyncio.gather(*(postman.send_due() for _ in range(4)))):
        pass
    assert len({letter["Message-ID"] for letter in box.letters}) == len(box.letters) == 3


async def test_what_is_refused_is_given_up_seen_and_sent_again(
    site: Api, browser_of: Open, box: Box, postman: Postman, post, own_database: Database
) -> None:
    _, ticket = await asked(site)
    box.replies = ["550 5.1.1 Inconnu"]
    with structlog.testing.capture_logs() as logs:
        await postman.send_due()
    assert [entry["event"] for entry in logs if entry["event"].startswith("letter")] == ["letter_dead"]
    assert ADDRESS not in str(logs)
    [letter] = await kept(own_database)
    assert (letter.state, ADDRESS in letter.error) == (DEAD, False)
    browser = await browser_of("agent_n2")
    page = await browser.get(path(ticket))
    assert "Échec après 1 essai" in page.words
    assert "550" in page.words
    assert (await browser.post(path(ticket, "renvoyer"))).status == 303
    await post()
    assert box.to == [ADDRESS]
    assert (await browser.post(path(ticket, "renvoyer"))).status == 422


async def test_the_link_of_a_letter_stops_them_and_forgets_the_address(
    site: Api, browser_of: Open, box: Box, post, own_database: Database
) -> None:
    _, ticket = await asked(site)
    await post()
    stop = urlsplit(box.letters[0]["List-Unsubscribe"].strip("<>")).path
    opened = await site.get(stop)
    check_headers(stop, opened.headers)
    assert "Effacer mon adresse" in opened.body.decode()
    assert "form-action 'self'" in opened.headers["Content-Security-Policy"]
    assert opened.headers["Cache-Control"] == "no-store"
    async with own_database.reading() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(Contact)) == 1
    browser = await browser_of("agent_n2")
    await browser.post(path(ticket, "repondre"), text="En route déjà.")
    for _ in range(2):
        done = await site.call("POST", stop, data=b"List-Unsubscribe=One-Click",
                               headers={"Content-Type": "application/x-www-form-urlencoded"})  # fmt: skip
        assert (done.status, "Vous ne recevrez plus" in done.body.decode()) == (200, True)
    async with own_database.reading() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(Contact)) == 0
    await browser.post(path(ticket, "resoudre"), text="Fini.")
    await post()
    assert box.subjects() == ["enregistrée"]
    assert "ne veut plus de courriels" in (await browser.get(path(ticket))).words


async def follow(site: Api, method: str, token: str) -> tuple[int, str]:
    """Follow a link as a browser does: what is wrong with it is told in a page."""
    async with site.http.request(method, site.base.join(URL(f"/courriels/{token}", encoded=True))) as reply:
        check_headers("/courriels/", reply.headers)
        return reply.status, await reply.text()


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("token", ["x", "a" * 5000, "gAAAAABn", "%00", "..%2F..", "%3Cscript%3E"])
async def test_a_link_of_nobody_s_says_so(site: Api, method: str, token: str) -> None:
    status, text = await follow(site, method, token)
    assert (status, "Ce lien n’est pas entier" in text) == (404, True)
    assert "<script" not in text


async def test_a_contact_s_own_secret_stops_nothing(site: Api, own_database: Database) -> None:
    await asked(site)
    async with own_database.reading() as session:
        secret = await session.scalar(sa.select(Contact.secret))
    assert (await follow(site, "POST", secret))[0] == 404
    assert [letter.state for letter in await kept(own_database)] == [WAITING]


async def test_who_follows_a_merged_request_is_written_to_under_his_own_number(
    site: Api, browser_of: Open, box: Box, post
) -> None:
    _, first = await ask(site, COLLEGE, "Le blog de la classe est vide")
    _, second = await asked(site)
    browser = await browser_of("agent_n2")
    await browser.post(path(first, "fusionner"), number=second["number"])
    await browser.post(path(first, "resoudre"), text="Fait pour tous.")
    await post()
    assert box.subjects() == ["enregistrée", "résolue"]
    assert second["number"] in box.text()
    assert first["number"] not in box.text()


async def test_an_erased_conversation_is_still_answered_by_mail_and_purged_with_the_request(
    site: Api, browser_of: Open, box: Box, post, own_database: Database, clock: FixedClock
) -> None:
    chat, ticket = await asked(site)
    assert (await site.call("DELETE", f"{PREFIX}/conversation", token=chat.token)).status == 204
    browser = await browser_of("agent_n2")
    await browser.post(path(ticket, "repondre"), text="C’est vu.")
    await post()
    assert box.subjects() == ["enregistrée", "une réponse"]
    await browser.post(path(ticket, "clore"))
    clock.advance(timedelta(days=400))
    await site.app[PERSONAL_DATA].purge()
    assert await kept(own_database) == []


async def test_the_export_tells_of_each_letter_and_of_nobody_else_s(
    site: Api, browser_of: Open, box: Box, post
) -> None:
    chat, ticket = await asked(site)
    other, _ = await asked(site)
    await post()
    browser = await browser_of("agent_n2")
    await browser.post(path(ticket, "repondre"), text="C’est vu.")
    export = (await site.get(f"{PREFIX}/conversation/export", token=chat.token)).json
    sent, waiting = export["letters"]
    assert {letter["request"] for letter in export["letters"]} == {ticket["number"]}
    assert (sent["kind"], sent["state"], sent["content"]) == (letters.OPENED, SENT, "")
    assert sent["sent_at"] >= sent["at"]
    assert (waiting["kind"], waiting["state"], waiting["content"]) == (letters.ANSWERED, WAITING, "C’est vu.")
    assert waiting["sent_at"] is None
    assert len((await site.get(f"{PREFIX}/conversation/export", token=other.token)).json["letters"]) == 1
