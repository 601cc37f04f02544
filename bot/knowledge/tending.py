"""What in the articles asks for somebody's care: links, gaps, review dates, audiences, articles that nobody reads."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from bot.conversations.models import Message, Result
from bot.knowledge.article import load_variables
from bot.knowledge.library import Entry, read_entries
from bot.knowledge.links import find_broken_links
from bot.knowledge.models import Article, ArticleVersion
from bot.knowledge.service import IN_SERVICE, KnowledgeBase
from bot.people.models import School
from bot.topics import PROFILE_NAMES, Topics

# An article that nobody was answered with for so long is of no use, or is not found.
UNREAD_FOR = timedelta(days=90)
# Outcomes in which somebody read the article of the result's topic.
_READ = ("answer", "degraded", "other_profile", "urgent")
# What of a school decides the values of its variables, beside its own.
_TERRITORIES = ("academie", "departement", "circonscription")


@dataclass(frozen=True)
class Gap:
    """A variable without value in some schools: how many, one of them, and the words that take its place there, if any."""

    name: str
    meaning: str
    generic: str
    schools: int
    example: str


@dataclass
class Care:
    """What one article asks for."""

    entry: Entry
    links: list[tuple[str, str]] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    is_due: bool = False
    audiences: list[str] = field(default_factory=list)
    unread: bool = False
    unreadable: bool = False

    @property
    def asks(self) -> bool:
        """Tell whether it asks for anything."""
        return bool(self.links or self.gaps or self.is_due or self.audiences or self.unread or self.unreadable)


async def list_cares(
    session: AsyncSession, topics: Topics, knowledge: KnowledgeBase, now: datetime, today: date
) -> list[Care]:
    """Return the articles in service that ask for care, by theme and title."""
    entries = [entry for entry in await read_entries(session, topics, today) if entry.state == IN_SERVICE]
    unread = await _find_unread(session, now)
    used = {name for entry in entries if entry.text for name in entry.text.variables}
    # Tens of thousands of schools, each with some twenty variables.
    gaps = await asyncio.to_thread(find_gaps, used, knowledge)
    cares = [_care(entry, topics, gaps, unread) for entry in entries]
    return [care for care in cares if care.asks]


def _care(entry: Entry, topics: Topics, gaps: Mapping[str, Gap], unread: set[str]) -> Care:
    text = entry.text
    if text is None:
        return Care(entry, unreadable=True)
    topic = topics.get(text.topic)
    links = [link for section in text.sections for link in find_broken_links(section.text)]
    refused = [PROFILE_NAMES[name] for name in text.audiences if topic and name not in topic.profiles]
    return Care(
        entry, list(dict.fromkeys(links)), [gaps[name] for name in sorted(text.variables) if name in gaps],
        entry.is_due, refused, text.topic in unread,
    )  # fmt: skip


def find_gaps(names: Iterable[str], knowledge: KnowledgeBase) -> dict[str, Gap]:
    """Return those of these variables that have no value in some school, or in none where there is no school."""
    names = set(names)
    # Schools of one place have the same values, but for those that have their own.
    places: dict[tuple, list[School]] = {}
    for school in knowledge.schools:
        own = school.uai if knowledge.has_own_values(school.uai) else ""
        places.setdefault((own, *(getattr(school, scope) for scope in _TERRITORIES)), []).append(school)
    lacking: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for schools in places.values():
        values = knowledge.values(schools[0].uai)
        for name in names - values.keys():
            lacking[name] += len(schools)
            examples.setdefault(name, f"{schools[0].name}, {schools[0].commune}")
    variables = load_variables()
    return {
        name: Gap(name, variables[name]["sens"], variables[name].get("generique", ""), count, examples[name])
        for name, count in lacking.items()
    }


async def _find_unread(session: AsyncSession, now: datetime) -> set[str]:
    """Return the articles, in service for longer than that, that nobody was answered with."""
    since = now - UNREAD_FOR
    began = sa.select(sa.func.min(ArticleVersion.at)).where(ArticleVersion.topic == Article.topic).scalar_subquery()
    read = (
        sa.exists()
        .where(Result.topic == Article.topic, Result.outcome.in_(_READ), Message.id == Result.message_id)
        .where(Message.at >= since)
        .correlate(Article)
    )
    query = sa.select(Article.topic).where(Article.state == IN_SERVICE, began < since, ~read)
    return set((await session.scalars(query)).all())
