"""The audit log: written inside the transaction of the change that it tells, read page by page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from bot.db import Database
from bot.people.models import Account, AuditEntry
from bot.people.rules import ACTIONS, search_form

PAGE = 50


@dataclass(frozen=True)
class AuditFilter:
    """What to look for; instants are [since, until[; `who` is a part of a name or an e-mail address, `what` too, or an identifier."""

    who: str = ""
    action: str = ""
    what: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class AuditLine:
    """An entry with who did it (none for the command line and for nobody known) and the account it was done to, if any."""

    entry: AuditEntry
    actor: Account | None
    target: Account | None


def audit(
    session: AsyncSession, at: datetime, actor: str | None, action: str, kind: str, object_id: object, **details: Any
) -> None:
    """Write down that `actor` (an account's id) did `action` to an object; `details` are plain and hold no secret."""
    if action not in ACTIONS:
        raise ValueError(f"{action} is not in rules.ACTIONS")
    session.add(
        AuditEntry(at=at, account_id=actor, action=action, kind=kind, object_id=str(object_id), details=details)
    )


async def list_entries(database: Database, wanted: AuditFilter, page: int = 1) -> tuple[list[AuditLine], bool]:
    """Return a page of the log, newest first, and whether an older one follows."""
    actor, target = aliased(Account), aliased(Account)
    query = (
        sa.select(AuditEntry, actor, target)
        .outerjoin(actor, actor.id == AuditEntry.account_id)
        .outerjoin(target, sa.and_(AuditEntry.kind == "account", target.id == AuditEntry.object_id))
    )
    if wanted.who:
        query = query.where(actor.search.contains(search_form(wanted.who), autoescape=True))
    if wanted.action:
        query = query.where(AuditEntry.action == wanted.action)
    if wanted.what:
        named = target.search.contains(search_form(wanted.what), autoescape=True)
        query = query.where(sa.or_(AuditEntry.object_id == wanted.what, named))
    if wanted.since:
        query = query.where(AuditEntry.at >= wanted.since)
    if wanted.until:
        query = query.where(AuditEntry.at < wanted.until)
    query = query.order_by(AuditEntry.id.desc()).limit(PAGE + 1).offset((page - 1) * PAGE)
    async with database.reading() as session:
        lines = [AuditLine(*found) for found in (await session.execute(query)).all()]
    return lines[:PAGE], len(lines) > PAGE
