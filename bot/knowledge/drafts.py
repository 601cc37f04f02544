"""Use cases of drafts: written, saved, proposed, taken back, returned by another person, dropped."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from bot.clock import Clock
from bot.db import Database
from bot.errors import Conflict, Forbidden, InvalidField, NotFound
from bot.knowledge.article import MAX_SOURCE_CHARS
from bot.knowledge.models import Article, ArticleDraft, ArticleVersion
from bot.knowledge.new_topics import NewTopic, check_new_topic
from bot.knowledge.service import find_faults, read_all_topics
from bot.knowledge.teaching import Teaching
from bot.people.audit import audit
from bot.people.models import Account
from bot.topics import Topic, Topics

WRITING, PROPOSED, RETURNED, SCHEDULED, PUBLISHED, DROPPED = (
    "brouillon", "propose", "a_reprendre", "programme", "publie", "abandonne",
)  # fmt: skip
# What the author may still change, and what is not over.
EDITABLE = (WRITING, RETURNED)
OPEN = (WRITING, RETURNED, PROPOSED, SCHEDULED)
PAGE = 50
MAX_REASON, MAX_NOTE = 400, 1000


@dataclass(frozen=True)
class DraftLine:
    """A draft of a list, without its text."""

    id: int
    topic: str
    state: str
    is_new: bool
    author: str
    author_id: str
    updated_at: datetime
    publish_at: datetime | None


@dataclass(frozen=True)
class DraftPage:
    """A draft with what its page shows.

    `current` is the version in service (0: none) and `current_source` its text, `base_source` the text it started from;
    `others` are the open drafts of the same topic.
    """

    row: ArticleDraft
    topic: Topic
    author: str
    reviewer: str
    current: int
    current_source: str
    base_source: str
    expires_at: datetime | None
    faults: list[str]
    others: list[DraftLine]

    @property
    def is_behind(self) -> bool:
        """Tell whether another version was published since it was begun."""
        return self.row.base_version != self.current


# --- reading ----------------------------------------------------------------------------------


async def list_drafts(
    session: AsyncSession, *, author_id: str = "", states: tuple[str, ...] = OPEN, topic: str = "", page: int = 1
) -> tuple[list[DraftLine], bool]:
    """Return a page of the drafts in some states, of somebody or on a topic if asked, the newest first, and whether more follow."""
    query = (
        sa.select(
            ArticleDraft.id, ArticleDraft.topic, ArticleDraft.state, ArticleDraft.new_topic.is_not(None), Account.name,
            Account.id, ArticleDraft.updated_at, ArticleDraft.publish_at,
        )
        .join(Account, Account.id == ArticleDraft.author_id)
        .where(ArticleDraft.state.in_(states))
        .order_by(ArticleDraft.id.desc())
        .limit(PAGE + 1)
        .offset((page - 1) * PAGE)
    )  # fmt: skip
    if author_id:
        query = query.where(ArticleDraft.author_id == author_id)
    if topic:
        query = query.where(ArticleDraft.topic == topic)
    found = [DraftLine(*row) for row in (await session.execute(query)).all()]
    return found[:PAGE], len(found) > PAGE


async def read_draft(session: AsyncSession, topics: Topics, draft_id: int) -> DraftPage:
    """Return a draft; NotFound when there is none."""
    reviewer = aliased(Account)
    found = (
        await session.execute(
            sa.select(ArticleDraft, Account.name, reviewer.name)
            .join(Account, Account.id == ArticleDraft.author_id)
            .outerjoin(reviewer, reviewer.id == ArticleDraft.reviewer_id)
            .where(ArticleDraft.id == draft_id)
        )
    ).one_or_none()
    if found is None:
        raise NotFound("Ce brouillon n’existe pas.")
    row, author, reviewer_name = found
    article = await session.get(Article, row.topic)
    current = article.version if article else 0
    sources = dict(
        (
            await session.execute(
                sa.select(ArticleVersion.number, ArticleVersion.source).where(
                    ArticleVersion.topic == row.topic, ArticleVersion.number.in_([current, row.base_version])
                )
            )
        )
        .tuples()
        .all()
    )
    topic = topic_of_draft(row, await read_all_topics(session, topics))
    others, _ = await list_drafts(session, topic=row.topic)
    return DraftPage(
        row, topic, author, reviewer_name or "", current, sources.get(current, ""), sources.get(row.base_version, ""),
        article.expires_at if article else None, find_faults(row.source, topic),
        [one for one in others if one.id != row.id],
    )  # fmt: skip


def topic_of_draft(row: ArticleDraft, topics: Topics) -> Topic:
    """Return the topic that a draft is about: the one it brings, or one that is known."""
    if row.new_topic is not None and row.topic not in topics:
        return NewTopic.from_json(row.topic, row.new_topic).topic
    known = topics.get(row.topic)
    if known is None:
        raise NotFound("Le sujet de ce brouillon n’existe plus.")
    return known


async def find_own(session: AsyncSession, author_id: str, topic: str) -> int | None:
    """Return the draft that somebody is writing on a topic, None when there is none."""
    return await session.scalar(
        sa.select(ArticleDraft.id)
        .where(ArticleDraft.topic == topic, ArticleDraft.author_id == author_id, ArticleDraft.state.in_(OPEN))
        .order_by(ArticleDraft.id)
        .limit(1)
    )


# --- writing ----------------------------------------------------------------------------------


async def begin_draft(
    database: Database, clock: Clock, topics: Topics, actor: str, *, topic: str, source: str, reason: str,
    base_version: int, ticket_number: str | None = None,
) -> int:  # fmt: skip
    """Keep what `actor` begins to write on an article, from the version he read; return the draft's number.

    InvalidField when it is too long, Conflict when he writes one already.
    """
    _check_texts(source, reason)
    async with database.transaction() as session:
        known = (await read_all_topics(session, topics)).get(topic)
        if known is None or known.is_dialogue:
            raise NotFound("Il n’y a pas d’article de ce nom.")
        if await find_own(session, actor, topic):
            raise Conflict("Vous écrivez déjà un brouillon de cet article : reprenez-le dans « Brouillons ».")
        now = clock.now()
        draft = ArticleDraft(
            topic=topic, base_version=base_version, source=source, reason=reason, state=WRITING, author_id=actor,
            ticket_number=ticket_number, created_at=now, updated_at=now,
        )  # fmt: skip
        session.add(draft)
        await session.flush()
        audit(session, now, actor, "draft_begun", "article", topic, draft=draft.id)
        return draft.id


async def begin_topic(
    database: Database, clock: Clock, topics: Topics, actor: str, given: NewTopic, *, source: str,
    ticket_number: str | None = None,
) -> int:  # fmt: skip
    """Begin a new topic with its article; InvalidField when its id is taken or anything of it is not as it should be."""
    async with database.transaction() as session:
        await _check_free(session, topics, given)
        now = clock.now()
        draft = ArticleDraft(
            topic=given.topic.id, base_version=0, source=source, reason="Nouveau sujet", state=WRITING,
            new_topic=given.to_json(), author_id=actor, ticket_number=ticket_number, created_at=now, updated_at=now,
        )  # fmt: skip
        session.add(draft)
        await session.flush()
        audit(session, now, actor, "draft_begun", "article", draft.topic, draft=draft.id)
        return draft.id


async def change_topic(
    database: Database, clock: Clock, topics: Topics, actor: str, draft_id: int, revision: int, given: NewTopic
) -> None:
    """Change what a new topic is to be; its id stays, its article refers to it."""
    async with database.transaction() as session:
        draft = await lock_own(session, actor, draft_id, revision)
        if draft.new_topic is None:
            raise Conflict("Ce brouillon n’apporte pas de nouveau sujet.")
        if given.topic.id != draft.topic:
            raise InvalidField("id", "L’identifiant ne change plus : abandonnez ce brouillon et commencez-en un autre.")
        await _check_free(session, topics, given, but=draft.id)
        draft.new_topic = given.to_json()
        _touch(session, clock, actor, draft, "draft_saved")


async def _check_free(session: AsyncSession, topics: Topics, given: NewTopic, but: int = 0) -> None:
    check_new_topic(given, await read_all_topics(session, topics))
    taken = await session.scalar(
        sa.select(Account.name)
        .join(ArticleDraft, ArticleDraft.author_id == Account.id)
        .where(ArticleDraft.topic == given.topic.id, ArticleDraft.state.in_(OPEN), ArticleDraft.id != but)
        .limit(1)
    )
    if taken or await session.get(Article, given.topic.id):
        who = f"{taken} écrit déjà un sujet" if taken else "Un article existe déjà"
        raise InvalidField("id", f"{who} de ce nom : choisissez un autre identifiant.")


async def save_draft(
    database: Database, clock: Clock, actor: str, draft_id: int, revision: int, *, source: str, reason: str
) -> None:
    """Keep the text of a draft, as it is; Conflict when it was saved from elsewhere since `revision`."""
    _check_texts(source, reason)
    async with database.transaction() as session:
        draft = await lock_own(session, actor, draft_id, revision)
        draft.source, draft.reason = source, reason
        _touch(session, clock, actor, draft, "draft_saved")


async def propose_draft(database: Database, clock: Clock, topics: Topics, teaching: Teaching, actor: str,
                        draft_id: int) -> None:  # fmt: skip
    """Ask for a review; InvalidField says what keeps it from being published."""
    async with database.transaction() as session:
        draft = await lock_own(session, actor, draft_id)
        await check_publishable(session, clock, topics, teaching, draft)
        if not draft.reason:
            raise InvalidField("reason", "Dites en une phrase pourquoi l’article change : qui le relit en a besoin.")
        draft.state, draft.review_note, draft.reviewer_id = PROPOSED, "", None
        _touch(session, clock, actor, draft, "draft_proposed")


async def check_publishable(
    session: AsyncSession, clock: Clock, topics: Topics, teaching: Teaching, draft: ArticleDraft
) -> None:
    """Refuse what could not be published: InvalidField for what is wrong in it, Conflict for what happened since."""
    known = await read_all_topics(session, topics)
    article = await session.get(Article, draft.topic)
    current = article.version if article else 0
    if current != draft.base_version:
        raise Conflict(
            f"La version {current} est parue depuis que ce brouillon a été commencé. Son auteur doit d’abord en tenir compte."
        )
    if faults := find_faults(draft.source, topic_of_draft(draft, known)):
        raise InvalidField("source", " ".join(faults))
    if draft.new_topic is not None:
        given = NewTopic.from_json(draft.topic, draft.new_topic)
        check_new_topic(given, known)
        # Learnt and forgotten again: what publication will do is what is tried.
        rehearsal = await session.begin_nested()
        try:
            await teaching.teach(session, clock.now(), draft.topic, given.said, draft.author_id, given.heard)
        except InvalidField as error:
            raise InvalidField("utterances", error.sentence) from error
        finally:
            await rehearsal.rollback()


async def take_back(database: Database, clock: Clock, actor: str, draft_id: int) -> None:
    """Take back what was proposed, or accepted for a later date, to go on writing."""
    async with database.transaction() as session:
        draft = await lock_draft(session, draft_id)
        if draft.author_id != actor:
            raise Forbidden("Seule la personne qui a écrit ce brouillon peut le reprendre.")
        if draft.state not in (PROPOSED, SCHEDULED):
            raise Conflict("Ce brouillon n’est plus proposé.")
        draft.state, draft.publish_at = WRITING, None
        _touch(session, clock, actor, draft, "draft_taken_back")


async def catch_up(database: Database, clock: Clock, actor: str, draft_id: int, version: int) -> None:
    """Say that the author has taken a later version into account: his draft now starts from it."""
    async with database.transaction() as session:
        draft = await lock_own(session, actor, draft_id)
        article = await session.get(Article, draft.topic)
        if article is None or article.version != version:
            raise Conflict("Une autre version est encore parue depuis : comparez de nouveau.")
        draft.base_version = version
        _touch(session, clock, actor, draft, "draft_saved")


async def drop_draft(database: Database, clock: Clock, actor: str, draft_id: int) -> None:
    """Give a draft up; its author may take it up again."""
    async with database.transaction() as session:
        draft = await lock_own(session, actor, draft_id)
        draft.state = DROPPED
        _touch(session, clock, actor, draft, "draft_dropped")


async def take_up(database: Database, clock: Clock, actor: str, draft_id: int) -> None:
    """Take up again what was given up."""
    async with database.transaction() as session:
        draft = await lock_draft(session, draft_id)
        if draft.author_id != actor:
            raise Forbidden("Seule la personne qui a écrit ce brouillon peut le reprendre.")
        if draft.state != DROPPED:
            raise Conflict("Ce brouillon n’est pas abandonné.")
        if await find_own(session, actor, draft.topic):
            raise Conflict("Vous écrivez un autre brouillon de cet article : terminez-le d’abord.")
        draft.state = WRITING
        _touch(session, clock, actor, draft, "draft_saved")


async def return_draft(database: Database, clock: Clock, actor: str, draft_id: int, note: str) -> None:
    """Give a proposal back to its author, with the reason."""
    note = note.strip()
    if not note:
        raise InvalidField("note", "Dites ce qui est à reprendre : l’auteur n’aura que cela pour le corriger.")
    if len(note) > MAX_NOTE:
        raise InvalidField("note", f"Le motif compte {MAX_NOTE} caractères au plus.")
    async with database.transaction() as session:
        draft = await lock_proposed(session, actor, draft_id)
        draft.state, draft.review_note, draft.reviewer_id = RETURNED, note, actor
        _touch(session, clock, actor, draft, "draft_returned", reason=note)


# --- what a gesture needs to hold -------------------------------------------------------------


async def lock_draft(session: AsyncSession, draft_id: int) -> ArticleDraft:
    """Return a draft that nobody else changes meanwhile; NotFound when there is none."""
    draft = await session.scalar(sa.select(ArticleDraft).where(ArticleDraft.id == draft_id).with_for_update())
    if draft is None:
        raise NotFound("Ce brouillon n’existe pas.")
    return draft


async def lock_own(session: AsyncSession, actor: str, draft_id: int, revision: int | None = None) -> ArticleDraft:
    """Return one's own draft to be changed; Conflict when it is no longer being written, or was saved since `revision`."""
    draft = await lock_draft(session, draft_id)
    if draft.author_id != actor:
        raise Forbidden(
            "Seule la personne qui a écrit ce brouillon peut le changer. Commencez le vôtre depuis l’article."
        )
    if draft.state not in EDITABLE:
        raise Conflict("Ce brouillon ne s’écrit plus : il a été proposé, publié ou abandonné.")
    if revision is not None and revision != draft.revision:
        raise Conflict("Ce brouillon a été enregistré ailleurs depuis que vous l’avez ouvert.")
    return draft


async def lock_proposed(session: AsyncSession, actor: str, draft_id: int) -> ArticleDraft:
    """Return a proposal of somebody else's to be decided on."""
    draft = await lock_draft(session, draft_id)
    if draft.state != PROPOSED:
        raise Conflict("Ce brouillon n’est plus à relire : quelqu’un a décidé, ou l’auteur l’a repris.")
    if draft.author_id == actor:
        raise Forbidden("Une autre personne doit relire ce que vous avez écrit.")
    return draft


def _touch(session: AsyncSession, clock: Clock, actor: str, draft: ArticleDraft, action: str, **details: Any) -> None:
    draft.revision += 1
    draft.updated_at = clock.now()
    audit(session, clock.now(), actor, action, "article", draft.topic, draft=draft.id, **details)


def _check_texts(source: str, reason: str) -> None:
    if len(source) > MAX_SOURCE_CHARS:
        raise InvalidField(
            "source",
            f"L’article compte {len(source)} caractères, {MAX_SOURCE_CHARS} au plus : raccourcissez-le, il n’est pas encore enregistré.",
        )
    if len(reason) > MAX_REASON:
        raise InvalidField("reason", f"Cette phrase compte {MAX_REASON} caractères au plus.")
