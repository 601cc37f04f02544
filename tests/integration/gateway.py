"""The gateway under test and a client of it: the real application and database, an engine that follows a script."""

from __future__ import annotations

import asyncio
import concurrent.futures
import functools
import io
import json as jsonlib
import re
import threading
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from jsonschema import Draft202012Validator
from yarl import URL

from bot.chat.engine import Understood
from bot.dialogue.decision import Context, Ranking, decide
from bot.topics import load_topics
from bot.web.app import OPERATIONS
from bot.web.openapi import build_openapi

MODEL = "modele-d-essai"
DOCUMENT = build_openapi(OPERATIONS)
# For what does not come near the database, or not in a way of its own: once is enough.
ONE_KIND = pytest.mark.parametrize("store", ["sqlite"], indirect=True)
PREFIX = "/api/v1"

# The first words found in a message give its ranking; the decision on it is the real one.
SCRIPT: tuple[tuple[str, tuple[tuple[str, float], ...]], ...] = (
    ("mot de passe", (("connexion_mot_de_passe_oublie", 0.93), ("connexion_changer_mot_de_passe", 0.03))),
    ("devoirs ou notes", (("cdt_consulter_devoirs", 0.42), ("evaluation_consulter", 0.38))),
    ("devoirs", (("cdt_consulter_devoirs", 0.91), ("cdt_devoir_fait", 0.04))),
    ("créer un compte", (("admin_creer_compte", 0.92), ("connexion_premiere_fois", 0.03))),
    ("météo", (("hors_sujet", 0.95),)),
    ("quand ouvre", (("projet_calendrier_deploiement", 0.94),)),
    ("bonjour", (("salutation", 0.97),)),
    ("merci", (("remerciement", 0.97),)),
    ("personne", (("parler_humain", 0.9),)),
    ("demande", (("suivre_ticket", 0.9),)),
)
LOST = (("technique_erreur_inconnue", 0.05),)


class ScriptedEngine:
    """An engine without a model: `heard` keeps what reached it, `before` is awaited for each message."""

    def __init__(self, before: Callable[[str], Awaitable[None]] | None = None) -> None:
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self.before = before

    async def understand(self, conversation_id: str, text: str, metadata: dict[str, Any]) -> Understood:
        """Decide on the script's ranking."""
        self.heard.append((text, metadata))
        if self.before:
            await self.before(text)
        ranking = next((ranking for words, ranking in SCRIPT if words in text.lower()), LOST)
        decided = decide(Ranking(ranking), text, Context.from_metadata(metadata), topics=load_topics())
        return Understood(decided, [list(pair) for pair in ranking], [], MODEL)

    async def status(self) -> dict[str, Any]:
        """Tell that it is ready."""
        return {"ready": True, "model": MODEL}

    def texts(self, conversation_id: str | None = None) -> list[str]:
        """What reached the engine, without the warm-up."""
        return [text for text, metadata in self.heard if metadata]


@dataclass
class Answer:
    """What the gateway answered."""

    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return jsonlib.loads(self.body)

    @property
    def content_type(self) -> str:
        """The body's type, without parameters."""
        return self.headers.get("Content-Type", "").partition(";")[0]

    @property
    def code(self) -> str:
        """The stable code of a problem."""
        return self.json["code"]


