"""What the inbox holds of a person.

Whoever asks for erasure is obeyed to the letter: the utterances taken from the conversation go too, for though masked and
read they are still his words, and nobody should have to judge whether he can be told by them. When a conversation ends its
time nobody asks for anything: its utterances stay, tied to nothing. A model that was trained keeps weights, not sentences.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from bot.conversations.models import Conversation, Message
from bot.learning.models import InboxGesture, InboxLine, Utterance
from bot.privacy.service import Retention, Subject

_BATCH = 500


class LearningData:
    """Messages of the inbox, and the utterances taken from them. Before the conversations in the list of holders."""

    async def export(self, session: AsyncSession, subject: Subject) -> dict[str, Any]:
        """Return what waits in the inbox of this conversation, and what was kept of it."""
        lines = await session.scalars(
            sa.select(InboxLine).where(InboxLine.conversation_id == subject.conversation_id).order_by(InboxLine.id)
        )
        utterances = await session.scalars(sa.select(Utterance).where(_taken_from(subject)).order_by(Utterance.id))
        return {
            "learning": [{"text": line.text, "reason": line.kind, "at": line.at.isoformat()} for line in lines],
            "utterances": [{"text": one.text, "topic": one.topic, "at": one.at.isoformat()} for one in utterances],
        }

    async def erase(self, session: AsyncSession, subject: Subject) -> None:
        """Remove both."""
        # Held first, in the order of the other holders.
        await session.get(Conversation, subject.conversation_id, with_for_update=True)
        await session.execute(sa.delete(Utterance).where(_taken_from(subject)))
        await session.execute(sa.delete(InboxLine).where(InboxLine.conversation_id == subject.conversation_id))

    async def purge(self, session: AsyncSession, now: datetime, retention: Retention) -> dict[str, int]:
        """Remove what was settled long ago, and the lines of conversations past their time; untie their utterances."""
        over = sa.select(Conversation.id).where(Conversation.last_at < now - retention.conversations)
        messages = sa.select(Message.id).where(Message.conversation_id.in_(over))
        await session.execute(sa.update(Utterance).where(Utterance.message_id.in_(messages)).values(message_id=None))
        await session.execute(sa.delete(InboxLine).where(InboxLine.conversation_id.in_(over)))
        settled = sa.select(InboxGesture.id).where(InboxGesture.at < now - retention.settled_lines)
        lines = await session.execute(
            sa.delete(InboxLine).where(
                InboxLine.id.in_(sa.select(InboxLine.id).where(InboxLine.gesture_id.in_(settled)).limit(_BATCH))
            )
        )
        if lines.rowcount == 0:
            await session.execute(sa.delete(InboxGesture).where(InboxGesture.at < now - retention.settled_lines))
        return {"inbox": lines.rowcount}


def _taken_from(subject: Subject) -> sa.ColumnElement[bool]:
    messages = sa.select(Message.id).where(Message.conversation_id == subject.conversation_id)
    return Utterance.message_id.in_(messages)
