"""What formateurs see of the articles: the list, one article, its versions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from bot.errors import KnowledgeError, NotFound
from bot.knowledge.article import ArticleText, parse_article
from bot.knowledge.models import Article, ArticleDraft, ArticleVersion
from bot.knowledge.service import IN_SERVICE, WITHDRAWN
from bot.people.rules import search_form
from bot.topics import Topic, Topics

PAGE = 50
VERSIONS = 20
# A topic that nobody has written an article for.
ABSENT = "absent"
STATES = (IN_SERVICE, WITHDRAWN, ABSENT)


@dataclass(frozen=True)
class ArticleFilter:
    """What of the list is wanted; empty fields want everything. `due`: past the day of its review."""

    text: str = ""
    theme: str = ""
    state: str = ""
    owner: str = ""
    due: bool = False


@dataclass(frozen=True)
class Entry:
    """An article of the list; `text` is None when there is none, or none that can be read."""

    topic: Topic
    state: str
    version: int
    updated_at: datetime | None
    expires_at: datetime | None
    text: ArticleText | None
    is_due: bool

    @property
    def title(self) -> str:
        """What it is called."""
        return self.text.title if self.text else self.topic.meaning


@dataclass(frozen=True)
class Listed:
    """A page of the list, whether another follows, and the owners and themes that can be chosen."""

    entries: list[Entry]
    more: bool
    total: int
    owners: list[str]
    themes: list[str]


@dataclass(frozen=True)
class VersionLine:
    """A version, without its text; `ticket_number` is of the request that prompted it."""

    number: int
    origin: str
    author: str
    reason: str
    at: datetime
    ticket_number: str | None


async def list_articles(
    session: AsyncSession, topics: Topics, today: date, wanted: ArticleFilter, page: int = 1
) -> Listed:
    """Return a page of the articles, by theme and title. Only the versions in service are read, whatever came before."""
    entries = await read_entries(session, topics, today)
    words = search_form(wanted.text).split()
    found = [
        entry
        for entry in entries
        if (not wanted.theme or entry.topic.theme == wanted.theme)
        and (not wanted.state or entry.state == wanted.state)
        and (not wanted.owner or (entry.text and entry.text.owner == wanted.owner))
        and (not wanted.due or entry.is_due)
        and _has(entry, words)
    ]
    first = (page - 1) * PAGE
    return Listed(
        found[first : first + PAGE], len(found) > first + PAGE, len(found),
        sorted({entry.text.owner for entry in entries if entry.text}),
        list(dict.fromkeys(entry.topic.theme for entry in entries)),
    )  # fmt: skip


async def read_entries(session: AsyncSession, topics: Topics, today: date) -> list[Entry]:
    """Return every topic that has an article, or should have one, by theme and title."""
    rows = await session.execute(
        sa.select(Article, ArticleVersion.source)
        .join(ArticleVersion, (ArticleVersion.topic == Article.topic) & (ArticleVersion.number == Article.version))
        .order_by(Article.topic)
    )
    entries = [_entry(article, source, topics, today) for article, source in rows.all()]
    known = {entry.topic.id for entry in entries}
    entries += [
        Entry(topic, ABSENT, 0, None, None, None, False) for topic in topics.answerable if topic.id not in known
    ]
    order = {theme: place for place, theme in enumerate(dict.fromkeys(topic.theme for topic in topics))}
    return sorted(entries, key=lambda one: (order.get(one.topic.theme, len(order)), search_form(one.title)))


def _entry(row: Article, source: str, topics: Topics, today: date) -> Entry:
    try:
        text = parse_article(source)
    except KnowledgeError:
        text = None
    # An article may come from a file before its topic does.
    topic = topics.get(row.topic) or Topic(row.topic, "nouveaux", text.audiences if text else (), row.topic)
    due = text is not None and row.state == IN_SERVICE and text.due_on <= today
    return Entry(topic, row.state, row.version, row.updated_at, row.expires_at, text, due)


def _has(entry: Entry, words: list[str]) -> bool:
    if not words:
        return True
    said = [entry.topic.id, entry.topic.meaning]
    if entry.text:
        said += [entry.text.source, entry.text.owner]
    where = search_form(" ".join(said))
    return all(word in where for word in words)


async def read_article(session: AsyncSession, topics: Topics, topic_id: str, today: date) -> tuple[Entry, str]:
    """Return an article and its source in service, "" where there is none; NotFound when there is no such topic."""
    row = await session.get(Article, topic_id)
    if row is not None:
        version = await session.get_one(ArticleVersion, (topic_id, row.version))
        return _entry(row, version.source, topics, today), version.source
    topic = topics.get(topic_id)
    if topic is None or topic.is_dialogue:
        raise NotFound("Il n’y a pas d’article de ce nom.")
    return Entry(topic, ABSENT, 0, None, None, None, False), ""


async def list_versions(session: AsyncSession, topic_id: str, page: int = 1) -> tuple[list[VersionLine], bool]:
    """Return a page of an article's versions, the newest first, and whether older ones follow."""
    rows = await session.execute(
        sa.select(
            ArticleVersion.number, ArticleVersion.origin, ArticleVersion.author, ArticleVersion.reason,
            ArticleVersion.at, ArticleDraft.ticket_number,
        )
        .outerjoin(
            ArticleDraft,
            (ArticleDraft.topic == ArticleVersion.topic) & (ArticleDraft.version == ArticleVersion.number),
        )
        .where(ArticleVersion.topic == topic_id)
        .order_by(ArticleVersion.number.desc())
        .limit(VERSIONS + 1)
        .offset((page - 1) * VERSIONS)
    )  # fmt: skip
    found = [VersionLine(*row) for row in rows.all()]
    return found[:VERSIONS], len(found) > VERSIONS


async def read_version(session: AsyncSession, topic_id: str, number: int) -> tuple[ArticleVersion, str]:
    """Return a version and the text of the one before it ("" for the first); NotFound when there is none."""
    # What a column holds: a longer number would not even be compared.
    if not 0 < number < 2**31:
        raise NotFound("Cette version n’existe pas.")
    version = await session.get(ArticleVersion, (topic_id, number))
    if version is None:
        raise NotFound("Cette version n’existe pas.")
    former = await session.get(ArticleVersion, (topic_id, number - 1))
    return version, former.source if former else ""
