"""Putting articles in service and out of it: at once, when their day has come, back to a former version."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import Clock
from bot.db import Database
from bot.errors import Conflict, InvalidField, KnowledgeError, NotFound
from bot.knowledge.article import parse_article
from bot.knowledge.drafts import (
    MAX_NOTE,
    MAX_REASON,
    PUBLISHED,
    RETURNED,
    SCHEDULED,
    check_publishable,
    lock_draft,
    lock_proposed,
)
from bot.knowledge.models import AddedTopic, Article, ArticleDraft, ArticleVersion
from bot.knowledge.new_topics import NewTopic
from bot.knowledge.service import FROM_TRAINER, IN_SERVICE, WITHDRAWN, KnowledgeBase, add_version
from bot.knowledge.teaching import Teaching
from bot.people.audit import audit
from bot.people.models import Account
from bot.topics import PROTECTION_THEME, Topics

# A date further than this is a slip of the keyboard.
_HORIZON = timedelta(days=5 * 365)
# How many are published or withdrawn at a time by the job: between two, others write.
_BATCH = 20

log = structlog.get_logger()


class Publisher:
    """Publishes and withdraws; what it did is served by this process at once, by the others within seconds."""

    def __init__(self, database: Database, clock: Clock, knowledge: KnowledgeBase, topics: Topics, teaching: Teaching
                 ) -> None:  # fmt: skip
        self._database = database
        self._clock = clock
        self._knowledge = knowledge
        self._topics = topics
        self._teaching = teaching

    @property
    def teaching(self) -> Teaching:
        """Who keeps what people say."""
        return self._teaching

    async def accept(
        self, actor: str, draft_id: int, revision: int, *, publish_at: datetime | None, expires_at: datetime | None
    ) -> bool:
        """Publish a proposal, or have it published at `publish_at`; tell whether it is in service now.

        Conflict when it is no longer what the reviewer read, or another version was published since it was begun.
        """
        now = self._clock.now()
        if publish_at is not None and not now < publish_at <= now + _HORIZON:
            raise InvalidField("publish_at", "Choisissez un moment à venir, dans les cinq ans, ou publiez maintenant.")
        self._check_expiry(expires_at, after=publish_at or now)
        try:
            async with self._database.transaction() as session:
                draft = await lock_proposed(session, actor, draft_id)
                if draft.revision != revision:
                    raise Conflict("Ce brouillon a changé depuis que vous l’avez lu : relisez-le.")
                _check_may_expire(self._theme(draft.topic), expires_at)
                draft.reviewer_id, draft.expires_at = actor, expires_at
                if publish_at is None:
                    await self._publish(session, draft)
                else:
                    await check_publishable(session, self._clock, self._topics, self._teaching, draft)
                    draft.state, draft.publish_at, draft.updated_at = SCHEDULED, publish_at, now
                    draft.revision += 1
                    audit(session, now, actor, "draft_scheduled", "article", draft.topic, draft=draft.id,
                          when=publish_at.isoformat())  # fmt: skip
        except IntegrityError as error:
            # Two new topics of one name, accepted in the same instant.
            raise Conflict("Une autre publication vient de se faire. Rechargez la page, puis recommencez.") from error
        if publish_at is None:
            await self._knowledge.refresh(territories=False)
        return publish_at is None

    async def _publish(self, session: AsyncSession, draft: ArticleDraft) -> None:
        now = self._clock.now()
        article = await session.get(Article, draft.topic, with_for_update=True)
        await check_publishable(session, self._clock, self._topics, self._teaching, draft)
        author = await session.get_one(Account, draft.author_id)
        if draft.new_topic is not None:
            given = NewTopic.from_json(draft.topic, draft.new_topic)
            topic = given.topic
            session.add(
                AddedTopic(
                    id=topic.id, theme=topic.theme, profiles=list(topic.profiles), meaning=topic.meaning,
                    limits=topic.limits, neighbours=list(topic.neighbours), author=author.name, at=now,
                )
            )  # fmt: skip
            await session.flush()
            await self._teaching.teach(session, now, topic.id, given.said, draft.author_id, given.heard)
            audit(session, now, draft.reviewer_id, "topic_added", "topic", topic.id)
        if article is None:
            article = Article(topic=draft.topic, version=0, state=IN_SERVICE, updated_at=now)
            session.add(article)
            await session.flush()
        number = await add_version(
            session, parse_article(draft.source), self._clock, origin=FROM_TRAINER, author=author.name,
            reason=draft.reason,
        )  # fmt: skip
        article.state, article.expires_at = IN_SERVICE, draft.expires_at
        draft.state, draft.version, draft.updated_at = PUBLISHED, number, now
        draft.revision += 1
        audit(session, now, draft.reviewer_id, "article_published", "article", draft.topic, version=number)

    def _check_expiry(self, expires_at: datetime | None, *, after: datetime) -> None:
        if expires_at is not None and not after < expires_at <= after + _HORIZON:
            raise InvalidField(
                "expires_on", "Le dernier jour de service doit être à venir, après la publication, dans les cinq ans."
            )

    # --- when the day has come ----------------------------------------------------------------

    async def has_due(self) -> bool:
        """Tell whether something is to be published or withdrawn now, without a writer's turn."""
        async with self._database.reading() as session:
            drafts = sa.select(ArticleDraft.id).where(*self._due_drafts()).limit(1)
            articles = sa.select(Article.topic).where(*self._due_articles()).limit(1)
            return await session.scalar(drafts) is not None or await session.scalar(articles) is not None

    async def do_due(self) -> int:
        """Publish what was accepted for an instant that has come, withdraw what has expired; return how many were done."""
        async with self._database.reading() as session:
            drafts = (await session.scalars(sa.select(ArticleDraft.id).where(*self._due_drafts()).limit(_BATCH))).all()
            topics = (await session.scalars(sa.select(Article.topic).where(*self._due_articles()).limit(_BATCH))).all()
        for draft_id in drafts:
            await self._publish_due(draft_id)
        for topic in topics:
            async with self._database.transaction() as session:
                article = await session.get_one(Article, topic, with_for_update=True)
                if article.state == IN_SERVICE and article.expires_at and article.expires_at <= self._clock.now():
                    self._withdraw(session, None, article)
        if drafts or topics:
            await self._knowledge.refresh(territories=False)
        return len(drafts) + len(topics)

    def _due_drafts(self) -> tuple[sa.ColumnElement[bool], ...]:
        return ArticleDraft.state == SCHEDULED, ArticleDraft.publish_at <= self._clock.now()

    def _due_articles(self) -> tuple[sa.ColumnElement[bool], ...]:
        return Article.state == IN_SERVICE, Article.expires_at <= self._clock.now()

    async def _publish_due(self, draft_id: int) -> None:
        try:
            async with self._database.transaction() as session:
                draft = await lock_draft(session, draft_id)
                if draft.state != SCHEDULED:
                    return
                await self._publish(session, draft)
        except (InvalidField, Conflict, NotFound, IntegrityError) as error:
            # Nobody is looking: it goes back to its author, with the reason.
            reason = getattr(error, "sentence", "Une autre publication s’est faite en même temps.")
            log.warning("draft_not_published", draft=draft_id, reason=reason)
            async with self._database.transaction() as session:
                draft = await lock_draft(session, draft_id)
                draft.state, draft.publish_at, draft.updated_at = RETURNED, None, self._clock.now()
                draft.review_note = f"La publication prévue n’a pas pu se faire. {reason}"[:MAX_NOTE]
                draft.revision += 1
                audit(session, self._clock.now(), None, "draft_returned", "article", draft.topic, draft=draft.id,
                      reason=draft.review_note)  # fmt: skip

    # --- an article in service ----------------------------------------------------------------

    async def restore(self, actor: str, topic: str, number: int, current: int) -> int:
        """Put a former version back in service, as a new one; return its number.

        Conflict when the version in service is no longer `current`, InvalidField when the version is no longer sound.
        """
        async with self._database.transaction() as session:
            article = await _lock(session, topic)
            if article.version != current:
                raise Conflict(f"La version {article.version} est parue depuis. Rechargez la page, puis comparez.")
            # A number that no column holds is compared with none.
            former = await session.get(ArticleVersion, (topic, number)) if number <= article.version else None
            if former is None:
                raise NotFound("Cette version n’existe pas.")
            if number == article.version:
                raise Conflict("Cette version est déjà la dernière.")
            try:
                text = parse_article(former.source)
            except KnowledgeError as error:
                raise InvalidField("restore", f"Cette version n’est plus admise : {error.sentence}") from error
            author = await session.get_one(Account, actor)
            made = await add_version(
                session, text, self._clock, origin=FROM_TRAINER, author=author.name,
                reason=f"Retour à la version {number} : {former.reason}"[:MAX_REASON],
            )  # fmt: skip
            article.state = IN_SERVICE
            if article.expires_at and article.expires_at <= self._clock.now():
                article.expires_at = None
            audit(session, self._clock.now(), actor, "article_restored", "article", topic, version=number)
        await self._knowledge.refresh(territories=False)
        return made

    async def set_expiry(self, actor: str, topic: str, expires_at: datetime | None) -> None:
        """Say until when an article is in service; None: until somebody says otherwise."""
        now = self._clock.now()
        self._check_expiry(expires_at, after=now)
        async with self._database.transaction() as session:
            article = await _lock(session, topic)
            _check_may_expire(self._theme(topic), expires_at)
            if article.state != IN_SERVICE:
                raise Conflict("Cet article n’est pas en service.")
            article.expires_at = expires_at
            audit(session, now, actor, "article_expiry_changed", "article", topic,
                  when=expires_at.isoformat() if expires_at else "")  # fmt: skip

    async def withdraw(self, actor: str, topic: str) -> None:
        """Take an article out of service: the assistant no longer answers with it."""
        async with self._database.transaction() as session:
            article = await _lock(session, topic)
            if self._theme(topic) == PROTECTION_THEME:
                raise Conflict("Un article d’urgence reste en service : corrigez-le plutôt.")
            if article.state == WITHDRAWN:
                raise Conflict("Cet article est déjà retiré.")
            self._withdraw(session, actor, article)
        await self._knowledge.refresh(territories=False)

    async def put_back(self, actor: str, topic: str) -> None:
        """Put an article that was withdrawn back in service, as it was."""
        async with self._database.transaction() as session:
            article = await _lock(session, topic)
            if article.state == IN_SERVICE:
                raise Conflict("Cet article est déjà en service.")
            article.state, article.expires_at, article.updated_at = IN_SERVICE, None, self._clock.now()
            audit(session, self._clock.now(), actor, "article_put_back", "article", topic)
        await self._knowledge.refresh(territories=False)

    def _withdraw(self, session: AsyncSession, actor: str | None, article: Article) -> None:
        article.state, article.updated_at = WITHDRAWN, self._clock.now()
        audit(session, self._clock.now(), actor, "article_withdrawn", "article", article.topic)

    def _theme(self, topic: str) -> str:
        known = self._topics.get(topic)
        return known.theme if known else ""


async def _lock(session: AsyncSession, topic: str) -> Article:
    article = await session.get(Article, topic, with_for_update=True)
    if article is None:
        raise NotFound("Il n’y a pas d’article de ce nom.")
    return article


def _check_may_expire(theme: str, expires_at: datetime | None) -> None:
    if expires_at is not None and theme == PROTECTION_THEME:
        raise InvalidField("expires_on", "Un article d’urgence reste en service : il n’a pas de dernier jour.")
