"""What learning does beside the pages: knows what is said already, collects, groups."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path

import sqlalchemy as sa

from bot.clock import Clock
from bot.db import Database
from bot.knowledge.service import KnowledgeBase
from bot.language.grams import Grams
from bot.language.normalise import normalise
from bot.learning.collecting import collect, forget
from bot.learning.grouper import has_new, regroup
from bot.learning.inbox import Voices
from bot.learning.likeness import Neighbourhood
from bot.learning.models import Utterance
from bot.learning.utterances import in_use

# What is read at once, then how long the rest of the process has the floor: thousands of sentences are read while people chat.
_AT_ONCE, _PAUSE_S = 25, 0.1


class Learning:
    """The inbox's background work. `allowed`: whether this deployment lets messages teach; `archive` and `grams`, of the model that serves."""

    def __init__(self, database: Database, clock: Clock, knowledge: KnowledgeBase, *, allowed: bool, archive: Callable[[], Path],
                 grams: Callable[[], Grams | None]) -> None:  # fmt: skip
        self.allowed = allowed
        self.voices = Voices()
        self._database = database
        self._clock = clock
        self._knowledge = knowledge
        self._archive = archive
        self._grams = grams
        self._compared: tuple | None = None
        self._kept: tuple | None = None

    async def collect(self) -> int:
        """Collect what came; return how many messages came in. Not allowed: clear all that waits."""
        if not self.allowed:
            await forget(self._database)
            return 0
        return await collect(self._database, self._clock)

    async def group(self) -> int:
        """Group the open messages; return how many were grouped."""
        return await regroup(self._database, self._archive())

    async def has_new(self) -> bool:
        """Tell whether messages wait to be grouped."""
        return self.allowed and await has_new(self._database)

    async def prepare(self) -> None:
        """Read again what changed: the utterances of the files, the model, what formateurs keep."""
        voices, grams = self._knowledge.voices, self._grams()
        if not voices or not self.allowed:
            return
        if grams is None:
            self.voices = Voices(await asyncio.to_thread(_by_form, voices))
            return
        compared = (voices, grams)
        if not _same(compared, self._compared):
            said = [(text, topic) for topic, texts in voices.items() for text in texts]
            files = await self._read(grams, said)
            self.voices = Voices(await asyncio.to_thread(_by_form, voices), (files, *self.voices.neighbours[1:]))
            self._compared, self._kept = compared, None
        async with self._database.reading() as session:
            stamp = (await session.execute(sa.select(sa.func.max(Utterance.id), sa.func.count(Utterance.withdrawn_at)))).one()  # fmt: skip
            if stamp == self._kept:
                return
            kept = [(one.text, one.topic) for one in await session.scalars(in_use())]
        self.voices = Voices(self.voices.files, (self.voices.neighbours[0], await self._read(grams, kept)))
        self._kept = stamp

    async def _read(self, grams: Grams, said: list[tuple[str, str]]) -> Neighbourhood:
        neighbourhood = Neighbourhood(grams)
        for start in range(0, len(said), _AT_ONCE):
            await asyncio.to_thread(neighbourhood.add, said[start : start + _AT_ONCE])
            await asyncio.sleep(_PAUSE_S)
        return await asyncio.to_thread(neighbourhood.index)


def _same(one: tuple, other: tuple | None) -> bool:
    """Tell whether these are the same objects: what changes in memory is replaced whole."""
    return other is not None and all(a is b for a, b in zip(one, other))


def _by_form(voices: dict[str, Iterable[str]]) -> dict[str, str]:
    return {normalise(text): topic for topic, texts in voices.items() for text in texts}
