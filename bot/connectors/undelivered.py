"""What was given up of the exchanges, across the requests: read by the agents of its territory, and sent again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import Clock
from bot.connectors.models import Connector, Exchange, ExchangeStep
from bot.connectors.outbox import replay
from bot.connectors.rules import DEAD, SENT, WAITING
from bot.db import Database
from bot.errors import Conflict, NotFound
from bot.escalation.desk import seen_by
from bot.escalation.models import Group, Ticket
from bot.people.audit import audit
from bot.people.rules import Permission
from bot.people.sign_in import Caller

PAGE = 50
# The lots shown: a reason is a sentence of ours, and there are few.
_LOTS = 100


@dataclass(frozen=True)
class StepFilter:
    """What is wanted of the steps: given up, or tried again since (`state`); empty fields want everything."""

    state: str = DEAD
    group: str = ""
    tool: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Undelivered:
    """A step that did not leave: of which request (`readable`: the caller may open it), for which group and tool."""

    step: ExchangeStep
    number: str
    group: str
    tool: str
    readable: bool


@dataclass(frozen=True)
class Lot:
    """The steps of a group that failed for one reason."""

    group_id: str
    group: str
    tool: str
    reason: str
    count: int
    since: datetime


def _joined(query: sa.Select) -> sa.Select:
    return (
        query.select_from(ExchangeStep)
        .join(Exchange, Exchange.id == ExchangeStep.exchange_id)
        .join(Ticket, Ticket.id == Exchange.ticket_id)
        .join(Group, Group.id == Exchange.group_id)
        # A group whose tool was taken away keeps what did not leave for it.
        .outerjoin(Connector, Connector.group_id == Exchange.group_id)
    )


def _within(caller: Caller, wanted: StepFilter) -> sa.ColumnElement[bool]:
    """Return the condition on what `caller` follows: an agent his territory's, an administrator everything."""
    # What waits for its first attempt has not failed.
    state = ExchangeStep.state == DEAD
    if wanted.state == WAITING:
        state = sa.and_(ExchangeStep.state == WAITING, ExchangeStep.attempts > 0)
    conditions = [state, seen_by(caller.grants, Permission.FOLLOW_EXCHANGES)]
    for column, value in (
        (Exchange.group_id, wanted.group),
        (Connector.kind, wanted.tool),
        (ExchangeStep.error, wanted.reason),
    ):
        if value:
            conditions.append(column == value)
    return sa.and_(*conditions)


async def list_steps(session: AsyncSession, caller: Caller, wanted: StepFilter, page: int = 1
                       ) -> tuple[list[Undelivered], bool]:  # fmt: skip
    """Return a page of the steps, oldest first, and whether another follows; nothing of a request's words."""
    readable = sa.case((seen_by(caller.grants), 1), else_=0)
    query = _joined(sa.select(ExchangeStep, Ticket.number, Group.name, Connector.kind, readable))
    query = query.where(_within(caller, wanted)).order_by(ExchangeStep.id)
    rows = (await session.execute(query.limit(PAGE + 1).offset((page - 1) * PAGE))).all()
    steps = [Undelivered(step, number, group, tool or "", bool(may)) for step, number, group, tool, may in rows[:PAGE]]
    return steps, len(rows) > PAGE


async def list_lots(session: AsyncSession, caller: Caller) -> list[Lot]:
    """Return what was given up by group and reason, the most first."""
    count = sa.func.count()
    by = (Exchange.group_id, Group.name, Connector.kind, ExchangeStep.error)
    query = _joined(sa.select(*by, count, sa.func.min(ExchangeStep.at, type_=ExchangeStep.at.type)))
    query = query.where(_within(caller, StepFilter())).group_by(*by).order_by(count.desc(), *by).limit(_LOTS)
    return [Lot(*row[:2], row[2] or "", *row[3:]) for row in await session.execute(query)]


async def count_steps(session: AsyncSession, caller: Caller, wanted: StepFilter = StepFilter()) -> int:
    """Return how many steps there are."""
    query = _joined(sa.select(sa.func.count(ExchangeStep.id))).where(_within(caller, wanted))
    return await session.scalar(query) or 0


async def replay_one(database: Database, clock: Clock, caller: Caller, step_id: int) -> None:
    """Queue again a step that was given up; those that wait behind it follow."""
    now = clock.now()
    query = _joined(sa.select(ExchangeStep.state, Ticket.number)).where(
        ExchangeStep.id == step_id, seen_by(caller.grants, Permission.FOLLOW_EXCHANGES)
    )
    async with database.transaction() as session:
        found = (await session.execute(query)).first()
        if found is None:
            raise NotFound("Cet envoi n’existe pas, ou n’est pas dans votre territoire.")
        state, number = found
        if not await replay(session, now, among=sa.select(sa.literal(step_id))):
            raise Conflict(
                "Cet envoi est déjà parti." if state == SENT else "Cet envoi est déjà en cours de nouvel essai."
            )
        audit(session, now, caller.account.id, "ticket_handled", "ticket", number, gesture="renvoi")


async def replay_lot(database: Database, clock: Clock, caller: Caller, group_id: str, reason: str = "") -> int:
    """Queue again all that a group's tool was not told, for one reason or any; return how many steps."""
    now = clock.now()
    # The group is always one: none named is none, not all of them.
    among = _joined(sa.select(ExchangeStep.id)).where(
        Exchange.group_id == group_id, _within(caller, StepFilter(reason=reason))
    )
    async with database.transaction() as session:
        count = await replay(session, now, among=among)
        if not count:
            raise Conflict("Rien n’est à renvoyer pour ce groupe : quelqu’un l’a peut-être déjà fait.")
        audit(session, now, caller.account.id, "exchanges_replayed", "group", group_id, reason=reason, count=count)
        return count
