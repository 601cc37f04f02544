"""Tables of the knowledge base."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from bot.db import Base, Instant

_BIG_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_ACCOUNT = "accounts.id"


class Article(Base):
    """An article in service: `version` is the number of the version that is published."""

    __tablename__ = "articles"

    topic: Mapped[str] = mapped_column(sa.String(80), primary_key=True)
    version: Mapped[int]
    state: Mapped[str] = mapped_column(sa.String(12), default="publie")
    updated_at: Mapped[datetime] = mapped_column(Instant, index=True)
    # From then on it is withdrawn.
    expires_at: Mapped[datetime | None] = mapped_column(Instant)


class ArticleVersion(Base):
    """One state of an article, whole: front matter and text, as the file has them."""

    __tablename__ = "article_versions"

    topic: Mapped[str] = mapped_column(sa.ForeignKey("articles.topic", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(sa.Text)
    digest: Mapped[str] = mapped_column(sa.String(64))
    origin: Mapped[str] = mapped_column(sa.String(12))
    author: Mapped[str] = mapped_column(sa.String(120))
    reason: Mapped[str] = mapped_column(sa.String(400))
    at: Mapped[datetime] = mapped_column(Instant)


class ArticleDraft(Base):
    """What somebody writes in place of a version, until it is published or dropped; kept afterwards, it says how it came.

    `base_version` is the version it started from (0: there was none), `revision` counts how often it was saved: whoever
    saves, accepts or returns it says which one he read. `new_topic` is what the topic is to be when it is a new one.
    """

    __tablename__ = "article_drafts"
    __table_args__ = (sa.Index("ix_article_drafts_state_id", "state", "id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(_BIG_ID, primary_key=True)
    topic: Mapped[str] = mapped_column(sa.String(80), index=True)
    base_version: Mapped[int]
    source: Mapped[str] = mapped_column(sa.Text)
    revision: Mapped[int] = mapped_column(default=1)
    state: Mapped[str] = mapped_column(sa.String(12))
    reason: Mapped[str] = mapped_column(sa.String(400), default="")
    new_topic: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))
    author_id: Mapped[str] = mapped_column(sa.ForeignKey(_ACCOUNT), index=True)
    # The request that prompted it.
    ticket_number: Mapped[str | None] = mapped_column(sa.String(20))
    reviewer_id: Mapped[str | None] = mapped_column(sa.ForeignKey(_ACCOUNT))
    review_note: Mapped[str] = mapped_column(sa.String(1000), default="")
    publish_at: Mapped[datetime | None] = mapped_column(Instant)
    expires_at: Mapped[datetime | None] = mapped_column(Instant)
    # The version that it became.
    version: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(Instant)
    updated_at: Mapped[datetime] = mapped_column(Instant)


class VariableValue(Base):
    """The value of a variable for a territory; the nearest one to a school wins."""

    __tablename__ = "variable_values"

    scope: Mapped[str] = mapped_column(sa.String(16), primary_key=True)
    territory: Mapped[str] = mapped_column(sa.String(120), primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(60), primary_key=True)
    value: Mapped[str] = mapped_column(sa.Text)


class AddedTopic(Base):
    """A topic that a formateur added to those of knowledge/topics.yml."""

    __tablename__ = "added_topics"

    id: Mapped[str] = mapped_column(sa.String(80), primary_key=True)
    theme: Mapped[str] = mapped_column(sa.String(40))
    profiles: Mapped[list[str]] = mapped_column(sa.JSON)
    meaning: Mapped[str] = mapped_column(sa.String(400))
    limits: Mapped[str] = mapped_column(sa.String(400), default="")
    # Topics that it could be taken for.
    neighbours: Mapped[list[str]] = mapped_column(sa.JSON, default=list)
    author: Mapped[str] = mapped_column(sa.String(120))
    at: Mapped[datetime] = mapped_column(Instant)
