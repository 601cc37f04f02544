"""What the requests hold of a person."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import undefer

from bot.conversations.models import Conversation, Person
from bot.errors import NotFound
from bot.escalation import handling
from bot.escalation.models import (
    Attachment,
    CannedAnswer,
    Contact,
    Draft,
    FormStep,
    Letter,
    QueueView,
    Ticket,
    TicketEvent,
)
from bot.escalation.states import CLOSED, OPEN_STATES
from bot.escalation.telling import shown_state
from bot.privacy.service import Retention, Subject
from bot.privacy.vault import Vault


class TicketData:
    """Requests, their contacts and images, and those being told. `vault` opens what was given for the answer, for its owner."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def export(self, session: AsyncSession, subject: Subject) -> dict[str, Any]:
        """Return the person's requests with the letters written about them and what was given for the answer, and the images
        of this conversation.
        """
        tickets = (await session.scalars(sa.select(Ticket).where(Ticket.person_id == subject.person_id))).all()
        letters = (
            await session.execute(
                sa.select(Letter, Ticket.number)
                .join(Ticket, Ticket.id == Letter.ticket_id)
                .where(Ticket.person_id == subject.person_id)
                .order_by(Letter.id)
            )
        ).all()
        contacts = (
            await session.execute(
                sa.select(Contact, Ticket.number)
                .outerjoin(Ticket, Ticket.id == Contact.ticket_id)
                .where(
                    sa.or_(
                        Ticket.person_id == subject.person_id,
                        sa.and_(Contact.ticket_id.is_(None), Contact.conversation_id == subject.conversation_id),
                    )
                )
                .order_by(Contact.id)
            )
        ).all()
        images = (
            await session.execute(
                sa.select(Attachment, Ticket.number)
                .outerjoin(Ticket, Ticket.id == Attachment.ticket_id)
                .where(Attachment.conversation_id == subject.conversation_id)
                .options(undefer(Attachment.content))
                .order_by(Attachment.at, Attachment.id)
            )
        ).all()
        return {
            "tickets": [
                {
                    "number": ticket.number, "level": ticket.shown.level, "status": shown_state(ticket), "school": ticket.school,
                    "problem": ticket.problem, "opened_at": ticket.opened_at.isoformat(),
                    "follows": ticket.follows.number if ticket.follows_id else None,
                }
                for ticket in tickets
            ],
            "contacts": [
                {"request": number, "kind": one.kind, "value": self._open(one), "at": one.at.isoformat()}
                for one, number in contacts
            ],
            # The words of a letter are kept until it is sent: the conversation has them.
            "letters": [
                {
                    "request": number, "kind": letter.kind, "state": letter.state, "content": letter.content,
                    "at": letter.at.isoformat(), "sent_at": letter.sent_at.isoformat() if letter.sent_at else None,
                }
                for letter, number in letters
            ],
            "attachments": [
                {
                    "request": number, "type": image.media_type, "at": image.at.isoformat(),
                    "content": base64.b64encode(image.content).decode(),
                }
                for image, number in images
            ],
        }  # fmt: skip

    def _open(self, contact: Contact) -> str | None:
        """Return what was given; None when the deployment's key has changed: nobody can read it any more."""
        try:
            return self._vault.open(contact.secret)
        except NotFound:
            return None

    async def erase(self, session: AsyncSession, subject: Subject) -> None:
        """Remove what is being told, and the conversation's copy in the requests that it opened.

        A request that was sent stays, with what was agreed to be sent: somebody is dealing with it.
        """
        conversation = subject.conversation_id
        # Held first, as by whoever answers in it: two that held parts of it in another order would wait for each other.
        await session.get(Conversation, conversation, with_for_update=True)
        await session.execute(sa.delete(Draft).where(Draft.conversation_id == conversation))
        await session.execute(sa.delete(FormStep).where(FormStep.conversation_id == conversation))
        for table in (Contact, Attachment):
            of_it = table.conversation_id == conversation
            await session.execute(sa.delete(table).where(of_it, table.ticket_id.is_(None)))
            await session.execute(sa.update(table).where(of_it).values(conversation_id=None))
        await session.execute(
            sa.update(Ticket).where(Ticket.conversation_id == conversation).values(conversation_id=None, context={})
        )

    async def purge(self, session: AsyncSession, now: datetime, retention: Retention) -> dict[str, int]:
        """Remove closed requests past their time, contacts and images that no request took, and steps of the form."""
        closed = list(
            (
                await session.scalars(
                    sa.select(Ticket.id).where(
                        Ticket.state == CLOSED,
                        Ticket.updated_at < now - retention.closed_tickets,
                        # What is dealt with in another request is told when that one is answered.
                        handling.SHOWN_STATE.not_in(OPEN_STATES),
                    )
                )
            ).all()
        )
        for table in (TicketEvent, Contact, Attachment, Letter):
            await session.execute(sa.delete(table).where(table.ticket_id.in_(closed)))
        await session.execute(sa.delete(Ticket).where(Ticket.id.in_(closed)))
        contacts, images = [
            await session.execute(
                sa.delete(table).where(table.ticket_id.is_(None), table.at < now - retention.unused_contacts)
            )
            for table in (Contact, Attachment)
        ]
        await session.execute(sa.delete(FormStep).where(FormStep.at < now - retention.events))
        # What was removed of the console's own, views of the queue first: the words that they search for may be somebody's.
        for kept in (QueueView, CannedAnswer):
            await session.execute(sa.delete(kept).where(kept.removed_at < now - retention.events))
        # A conversation is removed once nobody wrote in it for a while: what was being told in it goes first.
        await session.execute(sa.delete(Draft).where(Draft.updated_at < now - retention.conversations))
        old = sa.select(Conversation.id).where(Conversation.last_at < now - retention.conversations)
        await session.execute(
            sa.update(Ticket).where(Ticket.conversation_id.in_(old)).values(conversation_id=None, context={})
        )
        for table in (Contact, Attachment):
            await session.execute(sa.update(table).where(table.conversation_id.in_(old)).values(conversation_id=None))
        return {"tickets": len(closed), "contacts": contacts.rowcount, "attachments": images.rowcount}


class PersonData:
    """Who somebody is: kept while a conversation or a request of theirs is. Listed last, once those are gone."""

    async def export(self, session: AsyncSession, subject: Subject) -> dict[str, Any]:
        """Add nothing: the ENT's opaque identifier says nothing to the person."""
        return {}

    async def erase(self, session: AsyncSession, subject: Subject) -> None:
        """Remove the person once nothing is theirs."""
        await session.execute(_of_nobody().where(Person.id == subject.person_id))

    async def purge(self, session: AsyncSession, now: datetime, retention: Retention) -> dict[str, int]:
        """Remove the persons to whom nothing is left."""
        return {"persons": (await session.execute(_of_nobody())).rowcount}


def _of_nobody() -> sa.Delete:
    return sa.delete(Person).where(
        ~sa.exists().where(Conversation.person_id == Person.id), ~sa.exists().where(Ticket.person_id == Person.id)
    )
