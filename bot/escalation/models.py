"""Tables of the tickets."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from bot.db import Base, Instant

_BIG_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


class Draft(Base):
    """A request being told, one a conversation at most; `last_message_id` makes a message played twice harmless."""

    __tablename__ = "ticket_drafts"

    conversation_id: Mapped[str] = mapped_column(
        sa.ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True
    )
    step: Mapped[str] = mapped_column(sa.String(10))
    uai: Mapped[str | None] = mapped_column(sa.String(8))
    school: Mapped[str] = mapped_column(sa.Text, default="")
    problem: Mapped[str] = mapped_column(sa.Text, default="")
    topic: Mapped[str | None] = mapped_column(sa.String(80))
    opened_at: Mapped[datetime] = mapped_column(Instant)
    updated_at: Mapped[datetime] = mapped_column(Instant)


class FormStep(Base):
    """What a message did to a request, with what was answered: the same message asked again gets the same answer."""

    __tablename__ = "ticket_form_steps"

    message_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    conversation_id: Mapped[str] = mapped_column(sa.ForeignKey("conversations.id", ondelete="CASCADE"), index=True)
    reply: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    at: Mapped[datetime] = mapped_column(Instant)


class Group(Base):
    """Who deals with requests: a team of level 2 or 3."""

    __tablename__ = "ticket_groups"

    id: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(120))
    level: Mapped[int]


class Route(Base):
    """A row of the routing table; what is NULL stands for any. `rank` keeps the administrator's order."""

    __tablename__ = "ticket_routes"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(_BIG_ID, primary_key=True)
    topic: Mapped[str | None] = mapped_column(sa.String(80))
    theme: Mapped[str | None] = mapped_column(sa.String(40))
    profile: Mapped[str | None] = mapped_column(sa.String(20))
    scope: Mapped[str | None] = mapped_column(sa.String(16))
    territory: Mapped[str | None] = mapped_column(sa.String(120))
    group_id: Mapped[str] = mapped_column(sa.ForeignKey("ticket_groups.id"))


class CalendarRow(Base):
    """When the teams of an académie work; the empty name stands for every académie that has no row of its own."""

    __tablename__ = "ticket_calendars"

    academie: Mapped[str] = mapped_column(sa.String(120), primary_key=True)
    data: Mapped[dict[str, Any]] = mapped_column(sa.JSON)


class DelayRow(Base):
    """What is promised at a level, in working minutes; without priority, to those that have no row of their own."""

    __tablename__ = "ticket_delays"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(_BIG_ID, primary_key=True)
    level: Mapped[int]
    priority: Mapped[str | None] = mapped_column(sa.String(10))
    first_answer_minutes: Mapped[int]
    solution_minutes: Mapped[int]


