"""Tables of what formateurs teach."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from bot.db import Base, Instant

_BIG_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


class Utterance(Base):
    """What somebody says of a topic, beside the files' own: the next training learns it, the search knows it at once.

    `form` is the text as `bot.language.normalise` writes it: one utterance is kept once. `origin` is « formateur » (written)
    or « message » (from the inbox, masked; `message_id` is then where it came from). Withdrawn rows stay: models were made of them.
    """

    __tablename__ = "utterances"
    __table_args__ = (sa.Index("ix_utterances_form_in_use", "form", unique=True, sqlite_where=sa.text("withdrawn_at IS NULL"),
                               postgresql_where=sa.text("withdrawn_at IS NULL")),
                      {"sqlite_autoincrement": True})  # fmt: skip

    id: Mapped[int] = mapped_column(_BIG_ID, primary_key=True)
    topic: Mapped[str] = mapped_column(sa.String(80), index=True)
    text: Mapped[str] = mapped_column(sa.String(1000))
    form: Mapped[str] = mapped_column(sa.String(1000))
    # A profile of bot.topics.PROFILES, or « commun ».
    speaker: Mapped[str] = mapped_column(sa.String(16))
    origin: Mapped[str] = mapped_column(sa.String(12))
    message_id: Mapped[str | None] = mapped_column(sa.String(36), index=True)
    author_id: Mapped[str | None] = mapped_column(sa.ForeignKey("accounts.id", ondelete="SET NULL"))
    at: Mapped[datetime] = mapped_column(Instant)
    withdrawn_at: Mapped[datetime | None] = mapped_column(Instant)


class InboxGroup(Base):
    """Lines of the inbox that are alike. `face_id` is the line nearest to the others: the one that stands for them."""

    __tablename__ = "inbox_groups"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(_BIG_ID, primary_key=True)
    # No foreign key: the lines name their group already. A face that was erased leaves its place to any other line.
    face_id: Mapped[int] = mapped_column(_BIG_ID)


class InboxGesture(Base):
    """What a formateur did with lines of the inbox, to be undone: the lines name their gesture, `utterances` were kept by it."""

    __tablename__ = "inbox_gestures"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(_BIG_ID, primary_key=True)
    account_id: Mapped[str | None] = mapped_column(sa.ForeignKey("accounts.id", ondelete="SET NULL"), index=True)
    # What the lines became (bot.learning.inbox.GIVEN, DISCARDED), and the topic if they were given to one.
    kind: Mapped[str] = mapped_column(sa.String(12))
    topic: Mapped[str | None] = mapped_column(sa.String(80))
    count: Mapped[int]
    utterances: Mapped[list[int]] = mapped_column(sa.JSON, default=list)
    at: Mapped[datetime] = mapped_column(Instant)
    undone_at: Mapped[datetime | None] = mapped_column(Instant)


class InboxLine(Base):
    """A person's message that taught something: masked, names too. It goes with its conversation."""

    __tablename__ = "inbox_lines"
    __table_args__ = (
        # All that a list of groups asks, in one index: counting 200,000 lines reads no row.
        sa.Index("ix_inbox_lines_listed", "state", "group_id", "kind", "profile", "uai"),
        sa.Index("ix_inbox_lines_said", "group_id", "state", "form"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(_BIG_ID, primary_key=True)
    message_id: Mapped[str] = mapped_column(sa.ForeignKey("messages.id", ondelete="CASCADE"), unique=True)
    conversation_id: Mapped[str] = mapped_column(sa.String(36), index=True)
    # Why it came here (bot.learning.inbox.KINDS), and what became of it (OPEN, GIVEN, DISCARDED).
    kind: Mapped[str] = mapped_column(sa.String(12))
    state: Mapped[str] = mapped_column(sa.String(12))
    text: Mapped[str] = mapped_column(sa.String(1000))
    # The text as bot.language.normalise writes it: who says the same is shown once, with how many.
    form: Mapped[str] = mapped_column(sa.String(1000))
    profile: Mapped[str | None] = mapped_column(sa.String(20))
    uai: Mapped[str | None] = mapped_column(sa.String(8))
    # What the engine thought: topics with their probabilities, the likeliest first.
    ranking: Mapped[list[Any]] = mapped_column(sa.JSON, default=list)
    at: Mapped[datetime] = mapped_column(Instant)
    group_id: Mapped[int | None] = mapped_column(_BIG_ID, sa.ForeignKey("inbox_groups.id", ondelete="SET NULL"))
    gesture_id: Mapped[int | None] = mapped_column(
        _BIG_ID, sa.ForeignKey("inbox_gestures.id", ondelete="SET NULL"), index=True
    )


class InboxMark(Base):
    """Up to when messages were collected: one row, none while the deployment does not allow it."""

    __tablename__ = "inbox_mark"

    id: Mapped[int] = mapped_column(primary_key=True)
    until: Mapped[datetime] = mapped_column(Instant)
    # Up to which line they are grouped.
    grouped_line: Mapped[int] = mapped_column(_BIG_ID, default=0)


class TicketLesson(Base):
    """A resolved request that a formateur drew an article from, or found to teach nothing."""

    __tablename__ = "ticket_lessons"

    ticket_id: Mapped[int] = mapped_column(
        _BIG_ID, sa.ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    # Whether an article was drawn from it.
    drawn: Mapped[bool]
    account_id: Mapped[str | None] = mapped_column(sa.ForeignKey("accounts.id", ondelete="SET NULL"))
    at: Mapped[datetime] = mapped_column(Instant)
