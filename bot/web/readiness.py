"""Whether everything is ready: migrated, loaded, warmed up once. Afterwards degraded mode is a service too."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from typing import Any

import structlog
from aiohttp import web

from bot.chat.engine import Engine
from bot.db import Database
from bot.errors import EngineError
from bot.knowledge.service import KnowledgeBase

TRY_EVERY_S = 0.5
# Sentences read before the engine is said to be ready: the first ones are slower.
WARM_UP = ("bonjour", "j’ai oublié mon mot de passe", "comment voir les devoirs de ma fille ?")

log = structlog.get_logger()


class ReadinessCheck:
    """Watches the parts until they have all been ready once."""

    def __init__(self, database: Database, knowledge: KnowledgeBase, engine: Engine) -> None:
        self._database = database
        self._knowledge = knowledge
        self._engine = engine
        self._warm = False
        self._task: asyncio.Task[None] | None = None

    async def report(self) -> dict[str, Any]:
        """Return {ready, reason, parts}."""
        database = await self._database.is_ready()
        articles = len(self._knowledge.articles)
        engine = await self._engine.status()
        reason = None
        if not database:
            reason = "La base de données ne répond pas ou n’est pas à jour."
        elif not articles:
            reason = "La base de connaissances est vide : lancez « python -m bot load »."
        elif not self._warm:
            reason = "Le moteur de compréhension démarre."
        return {
            "ready": reason is None,
            "reason": reason,
            "parts": {
                "database": {"ready": database},
                "knowledge": {"ready": bool(articles), "articles": articles},
                "engine": {**engine, "warm": self._warm},
            },
        }

    async def start(self) -> None:
        """Begin to warm the engine up."""
        self._task = asyncio.create_task(self._warm_up())

    async def stop(self) -> None:
        """Stop."""
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _warm_up(self) -> None:
        while not self._warm:
            if (await self._engine.status())["ready"]:
                try:
                    for text in WARM_UP:
                        await self._engine.understand(f"warm-up-{uuid.uuid4()}", text, {})
                    self._warm = True
                    log.info("engine_ready")
                    return
                except EngineError as error:
                    log.info("engine_warming", reason=error.code)
            await asyncio.sleep(TRY_EVERY_S)


READINESS = web.AppKey("readiness", ReadinessCheck)
