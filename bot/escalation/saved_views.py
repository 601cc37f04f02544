"""Views of the queue that somebody saved: filters, search and order under a name, for himself or for his colleagues."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import Clock
from bot.db import Database
from bot.errors import Forbidden, InvalidField, NotFound
from bot.escalation.desk import FILTER_STATES, SORTS, QueueFilter, count_queue, list_groups
from bot.escalation.models import QueueView, StartView
from bot.escalation.states import ACADEMIE_LEVEL, VENDOR_LEVEL
from bot.knowledge.service import read_all_topics
from bot.people.audit import audit
from bot.people.models import Account, Grant
from bot.people.rules import Permission, grants_for, search_form
from bot.people.sign_in import Caller
from bot.topics import PROFILES, load_topics

MAX_NAME = 60
# Each is counted whenever the queue is shown.
MAX_VIEWS = 20
# Counting stops here: « plus de 99 » says as much as the number.
MANY = 100
# As many are listed to an administrator.
_LISTED = 200

_GONE = "Cette vue n’existe pas, n’existe plus, ou n’est pas partagée avec vous."


@dataclass(frozen=True)
class Shown:
    """A view as somebody has it: what it filters now, and what of it names something that no longer exists."""

    view: QueueView
    wanted: QueueFilter
    lost: tuple[str, ...]
    mine: bool


@dataclass(frozen=True)
class Listed:
    """A view of the page that manages them: who made it, and whether the caller's start page is it."""

    shown: Shown
    owner: str
    is_start: bool


# --- what a view keeps ------------------------------------------------------------------------


def fields_of(wanted: QueueFilter) -> dict[str, Any]:
    """Return what is kept of a filter: what differs from the plain queue, the page apart."""
    plain = asdict(QueueFilter())
    return {name: value for name, value in asdict(wanted).items() if name != "page" and value != plain[name]}


def filter_of(stored: Mapping[str, Any], groups: Collection[str], topics: Collection[str]
              ) -> tuple[QueueFilter, tuple[str, ...]]:  # fmt: skip
    """Return the filter that was kept, without what no longer exists, and the names of the fields that it is without."""
    known: dict[str, Collection[Any]] = {
        "state": FILTER_STATES, "level": (ACADEMIE_LEVEL, VENDOR_LEVEL), "group": groups, "topic": topics,
        "profile": PROFILES, "sort": SORTS,
    }  # fmt: skip
    names = {field.name for field in fields(QueueFilter)} - {"page"}
    kept = {name: value for name, value in stored.items() if name in names}
    lost = tuple(name for name, value in kept.items() if name in known and value not in known[name])
    return QueueFilter(**{name: value for name, value in kept.items() if name not in lost}), lost


# --- who has which ----------------------------------------------------------------------------


def teams_of(grants: Iterable[Grant]) -> dict[str, Grant]:
    """Return the teams that an agent may share with, by what names them in a form: his role on his territory."""
    return {_team(grant): grant for grant in grants_for(grants, Permission.HANDLE_TICKETS)}


def team_of(view: QueueView) -> str:
    """Return what names the team that a view is shared with; empty when it is its owner's alone."""
    return _team(view) if view.role else ""


def _team(one: Grant | QueueView) -> str:
    return f"{one.role}:{one.scope}:{one.territory}"


def _visible_to(caller: Caller) -> sa.ColumnElement[bool]:
    shared = [
        sa.and_(QueueView.role == grant.role, QueueView.scope == grant.scope, QueueView.territory == grant.territory)
        for grant in grants_for(caller.grants, Permission.READ_TICKETS)
    ]
    return sa.and_(QueueView.removed_at.is_(None), sa.or_(QueueView.owner_id == caller.account.id, *shared))