class Ticket(Base):
    """A request that level 2 or 3 has; it outlives its conversation."""

    __tablename__ = "tickets"
    __table_args__ = (
        sa.Index("ix_tickets_state_answer_by", "state", "answer_by"),
        sa.Index("ix_tickets_state_warn_by", "state", "warn_by"),
        sa.Index("ix_tickets_uai_state", "uai", "state"),
        # The orders of the queue, a state at a time (desk.SORTS); by number, the state's own index has it.
        sa.Index("ix_tickets_state_updated_at", "state", "updated_at"),
        sa.Index("ix_tickets_state_level", "state", "level"),
        sa.Index("ix_tickets_state_profile", "state", "profile"),
        sa.Index("ix_tickets_state_school", "state", "school"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(_BIG_ID, primary_key=True)
    number: Mapped[str | None] = mapped_column(sa.String(16), unique=True)
    message_id: Mapped[str] = mapped_column(sa.String(36), unique=True)
    conversation_id: Mapped[str | None] = mapped_column(
        sa.ForeignKey("conversations.id", ondelete="SET NULL"), index=True
    )
    person_id: Mapped[str] = mapped_column(sa.ForeignKey("persons.id"), index=True)
    profile: Mapped[str | None] = mapped_column(sa.String(20))
    uai: Mapped[str | None] = mapped_column(sa.String(8))
    school: Mapped[str] = mapped_column(sa.Text)
    school_checked: Mapped[bool]
    topic: Mapped[str | None] = mapped_column(sa.String(80))
    page: Mapped[str] = mapped_column(sa.String(200), default="")
    browser: Mapped[str] = mapped_column(sa.String(300), default="")
    level: Mapped[int]
    state: Mapped[str] = mapped_column(sa.String(12), index=True)
    group_id: Mapped[str | None] = mapped_column(sa.ForeignKey("ticket_groups.id"), index=True)
    # The account that took it; no foreign key, for a request outlives the accounts.
    assignee_id: Mapped[str | None] = mapped_column(sa.String(36), index=True)
    # The present stage: a change of level or a reopening begins another, with deadlines of its own (states.TicketState).
    since: Mapped[datetime | None] = mapped_column(Instant)
    pauses: Mapped[list[list[str | None]] | None] = mapped_column(sa.JSON)
    incident_id: Mapped[str | None] = mapped_column(sa.ForeignKey("incidents.id", ondelete="SET NULL"), index=True)
    follows_id: Mapped[int | None] = mapped_column(sa.ForeignKey("tickets.id", ondelete="SET NULL"))
    priority: Mapped[str] = mapped_column(sa.String(10), default="normale", server_default=sa.text("'normale'"))
    # When the first answer is due, then the solution; nothing while the person is waited for, or once it is finished.
    answer_by: Mapped[datetime | None] = mapped_column(Instant)
    warn_by: Mapped[datetime | None] = mapped_column(Instant)
    # What was said of that deadline already (promises.NEAR, promises.LATE).
    alert: Mapped[str | None] = mapped_column(sa.String(8))
    answered_at: Mapped[datetime | None] = mapped_column(Instant)
    resolved_at: Mapped[datetime | None] = mapped_column(Instant)
    rating: Mapped[bool | None]
    rating_reason: Mapped[str] = mapped_column(sa.Text, default="", server_default=sa.text("''"))
    problem: Mapped[str] = mapped_column(sa.Text)
    context: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    opened_at: Mapped[datetime] = mapped_column(Instant, index=True)
    updated_at: Mapped[datetime] = mapped_column(Instant)


class TicketEvent(Base):
    """One change of a ticket. `message_id` is unique: whatever a message writes, it writes once."""

    __tablename__ = "ticket_events"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(_BIG_ID, primary_key=True)
    ticket_id: Mapped[int] = mapped_column(sa.ForeignKey("tickets.id", ondelete="CASCADE"), index=True)
    message_id: Mapped[str | None] = mapped_column(sa.String(36), unique=True)
    kind: Mapped[str] = mapped_column(sa.String(20))
    # « usager », « systeme », or the name of the account at the time.
    author: Mapped[str] = mapped_column(sa.String(120))
    data: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    at: Mapped[datetime] = mapped_column(Instant)


class CannedAnswer(Base):
    """A text for the questions that come back, with variables: a group's, or everybody's; on a topic, or any.

    One that was removed is kept a while, so that it can be put back. `author` wrote the version that is in use.
    """

    __tablename__ = "canned_answers"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(_BIG_ID, primary_key=True)
    title: Mapped[str] = mapped_column(sa.String(120))
    text: Mapped[str] = mapped_column(sa.Text)
    group_id: Mapped[str | None] = mapped_column(sa.ForeignKey("ticket_groups.id"), index=True)
    topic: Mapped[str | None] = mapped_column(sa.String(80))
    version: Mapped[int]
    author: Mapped[str] = mapped_column(sa.String(120))
    updated_at: Mapped[datetime] = mapped_column(Instant)
    removed_at: Mapped[datetime | None] = mapped_column(Instant, index=True)


class IncidentRow(Base):
    """A known outage of a topic in a territory: one request for all, an announcement, an answer of its own."""

    __tablename__ = "incidents"

    id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    topic: Mapped[str] = mapped_column(sa.String(80))
    scope: Mapped[str] = mapped_column(sa.String(16))
    territory: Mapped[str] = mapped_column(sa.String(120))
    title: Mapped[str] = mapped_column(sa.String(200))
    text: Mapped[str] = mapped_column(sa.Text)
    end_text: Mapped[str] = mapped_column(sa.Text, default="")
    announcement_id: Mapped[str | None] = mapped_column(sa.String(36))
    # The request that stands for all: by its number, for the two tables would name each other.
    ticket_number: Mapped[str | None] = mapped_column(sa.String(16))
    opened_by: Mapped[str] = mapped_column(sa.String(120))
    opened_at: Mapped[datetime] = mapped_column(Instant)
    closed_at: Mapped[datetime | None] = mapped_column(Instant, index=True)


class IncidentPerson(Base):
    """Somebody who met an incident, told when it ends in the conversation where he asked."""

    __tablename__ = "incident_persons"

    incident_id: Mapped[str] = mapped_column(sa.ForeignKey("incidents.id", ondelete="CASCADE"), primary_key=True)
    conversation_id: Mapped[str] = mapped_column(
        sa.ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    person_id: Mapped[str] = mapped_column(sa.ForeignKey("persons.id"), index=True)
    at: Mapped[datetime] = mapped_column(Instant)
    told_at: Mapped[datetime | None] = mapped_column(Instant)


class Contact(Base):
    """A telephone or an e-mail given for the answer, encrypted, for the ticket's agents alone."""

    __tablename__ = "ticket_contacts"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(_BIG_ID, primary_key=True)
    conversation_id: Mapped[str | None] = mapped_column(
        sa.ForeignKey("conversations.id", ondelete="CASCADE"), index=True
    )
    ticket_id: Mapped[int | None] = mapped_column(sa.ForeignKey("tickets.id", ondelete="CASCADE"), index=True)
    message_id: Mapped[str] = mapped_column(sa.String(36))
    kind: Mapped[str] = mapped_column(sa.String(20))
    secret: Mapped[str] = mapped_column(sa.Text)
    at: Mapped[datetime] = mapped_column(Instant)


class Attachment(Base):
    """An image joined to a request, drawn anew from what was sent; of no request yet while it is being told."""

    __tablename__ = "ticket_attachments"

    id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    conversation_id: Mapped[str | None] = mapped_column(
        sa.ForeignKey("conversations.id", ondelete="CASCADE"), index=True
    )
    ticket_id: Mapped[int | None] = mapped_column(sa.ForeignKey("tickets.id", ondelete="CASCADE"), index=True)
    media_type: Mapped[str] = mapped_column(sa.String(20))
    width: Mapped[int]
    height: Mapped[int]
    # Of `content`, in bytes.
    size: Mapped[int]
    # Not read with the row: a list of images must not bring megabytes along.
    content: Mapped[bytes] = mapped_column(sa.LargeBinary, deferred=True, deferred_raiseload=True)
    thumbnail: Mapped[bytes] = mapped_column(sa.LargeBinary, deferred=True, deferred_raiseload=True)
    at: Mapped[datetime] = mapped_column(Instant)


class QueueView(Base):
    """Filters of the queue under a name: their owner's, and of those who have `role` on the same territory if it is shared.

    One that was removed is kept a while, so that it can be put back.
    """

    __tablename__ = "queue_views"
    __table_args__ = (sa.Index("ix_queue_views_role_territory", "role", "territory"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(_BIG_ID, primary_key=True)
    owner_id: Mapped[str] = mapped_column(sa.ForeignKey("accounts.id"), index=True)
    name: Mapped[str] = mapped_column(sa.String(60))
    # What differs from the plain queue (desk.QueueFilter).
    query: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    role: Mapped[str | None] = mapped_column(sa.String(20))
    scope: Mapped[str | None] = mapped_column(sa.String(20))
    territory: Mapped[str | None] = mapped_column(sa.String(120))
    at: Mapped[datetime] = mapped_column(Instant)
    removed_at: Mapped[datetime | None] = mapped_column(Instant, index=True)


class StartView(Base):
    """The view that an account begins with."""

    __tablename__ = "start_views"

    account_id: Mapped[str] = mapped_column(sa.ForeignKey("accounts.id"), primary_key=True)
    view_id: Mapped[int] = mapped_column(sa.ForeignKey("queue_views.id", ondelete="CASCADE"), index=True)
