"""Tables of the conversations."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from bot.db import Base, Instant


class Person(Base):
    """Somebody who chats: (issuer, subject) of a signed session, or nobody in particular for a visitor."""

    __tablename__ = "persons"
    __table_args__ = (sa.UniqueConstraint("issuer", "subject"),)

    id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    issuer: Mapped[str | None] = mapped_column(sa.String(255))
    subject: Mapped[str | None] = mapped_column(sa.String(255))
    created_at: Mapped[datetime] = mapped_column(Instant)


class UsedJwt(Base):
    """A `jti` already presented, kept until the JWT would expire anyway."""

    __tablename__ = "used_jwts"

    issuer: Mapped[str] = mapped_column(sa.String(255), primary_key=True)
    jti: Mapped[str] = mapped_column(sa.String(255), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)


class Conversation(Base):
    """One exchange with the assistant; `state` is the dialogue's (bot.dialogue.state)."""

    __tablename__ = "conversations"

    id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    person_id: Mapped[str] = mapped_column(sa.ForeignKey("persons.id"), index=True)
    profile: Mapped[str | None] = mapped_column(sa.String(20))
    uai: Mapped[str | None] = mapped_column(sa.String(8))
    signed: Mapped[bool] = mapped_column(default=False)
    state: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    last_position: Mapped[int] = mapped_column(default=0)
    opened_at: Mapped[datetime] = mapped_column(Instant)
    last_at: Mapped[datetime] = mapped_column(Instant, index=True)
    closed_at: Mapped[datetime | None] = mapped_column(Instant)
    # The account that speaks in the assistant's place, until it gives the conversation back.
    taken_by: Mapped[str | None] = mapped_column(sa.String(36))


class AccessToken(Base):
    """The bearer of a conversation, stored as a SHA-256 digest."""

    __tablename__ = "access_tokens"

    digest: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    conversation_id: Mapped[str] = mapped_column(sa.ForeignKey("conversations.id", ondelete="CASCADE"), index=True)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)


class Message(Base):
    """What was said, masked. `client_id` is the sender's own id: it makes sending twice harmless."""

    __tablename__ = "messages"
    __table_args__ = (
        sa.UniqueConstraint("conversation_id", "client_id"),
        sa.UniqueConstraint("conversation_id", "position"),
    )

    id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    conversation_id: Mapped[str] = mapped_column(sa.ForeignKey("conversations.id", ondelete="CASCADE"))
    position: Mapped[int]
    sender: Mapped[str] = mapped_column(sa.String(5))
    text: Mapped[str] = mapped_column(sa.Text)
    extras: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    client_id: Mapped[str | None] = mapped_column(sa.String(36))
    fingerprint: Mapped[str | None] = mapped_column(sa.String(64))
    reply_to: Mapped[str | None] = mapped_column(sa.String(36), index=True)
    at: Mapped[datetime] = mapped_column(Instant, index=True)


class Result(Base):
    """What one message of a person was understood as and how it was dealt with."""

    __tablename__ = "results"

    message_id: Mapped[str] = mapped_column(sa.ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True)
    outcome: Mapped[str] = mapped_column(sa.String(20), index=True)
    topic: Mapped[str | None] = mapped_column(sa.String(80), index=True)
    confidence: Mapped[float | None]
    choices: Mapped[list[str]] = mapped_column(sa.JSON, default=list)
    ranking: Mapped[list[Any]] = mapped_column(sa.JSON, default=list)
    model: Mapped[str | None] = mapped_column(sa.String(80))
    # A worry, refusal or hostility about the ENT itself (bot.language.worries).
    worry: Mapped[str | None] = mapped_column(sa.String(20))
    took_ms: Mapped[int]


class Feedback(Base):
    """Whether an answer helped, as its reader says."""

    __tablename__ = "feedback"

    message_id: Mapped[str] = mapped_column(sa.ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True)
    helpful: Mapped[bool]
    comment: Mapped[str] = mapped_column(sa.Text, default="")
    at: Mapped[datetime] = mapped_column(Instant, index=True)


class ConversationEvent(Base):
    """Something to tell an open chat; `id` is the Last-Event-ID of the stream."""

    __tablename__ = "conversation_events"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True)
    conversation_id: Mapped[str] = mapped_column(sa.ForeignKey("conversations.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(sa.String(20))
    payload: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    at: Mapped[datetime] = mapped_column(Instant)