@dataclass
class Api:
    """A client that holds every answer to the OpenAPI document and to what is promised of each."""

    http: aiohttp.ClientSession
    base: URL
    app: web.Application | None = None
    server: TestServer | None = None

    async def call(
        self, method: str, path: str, *, json: Any = None, token: str | None = None,
        headers: dict[str, str] | None = None, **options: Any,
    ) -> Answer:  # fmt: skip
        """Make a request; the answer is checked before it is given back."""
        headers = dict(headers or {})
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if json is not None:
            options["data"] = jsonlib.dumps(json).encode()
            headers.setdefault("Content-Type", "application/json")
        url = path if isinstance(path, URL) else self.base.join(URL(path, encoded="%" in path))
        async with self.http.request(method, url, headers=headers, allow_redirects=False, **options) as reply:
            answer = Answer(reply.status, reply.headers, await reply.read())
        check_answer(method, url.path, answer)
        return answer

    async def get(self, path: str, **options: Any) -> Answer:
        """Read."""
        return await self.call("GET", path, **options)

    async def post(self, path: str, json: Any = None, **options: Any) -> Answer:
        """Send JSON."""
        return await self.call("POST", path, json=json, **options)

    async def open(self, profile: str | None = "parent", uai: str | None = "0750001U", *, token: str | None = None
                   ) -> Chat:  # fmt: skip
        """Open a conversation: a visitor's, or with a JWT or a bearer."""
        body = {} if token else {key: value for key, value in (("profile", profile), ("uai", uai)) if value}
        answer = await self.post(f"{PREFIX}/sessions", body, token=token)
        assert answer.status == 201, answer
        return Chat(self, answer.json["token"], answer.json["conversation"], answer.json)

    @asynccontextmanager
    async def events(self, token: str, last: str | None = None) -> AsyncIterator[Stream]:
        """Follow a conversation's events."""
        headers = {"Authorization": f"Bearer {token}"}
        if last is not None:
            headers["Last-Event-ID"] = last
        timeout = aiohttp.ClientTimeout(total=60)
        async with self.http.get(self.base.join(URL(f"{PREFIX}/events")), headers=headers, timeout=timeout) as reply:
            assert reply.status == 200
            check_headers(f"{PREFIX}/events", reply.headers)
            assert reply.headers["Content-Type"] == "text/event-stream"
            yield Stream(reply)


@dataclass
class Stream:
    """An open stream of events."""

    reply: aiohttp.ClientResponse

    async def next(self, within: float = 5.0) -> dict[str, Any] | None:
        """Return the next event as {id, event, data}, None when the server ended the stream."""
        event: dict[str, Any] = {}
        async with asyncio.timeout(within):
            async for raw in self.reply.content:
                line = raw.decode().rstrip("\r\n")
                if not line and event:
                    event["data"] = jsonlib.loads(event["data"]) if event.get("data") else None
                    return event
                name, _, value = line.partition(": ")
                if name in ("id", "event", "data"):
                    event[name] = value
        return None


@dataclass
class Chat:
    """A conversation and its bearer."""

    api: Api
    token: str
    conversation: str
    opened: dict[str, Any]

    async def send(self, *, id: str | None = None, **body: Any) -> Answer:
        """Send a message and return the answer, whatever it is."""
        return await self.api.post(f"{PREFIX}/messages", {"id": id or str(uuid.uuid4()), **body}, token=self.token)

    async def say(self, text: str, **options: Any) -> dict[str, Any]:
        """Send a text that must be taken; return the reply."""
        answer = await self.send(text=text, **options)
        assert answer.status == 200, (answer.status, answer.body)
        return answer.json

    async def choose(self, choice: str) -> dict[str, Any]:
        """Press a button that must be taken; return the reply."""
        answer = await self.send(choice=choice)
        assert answer.status == 200, (answer.status, answer.body)
        return answer.json

    async def history(self, after: str | None = None) -> list[dict[str, Any]]:
        """Return the messages."""
        query = f"?after={after}" if after else ""
        answer = await self.api.get(f"{PREFIX}/messages{query}", token=self.token)
        assert answer.status == 200
        return answer.json["messages"]

    async def said(self) -> list[str]:
        """Return what the person said, in order."""
        return [message["text"] for message in await self.history() if message["from"] == "user"]

    async def attach(self, content: bytes, *, name: str = "file", filename: str = "capture.png", kind: str = "image/png"
                     ) -> Answer:  # fmt: skip
        """Send an image as a browser does and return the answer, whatever it is."""
        form = aiohttp.FormData()
        form.add_field(name, io.BytesIO(content), filename=filename, content_type=kind)
        return await self.api.post(f"{PREFIX}/attachments", data=form, token=self.token)

    async def open_ticket(
        self, problem: str = "Le blog de la classe reste vide depuis un mois", *, image: bytes | None = None
    ) -> dict[str, Any]:
        """Tell a request to its end, with an image if there is one; return the ticket."""
        reply = await self.say("je veux parler à quelqu'un")
        if "commune" in reply["messages"][0]["text"]:
            await self.say("École Les Tilleuls, Valmont")
        if image is not None:
            assert (await self.attach(image)).status == 201
        await self.say(problem)
        reply = await self.choose("demande:envoyer")
        assert reply["result"]["outcome"] == "ticket", reply
        return reply["messages"][0]["ticket"]


