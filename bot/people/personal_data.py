"""What signing in leaves behind, and how long it is kept."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from bot.people.models import AuditEntry, PasswordLink, SignInAttempt, SignInFailures, SignInSession
from bot.people.rules import ACCOUNT_SLOWDOWN
from bot.people.sign_in import IDLE
from bot.privacy.service import Retention, Subject

# The CNIL advises six months to a year for logs; an audit is looked at once a school year.
AUDIT_LIFE = timedelta(days=365)
_BATCH = 1000


class AccountData:
    """Sessions, attempts, links and failures that are over, and the audit log past its time. The chat's people have no account."""

    async def export(self, session: AsyncSession, subject: Subject) -> dict[str, Any]:
        """Return nothing: no account is a conversation's person."""
        return {}

    async def erase(self, session: AsyncSession, subject: Subject) -> None:
        """Remove nothing, for the same reason."""

    async def purge(self, session: AsyncSession, now: datetime, retention: Retention) -> dict[str, int]:
        """Remove a batch of what is over."""
        over = {
            "sign_in_sessions": (
                SignInSession.id,
                sa.or_(SignInSession.expires_at <= now, SignInSession.last_seen_at <= now - IDLE),
            ),
            "sign_in_attempts": (SignInAttempt.digest, SignInAttempt.expires_at <= now),
            "password_links": (PasswordLink.account_id, PasswordLink.expires_at <= now),
            "sign_in_failures": (SignInFailures.digest, SignInFailures.last_at <= now - ACCOUNT_SLOWDOWN.forget),
            "audit_entries": (AuditEntry.id, AuditEntry.at <= now - AUDIT_LIFE),
        }
        removed = {}
        for name, (key, condition) in over.items():
            batch = sa.select(key).where(condition).limit(_BATCH).scalar_subquery()
            removed[name] = (await session.execute(sa.delete(key.class_).where(key.in_(batch)))).rowcount
        return removed
