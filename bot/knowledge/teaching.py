"""What the knowledge base asks of whoever keeps what people say: `bot.learning` does it, above this package."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from datetime import datetime
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

# Who says it (a profile, or « commun »), and what is said.
Said = tuple[str, str]


class Teaching(Protocol):
    """Keeps utterances, within the caller's transaction."""

    async def stamp(self, session: AsyncSession) -> Hashable:
        """Return what changes whenever what is in use does."""

    async def said(self, session: AsyncSession) -> Mapping[str, list[Said]]:
        """Return what is in use, by topic."""

    async def teach(
        self, session: AsyncSession, now: datetime, topic: str, said: Iterable[Said], author_id: str | None,
        heard: Iterable[int] = (),
    ) -> None:  # fmt: skip
        """Keep what is said of a topic; `heard` are messages of the inbox that it is given. InvalidField names what cannot be kept."""


class NothingTaught:
    """Stands for a deployment where nobody has taught anything."""

    async def stamp(self, session: AsyncSession) -> Hashable:
        """Nothing changes."""
        return None

    async def said(self, session: AsyncSession) -> Mapping[str, list[Said]]:
        """Nothing is said."""
        return {}

    async def teach(
        self, session: AsyncSession, now: datetime, topic: str, said: Iterable[Said], author_id: str | None,
        heard: Iterable[int] = (),
    ) -> None:  # fmt: skip
        """Nothing is kept."""
