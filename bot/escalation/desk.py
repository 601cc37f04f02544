"""What référents and agents see: the queue of their territory, and one request with its conversation."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from bot.conversations.models import Conversation, Message, Result
from bot.conversations.service import last_exchanges
from bot.db import Alike
from bot.errors import NotFound
from bot.escalation.models import Contact, Group, Ticket, TicketEvent
from bot.escalation.states import ACADEMIE_LEVEL, OPEN_STATES, STATES, VENDOR_LEVEL
from bot.people.models import Account, Grant, School
from bot.people.rules import Permission, Role, Scope, covers, grants_for
from bot.people.service import covered
from bot.people.sign_in import ACTIVE, Caller

PAGE = 50
# Requests are counted up to here: « plus de 999 » says as much as the number, and counting all would be read from end to end.
MANY = 1_000
# Whom a request of each level may be given to.
AGENT_OF = {ACADEMIE_LEVEL: Role.AGENT_N2, VENDOR_LEVEL: Role.AGENT_N3}
# How many messages of the conversation a request shows, the newest.
CONVERSATION_MESSAGES = 200

# What a pattern of LIKE would not take as it is written.
_PATTERN = re.compile(r"[%_\\]")

OPEN = "ouvertes"
# What the queue may be filtered by: those that wait for somebody, all, or one state.
FILTER_STATES = (OPEN, "", *STATES)
# The columns that the queue is sorted by; « -ecole » is the other way round. Not by the words of the problem: in their
# alphabetical order they tell nothing.
COLUMNS = {
    "numero": Ticket.id,
    "ecole": Ticket.school,
    "profil": Ticket.profile,
    "etat": sa.case({state: place for place, state in enumerate(STATES)}, value=Ticket.state),
    "niveau": Ticket.level,
    # Requests are numbered as they open.
    "ouverture": Ticket.id,
}
SORTS = {
    "echeance": (Ticket.answer_by.asc().nulls_last(), Ticket.id.asc()),
    "recentes": (Ticket.id.desc(),),
    "activite": (Ticket.updated_at.desc(), Ticket.id.desc()),
    **{name: (column.asc(), Ticket.id.asc()) for name, column in COLUMNS.items()},
    **{f"-{name}": (column.desc(), Ticket.id.desc()) for name, column in COLUMNS.items()},
    # Who did not say his profile comes first: the two databases would not agree.
    "profil": (Ticket.profile.asc().nulls_first(), Ticket.id.asc()),
    "-profil": (Ticket.profile.desc().nulls_last(), Ticket.id.desc()),
}


@dataclass(frozen=True)
class QueueFilter:
    """What of the queue is wanted; empty fields want everything."""

    state: str = OPEN
    level: int | None = None
    group: str = ""
    topic: str = ""
    profile: str = ""
    mine: bool = False
    unassigned: bool = False
    late: bool = False
    text: str = ""
    sort: str = "echeance"
    page: int = 1


@dataclass(frozen=True)
class Change:
    """One event of a request, and what tells who may know of it; `school` is None when nobody recognised it."""

    id: int
    number: str | None
    level: int
    school: School | None


@dataclass(frozen=True)
class QueuePage:
    """A page of the queue, its number, whether another follows, and how many requests there are in all, MANY at most."""

    tickets: list[Ticket]
    total: int
    page: int
    more: bool


@dataclass(frozen=True)
class Dossier:
    """One request with all that an agent needs."""

    ticket: Ticket
    group: Group | None
    events: list[TicketEvent]
    messages: list[tuple[Message, Result | None]]
    contacts: list[Contact]
    conversation: Conversation | None
    siblings: list[Ticket]


def seen_by(grants: Iterable[Grant], permission: Permission = Permission.READ_TICKETS) -> sa.ColumnElement[bool]:
    """Return the condition under which these roles see a request, or have another permission on it: their territories, no more."""
    return sa.or_(sa.false(), *map(_seen_by, grants_for(grants, permission)))


def _seen_by(grant: Grant) -> sa.ColumnElement[bool]:
    if grant.scope == Scope.TOUT:
        place: sa.ColumnElement[bool] = sa.true()
    elif grant.scope == Scope.ETABLISSEMENT:
        place = Ticket.uai == grant.territory
    elif grant.scope == Scope.ACADEMIE:
        # Nearly every request is in it: each that is read is looked up, rather than the thousands of its schools listed.
        inside = sa.exists().where(School.uai == Ticket.uai, covered([grant])).correlate(Ticket)
        # A school that nobody recognised is in no territory: somebody has to see the request all the same.
        place = sa.or_(inside, Ticket.uai.is_(None))
    else:
        place = Ticket.uai.in_(sa.select(School.uai).where(covered([grant])))
    # What was not escalated is not the vendor's business.
    return sa.and_(place, Ticket.level == VENDOR_LEVEL) if grant.role == Role.AGENT_N3 else place


def sees(grants: Iterable[Grant], level: int, school: School | None) -> bool:
    """Tell whether these roles see a request of this level and school: what `seen_by` says of one in the database."""
    return any(
        (grant.role != Role.AGENT_N3 or level == VENDOR_LEVEL)
        and (covers(grant, school) if school else grant.scope in (Scope.TOUT, Scope.ACADEMIE))
        for grant in grants_for(grants, Permission.READ_TICKETS)
    )


def may_handle(grants: Iterable[Grant], level: int, school: School | None) -> bool:
    """Tell whether these roles make an agent of whom a request of this level and school may be asked."""
    return sees([grant for grant in grants if grant.role == AGENT_OF[level]], level, school)


async def list_agents(session: AsyncSession, tickets: Iterable[Ticket]) -> list[Account]:
    """Return, by name, the agents who may be given one at least of these requests."""
    tickets = list(tickets)
    codes = {ticket.uai for ticket in tickets if ticket.uai}
    schools = {school.uai: school for school in await session.scalars(sa.select(School).where(School.uai.in_(codes)))}
    kinds = {(ticket.level, ticket.uai) for ticket in tickets}
    agents = await session.scalars(
        sa.select(Account)
        .where(Account.state == ACTIVE, Account.grants.any(Grant.role.in_(AGENT_OF.values())))
        .options(selectinload(Account.grants))
        .order_by(Account.search, Account.id)
    )
    return [agent for agent in agents if any(may_handle(agent.grants, level, schools.get(uai)) for level, uai in kinds)]


async def list_groups(session: AsyncSession) -> list[Group]:
    """Return the groups, by level and name."""
    return list((await session.scalars(sa.select(Group).order_by(Group.level, Group.name, Group.id))).all())


async def name_assignees(session: AsyncSession, tickets: Iterable[Ticket]) -> dict[str, str]:
    """Return the names of those who have these requests, by account."""
    ids = {ticket.assignee_id for ticket in tickets if ticket.assignee_id}
    rows = await session.execute(sa.select(Account.id, Account.name).where(Account.id.in_(ids)))
    return dict(rows.tuples().all())


async def last_change_id(session: AsyncSession) -> int:
    """Return the number of the last event of all requests."""
    return await session.scalar(sa.select(sa.func.max(TicketEvent.id))) or 0


async def changes_after(session: AsyncSession, last: int) -> list[Change]:
    """Return the events of requests after a number, in order."""
    rows = await session.execute(
        sa.select(TicketEvent.id, Ticket.number, Ticket.level, School)
        .join(Ticket, Ticket.id == TicketEvent.ticket_id)
        .outerjoin(School, School.uai == Ticket.uai)
        .where(TicketEvent.id > last)
        .order_by(TicketEvent.id)
    )
    return [Change(*row) for row in rows]


async def list_queue(session: AsyncSession, caller: Caller, wanted: QueueFilter, now: datetime) -> QueuePage:
    """Return a page of what `caller` may see and wants to, without reading what comes after it."""
    order = SORTS[wanted.sort]
    page, total, searched = wanted.page, None, None
    if wanted.text.strip():
        # Rare words would be looked for in every request, one index after the other: found in one reading of the table, those
        # that have them are then put in order. Frequent words end that reading early, and are soon met in any order.
        searched = (await session.scalars(_wanted(caller, wanted, now, most=MANY))).all()
        total = len(searched)
    elif page > 1:
        total = await count_queue(session, caller, wanted, now, most=MANY)
    if total is not None and total < MANY:
        # A page that is no longer there is the last one.
        page = min(page, max(1, -(-total // PAGE)))
    if searched is not None and total < MANY:
        found = sa.select(Ticket).where(Ticket.id.in_(searched)).order_by(*order)
        rows = (await session.scalars(found.limit(PAGE + 1).offset((page - 1) * PAGE))).all()
        return QueuePage(list(rows[:PAGE]), total, page, len(rows) > PAGE)
    # Within a state, all are of that state.
    within = order[1:] if wanted.sort in ("etat", "-etat") else order
    # One state at a time, each in the order of an index and no further than the page, then merged: of a hundred thousand
    # requests, a few hundred are looked at.
    found = sa.union_all(
        *(
            sa.select(Ticket.id)
            .where(Ticket.state == state, *_conditions(caller, wanted, now))
            .order_by(*within)
            .limit(page * PAGE + 1)
            .subquery()
            .select()
            for state in _states(wanted)
        )
    ).subquery()
    query = sa.select(Ticket).join(found, found.c.id == Ticket.id).order_by(*order)
    rows = (await session.scalars(query.limit(PAGE + 1).offset((page - 1) * PAGE))).all()
    if total is None:
        few = len(rows) <= PAGE
        total = len(rows) if few else await count_queue(session, caller, wanted, now, most=MANY)
    return QueuePage(list(rows[:PAGE]), total, page, len(rows) > PAGE)


def _states(wanted: QueueFilter) -> tuple[str, ...]:
    if wanted.state == OPEN:
        return OPEN_STATES
    return (wanted.state,) if wanted.state else STATES


async def count_queue(session: AsyncSession, caller: Caller, wanted: QueueFilter, now: datetime, *, most: int) -> int:
    """Return how many requests `caller` may see and wants to, `most` at most: beyond, counting would not be worth its time."""
    query = _wanted(caller, wanted, now, most=most)
    return await session.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0


def _wanted(caller: Caller, wanted: QueueFilter, now: datetime, *, most: int) -> sa.Select[tuple[int]]:
    """Return the requests that `caller` may see and wants to, in no order, `most` at most."""
    of_state = () if wanted.state == "" else (Ticket.state.in_(_states(wanted)),)
    return sa.select(Ticket.id).where(*of_state, *_conditions(caller, wanted, now)).limit(most)


def _conditions(caller: Caller, wanted: QueueFilter, now: datetime) -> list[sa.ColumnElement[bool]]:
    """Return what a request must be to be wanted and seen, its state apart."""
    conditions = [seen_by(caller.grants)]
    for column, value in (
        (Ticket.level, wanted.level), (Ticket.group_id, wanted.group), (Ticket.topic, wanted.topic),
        (Ticket.profile, wanted.profile),
    ):  # fmt: skip
        if value:
            conditions.append(column == value)
    if wanted.mine:
        conditions.append(Ticket.assignee_id == caller.account.id)
    if wanted.unassigned:
        conditions.append(Ticket.assignee_id.is_(None))
    if wanted.late:
        conditions.append(Ticket.answer_by < now)
    for word in wanted.text.split()[:8]:
        like = "%" + _PATTERN.sub("", word) + "%"
        conditions.append(sa.or_(Alike(Ticket.number, like), Alike(Ticket.problem, like), Alike(Ticket.school, like)))
    return conditions


async def count_open(session: AsyncSession, uai: str) -> int:
    """Return how many requests of a school are open: a number, which tells nothing of anybody."""
    return (
        await session.scalar(
            sa.select(sa.func.count()).select_from(Ticket).where(Ticket.uai == uai, Ticket.state.in_(OPEN_STATES))
        )
        or 0
    )


async def seen_numbers(session: AsyncSession, caller: Caller, numbers: Iterable[str]) -> set[str]:
    """Return those of these requests that `caller` may see."""
    query = sa.select(Ticket.number).where(Ticket.number.in_(set(numbers)), seen_by(caller.grants))
    return set((await session.scalars(query)).all())


async def find_ticket(session: AsyncSession, caller: Caller, number: str, *, to_write: bool = False) -> Ticket:
    """Return a request by its number; NotFound when there is none, or none that `caller` may see."""
    query = sa.select(Ticket).where(Ticket.number == number, seen_by(caller.grants))
    ticket = await session.scalar(query.with_for_update(of=Ticket) if to_write else query)
    if ticket is None:
        raise NotFound("Cette demande n’existe pas, ou n’est pas dans votre territoire.")
    return ticket


async def read_dossier(session: AsyncSession, caller: Caller, number: str) -> Dossier:
    """Return a request with its history, its conversation and what was given for the answer."""
    ticket = await find_ticket(session, caller, number)
    events = (
        await session.scalars(sa.select(TicketEvent).where(TicketEvent.ticket_id == ticket.id).order_by(TicketEvent.id))
    ).all()
    contacts = (await session.scalars(sa.select(Contact).where(Contact.ticket_id == ticket.id))).all()
    siblings = (
        await session.scalars(
            sa.select(Ticket)
            .where(Ticket.person_id == ticket.person_id, Ticket.id != ticket.id, seen_by(caller.grants))
            .order_by(Ticket.id.desc())
            .limit(10)
        )
    ).all()
    return Dossier(
        ticket=ticket,
        group=await session.get(Group, ticket.group_id) if ticket.group_id else None,
        events=list(events),
        messages=await last_exchanges(session, ticket.conversation_id, CONVERSATION_MESSAGES),
        contacts=list(contacts),
        conversation=await session.get(Conversation, ticket.conversation_id) if ticket.conversation_id else None,
        siblings=list(siblings),
    )
