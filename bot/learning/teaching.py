"""What the knowledge base asks of whoever keeps what people say (`bot.knowledge.teaching`), done by the utterances and the inbox."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from bot.learning import inbox
from bot.learning.models import Utterance
from bot.learning.utterances import WRITTEN, add_utterance, in_use


class Taught:
    """The utterances in use, as the knowledge base asks for them."""

    async def stamp(self, session: AsyncSession) -> Hashable:
        """Return what changes whenever an utterance comes into use or leaves it."""
        kept = sa.select(sa.func.count(), sa.func.max(Utterance.id)).where(Utterance.withdrawn_at.is_(None))
        return tuple((await session.execute(kept)).one())

    async def said(self, session: AsyncSession) -> Mapping[str, list[tuple[str, str]]]:
        """Return who says what, by topic."""
        found: dict[str, list[tuple[str, str]]] = {}
        for one in await session.scalars(in_use()):
            found.setdefault(one.topic, []).append((one.speaker, one.text))
        return found

    async def teach(
        self, session: AsyncSession, now: datetime, topic: str, said: Iterable[tuple[str, str]], author_id: str | None,
        heard: Iterable[int] = (),
    ) -> None:  # fmt: skip
        """Keep what is said of a topic, and give it the messages of the inbox that came with it; InvalidField names what cannot be."""
        for speaker, text in said:
            await add_utterance(
                session, now, topic=topic, text=text, speaker=speaker, origin=WRITTEN, author_id=author_id
            )  # fmt: skip
        if author_id is not None:
            await inbox.give_with_topic(session, now, author_id, list(heard), topic)
