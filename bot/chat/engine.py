"""The client of the Rasa engine: one call a message, a time limit, and a breaker when it is dead."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp
import structlog

from bot.dialogue.decision import Decision
from bot.errors import EngineError, EngineTimeout, EngineUnavailable

# A useful reply is promised within 4 s: this leaves one for the search and the database.
TIMEOUT_S = 3.0
# After this many time-outs in a row messages stop waiting for it, until a probe succeeds.
TIMEOUTS_BEFORE_DEAD = 2
PROBE_EVERY_S = 1.0

log = structlog.get_logger()


@dataclass(frozen=True)
class Understood:
    """What the engine made of a message."""

    decision: Decision
    ranking: list[tuple[str, float]]
    messages: list[dict[str, Any]]
    model: str | None


class Engine(Protocol):
    """Understands messages and runs the actions that they call for."""

    async def understand(self, conversation_id: str, text: str, metadata: dict[str, Any]) -> Understood:
        """Return what was made of `text`; EngineError when nothing usable came in time."""

    async def status(self) -> dict[str, Any]:
        """Return {ready, model}."""


class NullEngine:
    """An engine that is out: everything is answered in degraded mode."""

    async def understand(self, conversation_id: str, text: str, metadata: dict[str, Any]) -> Understood:
        """Refuse."""
        raise EngineUnavailable

    async def status(self) -> dict[str, Any]:
        """Tell that it is out."""
        return {"ready": False, "model": None}


class RasaEngine:
    """Talks to our channel inside Rasa (bot.engine.channel)."""

    def __init__(self, base_url: str, http: aiohttp.ClientSession) -> None:
        self._url = f"{base_url}/webhooks/assistent"
        self._http = http
        self._timeouts = 0
        self._dead = False
        self._probing: asyncio.Task[None] | None = None

    async def understand(self, conversation_id: str, text: str, metadata: dict[str, Any]) -> Understood:
        """Send one message; while the engine is taken for dead, refuse at once."""
        if self._dead:
            raise EngineUnavailable
        body = {"sender": conversation_id, "text": text, "metadata": metadata}
        try:
            async with self._http.post(
                f"{self._url}/message", json=body, timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)
            ) as reply:
                if reply.status != 200:
                    raise EngineUnavailable(f"Le moteur a répondu {reply.status}.")
                data = await reply.json()
        except TimeoutError as error:
            self._timeouts += 1
            if self._timeouts >= TIMEOUTS_BEFORE_DEAD:
                self._give_up()
            raise EngineTimeout from error
        except (aiohttp.ClientError, ValueError) as error:
            raise EngineUnavailable from error
        self._timeouts = 0
        try:
            return Understood(
                Decision.from_json(data["decision"]), [(name, p) for name, p in data["ranking"]],
                data["messages"], data["model"],
            )  # fmt: skip
        except (KeyError, TypeError, ValueError) as error:
            raise EngineUnavailable("La réponse du moteur est illisible.") from error

    async def status(self) -> dict[str, Any]:
        """Ask the channel whether a model is loaded."""
        try:
            async with self._http.get(f"{self._url}/", timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)) as reply:
                data = await reply.json()
                return {"ready": reply.status == 200, "model": data.get("model")}
        except (TimeoutError, aiohttp.ClientError, ValueError):
            return {"ready": False, "model": None}

    def _give_up(self) -> None:
        self._dead = True
        log.warning("engine_dead", timeouts=self._timeouts)
        if self._probing is None or self._probing.done():
            self._probing = asyncio.create_task(self._probe())

    async def _probe(self) -> None:
        while not (await self.status())["ready"]:  # noqa: ASYNC110 - it is another process
            await asyncio.sleep(PROBE_EVERY_S)
        self._dead, self._timeouts = False, 0
        log.info("engine_back")

    async def close(self) -> None:
        """Stop probing."""
        if self._probing:
            self._probing.cancel()
            with contextlib.suppress(asyncio.CancelledError, EngineError):
                await self._probing