async def list_shown(session: AsyncSession, caller: Caller) -> list[Shown]:
    """Return the views that `caller` may open: his own, then those of his colleagues, each by name."""
    query = sa.select(QueueView).where(_visible_to(caller)).order_by(QueueView.name, QueueView.id).limit(2 * MAX_VIEWS)
    views = (await session.scalars(query)).all()
    if not views:
        return []
    names = await _read_names(session)
    shown = [_shown(view, caller, *names) for view in views]
    return sorted(shown, key=lambda one: (not one.mine, search_form(one.view.name)))


async def _read_names(session: AsyncSession) -> tuple[set[str], set[str]]:
    """Return the groups and the topics that a view may name."""
    groups, topics = await list_groups(session), await read_all_topics(session, load_topics())
    return {group.id for group in groups}, {topic.id for topic in topics}


def _shown(view: QueueView, caller: Caller, groups: Collection[str], topics: Collection[str]) -> Shown:
    wanted, lost = filter_of(view.query, groups, topics)
    return Shown(view, wanted, lost, view.owner_id == caller.account.id)


async def count_all(session: AsyncSession, caller: Caller, shown: Iterable[Shown], now: datetime) -> dict[int, int]:
    """Return how many requests each view has, by its id, MANY at most."""
    return {one.view.id: await count_queue(session, caller, one.wanted, now, most=MANY) for one in shown}


async def list_managed(session: AsyncSession, caller: Caller) -> list[Listed]:
    """Return the views that `caller` may open, or, as an administrator, remove: every shared one."""
    visible = _visible_to(caller)
    if caller.may(Permission.CONFIGURE):
        visible = sa.or_(visible, sa.and_(QueueView.removed_at.is_(None), QueueView.role.is_not(None)))
    rows = await session.execute(
        sa.select(QueueView, Account.name)
        .join(Account, Account.id == QueueView.owner_id)
        .where(visible)
        .order_by(QueueView.name, QueueView.id)
        .limit(_LISTED)
    )
    names = await _read_names(session)
    start = await session.get(StartView, caller.account.id)
    listed = [
        Listed(_shown(view, caller, *names), owner, start is not None and start.view_id == view.id)
        for view, owner in rows
    ]
    return sorted(listed, key=lambda one: (not one.shown.mine, search_form(one.shown.view.name)))


async def start_of(session: AsyncSession, caller: Caller) -> int | None:
    """Return the view that is the caller's start page, None when he has none or may no longer open it."""
    return await session.scalar(
        sa.select(QueueView.id)
        .join(StartView, StartView.view_id == QueueView.id)
        .where(StartView.account_id == caller.account.id, _visible_to(caller))
    )


# --- gestures ---------------------------------------------------------------------------------


async def save_view(database: Database, clock: Clock, caller: Caller, name: str, wanted: QueueFilter, team: str) -> int:
    """Save the filters under a name, for the caller alone or for a team of his; return the view's id."""
    async with database.transaction() as session:
        # Held, so that two tabs that save at once do not pass the limit or the name together.
        await session.get(Account, caller.account.id, with_for_update=True)
        name = await _check_name(session, caller, name)
        mine = sa.select(sa.func.count()).select_from(QueueView)
        mine = mine.where(QueueView.owner_id == caller.account.id, QueueView.removed_at.is_(None))
        if (await session.scalar(mine) or 0) >= MAX_VIEWS:
            raise InvalidField(
                "name", f"Vous avez déjà {MAX_VIEWS} vues : retirez-en une avant d’en enregistrer d’autres."
            )
        view = QueueView(owner_id=caller.account.id, name=name, query=fields_of(wanted), at=clock.now())
        _share(view, caller, team)
        session.add(view)
        await session.flush()
        # Neither the name nor the words searched for: they may be somebody's.
        audit(session, clock.now(), caller.account.id, "view_saved", "view", view.id, to=team_of(view))
        return view.id


async def replace_filters(database: Database, clock: Clock, caller: Caller, view_id: int, wanted: QueueFilter) -> None:
    """Keep other filters under the name of one of the caller's views."""
    async with database.transaction() as session:
        view = await _own(session, caller, view_id)
        view.query = fields_of(wanted)
        audit(session, clock.now(), caller.account.id, "view_changed", "view", view.id)


