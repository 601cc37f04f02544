"""What the persons of a request are told of what is done to it: the one who asked, and those whose requests follow it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from bot.conversations.models import ConversationEvent
from bot.conversations.service import AGENT, BOT, Said, say_in
from bot.dialogue.state import ASKED_ANSWER
from bot.escalation import letters, phrases, states
from bot.escalation.models import Ticket, TicketEvent
from bot.escalation.states import Kind

# The request that another follows is finished: from then on, the other may be reopened by itself.
MAIN_ENDED = "principale"
_ENDS = (Kind.RESOLVE, Kind.CLOSE)
# What those who follow a request hear of it; a question is asked of the person whose request it is.
_HEARD = (Kind.REPLY, Kind.RESOLVE, Kind.ESCALATE)


def card(ticket: Ticket) -> dict[str, Any]:
    """Return what the chat shows of a request."""
    return {
        "number": ticket.number, "level": ticket.shown.level, "status": shown_state(ticket), "topic": ticket.topic,
    }  # fmt: skip


def shown_state(ticket: Ticket) -> str:
    """Return where a request is for its person: a question asked of somebody else does not wait for him."""
    if ticket.main_id and ticket.main.state == states.WAITING:
        return states.IN_PROGRESS
    return ticket.shown.state


async def tell(session: AsyncSession, now: datetime, ticket: Ticket, kind: Kind, text: str, author: str) -> None:
    """Say what concerns the person in the chat, and by mail; internal moves are seen in the request's card only."""
    await letters.queue(session, now, ticket, kind, text)
    if ticket.conversation_id is None:
        return
    tell_card(session, now, ticket)
    if said := _words(ticket, kind, text, author):
        asked = ASKED_ANSWER if kind == Kind.ASK else None
        await say_in(session, now, ticket.conversation_id, said, asked=asked)


def tell_card(session: AsyncSession, now: datetime, ticket: Ticket) -> None:
    """Tell the open chat where a request is."""
    if ticket.conversation_id is not None:
        payload = {"ticket": card(ticket)}
        session.add(ConversationEvent(conversation_id=ticket.conversation_id, kind="ticket", payload=payload, at=now))


def _words(ticket: Ticket, kind: Kind, text: str, author: str) -> list[Said]:
    pupil = ticket.profile == phrases.PUPIL
    said = []
    if text:
        said.append(Said(text, {"ticket": card(ticket), "agent": author}, AGENT))
    if kind == Kind.ASK:
        said.append(Said(phrases.ASK_ANSWER[pupil].format(number=ticket.number), {}, BOT))
    if kind == Kind.RESOLVE:
        extras = {"ticket": card(ticket), "buttons": list(phrases.RATING_BUTTONS)}
        said.append(Said(phrases.RESOLVED[pupil].format(number=ticket.number), extras, BOT))
    told = {Kind.ESCALATE: phrases.ESCALATED, Kind.MERGE: phrases.MERGED, Kind.UNMERGE: phrases.UNMERGED}.get(kind)
    if told:
        said.append(Said(told[pupil].format(number=ticket.number), {"ticket": card(ticket)}, BOT))
    return said


async def list_followers(session: AsyncSession, ticket: Ticket) -> list[Ticket]:
    """Return the requests that follow another, oldest first, held against others."""
    # What was merged a moment before in this transaction must be seen.
    await session.flush()
    query = sa.select(Ticket).where(Ticket.main_id == ticket.id).order_by(Ticket.id).with_for_update(of=Ticket)
    return list((await session.scalars(query)).all())


async def tell_followers(session: AsyncSession, now: datetime, ticket: Ticket, kind: Kind, text: str, author: str
                         ) -> None:  # fmt: skip
    """Say to those whose requests follow this one what it was answered, each under his own number."""
    for follower in await list_followers(session, ticket):
        follower.updated_at = now
        if kind in _ENDS:
            follower.resolved_at = now
            data = {"to": ticket.number, "state": follower.state}
            session.add(TicketEvent(ticket_id=follower.id, kind=MAIN_ENDED, author=author, data=data, at=now))
        if kind in _HEARD:
            await tell(session, now, follower, kind, text, author)
        else:
            tell_card(session, now, follower)
