"""Engines that stand in for Rasa in the two slots: they answer as our channel does, or fail as Rasa was seen to."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from aiohttp import web

from bot.dialogue.decision import ANSWER, Decision
from bot.errors import OperationError
from bot.learning.archives import WITNESSES

DECISION = asdict(Decision(ANSWER, "cdt_consulter_devoirs", 0.9))


@dataclass
class SmallSlots:
    """The two slots, in the test's own loop: `fault` is what goes wrong when one is started."""

    ports: Mapping[str, int]
    loop: asyncio.AbstractEventLoop
    fault: str = ""
    running: dict[str, web.AppRunner] = field(default_factory=dict)
    heard: list[tuple[str, str]] = field(default_factory=list)
    # Messages wait for it, while there is one.
    hold: asyncio.Event | None = None
    started_by_the_site: bool = False

    def is_up(self) -> bool:
        """Tell that whoever runs them answers."""
        return True

    def start(self, slot: str) -> None:
        """Start a slot, from the thread where a command to supervisor is given."""
        if self.fault == "refused":
            raise OperationError("Le superviseur des processus a refusé : SPAWN_ERROR.")
        if slot not in self.running and self.fault not in ("ends", "never ready"):
            asyncio.run_coroutine_threadsafe(self.serve(slot), self.loop).result(10)

    def stop(self, slot: str) -> None:
        """Stop a slot."""
        if runner := self.running.pop(slot, None):
            asyncio.run_coroutine_threadsafe(runner.cleanup(), self.loop).result(10)

    def is_alive(self, slot: str) -> bool:
        """Tell whether a slot runs."""
        return slot in self.running or self.fault == "never ready"

    async def serve(self, slot: str) -> None:
        """Answer on the slot's port."""
        known = dict(WITNESSES)

        async def health(_: web.Request) -> web.Response:
            return web.json_response({"ready": True}, status=503 if self.fault == "no model" else 200)

        async def message(request: web.Request) -> web.Response:
            body = await request.json()
            if body["metadata"]:
                self.heard.append((slot, body["text"]))
                if self.hold:
                    await self.hold.wait()
            topic = "hors_sujet" if self.fault == "untaught" else known.get(body["text"], "hors_sujet")
            return web.json_response(
                {"decision": DECISION, "ranking": [[topic, 0.9]], "messages": [], "model": f"modele-{slot}"}
            )

        app = web.Application()
        app.router.add_get("/webhooks/assistent/", health)
        app.router.add_post("/webhooks/assistent/message", message)
        runner = self.running[slot] = web.AppRunner(app, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.ports[slot]).start()

    async def close(self) -> None:
        """End what still runs."""
        for runner in list(self.running.values()):
            await runner.cleanup()
