"""What the conversations hold of a person."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from bot.conversations.models import (
    AccessToken,
    Conversation,
    ConversationEvent,
    Feedback,
    Message,
    Result,
    UsedJwt,
)
from bot.privacy.service import Retention, Subject

# A purge removes this many conversations at a time: the lock that it holds stays short.
BATCH = 500


class ConversationData:
    """Messages, results, feedback, tokens and events of a conversation."""

    async def export(self, session: AsyncSession, subject: Subject) -> dict[str, Any]:
        """Return the conversation as the person wrote and read it, and what it was understood as."""
        conversation = await session.get_one(Conversation, subject.conversation_id)
        rows = (
            await session.execute(
                sa.select(Message, Result)
                .outerjoin(Result, Result.message_id == Message.id)
                .where(Message.conversation_id == subject.conversation_id)
                .order_by(Message.position)
            )
        ).all()
        feedback = (
            await session.scalars(
                sa.select(Feedback).join(Message).where(Message.conversation_id == subject.conversation_id)
            )
        ).all()
        return {
            "conversation": {
                "id": conversation.id, "profile": conversation.profile, "uai": conversation.uai,
                "opened_at": conversation.opened_at.isoformat(), "last_at": conversation.last_at.isoformat(),
            },
            "messages": [
                {
                    "from": message.sender, "text": message.text, "at": message.at.isoformat(),
                    **({"outcome": result.outcome, "topic": result.topic} if result else {}),
                }
                for message, result in rows
            ],
            "feedback": [
                {"message": row.message_id, "helpful": row.helpful, "comment": row.comment, "at": row.at.isoformat()}
                for row in feedback
            ],
        }  # fmt: skip

    async def erase(self, session: AsyncSession, subject: Subject) -> None:
        """Remove the conversation and all that hangs on it."""
        await _delete(session, [subject.conversation_id])

    async def purge(self, session: AsyncSession, now: datetime, retention: Retention) -> dict[str, int]:
        """Remove conversations without a word for too long, old events, dead tokens and used JWT."""
        ids = list(
            (
                await session.scalars(
                    sa.select(Conversation.id).where(Conversation.last_at < now - retention.conversations).limit(BATCH)
                )
            ).all()
        )
        if ids:
            await _delete(session, ids)
        events = await session.execute(
            sa.delete(ConversationEvent).where(ConversationEvent.at < now - retention.events)
        )
        tokens = await session.execute(sa.delete(AccessToken).where(AccessToken.expires_at < now))
        await session.execute(sa.delete(UsedJwt).where(UsedJwt.expires_at < now))
        return {"conversations": len(ids), "events": events.rowcount, "tokens": tokens.rowcount}


async def _delete(session: AsyncSession, ids: list[str]) -> None:
    """Delete whole conversations; written out so that it does not hang on each dialect's cascades."""
    messages = sa.select(Message.id).where(Message.conversation_id.in_(ids))
    await session.execute(sa.delete(Feedback).where(Feedback.message_id.in_(messages)))
    await session.execute(sa.delete(Result).where(Result.message_id.in_(messages)))
    for table in (Message, AccessToken, ConversationEvent):
        await session.execute(sa.delete(table).where(table.conversation_id.in_(ids)))
    await session.execute(sa.delete(Conversation).where(Conversation.id.in_(ids)))
