"""Tables of the knowledge base."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from bot.db import Base, Instant


class Article(Base):
    """An article in service: `version` is the number of the version that is published."""

    __tablename__ = "articles"

    topic: Mapped[str] = mapped_column(sa.String(80), primary_key=True)
    version: Mapped[int]
    state: Mapped[str] = mapped_column(sa.String(12), default="publie")
    updated_at: Mapped[datetime] = mapped_column(Instant, index=True)


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
