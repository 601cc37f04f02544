"""Use cases of signing in by password, and of the sessions that it opens."""

from __future__ import annotations

import hashlib
import math
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from bot.clock import Clock
from bot.db import Database
from bot.errors import InvalidField, NotFound, RateLimited, Unauthenticated
from bot.people.audit import audit
from bot.people.models import Account, Grant, SignInFailures, SignInSession
from bot.people.passwords import verify_password
from bot.people.rules import (
    ACCOUNT_SLOWDOWN,
    ADDRESS_SLOWDOWN,
    Permission,
    Placed,
    Slowdown,
    login_of,
    may,
)

ACTIVE, DISABLED = "active", "disabled"
IDLE = timedelta(hours=8)
ABSOLUTE = timedelta(days=7)
# A session is written to no more often than this: reading pages must not mean writing.
_SEEN_EVERY = timedelta(minutes=1)
MAX_BROWSER = 300

REFUSED = "L’adresse e-mail ou le mot de passe n’est pas le bon. Vérifiez-les, puis réessayez."


@dataclass(frozen=True)
class Caller:
    """Who is signed in, with what he may do at this instant."""

    account: Account
    session_id: int
    csrf: str

    @property
    def grants(self) -> list[Grant]:
        """His roles, each on its territory."""
        return self.account.grants

    def may(self, permission: Permission, school: Placed | None = None) -> bool:
        """Tell whether he has `permission`: somewhere, or on `school`."""
        return may(self.grants, permission, school)


def digest_of(token: str) -> str:
    """Return what is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


async def sign_in(
    database: Database, clock: Clock, login: str, password: str, *, address: str, browser: str = "",
    replaces: Caller | None = None,
) -> str:  # fmt: skip
    """Open a session and return its token; Unauthenticated says the same whatever was wrong, RateLimited how long to wait.

    The attempt is counted before the password is looked at: many at once are as many failures. The session that the
    same browser had, `replaces`, ends.
    """
    login = login_of(login)
    async with database.transaction() as session:
        now = clock.now()
        # Always in this order, so that two attempts cannot each hold what the other waits for.
        await count_address(session, now, address)
        await _count_attempt(session, now, _key("login", login), ACCOUNT_SLOWDOWN)
        account = await session.scalar(sa.select(Account).where(Account.login == login))
    kept = account.password_hash if account and account.state == ACTIVE else None
    good = await verify_password(kept, password)
    async with database.transaction() as session:
        if account and good:
            # The account may have been disabled, or its password changed, while this one was being looked at.
            account = await session.scalar(
                sa.select(Account).where(
                    Account.id == account.id, Account.state == ACTIVE, Account.password_hash == kept
                )
            )
            if account:
                await forget_address(session, address)
                await session.execute(sa.delete(SignInFailures).where(SignInFailures.digest == _key("login", login)))
                return await open_session(session, clock.now(), account, browser, replaces=replaces)
        elif account:
            audit(session, clock.now(), None, "sign_in_refused", "account", account.id, address=address)
    raise Unauthenticated(REFUSED)


async def open_session(
    session: AsyncSession, now: datetime, account: Account, browser: str, *, replaces: Caller | None = None,
    **details: str,
) -> str:  # fmt: skip
    """Open a session of an account that has just proved who it is; return the token for its browser.

    The session that the same browser had, `replaces`, ends. `details` say, in the audit log, how it was proved.
    """
    if replaces:
        await session.execute(sa.delete(SignInSession).where(SignInSession.id == replaces.session_id))
    token = secrets.token_urlsafe(32)
    account.last_sign_in_at = now
    session.add(
        SignInSession(
            digest=digest_of(token), account_id=account.id, csrf=secrets.token_urlsafe(32),
            browser=browser[:MAX_BROWSER], created_at=now, last_seen_at=now, expires_at=now + ABSOLUTE,
        )
    )  # fmt: skip
    audit(session, now, account.id, "sign_in", "account", account.id, **details)
    return token


# --- slowing down -----------------------------------------------------------------------------


def _key(kind: str, value: str) -> str:
    return digest_of(f"{kind}:{value}")


async def _count_attempt(session: AsyncSession, now: datetime, key: str, slowdown: Slowdown) -> None:
    """Count an attempt as a failure until it succeeds; RateLimited when it comes too early."""
    query = sa.select(SignInFailures).where(SignInFailures.digest == key).with_for_update()
    row = await session.scalar(query)
    if row is None:
        try:
            async with session.begin_nested():
                session.add(SignInFailures(digest=key, count=1, last_at=now))
            return
        except IntegrityError:
            # Another attempt has just written it.
            row = await session.scalar(query)
    if row.last_at <= now - slowdown.forget:
        row.count = 0
    wait = slowdown.wait(row.count, row.last_at, now)
    if wait:
        seconds = math.ceil(wait.total_seconds())
        told = f"{seconds} secondes" if seconds < 60 else f"{math.ceil(seconds / 60)} minutes"
        told = "une minute" if told == "1 minutes" else told
        raise RateLimited(seconds, f"Trop d’essais ont échoué. Attendez {told}, puis réessayez.")
    row.count += 1
    row.last_at = now


async def count_address(session: AsyncSession, now: datetime, address: str) -> None:
    """Count an attempt of a network address; RateLimited when it comes too early."""
    await _count_attempt(session, now, _key("address", address), ADDRESS_SLOWDOWN)


async def forget_address(session: AsyncSession, address: str) -> None:
    """Forget, of the address's attempts, the one that succeeded and no other: it may be guessing."""
    await session.execute(
        sa.update(SignInFailures)
        .where(SignInFailures.digest == _key("address", address), SignInFailures.count > 0)
        .values(count=SignInFailures.count - 1)
    )


