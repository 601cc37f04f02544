"""People who write without end while things break, and what became of each of their messages."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from bot.language.normalise import clean
from bot.privacy.masking import mask
from bot.settings import ROOT
from tests.stack import Site

PEOPLE = 4
# Each of them, one message a second: what a school of 400 sends on the first morning.
EVERY_S = 1.0
# A message is sent again, under its identifier, as the widget does, until it is answered; after this long it is lost.
LOST_S = 60.0
AGAIN_S = 0.2
QUESTIONS = 7
REQUEST = ("je veux parler à quelqu'un", "Le cahier de vie de ma fille est vide depuis un mois", "oui", "merci")


@dataclass
class Exchange:
    """A message and its answer; times in seconds of time.monotonic()."""

    message: dict[str, str]
    sent: float
    answered: float
    tries: int
    reply: dict[str, Any]


@dataclass
class Conversation:
    """A conversation, as its person saw it."""

    token: str
    greeted: list[str]
    exchanges: list[Exchange] = field(default_factory=list)


class SteadyLoad:
    """Messages at a steady pace, for the time of the block; then `check` compares with what the assistant kept."""

    def __init__(self, site: Site, people: int = PEOPLE) -> None:
        self.site = site
        self.conversations: list[Conversation] = []
        self.outages: list[tuple[float, float]] = []
        self.refusals: list[float] = []
        self._failures: list[BaseException] = []
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._keep_writing, args=(number,)) for number in range(people)]
        lines = [json.loads(line) for line in (ROOT / "benchmarks/eval/dev.jsonl").read_text("utf-8").splitlines()]
        self._questions = {
            profile: [line["text"] for line in group]
            for profile, group in itertools.groupby(
                sorted(lines, key=lambda line: line["profil"]), lambda line: line["profil"]
            )
        }

    def __enter__(self) -> SteadyLoad:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(2 * LOST_S)

    @contextlib.contextmanager
    def site_out(self) -> Iterator[None]:
        """Note that the site itself cannot answer: from now until, after the block, it does."""
        began = time.monotonic()
        yield
        self.site.wait_until(lambda: self.site.call("GET", "/healthz", timeout=2)[0] == 200, LOST_S, "the site is back")
        self.outages.append((began, time.monotonic()))

    # --- people -------------------------------------------------------------------------------

    def _keep_writing(self, number: int) -> None:
        draw = random.Random(number)
        try:
            while not self._ended.is_set():
                profile = draw.choice(sorted(self._questions))
                opened = self._insist("/api/v1/sessions", {"profile": profile, "uai": "0750001U"}, None, (201,))[0]
                talk = Conversation(opened["token"], [message["id"] for message in opened["messages"]])
                self.conversations.append(talk)
                for text in (*draw.sample(self._questions[profile], QUESTIONS), *REQUEST):
                    sent = time.monotonic()
                    message = {"id": str(uuid.UUID(int=draw.getrandbits(128), version=4)), "text": text}
                    reply, tries = self._insist("/api/v1/messages", message, talk.token, (200,))
                    talk.exchanges.append(Exchange(message, sent, time.monotonic(), tries, reply))
                    if self._ended.wait(max(0.0, sent + EVERY_S - time.monotonic())):
                        return
        except BaseException as failure:
            self._failures.append(failure)

    def _insist(self, path: str, body: Any, token: str | None, good: tuple[int, ...]) -> tuple[Any, int]:
        """Send until it is answered; return (answer, how many times it was sent)."""
        limit = time.monotonic() + LOST_S
        for tries in itertools.count(1):
            status, answer, began = 0, None, time.monotonic()
            with contextlib.suppress(OSError, http.client.HTTPException):
                status, answer = self.site.call("POST", path, body, token, timeout=LOST_S)
            if status in good:
                return answer, tries
            assert status in (0, 503), f"{path}: {status} {answer}"
            if status == 503:
                self.refusals.append(time.monotonic() - began)
            assert time.monotonic() < limit, f"lost: {body}"
            time.sleep(AGAIN_S)
        raise AssertionError

    # --- what became of it --------------------------------------------------------------------

    @property
    def exchanges(self) -> list[Exchange]:
        """Every message answered."""
        return [exchange for talk in self.conversations for exchange in talk.exchanges]

    def waited(self, exchange: Exchange) -> float:
        """How long somebody waited for his answer, in seconds, counted from the return of a site that was out."""
        began = exchange.sent
        for _, back in self.outages:
            if began < back < exchange.answered:
                began = back
        return exchange.answered - began

    def check(self) -> None:
        """Fail on what was lost, answered twice, or done twice."""
        if self._failures:
            raise self._failures[0]
        for talk in self.conversations:
            if not talk.exchanges:
                continue
            _, history = self.site.call("GET", "/api/v1/messages", token=talk.token)
            written = [message["text"] for message in history["messages"] if message["from"] == "user"]
            assert written == [mask(clean(exchange.message["text"])).text for exchange in talk.exchanges]
            said = [message["id"] for message in history["messages"] if message["from"] == "bot"]
            answers = [message for exchange in talk.exchanges for message in exchange.reply["messages"]]
            assert said == [*talk.greeted, *(message["id"] for message in answers)]
            _, tickets = self.site.call("GET", "/api/v1/tickets", token=talk.token)
            numbers = [ticket["number"] for ticket in tickets["tickets"]]
            assert sorted(numbers) == sorted(
                {message["ticket"]["number"] for message in answers if message.get("ticket")}
            )
        for talk in self.conversations[::10]:
            for exchange in talk.exchanges:
                _, again = self.site.call("POST", "/api/v1/messages", exchange.message, talk.token)
                assert again["messages"] == exchange.reply["messages"]

    def figures(self) -> dict[str, Any]:
        """What is told of it."""
        waits = sorted(self.waited(exchange) for exchange in self.exchanges)
        outcomes = Counter(exchange.reply["result"]["outcome"] for exchange in self.exchanges)
        return {
            "conversations": len(self.conversations),
            "messages": len(waits),
            "sent again": sum(exchange.tries - 1 for exchange in self.exchanges),
            "refused for a moment, 503": len(self.refusals),
            "requests": outcomes["ticket"],
            "understood by the engine": sum(bool(exchange.reply["result"]["model"]) for exchange in self.exchanges),
            "p50 (s)": round(waits[len(waits) // 2], 3),
            "p99 (s)": round(waits[int(len(waits) * 0.99)], 3),
            "slowest (s)": round(waits[-1], 3),
            "longest return of the site (s)": round(max((back - out for out, back in self.outages), default=0), 1),
        }
