"""Letters to the person who gave an address: queued in the transaction of what they tell, and what they say.

A letter carries the number of the request and the answer's words, nothing else of anybody. It leaves whether the chat is
open or not: an open page is no proof that somebody reads it, and who gave an address wants a trace. Nothing here knows
whether the deployment sends mail: what is queued where it does not is dropped (`drop_all`).
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from html import escape

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import Clock
from bot.connectors.rules import DEAD, WAITING
from bot.db import Database
from bot.errors import NotFound
from bot.escalation.models import Contact, Letter, Ticket, TicketEvent
from bot.escalation.states import PERSON, Kind
from bot.privacy.masking import EMAIL
from bot.privacy.vault import Vault

# What a letter tells.
OPENED, ANSWERED, ASKED, RESOLVED = "ouverture", "reponse", "question", "resolution"
LETTER_NAMES = {
    OPENED: "l’accusé de réception", ANSWERED: "la réponse", ASKED: "la question", RESOLVED: "la résolution",
}  # fmt: skip
_KINDS = {Kind.REPLY: ANSWERED, Kind.ASK: ASKED, Kind.RESOLVE: RESOLVED}

_SUBJECTS = {
    OPENED: "Demande {number} : enregistrée", ANSWERED: "Demande {number} : une réponse",
    ASKED: "Demande {number} : une question", RESOLVED: "Demande {number} : résolue",
}  # fmt: skip
# Before the words of the answer, where there are some; after them.
_BEFORE = {
    OPENED: {
        False: "Votre demande est enregistrée sous le numéro {number}. Vous recevrez la réponse à cette adresse et dans l’assistant de l’ENT.",
        True: "Ta demande est enregistrée sous le numéro {number}. Tu recevras la réponse à cette adresse et dans l’assistant de l’ENT.",
    },
    ANSWERED: {False: "Voici une réponse à votre demande {number}.", True: "Voici une réponse à ta demande {number}."},
    ASKED: {
        False: "La personne qui traite votre demande {number} a besoin d’une précision.",
        True: "La personne qui traite ta demande {number} a besoin d’une précision.",
    },
    RESOLVED: {
        False: "Votre demande {number} est indiquée comme résolue.",
        True: "Ta demande {number} est indiquée comme résolue.",
    },
}
_AFTER = {
    OPENED: {False: "Pour la suivre, ouvrez l’assistant :", True: "Pour la suivre, ouvre l’assistant :"},
    ANSWERED: {False: "Pour répondre, ouvrez l’assistant :", True: "Pour répondre, ouvre l’assistant :"},
    ASKED: {False: "Pour répondre, ouvrez l’assistant :", True: "Pour répondre, ouvre l’assistant :"},
    RESOLVED: {
        False: "Est-ce réglé pour vous ? Dites-le dans l’assistant :",
        True: "Est-ce réglé pour toi ? Dis-le dans l’assistant :",
    },
}
_HELLO = "Bonjour,"
_FOOT = {
    False: "Ce courriel est envoyé par un programme : les réponses à cette adresse ne sont pas lues. Pour ne plus recevoir de courriels sur vos demandes et effacer votre adresse :",
    True: "Ce courriel est envoyé par un programme : les réponses à cette adresse ne sont pas lues. Pour ne plus recevoir de courriels sur tes demandes et effacer ton adresse :",
}

# As many letters of a request are looked at on its page.
_SHOWN = 20
# How people write an address that is not one as it stands.
_AT = re.compile(r"\s*(?:\(\s*at\s*\)|\[\s*at\s*\]|\s(?:arobase|arobas|arrobase)\s|@)\s*", re.IGNORECASE)
_DOT = re.compile(r"\s*(?:\(\s*dot\s*\)|\[\s*dot\s*\]|\spoint\s)\s*", re.IGNORECASE)
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z0-9-]{2,63}")


@dataclass(frozen=True)
class Envelope:
    """What is known of a letter when it leaves."""

    number: str
    pupil: bool
    kind: str
    content: str
    key: str


def read_address(text: str) -> str | None:
    """Return the address that somebody typed (« ada arobase exemple point fr » too), None when no letter can be sent there."""
    address = _DOT.sub(".", _AT.sub("@", text.strip()))
    return address if _ADDRESS.fullmatch(address) else None


def write_letter(
    envelope: Envelope, *, sender: str, to: str, now: datetime, chat: str, stop: str, to_html: Callable[[str], str]
) -> EmailMessage:
    """Write a letter, in plain text and in HTML: `chat` and `stop` are the addresses of the two pages that it leads to."""
    kind, pupil, number = envelope.kind, envelope.pupil, envelope.number
    before, after = _BEFORE[kind][pupil].format(number=number), _AFTER[kind][pupil]
    letter = EmailMessage()
    letter["From"], letter["To"] = sender, to
    letter["Subject"] = _SUBJECTS[kind].format(number=number)
    # The same name at each attempt: a mailbox that had it already knows it again.
    letter["Date"], letter["Message-ID"] = (
        format_datetime(now),
        f"<{envelope.key}@{sender.rpartition('@')[2].strip('>')}>",
    )
    letter["Auto-Submitted"] = "auto-generated"
    letter["Content-Language"] = "fr"
    # RFC 8058: a mail program stops it in one gesture.
    letter["List-Unsubscribe"], letter["List-Unsubscribe-Post"] = f"<{stop}>", "List-Unsubscribe=One-Click"
    said = [envelope.content] if envelope.content else []
    foot = _FOOT[pupil]
    letter.set_content("\n\n".join([_HELLO, before, *said, f"{after}\n{chat}", f"-- \n{foot}\n{stop}"]) + "\n")
    body = [
        f"<p>{escape(_HELLO)}</p>", f"<p>{escape(before)}</p>",
        *(f"<blockquote>{to_html(text)}</blockquote>" for text in said),
        f'<p>{escape(after)} <a href="{escape(chat)}">{escape(chat)}</a></p>',
        f'<hr><p><small>{escape(foot)} <a href="{escape(stop)}">ne plus recevoir de courriels</a></small></p>',
    ]  # fmt: skip
    page = f'<!doctype html><html lang="fr"><head><meta charset="utf-8"><title>{letter["Subject"]}</title></head>'
    letter.add_alternative(f"{page}<body>{''.join(body)}</body></html>", subtype="html")
    return letter


# --- queued -----------------------------------------------------------------------------------


async def queue(session: AsyncSession, now: datetime, ticket: Ticket, kind: str | Kind, text: str = "") -> None:
    """Queue what is told of a request to the address given for it, if one was."""
    told = _KINDS.get(kind) if isinstance(kind, Kind) else kind
    # What was given with the request itself must be seen.
    await session.flush()
    if told is None or await find_contact(session, ticket.id) is None:
        return
    session.add(
        Letter(
            key=str(uuid.uuid4()), ticket_id=ticket.id, kind=told, content=text, state=WAITING, attempts=0, next_at=now,
            error="", at=now,
        )
    )  # fmt: skip


async def find_contact(session: AsyncSession, ticket_id: int) -> Contact | None:
    """Return the address given last for a request."""
    query = sa.select(Contact).where(Contact.ticket_id == ticket_id, Contact.kind == EMAIL).order_by(Contact.id.desc())
    return await session.scalar(query.limit(1))


async def list_of(session: AsyncSession, ticket: Ticket) -> list[Letter]:
    """Return the last letters of a request, oldest first."""
    query = sa.select(Letter).where(Letter.ticket_id == ticket.id).order_by(Letter.id.desc()).limit(_SHOWN)
    return list(reversed((await session.scalars(query)).all()))


async def send_again(session: AsyncSession, now: datetime, ticket: Ticket) -> bool:
    """Queue again what was given up of a request; return whether anything was."""
    done = await session.execute(
        sa.update(Letter)
        .where(Letter.ticket_id == ticket.id, Letter.state == DEAD)
        .values(state=WAITING, attempts=0, next_at=now, error="")
    )
    return done.rowcount > 0


async def drop_all(database: Database) -> int:
    """Drop what waits to be sent, where no mail is sent; return how many letters."""
    async with database.reading() as session:
        if await session.scalar(sa.select(Letter.id).limit(1)) is None:
            return 0
    async with database.transaction() as session:
        return (await session.execute(sa.delete(Letter).where(Letter.state == WAITING))).rowcount


# --- stopped ----------------------------------------------------------------------------------

STOPPED = "courriels"
_STOP = "courriel:"


def stop_token(vault: Vault, contact: Contact) -> str:
    """Return what a letter's last link carries: which address to forget, readable here alone."""
    return vault.seal(f"{_STOP}{contact.id}")


