"""Tables of the announcements, of the waves, and of the questions that the indicators count."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from bot.db import Base, Instant

_BIG_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


class Announcement(Base):
    """Something shown at the top of the chat between two dates: an information, or a known incident."""

    __tablename__ = "announcements"

    id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    level: Mapped[str] = mapped_column(sa.String(10))
    title: Mapped[str] = mapped_column(sa.String(200))
    text: Mapped[str] = mapped_column(sa.Text)
    profiles: Mapped[list[str]] = mapped_column(sa.JSON, default=list)
    # Shown in one territory only, or everywhere.
    scope: Mapped[str | None] = mapped_column(sa.String(16))
    territory: Mapped[str | None] = mapped_column(sa.String(120))
    starts_at: Mapped[datetime] = mapped_column(Instant)
    ends_at: Mapped[datetime | None] = mapped_column(Instant)


class Wave(Base):
    """A wave of the deployment: schools that open together, between two dates."""

    __tablename__ = "waves"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(_BIG_ID, primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(120), unique=True)
    # prevue, pilote, ouverte, close (bot.rollout.rules).
    state: Mapped[str] = mapped_column(sa.String(8))
    starts_on: Mapped[date] = mapped_column(sa.Date)
    ends_on: Mapped[date | None] = mapped_column(sa.Date)
    # What precedes the opening, as the assistant tells it: training, accounts, letters.
    before: Mapped[str] = mapped_column(sa.Text, default="")
    opened_at: Mapped[datetime | None] = mapped_column(Instant)
    closed_at: Mapped[datetime | None] = mapped_column(Instant)
    # One more at each change, of its schools too: two people who edit at once find out by it.
    edition: Mapped[int] = mapped_column(default=1, server_default=sa.text("1"))


class WaveSchool(Base):
    """A school in a wave: the row without `until` is where it is now, the others where it was."""

    __tablename__ = "wave_schools"
    __table_args__ = (
        sa.Index("ix_wave_schools_now", "uai", unique=True, sqlite_where=sa.text("until IS NULL"),
                 postgresql_where=sa.text("until IS NULL")),
        {"sqlite_autoincrement": True},
    )  # fmt: skip

    id: Mapped[int] = mapped_column(_BIG_ID, primary_key=True)
    wave_id: Mapped[int] = mapped_column(_BIG_ID, sa.ForeignKey("waves.id"), index=True)
    uai: Mapped[str] = mapped_column(sa.String(8), index=True)
    since: Mapped[datetime] = mapped_column(Instant)
    until: Mapped[datetime | None] = mapped_column(Instant)


class WaveArticle(Base):
    """Which version of an article was in service when a wave was closed."""

    __tablename__ = "wave_articles"

    wave_id: Mapped[int] = mapped_column(_BIG_ID, sa.ForeignKey("waves.id", ondelete="CASCADE"), primary_key=True)
    topic: Mapped[str] = mapped_column(sa.String(80), primary_key=True)
    version: Mapped[int]


class WaveBalance(Base):
    """What a wave was when it was closed: counts alone, so that they outlive the conversations.

    `sheets` are those of `bot.rollout.sheets`. `opened_id` is the wave that the closing opened, `opened_from` the state that it had:
    undoing needs both.
    """

    __tablename__ = "wave_balances"

    wave_id: Mapped[int] = mapped_column(_BIG_ID, sa.ForeignKey("waves.id", ondelete="CASCADE"), primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant)
    author: Mapped[str] = mapped_column(sa.String(120))
    model: Mapped[str | None] = mapped_column(sa.String(80))
    schools: Mapped[int]
    sheets: Mapped[list[Any]] = mapped_column(sa.JSON)
    opened_id: Mapped[int | None] = mapped_column(_BIG_ID)
    opened_from: Mapped[str | None] = mapped_column(sa.String(8))


class Question(Base):
    """A question as the indicators count it: one or several messages of a conversation (bot.rollout.questions).

    Worked out from the conversation, erased with it. `asker` stands for the person, who is told apart and not named;
    `returned` says that he asked on the topic again within a week.
    """

    __tablename__ = "questions"
    __table_args__ = (
        sa.Index("ix_questions_uai_at", "uai", "at"),
        sa.Index("ix_questions_asker_topic", "asker", "topic"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(_BIG_ID, primary_key=True)
    conversation_id: Mapped[str] = mapped_column(sa.ForeignKey("conversations.id", ondelete="CASCADE"), index=True)
    asker: Mapped[int] = mapped_column(sa.BigInteger)
    at: Mapped[datetime] = mapped_column(Instant, index=True)
    ended_at: Mapped[datetime] = mapped_column(Instant)
    topic: Mapped[str | None] = mapped_column(sa.String(80))
    profile: Mapped[str | None] = mapped_column(sa.String(20))
    uai: Mapped[str | None] = mapped_column(sa.String(8))
    verdict: Mapped[str] = mapped_column(sa.String(12))
    worry: Mapped[str | None] = mapped_column(sa.String(20))
    returned: Mapped[bool]


class QuestionMark(Base):
    """How far the conversations, and what their readers say of the answers, have been counted."""

    __tablename__ = "question_marks"

    name: Mapped[str] = mapped_column(sa.String(20), primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant)
    key: Mapped[str] = mapped_column(sa.String(36))
