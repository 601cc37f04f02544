"""What is to be told to the tools: queued in the transaction of the change itself, so that one is never without the other."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from bot.connectors.models import Connector, Exchange, ExchangeStep
from bot.connectors.rules import COMMENT, CREATE, DEAD, OPEN, SENT, STATE, WAITING, comment_of, state_after
from bot.escalation.models import Group, Ticket
from bot.escalation.states import Kind


async def follow(
    session: AsyncSession,
    now: datetime,
    ticket: Ticket,
    kind: Kind,
    text: str,
    *,
    but: int | None = None,
    moved: bool = False,
) -> None:
    """Queue a gesture for every tool that has the request; and the request for the tool of the group that it moved to.

    The exchange `but` is the one that the gesture came from; `moved`: to another group of the same level.
    """
    # What was just given to another group must be seen by the queries below.
    await session.flush()
    query = sa.select(Exchange).where(Exchange.ticket_id == ticket.id).order_by(Exchange.id)
    exchanges = (await session.scalars(query)).all()
    moved = moved or kind in (Kind.ESCALATE, Kind.GIVE_BACK)
    for exchange in exchanges:
        if exchange.id == but:
            continue
        if comment := comment_of(kind, text):
            _queue(session, now, exchange, COMMENT, comment)
        state = state_after(kind)
        if moved and exchange.group_id == ticket.group_id:
            # It had been there before, and comes back.
            state = OPEN
        if state:
            _queue(session, now, exchange, STATE, state)
    if moved and ticket.group_id not in {exchange.group_id for exchange in exchanges}:
        await open_exchange(session, now, ticket)


async def open_exchange(session: AsyncSession, now: datetime, ticket: Ticket) -> None:
    """Queue the request for its group's tool; a group without one works in the console.

    What is attached to an incident stays here: the incident's own request stands for all.
    """
    if (
        ticket.group_id is None
        or ticket.incident_id is not None
        or await session.get(Connector, ticket.group_id) is None
    ):
        return
    exchange = Exchange(ticket_id=ticket.id, group_id=ticket.group_id, key=str(uuid.uuid4()))
    session.add(exchange)
    await session.flush()
    _queue(session, now, exchange, CREATE, "", exchange.key)


def _queue(session: AsyncSession, now: datetime, exchange: Exchange, kind: str, content: str, key: str = "") -> None:
    session.add(
        ExchangeStep(
            exchange_id=exchange.id, key=key or str(uuid.uuid4()), kind=kind, content=content, state=WAITING, attempts=0,
            next_at=now, error="", at=now,
        )
    )  # fmt: skip


@dataclass(frozen=True)
class ExchangeState:
    """Where an exchange is: the tool's group, the request's name there, and the first step that was not sent."""

    group: str
    tool: str
    remote_id: str | None
    sent_at: datetime | None
    pending: ExchangeStep | None


async def read_exchanges(session: AsyncSession, ticket: Ticket) -> list[ExchangeState]:
    """Return the exchanges of a request, oldest first."""
    rows = await session.execute(
        sa.select(Exchange, Group.name, Connector.kind)
        .join(Group, Group.id == Exchange.group_id)
        .outerjoin(Connector, Connector.group_id == Exchange.group_id)
        .where(Exchange.ticket_id == ticket.id)
        .order_by(Exchange.id)
    )
    states = []
    for exchange, group, kind in rows.all():
        query = sa.select(ExchangeStep).where(ExchangeStep.exchange_id == exchange.id).order_by(ExchangeStep.id)
        steps = (await session.scalars(query)).all()
        pending = next((step for step in steps if step.state != SENT), None)
        sent_at = max((step.sent_at for step in steps if step.sent_at), default=None)
        states.append(ExchangeState(group, kind or "", exchange.remote_id, sent_at, pending))
    return states


async def replay(
    session: AsyncSession, now: datetime, ticket: Ticket | None = None, *, among: sa.Select | None = None
) -> int:
    """Queue again what was given up, of a request, `among` steps chosen by their ids, or all; return how many steps."""
    query = sa.update(ExchangeStep).where(ExchangeStep.state == DEAD)
    if ticket:
        query = query.where(ExchangeStep.exchange_id.in_(sa.select(Exchange.id).where(Exchange.ticket_id == ticket.id)))
    if among is not None:
        query = query.where(ExchangeStep.id.in_(among))
    # One attempt counts as made: what carries the key is looked for before anything is sent.
    done = await session.execute(query.values(state=WAITING, attempts=1, next_at=now))
    return done.rowcount


async def list_given_up(session: AsyncSession) -> list[tuple[str, str, ExchangeStep]]:
    """Return what was given up, oldest first: the request's number, the group's name, the step."""
    rows = await session.execute(
        sa.select(Ticket.number, Group.name, ExchangeStep)
        .join(Exchange, Exchange.id == ExchangeStep.exchange_id)
        .join(Ticket, Ticket.id == Exchange.ticket_id)
        .join(Group, Group.id == Exchange.group_id)
        .where(ExchangeStep.state == DEAD)
        .order_by(ExchangeStep.id)
    )
    return [(number, group, step) for number, group, step in rows.all()]
