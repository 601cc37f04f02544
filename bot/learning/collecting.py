"""Collects, for the formateurs' inbox, the messages that the assistant did not deal with well: masked, names too.

Only where the deployment allows it, and only what was said since it does: `forget` clears all when it no longer does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import Clock
from bot.conversations.models import Conversation, Feedback, Message, Result
from bot.conversations.service import BOT, USER
from bot.db import Database
from bot.dialogue.decision import OUT_OF_SCOPE
from bot.escalation.models import Ticket
from bot.language.normalise import normalise
from bot.language.replies import read_reply
from bot.learning.models import InboxGesture, InboxGroup, InboxLine, InboxMark, Utterance
from bot.learning.utterances import in_use
from bot.privacy.names import mask_names

# Why a message came here: it was not understood; what was offered was declined; the answer did not help; a request was sent;
# it was taken for none of the assistant's business, which is how a matter that no topic covers looks.
LOST, DECLINED, UNHELPFUL, ESCALATED, OFF = "incompris", "decline", "inutile", "demande", "hors_sujet"
KINDS = {
    LOST: "Non compris", DECLINED: "Propositions déclinées", UNHELPFUL: "Réponse jugée inutile",
    ESCALATED: "Demande envoyée", OFF: "Jugé hors sujet",
}  # fmt: skip
OPEN = "ouverte"

MAX_LINE = 1000
# A transaction may end a little after the instant that it writes: so far is looked back each time.
_OVERLAP = timedelta(minutes=10)
# As much is looked for at once, so that little is held in memory after a long stop.
_WINDOW = timedelta(minutes=20)
# As many are masked and written at once: other writers take their turn in between.
_BATCH = 50
# A question is looked for among so many messages before the one that shows that it was not dealt with.
_BACK = 12
# « Non, ce n’est pas ça » with no more words than this is an answer to the assistant, not a question.
_BARE_WORDS = 6
_MARK = 1
# How a message that was a question of one's own was dealt with; the steps of a form are none.
_ASKED = ("answer", "choices", "clarify", "other_profile", "incident", "degraded", "out_of_scope", "urgent")


async def forget(database: Database) -> None:
    """Remove all that waits in the inbox: messages may not teach here, or no longer."""
    async with database.reading() as session:
        if await session.get(InboxMark, _MARK) is None:
            return
    async with database.transaction() as session:
        for table in (InboxLine, InboxGroup, InboxGesture, InboxMark):
            await session.execute(sa.delete(table))


async def collect(database: Database, clock: Clock) -> int:
    """Collect what was said since the last time; return how many messages came in."""
    collected = 0
    while True:
        now = clock.now()
        async with database.reading() as session:
            mark = await session.get(InboxMark, _MARK)
        if mark is None:
            # What was said before messages could teach does not.
            async with database.transaction() as session:
                session.add(InboxMark(id=_MARK, until=now + _OVERLAP))
            return 0
        since = mark.until - _OVERLAP
        until = min(now, since + _WINDOW)
        if until < since:
            return collected
        # Looked for and masked while nobody waits for it: only what was found is written, a few rows at a time.
        async with database.reading() as session:
            rows = await _find_between(session, since, until)
            settled = set(await session.scalars(in_use(OUT_OF_SCOPE).with_only_columns(Utterance.form)))
        for start in range(0, len(rows), _BATCH):
            lines = await asyncio.to_thread(_lines_of, rows[start : start + _BATCH], settled)
            async with database.transaction() as session:
                session.add_all(lines)
            collected += len(lines)
        async with database.transaction() as session:
            await session.execute(sa.update(InboxMark).values(until=max(mark.until, until)))
        if until == now:
            return collected


_Found = tuple[Message, Conversation, Result | None, str]


async def _find_between(session: AsyncSession, since: datetime, until: datetime) -> list[_Found]:
    """Return the messages that are not in the inbox yet, each with why it comes there."""
    found: dict[str, str] = {}
    for kind, ids in (
        (LOST, await _not_understood(session, since, until)), (DECLINED, await _declined(session, since, until)),
        (UNHELPFUL, await _unhelpful(session, since, until)), (ESCALATED, await _escalated(session, since, until)),
        (OFF, await _off_topic(session, since, until)),
    ):  # fmt: skip
        for identifier in ids:
            found.setdefault(identifier, kind)
    known = set(await session.scalars(sa.select(InboxLine.message_id).where(InboxLine.message_id.in_(found))))
    rows = await session.execute(
        sa.select(Message, Conversation, Result)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .outerjoin(Result, Result.message_id == Message.id)
        .where(Message.id.in_(set(found) - known))
        .order_by(Message.at, Message.position)
    )
    return [(message, conversation, result, found[message.id]) for message, conversation, result in rows]


def _lines_of(rows: Sequence[_Found], settled: Collection[str]) -> list[InboxLine]:
    """Return the lines of messages, masked; none for what a formateur found to be out of scope indeed (`settled`)."""
    lines = []
    for message, conversation, result, kind in rows:
        text = " ".join(mask_names(message.text).split())[:MAX_LINE]
        form = normalise(text)[:MAX_LINE]
        if form and not (kind == OFF and form in settled):
            lines.append(
                InboxLine(
                    message_id=message.id, conversation_id=conversation.id, kind=kind, state=OPEN, text=text, form=form,
                    profile=conversation.profile, uai=conversation.uai, ranking=result.ranking[:5] if result else [],
                    at=message.at,
                )
            )  # fmt: skip
    return lines


async def _not_understood(session: AsyncSession, since: datetime, until: datetime) -> list[str]:
    rows = await session.scalars(
        sa.select(Message)
        .join(Result, Result.message_id == Message.id)
        .where(Message.at.between(since, until), Message.sender == USER, Result.outcome == "clarify")
    )
    messages = [message for message in rows if is_own_words(message.text, message.extras.get("choice"))]
    replies = await session.scalars(
        sa.select(Message).where(Message.reply_to.in_([message.id for message in messages]), Message.sender == BOT)
    )
    # Who one is was asked: the question waits for it, and says nothing yet of what was understood.
    waiting = {reply.reply_to for reply in replies if any(button["choice"].startswith("profil:") for button in reply.extras.get("buttons", ()))}  # fmt: skip
    return [message.id for message in messages if message.id not in waiting]


async def _off_topic(session: AsyncSession, since: datetime, until: datetime) -> list[str]:
    """Return the questions that were answered as out of scope."""
    rows = await session.scalars(
        sa.select(Message.id)
        .join(Result, Result.message_id == Message.id)
        .where(Message.at.between(since, until), Message.sender == USER, Result.outcome == "out_of_scope")
    )
    return list(rows)


async def _declined(session: AsyncSession, since: datetime, until: datetime) -> list[str]:
    """Return the questions to which topics were offered, and the next words were « non » or « autre chose »."""
    rows = await session.execute(
        sa.select(Message, Result)
        .join(Result, Result.message_id == Message.id)
        .where(
            Message.at.between(since, until),
            Message.sender == USER,
            sa.or_(Result.topic == "nier", Result.outcome == "clarify"),
        )
    )
    found = []
    for message, result in rows:
        if result.topic != "nier" and message.extras.get("choice") != "autre":
            continue
        before = await _last_before(session, message.conversation_id, message.position)
        if before and before[0][1] is not None and before[0][1].outcome == "choices" and (asked := _question(before)):
            found.append(asked.id)
    return found


async def _unhelpful(session: AsyncSession, since: datetime, until: datetime) -> list[str]:
    rows = await session.scalars(
        sa.select(Message)
        .join(Feedback, Feedback.message_id == Message.id)
        .where(Feedback.at.between(since, until), Feedback.helpful.is_(False))
    )
    # The article may have been opened by a button: the question is the last one in the person's own words.
    asked = [_question(await _last_before(session, one.conversation_id, one.position)) for one in rows.all()]
    return [message.id for message in asked if message]


async def _escalated(session: AsyncSession, since: datetime, until: datetime) -> list[str]:
    rows = await session.execute(
        sa.select(Ticket.problem, Message)
        .join(Message, Message.id == Ticket.message_id)
        .where(Ticket.opened_at.between(since, until))
    )
    found = []
    for problem, sent in rows.all():
        before = await _last_before(session, sent.conversation_id, sent.position)
        asked = _question(before)
        if asked is None:
            # Nothing was asked before a person was: what was told in the form is the question.
            told = [message for message, _ in before if message.text and message.text in problem]
            asked = max(told, key=lambda message: len(message.text), default=None)
        if asked:
            found.append(asked.id)
    return found


async def _last_before(
    session: AsyncSession, conversation_id: str, position: int
) -> list[tuple[Message, Result | None]]:
    """Return what the person said before a place, the newest first."""
    rows = await session.execute(
        sa.select(Message, Result)
        .outerjoin(Result, Result.message_id == Message.id)
        .where(Message.conversation_id == conversation_id, Message.position < position, Message.sender == USER)
        .order_by(Message.position.desc())
        .limit(_BACK)
    )
    return [(message, result) for message, result in rows]


def _question(said: Sequence[tuple[Message, Result | None]]) -> Message | None:
    return next(
        (
            message
            for message, result in said
            if result is not None
            and result.outcome in _ASKED
            and is_own_words(message.text, message.extras.get("choice"))
        ),
        None,
    )


def is_own_words(text: str, choice: str | None) -> bool:
    """Tell whether a message asks something in the person's words: neither a button nor a bare yes, no or thanks."""
    reply = read_reply(text)
    bare = reply.words <= _BARE_WORDS and not reply.question and (reply.no or reply.yes or reply.thanks or reply.hello)
    return not choice and reply.words > 0 and not bare
