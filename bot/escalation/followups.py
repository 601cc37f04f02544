"""A finished request taken up again: reopened while that may be, else followed by a new one that is linked to it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import Clock
from bot.conversations.models import Conversation
from bot.conversations.service import BOT, Said, say_in
from bot.db import Database
from bot.errors import Conflict
from bot.escalation import handling, letters, phrases, states, telling
from bot.escalation.desk import seen_by
from bot.escalation.models import Contact, Ticket, TicketEvent
from bot.escalation.setup import group_for
from bot.people.audit import audit
from bot.people.sign_in import Caller

FOLLOWED_UP = "suite"


@dataclass(frozen=True)
class TakenUp:
    """The request that goes on; `former` is the one that it follows, None when it is the same one, reopened."""

    ticket: Ticket
    former: Ticket | None = None


async def take_up(session: AsyncSession, now: datetime, conversation: Conversation, message_id: str | None,
                  number: str | None = None) -> TakenUp | None:  # fmt: skip
    """Reopen or follow the person's newest finished request (or that of `number`); None when there is none."""
    ticket = await handling.newest_finished(session, conversation, number)
    if ticket is None:
        return None
    if not states.is_too_late(handling.state_of(ticket), now):
        await handling.reopen(session, now, ticket, message_id)
        return TakenUp(ticket)
    return TakenUp(await _follow(session, now, ticket, states.PERSON, conversation.id, message_id), ticket)


async def follow_up(database: Database, clock: Clock, caller: Caller, number: str) -> str:
    """Open the follow-up of a request for its person, who is told both numbers; return the new one."""
    now = clock.now()
    async with database.transaction() as session:
        former = await handling.hold(session, caller, number)
        if not states.is_too_late(handling.state_of(former), now):
            raise Conflict("Cette demande n’a pas besoin d’une suite : elle est ouverte, ou peut encore être rouverte.")
        name = caller.account.name
        ticket = await _follow(session, now, former, name, former.conversation_id, None)
        audit(
            session, now, caller.account.id, "ticket_handled", "ticket", number, gesture=FOLLOWED_UP, to=ticket.number
        )
        if ticket.conversation_id:
            told = phrases.FOLLOWED_UP[ticket.profile == phrases.PUPIL]
            text = told.format(former=former.number, number=ticket.number, days=states.REOPEN_DAYS)
            await say_in(session, now, ticket.conversation_id, [Said(text, {"ticket": telling.card(ticket)}, BOT)])
            telling.tell_card(session, now, ticket)
        return ticket.number


async def _follow(session: AsyncSession, now: datetime, former: Ticket, author: str, conversation_id: str | None,
                  message_id: str | None) -> Ticket:  # fmt: skip
    """Return the open follow-up of a request, opening it when there is none."""
    known = await session.scalar(
        sa.select(Ticket)
        .where(Ticket.follows_id == former.id, handling.SHOWN_STATE.in_(states.OPEN_STATES))
        .order_by(Ticket.id)
        .limit(1)
    )
    if known is not None:
        return known
    group, level = await group_for(session, topic=former.topic, profile=former.profile, uai=former.uai)
    ticket = Ticket(
        message_id=message_id or str(uuid.uuid4()), conversation_id=conversation_id, person_id=former.person_id,
        profile=former.profile, uai=former.uai, school=former.school, school_checked=former.school_checked,
        topic=former.topic, page=former.page, browser=former.browser, level=level, group_id=group.id if group else None,
        state=states.NEW, since=now, problem=former.problem, context={}, follows=former, opened_at=now, updated_at=now,
    )  # fmt: skip
    await handling.register(session, ticket, author=author)
    data = {"to": ticket.number, "state": former.state}
    session.add(TicketEvent(ticket_id=former.id, kind=FOLLOWED_UP, author=author, data=data, at=now))
    # Given for the answer on this matter, and on nothing else.
    given = (await session.scalars(sa.select(Contact).where(Contact.ticket_id == former.id))).all()
    session.add_all(
        Contact(
            conversation_id=one.conversation_id, ticket_id=ticket.id, message_id=one.message_id, kind=one.kind,
            secret=one.secret, at=now,
        )
        for one in given
    )  # fmt: skip
    await letters.queue(session, now, ticket, letters.OPENED)
    return ticket


async def list_follow_ups(session: AsyncSession, caller: Caller, ticket: Ticket) -> list[Ticket]:
    """Return the requests that take this one up again and that `caller` may see, oldest first."""
    query = sa.select(Ticket).where(Ticket.follows_id == ticket.id, seen_by(caller.grants)).order_by(Ticket.id)
    return list((await session.scalars(query.limit(10))).all())


async def find_former(session: AsyncSession, caller: Caller, ticket: Ticket) -> Ticket | None:
    """Return the request that this one takes up again, None when there is none that `caller` may see."""
    return await session.scalar(sa.select(Ticket).where(Ticket.id == ticket.follows_id, seen_by(caller.grants)))
