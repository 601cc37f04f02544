"""Use cases of the schools."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from bot.errors import InvalidInput
from bot.people.models import School
from bot.people.rules import is_uai

DEGREES = ("1er", "2nd")


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
