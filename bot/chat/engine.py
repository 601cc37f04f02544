"""The client of the Rasa engine: one call a message, a time limit, a breaker when it is dead, and two slots to turn between."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections import Counter
from collections.abc import Mapping
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

    async def is_loaded(self) -> bool | None:
        """Tell whether a model is loaded; None while nobody listens. Rasa listens once it has loaded, or failed to."""
        try:
            async with self._http.get(f"{self._url}/", timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)) as reply:
                return reply.status == 200
        except (TimeoutError, aiohttp.ClientError):
            return None

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


class SlotEngine:
    """The engine of two slots, of which one serves: a message goes to the one that serves when it comes, and ends there.

    Rasa's memory of a conversation is a file that both read at each message: the dialogue goes on from one to the other.
    """

    def __init__(self, urls: Mapping[str, str], http: aiohttp.ClientSession, serving: str) -> None:
        self.serving = serving
        self._urls = urls
        self._http = http
        self._engines = {slot: RasaEngine(url, http) for slot, url in urls.items()}
        self._under_way: Counter[str] = Counter()
        self._quiet = asyncio.Condition()

    async def understand(self, conversation_id: str, text: str, metadata: dict[str, Any]) -> Understood:
        """Send a message to the slot that serves."""
        slot = self.serving
        self._under_way[slot] += 1
        try:
            return await self._engines[slot].understand(conversation_id, text, metadata)
        finally:
            self._under_way[slot] -= 1
            async with self._quiet:
                self._quiet.notify_all()

    async def status(self) -> dict[str, Any]:
        """Tell about the slot that serves."""
        return await self._engines[self.serving].status()

    def turn(self, slot: str) -> None:
        """Let messages go to `slot` from now on; what is under way in the other ends there."""
        self.serving = slot

    async def drain(self, slot: str) -> None:
        """Wait until no message is under way in a slot."""
        async with self._quiet:
            await self._quiet.wait_for(lambda: not self._under_way[slot])

    async def is_loaded(self, slot: str) -> bool | None:
        """Tell whether a slot has a model loaded; None while nobody listens there."""
        return await self._engines[slot].is_loaded()

    async def rank(self, slot: str, text: str) -> list[tuple[str, float]]:
        """Return what a slot ranks for a text outside any conversation; EngineError when nothing usable came in time."""
        # A client of its own: the first messages may be late, and nobody is to take the slot for dead because of it.
        engine = RasaEngine(self._urls[slot], self._http)
        try:
            return (await engine.understand(f"warm-up-{uuid.uuid4()}", text, {})).ranking
        finally:
            await engine.close()

    async def close(self) -> None:
        """Stop probing."""
        for engine in self._engines.values():
            await engine.close()
