"""Tables of what formateurs teach, and of the models put in service."""

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


class Swap(Base):
    """A model put in service, or that was to be: the newest one that was turned to is the one that serves.

    `digest` is the SHA-256 of its archive: two archives of one name in turn are two models. `former` names the model that served
    before. `under_way` is true or null, so that the database itself keeps a second one from beginning; `runner` is the process
    that deals with it, which says so in `alive_at` every few seconds.
    """

    __tablename__ = "swaps"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(_BIG_ID, primary_key=True)
    model: Mapped[str] = mapped_column(sa.String(120))
    digest: Mapped[str] = mapped_column(sa.String(64), default="")
    trained_at: Mapped[datetime | None] = mapped_column(Instant)
    slot: Mapped[str] = mapped_column(sa.String(1))
    former: Mapped[str] = mapped_column(sa.String(120), default="")
    # « console », « commande » or « démarrage »: where it was asked; `account_id` says by whom in the console.
    origin: Mapped[str] = mapped_column(sa.String(12))
    account_id: Mapped[str | None] = mapped_column(sa.ForeignKey("accounts.id", ondelete="SET NULL"))
    step: Mapped[str] = mapped_column(sa.String(12))
    asked_at: Mapped[datetime] = mapped_column(Instant)
    turned_at: Mapped[datetime | None] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    failure: Mapped[str] = mapped_column(sa.String(400), default="")
    under_way: Mapped[bool | None] = mapped_column(sa.Boolean, unique=True)
    runner: Mapped[str] = mapped_column(sa.String(36), default="")
    alive_at: Mapped[datetime] = mapped_column(Instant)


class TrainingRun(Base):
    """One training asked for: how far it is, what it was made of, what it is worth.

    `active` is 1 while it is under way and nothing after: being unique, it keeps two from running at once. The process that
    trains renews `seen_at`; silent for long, it is taken for dead, and nothing more that it writes is taken.
    """

    __tablename__ = "training_runs"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(_BIG_ID, primary_key=True)
    active: Mapped[int | None] = mapped_column(sa.SmallInteger, unique=True)
    # A state of bot.learning.runs.
    state: Mapped[str] = mapped_column(sa.String(12))
    scheduled: Mapped[bool]
    author_id: Mapped[str | None] = mapped_column(sa.ForeignKey("accounts.id", ondelete="SET NULL"))
    asked_at: Mapped[datetime] = mapped_column(Instant, index=True)
    seen_at: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    cancel_asked_at: Mapped[datetime | None] = mapped_column(Instant)
    step: Mapped[str] = mapped_column(sa.String(200))
    log: Mapped[str] = mapped_column(sa.Text, default="")
    # Why it failed, as a sentence.
    failure: Mapped[str] = mapped_column(sa.Text, default="")
    # What was learnt from: counts, digest, versions (bot.learning.dataset).
    made_of: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON)
    # The model's file in models/, without its ending.
    archive: Mapped[str | None] = mapped_column(sa.String(80), index=True)
    report: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON)
    # What the gate said (bot.learning.gate), and who set it aside, and why.
    verdict: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON)
    overruled_at: Mapped[datetime | None] = mapped_column(Instant)
    overruled_by: Mapped[str | None] = mapped_column(sa.ForeignKey("accounts.id", ondelete="SET NULL"))
    overruled_reason: Mapped[str | None] = mapped_column(sa.String(500))


class TrainingSchedule(Base):
    """When trainings begin by themselves: one row, none as long as nobody asked for any."""

    __tablename__ = "training_schedule"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    # Of bot.learning.runs.RHYTHMS; the hour and the day (0 is Monday) are those of Paris.
    rhythm: Mapped[str] = mapped_column(sa.String(8))
    hour: Mapped[int]
    weekday: Mapped[int]
    next_at: Mapped[datetime | None] = mapped_column(Instant)
    # Why the last one that was due did not begin.
    missed: Mapped[str] = mapped_column(sa.String(300), default="")
    author_id: Mapped[str | None] = mapped_column(sa.ForeignKey("accounts.id", ondelete="SET NULL"))
    version: Mapped[int]


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
        sa.Index("ix_inbox_lines_said", "group_id", "state", "form", "uai"),
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
