"""Carries what is queued to the tools, and what changed there back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta

import aiohttp
import sqlalchemy as sa
import structlog
from sqlalchemy.orm import aliased

from bot.clock import Clock
from bot.connectors.http import TIMEOUT_S
from bot.connectors.inbox import take_changes
from bot.connectors.models import Connector, Exchange, ExchangeStep
from bot.connectors.rules import (
    COMMENT,
    CREATE,
    DEAD,
    MAX_ATTEMPTS,
    OPEN,
    SENT,
    STATE,
    WAITING,
    Outgoing,
    describe,
    retry_at,
)
from bot.connectors.setup import open_tool
from bot.connectors.tool import Tool
from bot.db import Database
from bot.errors import AssistentError, StorageUnavailable, ToolError, ToolRefused, ToolUnavailable
from bot.escalation.models import Ticket
from bot.knowledge.service import read_all_topics
from bot.privacy.names import mask_names
from bot.topics import load_topics

# How many steps go to one tool at once: enough to catch up after a failure, few enough not to be one.
_AT_ONCE = 8
# A step is one process's for this long: more than its calls may last, so that a process that died is replaced and one
# that is slow is not.
_CLAIM = timedelta(minutes=2)
_STEP_S = 60.0
# How often a tool is asked what changed.
POLL_EVERY = timedelta(minutes=1)

log = structlog.get_logger()


class Courier:
    """Works for every group that has a tool. `secrets` are the environment's, by name."""

    def __init__(
        self, database: Database, clock: Clock, secrets: Mapping[str, str], http: aiohttp.ClientSession, *,
        timeout: float = TIMEOUT_S,
    ) -> None:  # fmt: skip
        self._database = database
        self._clock = clock
        self._secrets = secrets
        self._http = http
        self._timeout = timeout

    async def has_tools(self) -> bool:
        """Tell whether any group has a tool."""
        return bool(await self._connectors())

    async def send_due(self) -> int:
        """Send the steps that are due, a batch for each tool; return how many were tried."""
        return sum(await asyncio.gather(*map(self._send_batch, await self._connectors())))

    async def read_due(self) -> None:
        """Ask the tools whose turn it is what changed, and take it."""
        await asyncio.gather(*map(self._read, await self._connectors()))

    async def _connectors(self) -> list[Connector]:
        async with self._database.reading() as session:
            return list((await session.scalars(sa.select(Connector).order_by(Connector.group_id))).all())

    def _open(self, connector: Connector) -> Tool:
        return open_tool(connector, self._secrets, self._http, self._clock, self._timeout)

    # --- out ----------------------------------------------------------------------------------

    async def _send_batch(self, connector: Connector) -> int:
        before = aliased(ExchangeStep)
        unsent_before = sa.exists().where(
            before.exchange_id == ExchangeStep.exchange_id, before.id < ExchangeStep.id, before.state != SENT
        )
        query = (
            sa.select(ExchangeStep.id)
            .join(Exchange, Exchange.id == ExchangeStep.exchange_id)
            .where(
                Exchange.group_id == connector.group_id, ExchangeStep.state == WAITING,
                ExchangeStep.next_at <= self._clock.now(), ~unsent_before,
            )
            .order_by(ExchangeStep.next_at, ExchangeStep.id)
            .limit(_AT_ONCE)
        )  # fmt: skip
        async with self._database.reading() as session:
            due = (await session.scalars(query)).all()
        await asyncio.gather(*(self._send(connector, step_id) for step_id in due))
        return len(due)

    async def _send(self, connector: Connector, step_id: int) -> None:
        try:
            await self._try(connector, step_id)
        except StorageUnavailable:
            # Of this step only. It is due again, at once or when its claim lapses; what was done there will be found there.
            log.warning("exchange_postponed", group=connector.group_id, step_id=step_id)

    async def _try(self, connector: Connector, step_id: int) -> None:
        claimed = await self._claim(step_id)
        if claimed is None:
            return
        step, remote_id, request = claimed
        try:
            async with asyncio.timeout(_STEP_S):
                remote_id = await _deliver(self._open(connector), step, remote_id, request)
        except ToolError as error:
            dead = isinstance(error, ToolRefused) or step.attempts >= MAX_ATTEMPTS
            await self._put_off(connector, step, error.sentence, dead=dead)
        except TimeoutError:
            await self._put_off(connector, step, "L’outil n’a pas répondu à temps.", dead=step.attempts >= MAX_ATTEMPTS)
        except Exception:
            # What a tool answers is not ours to foresee; nothing of it may stop the rest from leaving.
            log.exception("exchange_unforeseen", group=connector.group_id, step=step.key)
            await self._put_off(
                connector, step, "Ce que l’outil a répondu n’est pas lisible.", dead=step.attempts >= MAX_ATTEMPTS
            )
        else:
            await self._settle(step, remote_id)

    async def _claim(self, step_id: int) -> tuple[ExchangeStep, str | None, Outgoing] | None:
        """Take a step for this process, counting the attempt before it is made; None when another has it."""
        now = self._clock.now()
        async with self._database.transaction() as session:
            taken = await session.execute(
                sa.update(ExchangeStep)
                .where(ExchangeStep.id == step_id, ExchangeStep.state == WAITING, ExchangeStep.next_at <= now)
                .values(attempts=ExchangeStep.attempts + 1, next_at=now + _CLAIM)
            )
            if not taken.rowcount:
                return None
            step = await session.get_one(ExchangeStep, step_id)
            exchange = await session.get_one(Exchange, step.exchange_id)
            ticket = await session.get_one(Ticket, exchange.ticket_id)
            topics = await read_all_topics(session, load_topics())
        # Names are masked once the turn to write is given back.
        return step, exchange.remote_id, describe(ticket, topics)

    async def _put_off(self, connector: Connector, step: ExchangeStep, reason: str, *, dead: bool) -> None:
        log.warning(
            "exchange_dead" if dead else "exchange_put_off", group=connector.group_id, step=step.key,
            attempts=step.attempts, reason=reason,
        )  # fmt: skip
        values = {"error": reason, "next_at": retry_at(self._clock.now(), step.attempts)}
        if dead:
            values["state"] = DEAD
        async with self._database.transaction() as session:
            await session.execute(sa.update(ExchangeStep).where(ExchangeStep.id == step.id).values(**values))

    async def _settle(self, step: ExchangeStep, remote_id: str) -> None:
        async with self._database.transaction() as session:
            await session.execute(
                sa.update(ExchangeStep)
                .where(ExchangeStep.id == step.id)
                .values(state=SENT, sent_at=self._clock.now(), error="", content="")
            )
            known = {CREATE: {"remote_id": remote_id, "remote_state": OPEN}, STATE: {"remote_state": step.content}}
            if step.kind in known:
                await session.execute(
                    sa.update(Exchange).where(Exchange.id == step.exchange_id).values(**known[step.kind])
                )

    # --- back ---------------------------------------------------------------------------------

    async def _read(self, connector: Connector) -> None:
        try:
            tool = self._open(connector)
            if not tool.polled or not await self._claim_poll(connector):
                return
            changes = await tool.changed_since(connector.cursor)
            query = sa.select(Exchange.id, Exchange.remote_id).where(
                Exchange.group_id == connector.group_id, Exchange.remote_id.in_(changes.remote_ids)
            )
            async with self._database.reading() as session:
                known = (await session.execute(query)).all()
            for exchange_id, remote_id in known:
                await take_changes(self._database, self._clock, exchange_id, await tool.read(remote_id))
        except AssistentError as error:
            log.warning("tool_unread", group=connector.group_id, reason=error.sentence)
            return
        except Exception:
            log.exception("tool_unread", group=connector.group_id)
            return
        # Last: what was not taken is read again.
        async with self._database.transaction() as session:
            await session.execute(
                sa.update(Connector).where(Connector.group_id == connector.group_id).values(cursor=changes.cursor)
            )

    async def _claim_poll(self, connector: Connector) -> bool:
        now = self._clock.now()
        async with self._database.transaction() as session:
            taken = await session.execute(
                sa.update(Connector)
                .where(
                    Connector.group_id == connector.group_id,
                    sa.or_(Connector.poll_at.is_(None), Connector.poll_at <= now),
                )
                .values(poll_at=now + POLL_EVERY)
            )
            return taken.rowcount > 0


async def _deliver(tool: Tool, step: ExchangeStep, remote_id: str | None, request: Outgoing) -> str:
    """Do a step, unless an earlier attempt did it; return the request's name there."""
    again = step.attempts > 1
    if step.kind == CREATE:
        found = await tool.find(step.key) if again else None
        return found or await tool.create(step.key, request)
    if remote_id is None:
        raise ToolUnavailable("L’outil n’a pas encore la demande.")
    if step.kind == COMMENT:
        if not (again and await tool.has_comment(remote_id, step.key)):
            await tool.comment(remote_id, step.key, mask_names(step.content, keep=[str(request.fields["school"])]))
    else:
        await tool.change_state(remote_id, step.key, step.content)
    return remote_id