# --- what is promised of every answer ---------------------------------------------------------


def check_answer(method: str, path: str, answer: Answer) -> None:
    """Hold an answer to the document, where the document speaks of it, and to the project's rules."""
    check_headers(path, answer.headers)
    if method == "HEAD":
        return
    if answer.status >= 400 and answer.content_type != "application/json":
        assert answer.content_type == "application/problem+json", (method, path, answer)
        validate("Problem", answer.json)
        assert answer.json["status"] == answer.status
        assert re.fullmatch("[a-z_]+", answer.json["code"])
        assert answer.status < 500 or answer.status == 503, answer.body
    if answer.status in (429, 503) and answer.content_type == "application/problem+json":
        assert int(answer.headers["Retry-After"]) >= 1
    if answer.status == 401:
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    operation = operation_of(method, path)
    if operation is None:
        return
    assert str(answer.status) in operation["responses"], (method, path, answer.status, answer.body)
    content = operation["responses"][str(answer.status)].get("content")
    if content is None:
        assert not answer.body
        return
    assert answer.content_type in content
    schema = content[answer.content_type]["schema"]
    if schema:
        validate(schema["$ref"].rpartition("/")[2], answer.json)


def check_headers(path: str, headers: Any) -> None:
    """Hold headers to what every answer carries, and to what none may."""
    assert "Set-Cookie" not in headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Server"] == "AssistENT"
    if path.startswith("/api/"):
        assert headers["Cache-Control"] in ("no-store", "no-cache")


def operation_of(method: str, path: str) -> dict[str, Any] | None:
    """Return the document's operation for a request, None when there is none."""
    found = next((methods for pattern, methods in _PATHS if pattern.fullmatch(path)), {})
    return found.get(method.lower())


def _pattern_of(template: str) -> re.Pattern[str]:
    parts = re.split(r"(\{\w+\})", template)
    return re.compile("".join("[^/]+" if index % 2 else re.escape(part) for index, part in enumerate(parts)))


_PATHS = [(_pattern_of(template), methods) for template, methods in DOCUMENT["paths"].items()]


def validate(name: str, value: Any) -> None:
    """Hold a value to a schema of the document."""
    _validator(name).validate(value)


@functools.cache
def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]})


# --- a gateway in a thread --------------------------------------------------------------------


class GatewayThread:
    """The application served from a loop of its own, for tests that share it or that are not coroutines."""

    def __init__(self, make_app: Callable[[], web.Application]) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self.run(self._start(make_app))
        self.base = URL(f"http://127.0.0.1:{self._server.port}")

    @staticmethod
    async def _start(make_app: Callable[[], web.Application]) -> TestServer:
        server = TestServer(make_app())
        await server.start_server()
        return server

    def run(self, coroutine: Coroutine[Any, Any, Any], timeout: float = 30) -> Any:
        """Run a coroutine in the gateway's loop and return its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout)

    def close(self) -> None:
        """Stop."""
        self.run(self._server.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


def run_apart(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine in a loop and a thread of its own: a fixture of the session has none."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()
