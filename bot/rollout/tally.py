"""The questions that the indicators count, worked out of the conversations as these go on: a batch at a time, beside the answers."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from bot.clock import Clock
from bot.conversations.models import Conversation, Feedback, Message, Result
from bot.db import Database
from bot.escalation.models import Ticket
from bot.rollout.models import Question, QuestionMark
from bot.rollout.questions import Turn, questions_of, returns_of

# Conversations written in one transaction: a writer keeps the others waiting.
BATCH = 100
# What is written now may carry an hour of a few seconds ago: it is waited for, or it would be passed over.
SETTLED = timedelta(seconds=15)
_CONVERSATIONS, _FEEDBACK = "conversations", "feedback"
_LONG_AGO = datetime.fromisoformat("2000-01-01T00:00:00+00:00")


def asker_of(person_id: str) -> int:
    """Return what stands for a person among the questions: tells two apart, names nobody."""
    return int(person_id.replace("-", "")[:15], 16)


async def count_questions(database: Database, clock: Clock) -> int:
    """Work out again the questions of the conversations that went on, a batch of them; return how many there were."""
    until = clock.now() - SETTLED
    async with database.reading() as session:
        ids, marks = await _due(session, until)
        if not ids:
            return 0
        turns = await _read_turns(session, ids)
    async with database.transaction() as session:
        await _write(session, ids, turns)
        for name, (at, key) in marks.items():
            await session.merge(QuestionMark(name=name, at=at, key=key))
    return len(ids)


async def _due(session: AsyncSession, until: datetime) -> tuple[list[str], dict[str, tuple[datetime, str]]]:
    """Return the conversations to work out, and how far that goes."""
    marks = {row.name: (row.at, row.key) for row in (await session.scalars(sa.select(QuestionMark))).all()}
    ids: dict[str, None] = {}
    reached: dict[str, tuple[datetime, str]] = {}
    for name, at, key, query in (
        (_CONVERSATIONS, Conversation.last_at, Conversation.id, sa.select(Conversation.last_at, Conversation.id, Conversation.id)),
        (_FEEDBACK, Feedback.at, Feedback.message_id,
         sa.select(Feedback.at, Feedback.message_id, Message.conversation_id)
         .join(Message, Message.id == Feedback.message_id)),
    ):  # fmt: skip
        since, last = marks.get(name, (_LONG_AGO, ""))
        rows = await session.execute(
            # The first condition is what the index is walked by; the second cuts within one instant.
            query.where(at >= since, at <= until, sa.or_(at > since, key > last)).order_by(at, key).limit(BATCH)
        )
        for row in rows.all():
            reached[name] = (row[0], row[1])
            ids[row[2]] = None
    return list(ids), reached


async def _read_turns(session: AsyncSession, ids: list[str]) -> dict[str, list[Turn]]:
    """Return what was said in each conversation, in order."""
    reply = aliased(Message)
    helped = dict((await session.execute(
        sa.select(reply.reply_to, sa.func.max(sa.cast(Feedback.helpful, sa.Integer)))
        .join(Feedback, Feedback.message_id == reply.id)
        .where(reply.conversation_id.in_(ids), reply.reply_to.is_not(None))
        .group_by(reply.reply_to)
    )).tuples().all())  # fmt: skip
    about = dict((await session.execute(
        sa.select(Ticket.message_id, Ticket.topic).where(Ticket.conversation_id.in_(ids))
    )).tuples().all())  # fmt: skip
    rows = await session.execute(
        sa.select(Message.conversation_id, Message.id, Message.at, Result.outcome, Result.topic, Result.choices, Result.worry)
        .join(Result, Result.message_id == Message.id)
        .where(Message.conversation_id.in_(ids))
        .order_by(Message.conversation_id, Message.position)
    )  # fmt: skip
    turns: dict[str, list[Turn]] = defaultdict(list)
    for conversation, message, at, outcome, topic, choices, worry in rows.all():
        said = helped.get(message)
        turns[conversation].append(
            Turn(at, outcome, topic, bool(choices), None if said is None else bool(said), worry, about.get(message))
        )
    return turns


async def _write(session: AsyncSession, ids: list[str], turns: dict[str, list[Turn]]) -> None:
    # Held, so that none is erased before its questions are written: they would hang on nothing.
    conversations = (
        await session.execute(
            sa.select(Conversation.id, Conversation.person_id, Conversation.profile, Conversation.uai)
            .where(Conversation.id.in_(ids))
            .with_for_update()
        )
    ).all()
    await session.execute(sa.delete(Question).where(Question.conversation_id.in_(ids)))
    rows = [
        {
            "conversation_id": one.id, "asker": asker_of(one.person_id), "at": asked.at, "ended_at": asked.ended_at,
            "topic": asked.topic, "profile": one.profile, "uai": one.uai, "verdict": asked.verdict, "worry": asked.worry,
            "returned": False,
        }
        for one in conversations
        for asked in questions_of(turns.get(one.id, ()))
    ]  # fmt: skip
    if rows:
        await session.execute(sa.insert(Question), rows)
    await _mark_returns(session, sorted({asker_of(one.person_id) for one in conversations}))


async def _mark_returns(session: AsyncSession, askers: list[int]) -> None:
    """Bring up to date which questions their persons came back on."""
    found = await session.execute(
        sa.select(Question.id, Question.asker, Question.topic, Question.at, Question.ended_at, Question.returned)
        .where(Question.asker.in_(askers), Question.topic.is_not(None))
        .order_by(Question.asker, Question.at)
    )
    by_asker: dict[int, list[sa.Row]] = defaultdict(list)
    for row in found.all():
        by_asker[row.asker].append(row)
    wrong: dict[bool, list[int]] = {True: [], False: []}
    for rows in by_asker.values():
        for row, returned in zip(rows, returns_of([(row.topic, row.at, row.ended_at) for row in rows])):
            if row.returned != returned:
                wrong[returned].append(row.id)
    for returned, numbers in wrong.items():
        if numbers:
            await session.execute(sa.update(Question).where(Question.id.in_(numbers)).values(returned=returned))
