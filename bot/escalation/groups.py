"""Use cases of the groups and of the routing table, for the administrator."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import Clock
from bot.db import Database
from bot.errors import Conflict, InvalidField, InvalidInput, NotFound
from bot.escalation.models import CannedAnswer, Group, Route, Ticket
from bot.escalation.routing import RoutingRow, chain_of, check_table, decide
from bot.escalation.setup import read_table
from bot.escalation.states import ACADEMIE_LEVEL, OPEN_STATES, VENDOR_LEVEL
from bot.knowledge.service import read_all_topics
from bot.people.audit import audit
from bot.people.models import School
from bot.people.rules import Scope, search_form
from bot.people.service import COLUMNS
from bot.topics import PROFILES, load_topics

MAX_NAME, MAX_ID = 120, 40
# A page edits the whole table: beyond, it would be better told by territory than by more rows.
MAX_ROWS = 200


@dataclass(frozen=True)
class GroupUse:
    """A group, and what holds on to it."""

    group: Group
    open: int
    routes: int


# --- groups -----------------------------------------------------------------------------------


async def list_groups(database: Database) -> list[GroupUse]:
    """Return the groups, by level and name, with how many open requests and routes each has."""
    waiting, routes = _waiting(Group.id), _routes(Group.id)
    query = sa.select(Group, waiting, routes).order_by(Group.level, Group.name, Group.id)
    async with database.reading() as session:
        return [GroupUse(*row) for row in (await session.execute(query)).all()]


async def get_group(database: Database, group_id: str) -> GroupUse:
    """Return a group; NotFound."""
    query = sa.select(Group, _waiting(Group.id), _routes(Group.id)).where(Group.id == group_id)
    async with database.reading() as session:
        row = (await session.execute(query)).first()
    if row is None:
        raise NotFound("Ce groupe n’existe pas.")
    return GroupUse(*row)


def _waiting(group_id: Any) -> sa.ScalarSelect[int]:
    query = sa.select(sa.func.count()).select_from(Ticket)
    return query.where(Ticket.group_id == group_id, Ticket.state.in_(OPEN_STATES)).scalar_subquery()


def _routes(group_id: Any) -> sa.ScalarSelect[int]:
    return sa.select(sa.func.count()).select_from(Route).where(Route.group_id == group_id).scalar_subquery()


async def add_group(database: Database, clock: Clock, actor: str, name: str, level: str) -> str:
    """Add a group and return its id, made from its name."""
    fields = _read_group(name, level)
    stem = re.sub("[^a-z0-9]+", "-", search_form(fields["name"])).strip("-")[: MAX_ID - 4].strip("-") or "groupe"
    async with database.transaction() as session:
        taken = set((await session.scalars(sa.select(Group.id).where(Group.id.startswith(stem)))).all())
        group_id = next(one for one in (stem, *(f"{stem}-{n}" for n in range(2, 1_000))) if one not in taken)
        await _check_name(session, group_id, fields["name"])
        session.add(Group(id=group_id, **fields))
        audit(session, clock.now(), actor, "group_added", "group", group_id, after=fields)
    return group_id


async def change_group(database: Database, clock: Clock, actor: str, group_id: str, name: str, level: str) -> None:
    """Rename a group or move it to the other level; the level of one that has open requests or routes stays."""
    fields = _read_group(name, level)
    async with database.transaction() as session:
        group = await _hold(session, group_id)
        before = {"name": group.name, "level": group.level}
        if fields == before:
            return
        await _check_name(session, group_id, fields["name"])
        if fields["level"] != group.level:
            await _check_unused(session, group_id, "changer son niveau")
        group.name, group.level = fields["name"], fields["level"]
        audit(session, clock.now(), actor, "group_changed", "group", group_id, before=before, after=fields)


async def remove_group(database: Database, clock: Clock, actor: str, group_id: str) -> None:
    """Remove a group that has neither open requests nor routes; its finished requests stay, without a group."""
    async with database.transaction() as session:
        group = await _hold(session, group_id)
        await _check_unused(session, group_id, "le retirer")
        await _check_answers(session, group_id)
        before = {"name": group.name, "level": group.level}
        finished = await session.execute(sa.update(Ticket).where(Ticket.group_id == group_id).values(group_id=None))
        await session.delete(group)
        try:
            await session.flush()
        except IntegrityError as error:
            raise Conflict(
                "Ce groupe ne peut pas être retiré : un outil lui est relié, des échanges avec cet outil sont gardés, ou une demande vient d’arriver. Vous pouvez le renommer."
            ) from error
        audit(
            session, clock.now(), actor, "group_removed", "group", group_id, before=before, finished=finished.rowcount
        )


def _read_group(name: str, level: str) -> dict[str, Any]:
    name = " ".join(name.split())
    if not name or len(name) > MAX_NAME:
        raise InvalidField("name", f"Donnez un nom, de {MAX_NAME} caractères au plus.")
    if level not in (str(ACADEMIE_LEVEL), str(VENDOR_LEVEL)):
        raise InvalidField("level", "Choisissez le niveau : 2 ou 3.")
    return {"name": name, "level": int(level)}


async def _hold(session: AsyncSession, group_id: str) -> Group:
    group = await session.get(Group, group_id, with_for_update=True)
    if group is None:
        raise NotFound("Ce groupe n’existe pas.")
    return group


async def _check_name(session: AsyncSession, group_id: str, name: str) -> None:
    others = (await session.scalars(sa.select(Group.name).where(Group.id != group_id))).all()
    if search_form(name) in map(search_form, others):
        raise InvalidField("name", "Un autre groupe a déjà ce nom.")


async def _check_unused(session: AsyncSession, group_id: str, purpose: str) -> None:
    waiting, routes = (await session.execute(sa.select(_waiting(group_id), _routes(group_id)))).one()
    if routes:
        raise Conflict(
            f"La répartition envoie des demandes à ce groupe. Pour {purpose}, désignez d’abord un autre groupe à ces lignes."
        )
    if waiting:
        raise Conflict(
            f"Ce groupe a {waiting} demande{'s' if waiting > 1 else ''} en cours. Pour {purpose}, un agent doit d’abord changer ces demandes de groupe, dans la file."
        )


async def _check_answers(session: AsyncSession, group_id: str) -> None:
    """Refuse to lose the group's canned answers; those that were removed already go with it."""
    await session.execute(
        sa.delete(CannedAnswer).where(CannedAnswer.group_id == group_id, CannedAnswer.removed_at.is_not(None))
    )
    query = sa.select(sa.func.count()).select_from(CannedAnswer).where(CannedAnswer.group_id == group_id)
    if count := await session.scalar(query):
        raise Conflict(
            f"Ce groupe a {count} réponse{'s' if count > 1 else ''} type{'s' if count > 1 else ''}. Pour le retirer, donnez-les d’abord à un autre groupe ou à tout le monde, ou retirez-les."
        )


