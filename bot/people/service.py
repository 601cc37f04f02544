"""Use cases of the schools and of the territories that contain them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import Database
from bot.errors import InvalidInput
from bot.people.directory import DEGREES
from bot.people.models import School
from bot.people.rules import Held, Scope, is_uai

# As many schools can be chosen from a list.
_FEW = 50

# Where a school says which territory of each scope it belongs to.
COLUMNS = {
    Scope.ETABLISSEMENT: School.uai,
    Scope.CIRCONSCRIPTION: School.circonscription,
    Scope.DEPARTEMENT: School.departement,
    Scope.ACADEMIE: School.academie,
}


async def save_schools(session: AsyncSession, entries: Iterable[dict[str, Any]]) -> int:
    """Add schools or bring them up to date; return how many. InvalidInput names the one that is wrong."""
    count = 0
    for entry in entries:
        if not is_uai(entry.get("uai", "")):
            raise InvalidInput(
                f"Le code d’école « {entry.get('uai')} » n’est pas un UAI : sa lettre finale est fausse."
            )
        if entry.get("degree") not in DEGREES:
            raise InvalidInput(f"L’école {entry['uai']} doit dire son degré : 1er ou 2nd.")
        await session.merge(School(**entry))
        count += 1
    return count


def covered(grants: Iterable[Held]) -> sa.ColumnElement[bool]:
    """Return the condition on School that says what `rules.covers` says: at least one of the grants reaches it."""
    reached: dict[str, set[str]] = {}
    for grant in grants:
        reached.setdefault(grant.scope, set()).add(grant.territory)
    if Scope.TOUT in reached:
        return sa.true()
    conditions = [
        COLUMNS[Scope(scope)].in_(sorted(territories - {""})) for scope, territories in sorted(reached.items())
    ]
    return sa.or_(sa.false(), *conditions)


async def count_schools(database: Database, grants: Iterable[Held]) -> int:
    """Return how many schools the grants reach."""
    async with database.reading() as session:
        return await session.scalar(sa.select(sa.func.count()).select_from(School).where(covered(grants))) or 0


async def list_territories(database: Database) -> list[str]:
    """Return the circonscriptions, départements and académies that the schools are in."""
    columns = [COLUMNS[scope] for scope in (Scope.CIRCONSCRIPTION, Scope.DEPARTEMENT, Scope.ACADEMIE)]
    query = sa.union(*(sa.select(column).where(column.is_not(None)) for column in columns))
    async with database.reading() as session:
        return sorted((await session.scalars(query)).all())


async def list_places(session: AsyncSession, grants: Iterable[Held]) -> list[tuple[str, str, str]]:
    """Return the territories whose schools the grants all reach: scope, name as it is stored, label; the widest first.

    Schools are listed where they are few: an académie's are named by their code.
    """
    held = list(grants)
    reached = covered(held)
    places: list[tuple[str, str, str]] = []
    if any(grant.scope == Scope.TOUT for grant in held):
        places.append((Scope.TOUT, "", "Tous les établissements"))
    for scope in (Scope.ACADEMIE, Scope.DEPARTEMENT, Scope.CIRCONSCRIPTION):
        column = COLUMNS[scope]
        whole = sa.func.min(sa.case((reached, 1), else_=0)) == 1
        names = await session.scalars(sa.select(column).where(column.is_not(None)).group_by(column).having(whole))
        places += [(scope, name, name) for name in sorted(names.all())]
    schools = (await session.scalars(sa.select(School).where(reached).order_by(School.name).limit(_FEW + 1))).all()
    if len(schools) <= _FEW:
        places += [(Scope.ETABLISSEMENT, school.uai, f"{school.name}, {school.commune}") for school in schools]
    return places