def read_stop_token(vault: Vault, token: str) -> int:
    """Return the contact that a link speaks of; NotFound when it is none of ours."""
    opened = vault.open(token)
    if not opened.startswith(_STOP):
        raise NotFound
    return int(opened.removeprefix(_STOP))


async def stop(database: Database, clock: Clock, vault: Vault, token: str) -> None:
    """Forget the address that a letter went to, in every request of its person; NotFound when the link is none of ours."""
    contact_id = read_stop_token(vault, token)
    now = clock.now()
    async with database.transaction() as session:
        contact = await session.get(Contact, contact_id)
        ticket = await session.get(Ticket, contact.ticket_id) if contact and contact.ticket_id else None
        if ticket is None:
            # Forgotten already.
            return
        address = vault.open(contact.secret)
        query = (
            sa.select(Contact)
            .join(Ticket, Ticket.id == Contact.ticket_id)
            .where(Ticket.person_id == ticket.person_id, Contact.kind == EMAIL)
        )
        for other in (await session.scalars(query)).all():
            if vault.open(other.secret) != address:
                continue
            await session.delete(other)
            data = {"text": "La personne ne veut plus de courriels : son adresse est effacée."}
            session.add(TicketEvent(ticket_id=other.ticket_id, kind=STOPPED, author=PERSON, data=data, at=now))
