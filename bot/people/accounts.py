"""Use cases of the accounts: creating, finding, disabling, their roles and their passwords."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from bot.clock import Clock
from bot.db import Database
from bot.errors import Conflict, InvalidField, NotFound
from bot.people.audit import audit
from bot.people.models import Account, Grant, PasswordLink
from bot.people.passwords import check_password, hash_password, verify_password
from bot.people.rules import MAX_NAME, Role, Scope, check_grant, check_login, login_of, search_form
from bot.people.service import COLUMNS
from bot.people.sign_in import ACTIVE, DISABLED, Caller, confirm_password, digest_of, end_sessions

LINK_LIFE = timedelta(hours=24)
PAGE = 50

_TAKEN = "Un compte a déjà cette adresse e-mail."
_LINK_OVER = "Ce lien a déjà servi ou n’est plus valable. Demandez-en un autre à votre administrateur."
_LAST = "C’est le dernier administrateur actif. Donnez d’abord ce rôle à une autre personne."


@dataclass(frozen=True)
class NewGrant:
    """A role to give; `territory` is a UAI, a territory as the schools name it, or empty for everything."""

    role: str
    scope: str
    territory: str = ""


ADMINISTRATOR = NewGrant(Role.ADMINISTRATEUR, Scope.TOUT)


# --- reading ----------------------------------------------------------------------------------


async def list_accounts(database: Database, search: str = "", page: int = 1) -> tuple[list[Account], bool]:
    """Return a page of the accounts whose name or e-mail address contains `search`, and whether another follows."""
    query = sa.select(Account).options(selectinload(Account.grants)).order_by(Account.search, Account.id)
    if search:
        query = query.where(Account.search.contains(search_form(search), autoescape=True))
    async with database.reading() as session:
        found = (await session.scalars(query.limit(PAGE + 1).offset((page - 1) * PAGE))).all()
    return list(found[:PAGE]), len(found) > PAGE


async def get_account(database: Database, account_id: str) -> Account:
    """Return an account with its grants; NotFound."""
    async with database.reading() as session:
        account = await session.scalar(
            sa.select(Account).where(Account.id == account_id).options(selectinload(Account.grants))
        )
    if account is None:
        raise NotFound("Ce compte n’existe pas.")
    return account


# --- creating, disabling ----------------------------------------------------------------------


async def create_account(
    database: Database, clock: Clock, actor: str | None, *, login: str, name: str, password: str | None = None,
    grants: Iterable[NewGrant] = (),
) -> str:  # fmt: skip
    """Create an account and return its id; Conflict when the e-mail address has one. `actor` is an account's id."""
    login, name = login_of(login), " ".join(name.split())
    check_login(login)
    if not name or len(name) > MAX_NAME:
        raise InvalidField("name", f"Donnez un nom, de {MAX_NAME} caractères au plus.")
    password_hash = None
    if password is not None:
        check_password(password, login=login, name=name)
        password_hash = await hash_password(password)
    account = Account(
        id=str(uuid.uuid4()), login=login, name=name, search=search_form(f"{name} {login}"),
        password_hash=password_hash, state=ACTIVE, created_at=clock.now(),
    )  # fmt: skip
    async with database.transaction() as session:
        try:
            async with session.begin_nested():
                session.add(account)
        except IntegrityError as error:
            raise InvalidField("login", _TAKEN) from error
        audit(session, clock.now(), actor, "account_created", "account", account.id, login=login)
        for grant in grants:
            await _give(session, clock.now(), actor, account.id, grant)
    return account.id


async def disable_account(database: Database, clock: Clock, actor: str, account_id: str) -> None:
    """Disable an account and end its sessions at once; Conflict for the last administrator."""
    async with database.transaction() as session:
        if await _is_last_administrator(session, account_id):
            raise Conflict(_LAST)
        await _set_state(session, account_id, DISABLED)
        await end_sessions(session, account_id)
        await session.execute(sa.delete(PasswordLink).where(PasswordLink.account_id == account_id))
        audit(session, clock.now(), actor, "account_disabled", "account", account_id)


async def enable_account(database: Database, clock: Clock, actor: str, account_id: str) -> None:
    """Let a disabled account sign in again."""
    async with database.transaction() as session:
        await _set_state(session, account_id, ACTIVE)
        audit(session, clock.now(), actor, "account_enabled", "account", account_id)


async def _set_state(session: AsyncSession, account_id: str, state: str) -> None:
    changed = await session.execute(
        sa.update(Account).where(Account.id == account_id, Account.state != state).values(state=state)
    )
    if not changed.rowcount:
        raise Conflict("Ce compte est déjà dans cet état.")


async def _is_last_administrator(session: AsyncSession, account_id: str) -> bool:
    # Locked where the database has such locks: two administrators must not disable each other at once.
    administrators = await session.scalars(
        sa.select(Account.id)
        .join(Grant, Grant.account_id == Account.id)
        .where(Grant.role == Role.ADMINISTRATEUR, Account.state == ACTIVE)
        .order_by(Account.id)
        .with_for_update()
    )
    return set(administrators.all()) == {account_id}


# --- roles ------------------------------------------------------------------------------------


async def give_role(database: Database, clock: Clock, actor: str, account_id: str, grant: NewGrant) -> None:
    """Give a role on a territory; InvalidField when it makes no sense there, Conflict when it is already given."""
    await get_account(database, account_id)
    async with database.transaction() as session:
        await _give(session, clock.now(), actor, account_id, grant)


