"""The groups that deal with requests, and the table that says which: as a deployment's file gives them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from bot.errors import InvalidInput
from bot.escalation.models import Group, Route
from bot.escalation.routing import RoutingRow, chain_of, check_table, route
from bot.escalation.states import ACADEMIE_LEVEL
from bot.knowledge.service import read_all_topics
from bot.people.models import School
from bot.topics import load_topics


async def save_routing(
    session: AsyncSession, groups: Iterable[dict[str, Any]], routes: Iterable[dict[str, Any]]
) -> None:
    """Add the groups or bring them up to date, and put the table in place of the one before; InvalidInput says what is wrong."""
    levels = {entry["id"]: entry["level"] for entry in groups}
    rows = list(routes)
    unknown = {entry.get("group") for entry in rows} - set(levels)
    if unknown:
        raise InvalidInput(f"La table nomme un groupe qui n’existe pas : {', '.join(sorted(map(str, unknown)))}.")
    check_table(row_of(entry, levels[entry["group"]]) for entry in rows)
    for entry in groups:
        await session.merge(Group(**entry))
    await session.flush()
    await session.execute(sa.delete(Route))
    session.add_all(
        Route(group_id=entry["group"], **{k: v for k, v in entry.items() if k != "group"}) for entry in rows
    )


def row_of(entry: dict[str, Any], level: int) -> RoutingRow:
    """Return a row of the file as the rules have it."""
    return RoutingRow(level=level, **entry)


async def read_table(session: AsyncSession) -> list[RoutingRow]:
    """Return the routing table; empty when the deployment has not been told yet."""
    query = sa.select(Route, Group.level).join(Group, Group.id == Route.group_id).order_by(Route.id)
    rows = (await session.execute(query)).all()
    return [
        RoutingRow(
            group=row.group_id, level=level, topic=row.topic, theme=row.theme, profile=row.profile, scope=row.scope,
            territory=row.territory,
        )
        for row, level in rows
    ]  # fmt: skip


async def group_for(
    session: AsyncSession, *, topic: str | None, profile: str | None, uai: str | None, level: int | None = None
) -> tuple[Group | None, int]:
    """Return the group of a request and its level, by the deployment's table; at `level`, among the groups of that level.

    There is no group as long as the deployment has none at that level.
    """
    table = await read_table(session)
    if level is not None:
        table = [row for row in table if row.level == level]
    if not any(row.is_default for row in table):
        wanted = ACADEMIE_LEVEL if level is None else level
        first = await session.scalar(sa.select(Group).where(Group.level == wanted).order_by(Group.id).limit(1))
        if first is None:
            return None, wanted
        table.append(RoutingRow(first.id, wanted))
    known = (await read_all_topics(session, load_topics())).get(topic)
    school = await session.get(School, uai) if uai else None
    group, found = route(
        table, topic=topic, theme=known.theme if known else None, profile=profile, chain=chain_of(school)
    )
    return await session.get(Group, group), found
