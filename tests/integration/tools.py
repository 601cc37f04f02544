"""A tool of another team, as a small server: what it keeps, the webhook's contract, and the faults that befall its calls."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.clock import Clock
from bot.connectors.rules import OPEN
from bot.connectors.signing import SIGNATURE, TIMESTAMP, check_signature, sign

SECRET = "un secret partagé de plus de trente-deux signes"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Comment:
    """A comment of an issue."""

    id: int
    text: str
    private: bool = False
    solution: bool = False
    by: str = "Agent"


@dataclass
class Issue:
    """A request, in the tool."""

    id: int
    title: str
    text: str
    comments: list[Comment] = field(default_factory=list)
    state: str = OPEN
    changed: int = 0


class Desk:
    """What a tool keeps, whatever its address looks like; time is the number of changes."""

    def __init__(self) -> None:
        self.issues: dict[int, Issue] = {}
        self._ids = itertools.count(1)
        self._changes = itertools.count(1)

    def create(self, title: str, text: str) -> Issue:
        """Create an issue."""
        issue = Issue(next(self._ids), title, text)
        self.issues[issue.id] = issue
        return self._touch(issue)

    def comment(self, issue: Issue, text: str, **kind) -> Comment:
        """Comment on it."""
        issue.comments.append(Comment(next(self._ids), text, **kind))
        self._touch(issue)
        return issue.comments[-1]

    def put(self, issue: Issue, state: str) -> None:
        """Change its state."""
        issue.state = state
        self._touch(issue)

    def only(self) -> Issue:
        """Return the only issue."""
        [issue] = self.issues.values()
        return issue

    def _touch(self, issue: Issue) -> Issue:
        issue.changed = next(self._changes)
        return issue


class Faults:
    """What befalls calls: some fail, some are never answered, some are done and answered after the time-out."""

    def __init__(self, seed: int = 1) -> None:
        self.rate = 0.0
        # What befalls the next calls, in order, before chance does.
        self.next: list[str] = []
        self.late_s = 0.0
        self.inflicted = 0
        self.calls = 0
        self._chance = random.Random(seed)
        self._pending = 0
        self._quiet = asyncio.Event()
        self._quiet.set()

    KINDS = ("500", "lost", "silent", "late before", "late after")

    async def settle(self) -> None:
        """Wait until the calls that nobody waits for any more have ended."""
        await self._quiet.wait()

    def _draw(self) -> str:
        self.calls += 1
        if self.next:
            return self.next.pop(0)
        return self._chance.choice(self.KINDS) if self._chance.random() < self.rate else ""

    @property
    def middleware(self):
        """Return what inflicts them."""

        @web.middleware
        async def befall(request: web.Request, handler: Handler) -> web.StreamResponse:
            fault = self._draw()
            self.inflicted += bool(fault)
            await request.read()
            self._pending += 1
            self._quiet.clear()
            try:
                return await self._inflict(fault, request, handler)
            finally:
                self._pending -= 1
                if not self._pending:
                    self._quiet.set()

        return befall

    async def _inflict(self, fault: str, request: web.Request, handler: Handler) -> web.StreamResponse:
        if fault == "500":
            return web.Response(status=503, text="maintenance")
        if fault in ("silent", "late before"):
            await asyncio.sleep(self.late_s)
        if fault == "silent":
            return web.Response(status=504)
        answer = await handler(request)
        if fault == "late after":
            await asyncio.sleep(self.late_s)
        if fault == "lost":
            # Done, and the connection breaks before the answer is read.
            request.transport.abort()
        return answer


@dataclass
class Served:
    """A tool that listens."""

    address: str
    desk: Desk
    faults: Faults


@asynccontextmanager
async def serve(make: Callable[[Desk], list[web.RouteDef]], path: str = "") -> AsyncIterator[Served]:
    """Serve a tool on loopback."""
    desk, faults = Desk(), Faults()
    app = web.Application(middlewares=[faults.middleware])
    app.add_routes(make(desk))
    server = TestServer(app)
    await server.start_server()
    yield Served(str(server.make_url(path)).rstrip("/"), desk, faults)
    await faults.settle()
    await server.close()


def webhook(desk: Desk, clock: Clock) -> list[web.RouteDef]:
    """Return the routes of a webhook that keeps its contract."""
    steps: dict[str, int] = {}

    def check(request: web.Request, signed: bytes) -> None:
        headers = request.headers
        check_signature(SECRET, headers[TIMESTAMP], headers[SIGNATURE], signed, clock.now())

    async def take(request: web.Request) -> web.Response:
        body = await request.read()
        check(request, body)
        event = json.loads(body)
        if event["event"] == "creation":
            issue = desk.create(event["request"]["number"], f"{event['text']}\n{event['key']}")
        else:
            issue = desk.issues[int(event["id"])]
            if event["event"] == "commentaire":
                desk.comment(issue, f"{event['text']}\n{event['key']}")
            else:
                desk.put(issue, event["state"])
        steps[event["key"]] = issue.id
        return web.json_response({"id": issue.id}, status=201)

    async def find(request: web.Request) -> web.Response:
        key = request.query["key"]
        check(request, key.encode())
        if key not in steps:
            raise web.HTTPNotFound
        return web.json_response({"id": steps[key]})

    return [web.post("/assistent", take), web.get("/assistent", find)]


async def tell(
    http: aiohttp.ClientSession, url, now: datetime, change: dict, *, secret: str = SECRET, age: timedelta = timedelta(),
    body: bytes | None = None,
) -> tuple[int, dict]:  # fmt: skip
    """Tell AssistENT of a change as a tool does; return the status and the answer."""
    signed = json.dumps(change).encode()
    headers = {"Content-Type": "application/json", **sign(secret, now - age, signed)}
    async with http.post(url, data=signed if body is None else body, headers=headers) as answer:
        return answer.status, await answer.json(content_type=None)


KEY = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def key_of(text: str) -> str:
    """Return the key that a text carries."""
    return KEY.findall(text)[-1]
