"""Carries the letters to the persons by the deployment's mail server, as the courier does the requests to the tools."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import aliased

from bot.clock import Clock
from bot.connectors.rules import DEAD, MAX_ATTEMPTS, SENT, WAITING, retry_at
from bot.connectors.smtp import MailServer
from bot.db import Database
from bot.errors import AssistentError, NotFound, ToolError, ToolRefused
from bot.escalation import letters, phrases
from bot.escalation.letters import Envelope
from bot.escalation.models import Contact, Letter, Ticket
from bot.privacy.vault import Vault

# As many letters go at once.
_AT_ONCE = 4
# A letter is one process's for this long: more than handing it over may last.
_CLAIM = timedelta(minutes=2)
_LETTER_S = 60.0
_NO_ADDRESS = "Ce que la personne a donné n’est pas une adresse où un courriel peut arriver."

log = structlog.get_logger()


class Postman:
    """Sends what is due. `site` is the address that the persons know; `to_html` renders an answer."""

    def __init__(
        self, database: Database, clock: Clock, vault: Vault, server: MailServer, *, sender: str, site: str,
        to_html: Callable[[str], str],
    ) -> None:  # fmt: skip
        self._database = database
        self._clock = clock
        self._vault = vault
        self._server = server
        self._sender = sender
        self._site = site
        self._to_html = to_html

    async def send_due(self) -> int:
        """Send the letters that are due, some at a time, those of a request in order; return how many were tried."""
        before = aliased(Letter)
        unsent_before = sa.exists().where(
            before.ticket_id == Letter.ticket_id, before.id < Letter.id, before.state == WAITING
        )
        query = (
            sa.select(Letter.id)
            .where(Letter.state == WAITING, Letter.next_at <= self._clock.now(), ~unsent_before)
            .order_by(Letter.next_at, Letter.id)
            .limit(_AT_ONCE)
        )
        async with self._database.reading() as session:
            due = (await session.scalars(query)).all()
        await asyncio.gather(*map(self._send, due))
        return len(due)

    async def _send(self, letter_id: int) -> None:
        claimed = await self._claim(letter_id)
        if claimed is None:
            return
        letter, envelope, contact = claimed
        try:
            address = letters.read_address(self._vault.open(contact.secret))
            if address is None:
                raise ToolRefused(_NO_ADDRESS)
            written = letters.write_letter(
                envelope, sender=self._sender, to=address, now=self._clock.now(), chat=f"{self._site}/",
                stop=f"{self._site}/courriels/{letters.stop_token(self._vault, contact)}", to_html=self._to_html,
            )  # fmt: skip
            async with asyncio.timeout(_LETTER_S):
                await self._server.send(written)
        except (ToolError, NotFound) as error:
            # Another key than the one that the address was encrypted with never comes back by itself.
            await self._put_off(letter, error, dead=isinstance(error, ToolRefused | NotFound))
        except TimeoutError:
            await self._put_off(letter, ToolError("Le serveur de courriel n’a pas répondu à temps."))
        except Exception as error:
            # The name of the fault alone: what it says may hold the address.
            log.error("letter_unforeseen", letter=letter.key, fault=type(error).__name__)
            await self._put_off(letter, ToolError("Ce courriel n’a pas pu être écrit ou remis."))
        else:
            await self._mark(letter, state=SENT, sent_at=self._clock.now(), error="", content="")

    async def _claim(self, letter_id: int) -> tuple[Letter, Envelope, Contact] | None:
        """Take a letter for this process, counting the attempt before it is made; drop it when its address was forgotten."""
        now = self._clock.now()
        async with self._database.transaction() as session:
            taken = await session.execute(
                sa.update(Letter)
                .where(Letter.id == letter_id, Letter.state == WAITING, Letter.next_at <= now)
                .values(attempts=Letter.attempts + 1, next_at=now + _CLAIM)
            )
            if not taken.rowcount:
                return None
            letter = await session.get_one(Letter, letter_id)
            ticket = await session.get_one(Ticket, letter.ticket_id)
            contact = await letters.find_contact(session, ticket.id)
            if contact is None:
                await session.delete(letter)
                return None
            pupil = ticket.profile == phrases.PUPIL
            return letter, Envelope(ticket.number, pupil, letter.kind, letter.content, letter.key), contact

    async def _put_off(self, letter: Letter, error: AssistentError, *, dead: bool = False) -> None:
        dead = dead or letter.attempts >= MAX_ATTEMPTS
        log.warning(
            "letter_dead" if dead else "letter_put_off", letter=letter.key, attempts=letter.attempts,
            reason=error.sentence,
        )  # fmt: skip
        later = retry_at(self._clock.now(), letter.attempts)
        await self._mark(letter, state=DEAD if dead else WAITING, error=error.sentence, next_at=later)

    async def _mark(self, letter: Letter, **values: object) -> None:
        async with self._database.transaction() as session:
            await session.execute(sa.update(Letter).where(Letter.id == letter.id).values(**values))