async def confirm_password(database: Database, clock: Clock, account: Account, password: str) -> None:
    """Make sure that whoever is signed in knows the password; guessing it slows down as signing in does."""
    async with database.transaction() as session:
        await _count_attempt(session, clock.now(), _key("login", account.login), ACCOUNT_SLOWDOWN)
    if not await verify_password(account.password_hash, password):
        raise InvalidField("current", "Ce n’est pas votre mot de passe actuel.")
    async with database.transaction() as session:
        await session.execute(sa.delete(SignInFailures).where(SignInFailures.digest == _key("login", account.login)))


# --- sessions ---------------------------------------------------------------------------------


def _alive(now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(SignInSession.expires_at > now, SignInSession.last_seen_at > now - IDLE)


async def find_caller(database: Database, clock: Clock, token: str) -> Caller | None:
    """Return who holds `token`, None when the session is over, revoked or unknown, or its account disabled."""
    now = clock.now()
    query = (
        sa.select(SignInSession, Account)
        .join(Account, Account.id == SignInSession.account_id)
        .where(SignInSession.digest == digest_of(token), _alive(now), Account.state == ACTIVE)
        .options(selectinload(Account.grants))
    )
    async with database.reading() as session:
        found = (await session.execute(query)).first()
    if found is None:
        return None
    opened, account = found
    if opened.last_seen_at <= now - _SEEN_EVERY:
        async with database.transaction() as session:
            await session.execute(
                sa.update(SignInSession).where(SignInSession.id == opened.id).values(last_seen_at=now)
            )
    return Caller(account, opened.id, opened.csrf)


async def list_sessions(database: Database, clock: Clock, account_id: str) -> list[SignInSession]:
    """Return the account's open sessions, the last used first."""
    async with database.reading() as session:
        found = await session.scalars(
            sa.select(SignInSession)
            .where(SignInSession.account_id == account_id, _alive(clock.now()))
            .order_by(SignInSession.last_seen_at.desc(), SignInSession.id.desc())
        )
        return list(found.all())


async def sign_out(database: Database, clock: Clock, caller: Caller) -> None:
    """End the session."""
    async with database.transaction() as session:
        await session.execute(sa.delete(SignInSession).where(SignInSession.id == caller.session_id))
        audit(session, clock.now(), caller.account.id, "sign_out", "account", caller.account.id)


async def revoke_session(database: Database, clock: Clock, caller: Caller, session_id: int) -> None:
    """End one of the caller's own sessions; NotFound when it is not his."""
    account_id = caller.account.id
    async with database.transaction() as session:
        ended = await session.execute(
            sa.delete(SignInSession).where(SignInSession.id == session_id, SignInSession.account_id == account_id)
        )
        if not ended.rowcount:
            raise NotFound("Cette session est déjà fermée.")
        audit(session, clock.now(), account_id, "session_revoked", "account", account_id)


async def end_sessions(session: AsyncSession, account_id: str, *, but: int | None = None) -> None:
    """End every session of an account, one apart if asked."""
    query = sa.delete(SignInSession).where(SignInSession.account_id == account_id)
    await session.execute(query if but is None else query.where(SignInSession.id != but))