async def change_view(database: Database, clock: Clock, caller: Caller, view_id: int, name: str, team: str) -> None:
    """Rename one of the caller's views, share it or keep it for himself."""
    async with database.transaction() as session:
        view = await _own(session, caller, view_id)
        before = team_of(view)
        view.name = await _check_name(session, caller, name, but=view.id)
        # A team that he has left keeps the view until he says otherwise.
        if team != before:
            _share(view, caller, team)
        audit(session, clock.now(), caller.account.id, "view_changed", "view", view.id, before=before, after=team)


async def remove_view(database: Database, clock: Clock, caller: Caller, view_id: int, *, back: bool = False) -> None:
    """Remove a view of the caller's, or a shared one as an administrator; or put it `back`, with what it was."""
    async with database.transaction() as session:
        view = await session.get(QueueView, view_id, with_for_update=True)
        may = view is not None and (
            view.owner_id == caller.account.id or (view.role is not None and caller.may(Permission.CONFIGURE))
        )
        if not may:
            # What is shared with him he may know of, and must be told that it is not his to remove.
            await _find(session, caller, view_id)
            raise Forbidden(
                "Cette vue est à la personne qui l’a partagée : elle seule, ou un administrateur, la retire."
            )
        if (view.removed_at is None) == back:
            return
        view.removed_at = None if back else clock.now()
        action = "view_restored" if back else "view_removed"
        audit(session, clock.now(), caller.account.id, action, "view", view.id, to=team_of(view))


async def choose_start(database: Database, clock: Clock, caller: Caller, view_id: int, *, chosen: bool) -> None:
    """Make a view the caller's start page, or no longer."""
    async with database.transaction() as session:
        if chosen:
            await _find(session, caller, view_id)
            await session.merge(StartView(account_id=caller.account.id, view_id=view_id))
        else:
            mine = StartView.account_id == caller.account.id
            await session.execute(sa.delete(StartView).where(mine, StartView.view_id == view_id))
        audit(session, clock.now(), caller.account.id, "start_chosen", "view", view_id if chosen else "aucune")


async def _find(session: AsyncSession, caller: Caller, view_id: int) -> QueueView:
    view = await session.scalar(sa.select(QueueView).where(QueueView.id == view_id, _visible_to(caller)))
    if view is None:
        raise NotFound(_GONE)
    return view


async def read_view(session: AsyncSession, caller: Caller, view_id: int) -> Shown:
    """Return a view that `caller` may open; NotFound."""
    view = await _find(session, caller, view_id)
    return _shown(view, caller, *await _read_names(session))


async def _own(session: AsyncSession, caller: Caller, view_id: int) -> QueueView:
    view = await session.get(QueueView, view_id, with_for_update=True)
    if view is None or view.owner_id != caller.account.id or view.removed_at is not None:
        raise NotFound("Cette vue n’existe plus, ou n’est pas à vous.")
    return view


async def _check_name(session: AsyncSession, caller: Caller, name: str, *, but: int | None = None) -> str:
    name = " ".join(name.split())
    if not 0 < len(name) <= MAX_NAME:
        raise InvalidField("name", f"Donnez un nom à la vue, de {MAX_NAME} caractères au plus.")
    mine = sa.select(QueueView.id, QueueView.name).where(
        QueueView.owner_id == caller.account.id, QueueView.removed_at.is_(None)
    )
    others = (other for view_id, other in await session.execute(mine) if view_id != but)
    if search_form(name) in map(search_form, others):
        raise InvalidField("name", "Vous avez déjà une vue de ce nom.")
    return name


def _share(view: QueueView, caller: Caller, team: str) -> None:
    grant = teams_of(caller.grants).get(team)
    if team and grant is None:
        raise InvalidField("team", "Choisissez dans la liste avec qui partager la vue.")
    view.role, view.scope, view.territory = (grant.role, grant.scope, grant.territory) if grant else (None, None, None)
