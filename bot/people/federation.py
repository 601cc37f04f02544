"""Use cases of signing in at an identity provider: the attempt, and the account that an identity is bound to.

A provider says who somebody is, never what he may do: accounts and roles are the administrator's. What a provider is
asked and how its answer is checked is in `bot.console.oidc` and `bot.console.cas`.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import Clock
from bot.db import Database
from bot.errors import IdentityRefused, NotFound
from bot.people.audit import audit
from bot.people.models import Account, AccountIdentity, SignInAttempt
from bot.people.rules import login_of
from bot.people.sign_in import (
    ACTIVE,
    Caller,
    count_address,
    digest_of,
    end_sessions,
    forget_address,
    open_session,
)
from bot.providers import IdentityProvider

# Long enough to find a password or a second factor, short enough for what is left behind on a shared machine.
ATTEMPT_LIFE = timedelta(minutes=10)
# As the table holds it; a longer address is forgotten on the way.
MAX_AFTER = 2_000

# What the person reads; each says what to do or what to ask for.
_SENTENCES = {
    "over": "Cette connexion a expiré, a déjà servi ou a commencé dans un autre navigateur. Recommencez.",
    "abandoned": "{name} n’a pas confirmé qui vous êtes. Recommencez, ou connectez-vous autrement.",
    "unavailable": "{name} ne répond pas pour le moment. Réessayez dans un instant, ou connectez-vous autrement.",
    "invalid": "La réponse de {name} n’est pas valable. Recommencez. Si cela se répète, prévenez votre administrateur.",
    "unverified": "{name} n’a pas vérifié votre adresse e-mail : elle ne suffit pas pour trouver votre compte. Demandez "
    "que {name} la vérifie, ou demandez à votre administrateur un lien de mot de passe.",
    "unknown": "Aucun compte n’a l’adresse {login}, celle que donne {name}. Demandez à votre administrateur de créer un "
    "compte à cette adresse.",
    "disabled": "Votre compte est désactivé. Demandez à votre administrateur de le réactiver.",
    "other_identity": "Votre compte est déjà lié à une autre identité de {name}. Demandez à votre administrateur de la "
    "délier.",
}


@dataclass(frozen=True)
class Attempt:
    """A sign-in on its way: `state` comes back with the browser, `nonce` in the ID token, `verifier` proves the code ours."""

    state: str
    nonce: str
    verifier: str
    after: str


@dataclass(frozen=True)
class Proof:
    """Who a provider says has signed in; `login` is his e-mail address if, as set, it is to be believed, else None."""

    issuer: str
    subject: str
    login: str | None


def refusal(reason: str, provider: IdentityProvider, *, login: str = "") -> IdentityRefused:
    """Return the exception of a reason of `rules.REFUSALS`, with its sentence."""
    return IdentityRefused(reason, _SENTENCES[reason].format(name=provider.name, login=login))


# --- the attempt ------------------------------------------------------------------------------


async def begin_attempt(
    database: Database, clock: Clock, provider: IdentityProvider, visit: str, after: str
) -> Attempt:  # fmt: skip
    """Write down that the browser whose cookie is `visit` goes to a provider, to come back to the page `after`."""
    attempt = Attempt(
        state=secrets.token_urlsafe(32),
        nonce=secrets.token_urlsafe(32),
        verifier=secrets.token_urlsafe(48),
        after=after,
    )
    async with database.transaction() as session:
        session.add(
            SignInAttempt(
                digest=digest_of(attempt.state), browser=digest_of(visit), provider=provider.id, nonce=attempt.nonce,
                verifier=attempt.verifier, after=after, expires_at=clock.now() + ATTEMPT_LIFE,
            )
        )  # fmt: skip
    return attempt


async def take_attempt(
    database: Database, clock: Clock, provider: IdentityProvider, visit: str, state: str, *, address: str
) -> Attempt:
    """Use up the attempt that this browser began there; IdentityRefused when there is none, RateLimited after many."""
    async with database.transaction() as session:
        await count_address(session, clock.now(), address)
        row = await session.scalar(
            sa.delete(SignInAttempt)
            .where(
                SignInAttempt.digest == digest_of(state), SignInAttempt.browser == digest_of(visit),
                SignInAttempt.provider == provider.id, SignInAttempt.expires_at > clock.now(),
            )
            .returning(SignInAttempt)
        )  # fmt: skip
    if row is None:
        raise refusal("over", provider)
    return Attempt(state, row.nonce, row.verifier, row.after)


async def write_refusal(
    database: Database, clock: Clock, provider: IdentityProvider, reason: str, address: str
) -> None:
    """Write in the audit log that a sign-in was refused before it was known whose."""
    async with database.transaction() as session:
        audit(
            session, clock.now(), None, "sign_in_refused", "provider", provider.id, provider=provider.name,
            reason=reason, address=address,
        )  # fmt: skip


# --- the account ------------------------------------------------------------------------------


async def sign_in_by_identity(
    database: Database, clock: Clock, provider: IdentityProvider, proof: Proof, *, address: str, browser: str = "",
    replaces: Caller | None = None,
) -> str:  # fmt: skip
    """Open a session of the account that the identity is bound to and return its token.

    At the first sign-in, the account is the one whose login is the e-mail address that the provider vouches for; it is
    bound to the identity from then on, whatever the address becomes. IdentityRefused says what to ask for; written down.
    """
    async with database.transaction() as session:
        now = clock.now()
        account = await session.scalar(
            sa.select(Account)
            .join(AccountIdentity, AccountIdentity.account_id == Account.id)
            .where(AccountIdentity.issuer == proof.issuer, AccountIdentity.subject == proof.subject)
        )
        reason = ""
        if account is None:
            account, reason = await _bind(session, now, provider, proof)
        elif account.state != ACTIVE:
            reason = "disabled"
        if account and not reason:
            await forget_address(session, address)
            return await open_session(session, now, account, browser, replaces=replaces, provider=provider.name)
        told = {"provider": provider.name, "reason": reason, "address": address}
        if account:
            audit(session, now, None, "sign_in_refused", "account", account.id, **told)
        else:
            # The administrator is about to be asked for an account at this address.
            audit(session, now, None, "sign_in_refused", "provider", provider.id, **told, login=proof.login or "")
    raise refusal(reason, provider, login=proof.login or "")


async def _bind(
    session: AsyncSession, now: datetime, provider: IdentityProvider, proof: Proof
) -> tuple[Account | None, str]:
    """Bind a new identity to the account of its e-mail address; return the account if there is one, and why not bound."""
    if proof.login is None:
        return None, "unverified"
    account = await session.scalar(sa.select(Account).where(Account.login == login_of(proof.login)))
    if account is None:
        return None, "unknown"
    if account.state != ACTIVE:
        return account, "disabled"
    try:
        async with session.begin_nested():
            session.add(
                AccountIdentity(account_id=account.id, issuer=proof.issuer, subject=proof.subject, bound_at=now)
            )
    except IntegrityError:
        return account, "other_identity"
    audit(session, now, account.id, "identity_bound", "account", account.id, provider=provider.name)
    return account, ""


async def list_identities(database: Database, account_id: str) -> list[AccountIdentity]:
    """Return who the account is at identity providers, in the order in which they were bound."""
    async with database.reading() as session:
        found = await session.scalars(
            sa.select(AccountIdentity).where(AccountIdentity.account_id == account_id).order_by(AccountIdentity.id)
        )
        return list(found.all())


async def unbind_identity(database: Database, clock: Clock, actor: str, account_id: str, identity_id: int) -> None:
    """Unbind an identity from an account and end its sessions, which it may have opened; NotFound."""
    async with database.transaction() as session:
        issuer = await session.scalar(
            sa.delete(AccountIdentity)
            .where(AccountIdentity.id == identity_id, AccountIdentity.account_id == account_id)
            .returning(AccountIdentity.issuer)
        )
        if issuer is None:
            raise NotFound("Cette identité n’est plus liée à ce compte.")
        await end_sessions(session, account_id)
        audit(session, clock.now(), actor, "identity_unbound", "account", account_id, provider=issuer)
