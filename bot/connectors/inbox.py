"""What comes back from a tool: comments become answers that the person reads in the chat, states change the request's."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import Clock
from bot.connectors.models import Exchange, ExchangeReceipt, ExchangeStep
from bot.connectors.rules import SENT, STATE, clean, gesture_for, marked_with
from bot.connectors.tool import RemoteRequest
from bot.db import Database
from bot.errors import Conflict
from bot.escalation import handling
from bot.escalation.models import Group, Ticket, TicketEvent
from bot.escalation.states import Kind


async def take_changes(
    database: Database, clock: Clock, exchange_id: int, remote: RemoteRequest, *, once: str = ""
) -> bool:
    """Apply what is new in a tool's request, all or nothing; return False when `once` names a message already taken."""
    now = clock.now()
    async with database.transaction() as session:
        exchange = await session.get(Exchange, exchange_id, with_for_update=True)
        if exchange is None:
            # Purged meanwhile.
            return False
        if once and not await _is_new(session, now, exchange, once):
            return False
        ticket = await session.get(Ticket, exchange.ticket_id, with_for_update=True)
        group = await session.get(Group, exchange.group_id)
        for comment in remote.comments:
            text = clean(comment.text)
            # Ours come back with the others.
            if not text or marked_with(text) or not await _is_new(session, now, exchange, f"#{comment.id}"):
                continue
            await _do(session, now, exchange, ticket, group.name, Kind.REPLY, text)
        if remote.state and remote.state != exchange.remote_state and not await _state_is_queued(session, exchange):
            exchange.remote_state = remote.state
            gesture = gesture_for(remote.state, ticket.state)
            if gesture:
                await _do(session, now, exchange, ticket, group.name, gesture, "")
    return True


async def _do(session: AsyncSession, now: datetime, exchange: Exchange, ticket: Ticket, author: str, kind: Kind,
              text: str) -> None:  # fmt: skip
    try:
        await handling.act_as_tool(session, now, ticket, kind, text, author, exchange.id)
    except Conflict as refusal:
        # Too late for the person, but not lost: who opens the request finds it.
        data = {"text": text, "reason": refusal.sentence}
        session.add(TicketEvent(ticket_id=ticket.id, kind=handling.NOTE, author=author, data=data, at=now))


async def _is_new(session: AsyncSession, now: datetime, exchange: Exchange, key: str) -> bool:
    """Keep the receipt of a change; return whether there was none."""
    if await session.get(ExchangeReceipt, (exchange.id, key)):
        return False
    session.add(ExchangeReceipt(exchange_id=exchange.id, key=key, at=now))
    return True


async def _state_is_queued(session: AsyncSession, exchange: Exchange) -> bool:
    """Tell whether the tool has a state of ours to learn yet: the one that it has is then older than ours."""
    query = sa.select(ExchangeStep.id).where(
        ExchangeStep.exchange_id == exchange.id, ExchangeStep.kind == STATE, ExchangeStep.state != SENT
    )
    return await session.scalar(query.limit(1)) is not None
