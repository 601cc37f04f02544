"""Drafts of articles from resolved requests: the problem, the steps that worked, what was said. For review, never served."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import Clock
from bot.db import Database
from bot.errors import NotFound
from bot.escalation.models import Ticket, TicketEvent
from bot.escalation.rules import PARIS
from bot.escalation.states import CLOSED, RESOLVED, Kind
from bot.knowledge.article import IF_IT_FAILS, OTHERS
from bot.knowledge.service import read_all_topics
from bot.language.normalise import normalise
from bot.learning.models import InboxLine, TicketLesson
from bot.people.audit import audit
from bot.people.models import School
from bot.people.rules import Permission, Scope, grants_for
from bot.people.service import covered
from bot.people.sign_in import Caller
from bot.privacy.names import mask_names
from bot.topics import PROFILES, Topic, load_topics

PAGE = 30
# What stands where nobody can know yet: a name that is no topic, a sentence to be written.
UNNAMED = "sujet_a_nommer"
TO_WRITE = "à compléter"
_LEAST_TITLE, _MAX_TITLE, _LEAST_KEYWORDS, _MOST_KEYWORDS = 3, 60, 6, 14
_GREETING = re.compile(
    r"(?i)^(?:bonjour|bonsoir|madame|monsieur|merci|cordialement|bonne (?:journée|soirée)|bien à vous)\b[^.!?\n]{0,40}[,.!]?\s*"
)
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-ZÀ-Ý«])|\n+")
_BULLET = re.compile(r"^(?:\d{1,2}[.)]|[-*•])\s*")


@dataclass(frozen=True)
class Draft:
    """An article to be reviewed: its source in the form of knowledge/*.md, and what people said, to become utterances."""

    number: str
    topic: str | None
    source: str
    utterances: tuple[str, ...]


@dataclass(frozen=True)
class Lesson:
    """A resolved request, as the list shows it: masked, names too."""

    number: str
    problem: str
    topic: str | None
    profile: str | None
    replies: int


def _seen_by(caller: Caller) -> sa.ColumnElement[bool]:
    held = grants_for(caller.grants, Permission.WRITE_KNOWLEDGE)
    if any(grant.scope == Scope.TOUT for grant in held):
        return sa.true()
    place = Ticket.uai.in_(sa.select(School.uai).where(covered(held)))
    if any(grant.scope == Scope.ACADEMIE for grant in held):
        # As for agents: a school that nobody recognised is in no territory.
        place = sa.or_(place, Ticket.uai.is_(None))
    return place


def _teaching(caller: Caller) -> sa.ColumnElement[bool]:
    """Return the condition on requests that may teach: answered and resolved, and not badly rated."""
    answered = sa.exists().where(TicketEvent.ticket_id == Ticket.id, TicketEvent.kind.in_((Kind.REPLY, Kind.RESOLVE)))
    return sa.and_(
        Ticket.state.in_((RESOLVED, CLOSED)), Ticket.resolved_at.is_not(None), Ticket.rating.is_not(False), answered,
        _seen_by(caller),
    )  # fmt: skip


async def list_lessons(session: AsyncSession, caller: Caller, page: int = 1) -> tuple[list[Lesson], bool]:
    """Return a page of the resolved requests that no draft was made of yet, the newest first, and whether more follow."""
    taught = sa.exists().where(TicketLesson.ticket_id == Ticket.id)
    tickets = (
        await session.scalars(
            sa.select(Ticket)
            .where(_teaching(caller), ~taught)
            .order_by(Ticket.id.desc())
            .limit(PAGE + 1)
            .offset((page - 1) * PAGE)
        )
    ).all()
    ids = [ticket.id for ticket in tickets[:PAGE]]
    replies = dict(
        (
            await session.execute(
                sa.select(TicketEvent.ticket_id, sa.func.count())
                .where(TicketEvent.ticket_id.in_(ids), TicketEvent.kind.in_((Kind.REPLY, Kind.RESOLVE)))
                .group_by(TicketEvent.ticket_id)
            )
        )
        .tuples()
        .all()
    )
    return [
        Lesson(ticket.number, mask_names(ticket.problem), ticket.topic, ticket.profile, replies.get(ticket.id, 0))
        for ticket in tickets[:PAGE]
    ], len(tickets) > PAGE


async def draft_from(session: AsyncSession, clock: Clock, caller: Caller, number: str) -> Draft:
    """Return the draft of an article from a resolved request; NotFound when there is none that `caller` may learn from."""
    ticket = await _find(session, caller, number)
    events = await session.scalars(
        sa.select(TicketEvent)
        .where(TicketEvent.ticket_id == ticket.id, TicketEvent.kind.in_((Kind.REPLY, Kind.RESOLVE)))
        .order_by(TicketEvent.id)
    )
    replies = [mask_names(event.data["text"]) for event in events if event.data.get("text")]
    lines = await session.scalars(
        sa.select(InboxLine.text).where(InboxLine.conversation_id == ticket.conversation_id).order_by(InboxLine.id)
    )
    said = [*lines.all(), *mask_names(ticket.problem).split("\n")]
    return compose_draft(
        number=number, topic=(await read_all_topics(session, load_topics())).get(ticket.topic), profile=ticket.profile, level=ticket.level, replies=replies, said=said,
        on=clock.now().astimezone(PARIS).date(),
    )  # fmt: skip


async def mark_lesson(database: Database, clock: Clock, caller: Caller, number: str, *, drawn: bool) -> None:
    """Take a request out of the list: an article was drawn from it, or it teaches nothing."""
    async with database.transaction() as session:
        ticket = await _find(session, caller, number)
        await session.merge(
            TicketLesson(ticket_id=ticket.id, drawn=drawn, account_id=caller.account.id, at=clock.now())
        )
        gesture = "brouillon d’article" if drawn else "sans suite"
        audit(session, clock.now(), caller.account.id, "lesson_settled", "ticket", number, gesture=gesture)


async def unmark_lesson(database: Database, clock: Clock, caller: Caller, number: str) -> None:
    """Put a request back in the list."""
    async with database.transaction() as session:
        ticket = await _find(session, caller, number)
        await session.execute(sa.delete(TicketLesson).where(TicketLesson.ticket_id == ticket.id))
        audit(
            session, clock.now(), caller.account.id, "lesson_settled", "ticket", number, gesture="remise dans la liste"
        )


async def _find(session: AsyncSession, caller: Caller, number: str) -> Ticket:
    ticket = await session.scalar(sa.select(Ticket).where(Ticket.number == number, _teaching(caller)))
    if ticket is None:
        raise NotFound("Cette demande n’existe pas, n’est pas résolue, ou n’est pas dans votre territoire.")
    return ticket


def compose_draft(
    *, number: str, topic: Topic | None, profile: str | None, level: int, replies: Sequence[str], said: Sequence[str], on: date
) -> Draft:  # fmt: skip
    """Compose the source of an article from what was said and what was replied, masked both."""
    utterances = _distinct(said)
    audiences = list(topic.profiles) if topic else [profile] if profile in PROFILES else list(PROFILES)
    title = next(
        (plain for text in utterances if len(plain := _plain(text)[:_MAX_TITLE].strip()) >= _LEAST_TITLE),
        f"Titre {TO_WRITE}",
    )
    steps = _steps(replies)
    body = [f"{place}. {step}" for place, step in enumerate(steps, 1)] or [f"1. {TO_WRITE.capitalize()}."]
    header = [
        "---", f"topic: {topic.id if topic else UNNAMED}", f"title: {_quoted(title)}", f"audiences: [{', '.join(audiences)}]",
        f"level: {level}", "owner: equipe_projet", f"reviewed_on: {on.isoformat()}", "review_every: 180", "sources:",
        f"  - {_quoted(f'Demande {number}, résolue')}", f"keywords: [{', '.join(map(_quoted, _keywords(utterances)))}]", "---", "",
    ]  # fmt: skip
    parts = [f"## {', '.join(audiences)}", "", *body, "", f"{IF_IT_FAILS} {TO_WRITE}.", ""]
    if len(audiences) < len(PROFILES):
        parts += [f"## {OTHERS}", "", f"Qui peut aider les autres profils : {TO_WRITE}.", ""]
    return Draft(number, topic.id if topic else None, "\n".join(header + parts), tuple(utterances))


def _distinct(said: Iterable[str]) -> list[str]:
    forms: dict[str, str] = {}
    for text in said:
        text = " ".join(text.split())
        if form := normalise(text):
            forms.setdefault(form, text)
    return list(forms.values())


def _plain(text: str) -> str:
    """Return `text` with nothing that the form of an article would read as a mark: braces, HTML, another heading."""
    text = re.sub(r"[{}<>]", "", text).replace("’", "'")
    return re.sub(r"^#+\s*", "", text).strip()


def _steps(replies: Iterable[str]) -> list[str]:
    """Return what was replied, an action a line, without what is said out of politeness."""
    steps: list[str] = []
    for reply in replies:
        for part in _SENTENCE.split(reply):
            step = _BULLET.sub("", _plain(part)).strip()
            while (shorter := _GREETING.sub("", step, count=1)) != step:
                step = shorter
            if normalise(step) and step not in steps:
                steps.append(step)
    return steps


def _keywords(utterances: Sequence[str]) -> list[str]:
    """Return the words that were used, the longest ones: somebody chooses among them."""
    words = {word for text in utterances for word in normalise(text).split() if len(word) > 3 and word.isalpha()}
    chosen = sorted(sorted(words), key=len, reverse=True)[:_MOST_KEYWORDS]
    missing = [f"mot {TO_WRITE} {place}" for place in range(1, _LEAST_KEYWORDS - len(chosen) + 1)]
    return [*chosen, *missing]


def _quoted(text: str) -> str:
    """Return `text` as YAML writes it, whatever it holds."""
    return json.dumps(text, ensure_ascii=False)
