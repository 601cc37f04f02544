"""Tables of the schools, of the accounts that look after them, and of what these accounts changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from bot.db import Base, Instant

_BIG_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_ACCOUNT = "accounts.id"


class School(Base):
    """A school, with the territories that contain it (codes or names as the deployment writes them)."""

    __tablename__ = "schools"

    uai: Mapped[str] = mapped_column(sa.String(8), primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(200))
    commune: Mapped[str] = mapped_column(sa.String(120))
    degree: Mapped[str] = mapped_column(sa.String(3))
    circonscription: Mapped[str | None] = mapped_column(sa.String(120))
    departement: Mapped[str | None] = mapped_column(sa.String(120))
    academie: Mapped[str | None] = mapped_column(sa.String(120))


class Account(Base):
    """A person who works in the console or the workshop. Never deleted: the audit log names it.

    `login` is in its common form (`rules.login_of`); `search` is login and name as `rules.search_form` writes them.
    Without `password_hash`, the person signs in elsewhere or has not chosen a password yet.
    """

    __tablename__ = "accounts"

    id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    login: Mapped[str] = mapped_column(sa.String(254), unique=True)
    name: Mapped[str] = mapped_column(sa.String(120))
    search: Mapped[str] = mapped_column(sa.String(400))
    password_hash: Mapped[str | None] = mapped_column(sa.String(200))
    state: Mapped[str] = mapped_column(sa.String(10))
    created_at: Mapped[datetime] = mapped_column(Instant)
    last_sign_in_at: Mapped[datetime | None] = mapped_column(Instant)
    grants: Mapped[list[Grant]] = relationship(lazy="raise", order_by="Grant.id")


class Grant(Base):
    """A role that an account has on a territory; `territory` is empty where the scope is everything."""

    __tablename__ = "account_grants"
    __table_args__ = (sa.UniqueConstraint("account_id", "role", "scope", "territory"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(_BIG_ID, primary_key=True)
    account_id: Mapped[str] = mapped_column(sa.ForeignKey(_ACCOUNT))
    role: Mapped[str] = mapped_column(sa.String(20))
    scope: Mapped[str] = mapped_column(sa.String(20))
    territory: Mapped[str] = mapped_column(sa.String(120))


class SignInSession(Base):
    """An open session of an account, known by the digest of the token that the browser holds."""

    __tablename__ = "sign_in_sessions"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(_BIG_ID, primary_key=True)
    digest: Mapped[str] = mapped_column(sa.String(64), unique=True)
    account_id: Mapped[str] = mapped_column(sa.ForeignKey(_ACCOUNT), index=True)
    csrf: Mapped[str] = mapped_column(sa.String(64))
    browser: Mapped[str] = mapped_column(sa.String(300))
    created_at: Mapped[datetime] = mapped_column(Instant)
    last_seen_at: Mapped[datetime] = mapped_column(Instant, index=True)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)


class SignInFailures(Base):
    """How often signing in failed, for a login or for an address; neither is readable here."""

    __tablename__ = "sign_in_failures"

    digest: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    count: Mapped[int]
    last_at: Mapped[datetime] = mapped_column(Instant, index=True)


class AccountIdentity(Base):
    """Who an account is at an identity provider: bound at the first sign-in there, one of each issuer at most."""

    __tablename__ = "account_identities"
    __table_args__ = (
        sa.UniqueConstraint("issuer", "subject"),
        sa.UniqueConstraint("account_id", "issuer"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(_BIG_ID, primary_key=True)
    account_id: Mapped[str] = mapped_column(sa.ForeignKey(_ACCOUNT))
    issuer: Mapped[str] = mapped_column(sa.String(300))
    subject: Mapped[str] = mapped_column(sa.String(255))
    bound_at: Mapped[datetime] = mapped_column(Instant)


class SignInAttempt(Base):
    """A sign-in begun at an identity provider, known by the digest of its state; removed when the browser is back.

    `browser` is the digest of a cookie; `nonce` and `verifier` are what the provider has been told or will be asked for.
    """

    __tablename__ = "sign_in_attempts"

    digest: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    browser: Mapped[str] = mapped_column(sa.String(64))
    provider: Mapped[str] = mapped_column(sa.String(40))
    nonce: Mapped[str] = mapped_column(sa.String(64))
    verifier: Mapped[str] = mapped_column(sa.String(64))
    after: Mapped[str] = mapped_column(sa.String(2000))
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)


class PasswordLink(Base):
    """A link that lets its holder choose an account's password, once; one an account at most."""

    __tablename__ = "password_links"

    account_id: Mapped[str] = mapped_column(sa.ForeignKey(_ACCOUNT), primary_key=True)
    digest: Mapped[str] = mapped_column(sa.String(64), unique=True)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)


class AuditEntry(Base):
    """Who did what to what, and when. Never changed: the database refuses; removed past its retention only.

    `account_id` is empty for what the command line or nobody known did; `details` holds no secret and no one's words.
    """

    __tablename__ = "audit_entries"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(_BIG_ID, primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant, index=True)
    account_id: Mapped[str | None] = mapped_column(sa.ForeignKey(_ACCOUNT), index=True)
    action: Mapped[str] = mapped_column(sa.String(40), index=True)
    kind: Mapped[str] = mapped_column(sa.String(30))
    object_id: Mapped[str] = mapped_column(sa.String(80))
    details: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
