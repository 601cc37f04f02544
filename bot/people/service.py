"""Use cases of the schools and of the territories that contain them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db import Database
from bot.errors import InvalidInput
from bot.people.models import School
from bot.people.rules import Held, Scope, is_uai

DEGREES = ("1er", "2nd")
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