async def _give(session: AsyncSession, now: datetime, actor: str | None, account_id: str, grant: NewGrant) -> None:
    territory = grant.territory.strip()
    check_grant(grant.role, grant.scope, territory)
    if grant.scope == Scope.ETABLISSEMENT:
        territory = territory.upper()
    if grant.scope != Scope.TOUT and not await _exists(session, Scope(grant.scope), territory):
        raise InvalidField(
            "territory",
            "Aucune école n’a ce code. Donnez son UAI, par exemple 0750001U."
            if grant.scope == Scope.ETABLISSEMENT
            else "Aucune école n’est rattachée à ce territoire. Vérifiez son nom.",
        )
    try:
        async with session.begin_nested():
            session.add(Grant(account_id=account_id, role=grant.role, scope=grant.scope, territory=territory))
    except IntegrityError as error:
        raise Conflict("Ce compte a déjà ce rôle sur ce territoire.") from error
    audit(
        session, now, actor, "grant_given", "account", account_id, role=grant.role, scope=grant.scope,
        territory=territory,
    )  # fmt: skip


async def _exists(session: AsyncSession, scope: Scope, territory: str) -> bool:
    column = COLUMNS[scope]
    return await session.scalar(sa.select(column).where(column == territory).limit(1)) is not None


async def withdraw_role(database: Database, clock: Clock, actor: str, account_id: str, grant_id: int) -> None:
    """Take a role back; NotFound when it is not there, Conflict for the last administrator's."""
    async with database.transaction() as session:
        grant = await session.scalar(sa.select(Grant).where(Grant.id == grant_id, Grant.account_id == account_id))
        if grant is None:
            raise NotFound("Ce rôle n’est plus donné à ce compte.")
        if grant.role == Role.ADMINISTRATEUR and await _is_last_administrator(session, account_id):
            raise Conflict(_LAST)
        await session.delete(grant)
        audit(
            session, clock.now(), actor, "grant_withdrawn", "account", account_id, role=grant.role,
            scope=grant.scope, territory=grant.territory,
        )  # fmt: skip


# --- passwords --------------------------------------------------------------------------------


async def change_password(database: Database, clock: Clock, caller: Caller, current: str, new: str) -> None:
    """Change the caller's own password; his other sessions end."""
    account = caller.account
    check_password(new, login=account.login, name=account.name)
    await confirm_password(database, clock, account, current)
    await _set_password(database, clock, account.id, account.id, new, keep_session=caller.session_id)


async def make_password_link(database: Database, clock: Clock, actor: str, account_id: str) -> str:
    """Return the token of a link that lets its holder choose the password, once, within 24 hours.

    The password in place stays good until then; a former link is not. Conflict for a disabled account.
    """
    if (await get_account(database, account_id)).state != ACTIVE:
        raise Conflict("Ce compte est désactivé. Réactivez-le d’abord.")
    token = secrets.token_urlsafe(32)
    async with database.transaction() as session:
        await session.execute(sa.delete(PasswordLink).where(PasswordLink.account_id == account_id))
        session.add(PasswordLink(account_id=account_id, digest=digest_of(token), expires_at=clock.now() + LINK_LIFE))
        audit(session, clock.now(), actor, "password_link_made", "account", account_id)
    return token


async def check_password_link(database: Database, clock: Clock, token: str) -> Account:
    """Return the account that a link is for; NotFound when the link was used, replaced or is too old."""
    async with database.reading() as session:
        account = await session.scalar(
            sa.select(Account)
            .join(PasswordLink, PasswordLink.account_id == Account.id)
            .where(
                PasswordLink.digest == digest_of(token), PasswordLink.expires_at > clock.now(), Account.state == ACTIVE
            )
        )
    if account is None:
        raise NotFound(_LINK_OVER)
    return account


async def choose_password(database: Database, clock: Clock, token: str, new: str) -> None:
    """Set the password with a link, which then is used up; every session of the account ends."""
    account = await check_password_link(database, clock, token)
    check_password(new, login=account.login, name=account.name)
    await _set_password(database, clock, None, account.id, new, link=digest_of(token))


async def _set_password(
    database: Database, clock: Clock, actor: str | None, account_id: str, new: str, *,
    keep_session: int | None = None, link: str | None = None,
) -> None:  # fmt: skip
    password_hash = await hash_password(new)
    async with database.transaction() as session:
        used = await session.execute(
            sa.delete(PasswordLink)
            .where(PasswordLink.account_id == account_id)
            .where(sa.true() if link is None else PasswordLink.digest == link)
        )
        if link is not None and not used.rowcount:
            # Used or replaced since it was checked.
            raise NotFound(_LINK_OVER)
        await session.execute(sa.update(Account).where(Account.id == account_id).values(password_hash=password_hash))
        await end_sessions(session, account_id, but=keep_session)
        audit(session, clock.now(), actor, "password_changed", "account", account_id)


async def put_demonstration_account(
    database: Database, clock: Clock, *, login: str, name: str, password: str, grants: Iterable[NewGrant]
) -> None:
    """Create a made-up account, or give it back the password that the demonstration prints."""
    async with database.reading() as session:
        account = await session.scalar(sa.select(Account).where(Account.login == login_of(login)))
    if account is None:
        await create_account(database, clock, None, login=login, name=name, password=password, grants=grants)
    elif not await verify_password(account.password_hash, password):
        await _set_password(database, clock, None, account.id, password)
