"""Requests that repeat one another: the second of a person joins his first; those of several are merged by an agent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import Clock
from bot.conversations.models import Conversation
from bot.db import Database
from bot.errors import Forbidden, InvalidInput
from bot.escalation import attachments, handling, states, telling
from bot.escalation.desk import find_ticket, seen_by
from bot.escalation.handling import Gesture
from bot.escalation.incidents import LIKELY_WITHIN, Told, find_duplicate, find_likely
from bot.escalation.models import Contact, Ticket, TicketEvent
from bot.escalation.routing import chain_of
from bot.escalation.states import Kind
from bot.people.audit import audit
from bot.people.models import School
from bot.people.rules import Role
from bot.people.sign_in import Caller

# Beyond so many open requests of the same days, only the newest are looked at: an outage is an incident, not a merge.
_COMPARED = 500
# The open requests of one person that are looked at.
_OWN = 50


@dataclass(frozen=True)
class Likely:
    """A request that seems to repeat another, and how alike their words are (0–100)."""

    ticket: Ticket
    score: int


# --- of one person ----------------------------------------------------------------------------


async def find_own(
    session: AsyncSession, person_id: str, topic: str | None, uai: str | None, *, to_write: bool = False
) -> Ticket | None:
    """Return the open request of a person that a new one on `topic` at a school joins, None when there is none.

    A parent of two pupils asks for each school: two schools that are known and differ are two matters.
    """
    if topic is None:
        return None
    query = (
        sa.select(Ticket)
        .where(
            Ticket.person_id == person_id, Ticket.topic == topic, handling.SHOWN_STATE.in_(states.OPEN_STATES),
            *((sa.or_(Ticket.uai == uai, Ticket.uai.is_(None)),) if uai else ()),
        )
        .order_by(Ticket.id)
        .limit(_OWN)
    )  # fmt: skip
    rows = (await session.scalars(query.with_for_update(of=Ticket) if to_write else query)).all()
    found = find_duplicate(
        [_Own(row, row.person_id, row.topic, row.shown.state, row.opened_at) for row in rows],
        person_id=person_id, topic=topic,
    )  # fmt: skip
    return found.ticket if found else None


@dataclass(frozen=True)
class _Own:
    """A request as the rule looks at it: in the state that its person sees."""

    ticket: Ticket
    person_id: str
    topic: str | None
    state: str
    opened_at: datetime


async def join(session: AsyncSession, now: datetime, conversation: Conversation, ticket: Ticket, text: str, *,
               message_id: str) -> None:  # fmt: skip
    """Add to a request of the person what he has just told, with its images and what he gave for the answer."""
    await handling.add_words(session, now, ticket, message_id, text)
    await session.execute(
        sa.update(Contact)
        .where(Contact.conversation_id == conversation.id, Contact.ticket_id.is_(None))
        .values(ticket_id=ticket.id)
    )
    await attachments.give(session, conversation.id, ticket)
    if ticket.conversation_id is None:
        # The conversation that it was asked in is erased: its answers are heard here.
        ticket.conversation_id = conversation.id


# --- of several -------------------------------------------------------------------------------


async def propose(session: AsyncSession, caller: Caller, ticket: Ticket) -> list[Likely]:
    """Return the open requests of other people that seem to repeat this one, among those that `caller` may act on."""
    if ticket.state not in states.OPEN_STATES or not _merges(caller):
        return []
    query = (
        sa.select(Ticket, School)
        .outerjoin(School, School.uai == Ticket.uai)
        .where(
            Ticket.id != ticket.id, Ticket.person_id != ticket.person_id, Ticket.state.in_(states.OPEN_STATES),
            Ticket.opened_at.between(ticket.opened_at - LIKELY_WITHIN, ticket.opened_at + LIKELY_WITHIN),
            *((sa.or_(Ticket.topic == ticket.topic, Ticket.topic.is_(None)),) if ticket.topic else ()),
            seen_by(caller.grants),
        )
        .order_by(Ticket.id.desc())
        .limit(_COMPARED)
    )  # fmt: skip
    rows = {row.id: (row, school) for row, school in await session.execute(query)}
    asked = _told(ticket, await session.get(School, ticket.uai) if ticket.uai else None)
    found = find_likely(asked, {key: _told(row, school) for key, (row, school) in rows.items()})
    return [Likely(rows[key][0], score) for key, score in found]


def _told(ticket: Ticket, school: School | None) -> Told:
    return Told(ticket.person_id, ticket.topic, ticket.opened_at, chain_of(school), ticket.problem)


def _merges(caller: Caller) -> bool:
    return any(grant.role in (Role.AGENT_N2, Role.AGENT_N3) for grant in caller.grants)


async def merge(database: Database, clock: Clock, caller: Caller, number: str, into: str) -> None:
    """Close a request as dealt with in another, its main one; what followed it follows the main one from then on."""
    if number == into:
        raise InvalidInput("Choisissez deux demandes différentes.")
    now = clock.now()
    async with database.transaction() as session:
        # Always held in the same order: two agents who merge the same two, each his way, do not wait for each other.
        held = {one: await find_ticket(session, caller, one, to_write=True) for one in sorted((number, into))}
        ticket, main = held[number], held[into]
        if not await handling.roles_on(session, caller, main):
            raise Forbidden
        before = handling.state_of(ticket)
        roles = await handling.roles_on(session, caller, ticket)
        gesture = Gesture(Kind.MERGE, reason=main.number)
        after, command = handling.apply_as(before, gesture, roles, caller, now, main=main.state)
        name = caller.account.name
        for follower in await telling.list_followers(session, ticket):
            _follow(follower, main)
            data = {"to": main.number, "state": follower.state}
            session.add(TicketEvent(ticket_id=follower.id, kind=str(Kind.MERGE), author=name, data=data, at=now))
        _follow(ticket, main)
        await handling.write(session, ticket, before, command, after, name, "")
        main.updated_at = now
        data = {"from": ticket.number, "state": main.state}
        session.add(TicketEvent(ticket_id=main.id, kind=str(Kind.MERGE), author=name, data=data, at=now))
        audit(session, now, caller.account.id, "ticket_handled", "ticket", number, gesture=str(Kind.MERGE), to=into)
        await telling.tell(session, now, ticket, Kind.MERGE, "", name)


def _follow(ticket: Ticket, main: Ticket) -> None:
    ticket.main, ticket.main_id = main, main.id


async def find_main(session: AsyncSession, caller: Caller, ticket: Ticket) -> Ticket | None:
    """Return the request that this one is merged into, None when there is none that `caller` may see."""
    return await session.scalar(sa.select(Ticket).where(Ticket.id == ticket.main_id, seen_by(caller.grants)))


async def list_merged(session: AsyncSession, caller: Caller, ticket: Ticket) -> list[Ticket]:
    """Return the requests that follow this one and that `caller` may see, oldest first."""
    query = sa.select(Ticket).where(Ticket.main_id == ticket.id, seen_by(caller.grants)).order_by(Ticket.id)
    return list((await session.scalars(query.limit(_COMPARED))).all())


async def count_hearing(session: AsyncSession, ticket: Ticket) -> int:
    """Return how many other people are told what is answered on this request."""
    query = sa.select(sa.func.count()).select_from(Ticket).where(Ticket.main_id == ticket.id)
    return await session.scalar(query) or 0
