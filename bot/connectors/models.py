"""Tables of the exchanges with other teams' tools."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from bot.db import Base, Instant

_BIG_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


class Connector(Base):
    """The tool of a group. `secrets` holds names of environment variables, by what each is for: never a secret itself."""

    __tablename__ = "connectors"

    group_id: Mapped[str] = mapped_column(sa.ForeignKey("ticket_groups.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(20))
    address: Mapped[str] = mapped_column(sa.String(300))
    secrets: Mapped[dict[str, str]] = mapped_column(sa.JSON)
    options: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    # How far the tool's changes were read, in its own words; and not to be asked again before when.
    cursor: Mapped[str | None] = mapped_column(sa.String(100))
    poll_at: Mapped[datetime | None] = mapped_column(Instant)


class Exchange(Base):
    """A request in a group's tool. `key` travels with it, so that it is found there again; `remote_id` is its name there."""

    __tablename__ = "exchanges"
    __table_args__ = (
        sa.UniqueConstraint("ticket_id", "group_id"),
        sa.UniqueConstraint("group_id", "remote_id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(_BIG_ID, primary_key=True)
    ticket_id: Mapped[int] = mapped_column(sa.ForeignKey("tickets.id", ondelete="CASCADE"))
    group_id: Mapped[str] = mapped_column(sa.ForeignKey("ticket_groups.id"))
    key: Mapped[str] = mapped_column(sa.String(36), unique=True)
    remote_id: Mapped[str | None] = mapped_column(sa.String(100))
    # The state that the tool was last known to have, sent there or read there: what differs from it is news.
    remote_state: Mapped[str | None] = mapped_column(sa.String(12))


class ExchangeStep(Base):
    """One thing to be told to a tool, once; those of an exchange go in order."""

    __tablename__ = "exchange_steps"
    __table_args__ = (
        sa.Index("ix_exchange_steps_state_next_at", "state", "next_at"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(_BIG_ID, primary_key=True)
    exchange_id: Mapped[int] = mapped_column(sa.ForeignKey("exchanges.id", ondelete="CASCADE"), index=True)
    key: Mapped[str] = mapped_column(sa.String(36), unique=True)
    kind: Mapped[str] = mapped_column(sa.String(12))
    # The comment or the state; emptied once it was sent.
    content: Mapped[str] = mapped_column(sa.Text)
    state: Mapped[str] = mapped_column(sa.String(12))
    attempts: Mapped[int]
    next_at: Mapped[datetime] = mapped_column(Instant)
    # Why the last attempt failed, in a sentence that an agent may read.
    error: Mapped[str] = mapped_column(sa.Text)
    at: Mapped[datetime] = mapped_column(Instant)
    sent_at: Mapped[datetime | None] = mapped_column(Instant)


class ExchangeReceipt(Base):
    """A change of a tool that was taken: it is not taken again."""

    __tablename__ = "exchange_receipts"

    exchange_id: Mapped[int] = mapped_column(sa.ForeignKey("exchanges.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(sa.String(100), primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant)
