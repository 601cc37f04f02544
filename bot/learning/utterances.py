"""Use cases of the utterances that formateurs keep, within the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from bot.errors import InvalidField
from bot.language.normalise import normalise
from bot.learning.models import Utterance
from bot.topics import PROFILES

# What anybody may say, beside the profiles.
COMMON = "commun"
SPEAKERS = (*PROFILES, COMMON)
WRITTEN, HEARD = "formateur", "message"
MAX_TEXT = 400


async def add_utterance(
    session: AsyncSession, now: datetime, *, topic: str, text: str, speaker: str, origin: str, author_id: str | None,
    message_id: str | None = None,
) -> Utterance:  # fmt: skip
    """Keep what somebody says of a topic; InvalidField when it is empty, too long or already kept, under whichever topic.

    That the topic exists and that the text names nobody is for the caller to have made sure of.
    """
    text = " ".join(text.split())
    form = normalise(text)
    if not form:
        raise InvalidField("text", "Écrivez une phrase.")
    if len(text) > MAX_TEXT:
        raise InvalidField("text", f"Une phrase compte {MAX_TEXT} caractères au plus.")
    if speaker not in SPEAKERS:
        raise InvalidField("speaker", "Choisissez dans la liste qui parle ainsi.")
    kept = await session.scalar(
        sa.select(Utterance.topic).where(Utterance.form == form, Utterance.withdrawn_at.is_(None))
    )
    if kept is not None:
        raise InvalidField("text", f"« {text} » est déjà gardé, sous le sujet {kept}.")
    utterance = Utterance(
        topic=topic, text=text, form=form, speaker=speaker, origin=origin, author_id=author_id, message_id=message_id, at=now
    )  # fmt: skip
    session.add(utterance)
    await session.flush()
    return utterance


async def withdraw_utterances(session: AsyncSession, now: datetime, identifiers: Iterable[int]) -> int:
    """Take utterances out of use; return how many were in use."""
    done = await session.execute(
        sa.update(Utterance)
        .where(Utterance.id.in_(list(identifiers)), Utterance.withdrawn_at.is_(None))
        .values(withdrawn_at=now)
    )
    return done.rowcount


def in_use(topic: str | None = None) -> sa.Select[tuple[Utterance]]:
    """Select the utterances in use, of a topic or of all, in the order they came."""
    chosen = sa.select(Utterance).where(Utterance.withdrawn_at.is_(None)).order_by(Utterance.id)
    return chosen if topic is None else chosen.where(Utterance.topic == topic)