# --- routing table ----------------------------------------------------------------------------


def mark_of(rows: Sequence[RoutingRow]) -> str:
    """Return what tells a table from another: what was looked at is what is changed."""
    return hashlib.sha256(json.dumps([asdict(row) for row in rows]).encode()).hexdigest()[:32]


async def read_routing(database: Database) -> list[RoutingRow]:
    """Return the routing table, in its order."""
    async with database.reading() as session:
        return await read_table(session)


async def save_table(database: Database, clock: Clock, actor: str, rows: Sequence[RoutingRow], seen: str) -> None:
    """Put a table in place of the one that `seen` marks: all of it or nothing.

    InvalidField names the row that is wrong (« row-3 », from 0), InvalidInput the table; Conflict when somebody else
    changed it since.
    """
    if len(rows) > MAX_ROWS:
        raise InvalidInput(f"La table a plus de {MAX_ROWS} lignes.")
    async with database.transaction() as session:
        # Held where the database has such locks: of two administrators who save at once, the second is told.
        groups = await session.scalars(sa.select(Group).order_by(Group.id).with_for_update())
        levels = {group.id: group.level for group in groups}
        before = await read_table(session)
        if mark_of(before) != seen:
            raise Conflict("Quelqu’un a changé cette table depuis que vous l’avez ouverte. Rien n’a été enregistré.")
        after = []
        for place, row in enumerate(rows):
            row = replace(row, level=levels.get(row.group, 0))
            if row not in before:
                await _check_names(session, place, row)
            after.append(row)
        check_table(after)
        if after == before:
            return
        await session.execute(sa.delete(Route))
        session.add_all(
            Route(
                topic=row.topic, theme=row.theme, profile=row.profile, scope=row.scope, territory=row.territory,
                group_id=row.group,
            )
            for row in after
        )  # fmt: skip
        audit(
            session, clock.now(), actor, "routing_changed", "routing", "table",
            before=[_told(row) for row in before if row not in after],
            after=[_told(row) for row in after if row not in before],
        )  # fmt: skip


async def _check_names(session: AsyncSession, place: int, row: RoutingRow) -> None:
    """Refuse a row that names what is not there: it would never be of use."""
    if not row.level:
        raise InvalidField(f"row-{place}", "Choisissez le groupe dans la liste.")
    topics = await read_all_topics(session, load_topics())
    if (row.topic and row.topic not in topics) or (row.theme and row.theme not in {one.theme for one in topics}):
        raise InvalidField(f"row-{place}", "Choisissez le sujet ou le thème dans la liste.")
    if row.profile and row.profile not in PROFILES:
        raise InvalidField(f"row-{place}", "Choisissez le profil dans la liste.")
    if row.scope and row.scope not in COLUMNS:
        raise InvalidField(f"row-{place}", "Choisissez la portée dans la liste.")
    if bool(row.scope) != bool(row.territory):
        raise InvalidField(f"row-{place}", "Une portée et un territoire vont ensemble.")
    if row.scope:
        column = COLUMNS[Scope(row.scope)]
        if await session.scalar(sa.select(column).where(column == row.territory).limit(1)) is None:
            raise InvalidField(f"row-{place}", f"Aucune école n’est dans « {row.territory} ». Vérifiez ce territoire.")


def _told(row: RoutingRow) -> dict[str, Any]:
    return {name: value for name, value in asdict(row).items() if value and name != "level"}


async def try_routing(database: Database, topic: str, profile: str, school: School | None) -> tuple[Group, int]:
    """Return the group that a request would go to, and the place in the table of the row that decides; InvalidInput."""
    async with database.reading() as session:
        known = (await read_all_topics(session, load_topics())).get(topic)
        rows = await read_table(session)
        row = decide(
            rows, topic=topic or None, theme=known.theme if known else None, profile=profile or None,
            chain=chain_of(school),
        )  # fmt: skip
        return await session.get_one(Group, row.group), rows.index(row)
