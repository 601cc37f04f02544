"""Measure, in one run on one machine: our pipeline and the nearest peer's side by side, the chat API, the console, the workshop.

    python benchmarks/bench.py [--only PART ...] [--sample N] [--seconds S] [--no-peer] [--rows N]
                               [--requests N] [--consoles N] [--write docs/benchmarks.md]

The two pipelines are trained on the same sample of data/nlu, for the peer's takes 13 minutes for 971 utterances on two
cores. Both are measured through Rasa's own REST channel; the chat API's figures, with the whole model, stand beside them.
Only loopback is spoken to; every loop is bounded in count and time.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import datetime
import json
import os
import platform
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import psutil
import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import desk, workshop  # noqa: E402
from benchmarks.sampling import SEED, sample  # noqa: E402
from bot.knowledge.service import read_utterances  # noqa: E402
from tests.stack import free_ports  # noqa: E402

RASA = ROOT / ".venv-rasa" / "bin" / "python"
RATE = 10
CLIENTS = (1, 8, 32)
# What a person says before the next one comes.
TURNS = 5
# How often each page of the console is opened.
OPENED = 200
# The same of the workshop.
PAGES = 60
PARTS = ("rasa", "chat", "desk", "workshop")
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("ASSISTENT_")},
    "RASA_TELEMETRY_ENABLED": "false", "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1",
}  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sample", type=int, default=971, help="utterances that both pipelines are trained on")
    parser.add_argument("--seconds", type=int, default=60, help="length of the steady load")
    parser.add_argument("--burst", type=int, default=400, help="messages of each throughput measure")
    parser.add_argument("--rows", type=int, default=1_000_000, help="stored messages of the large database; 0: skip")
    parser.add_argument("--no-peer", action="store_true", help="ours alone")
    parser.add_argument(
        "--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART", help=f"these parts alone: {', '.join(PARTS)}"
    )
    parser.add_argument("--requests", type=int, default=100_000, help="requests of the console's large database")
    parser.add_argument("--consoles", type=int, default=200, help="pages of the console open at once")
    parser.add_argument("--write", type=Path, help="also write the figures there")
    options = parser.parse_args()
    through_rasa, through_chat, console, atelier = {}, {}, {}, {}
    sections = [
        (f"Through Rasa's REST channel, trained on the same {options.sample} utterances", through_rasa),
        ("Chat API, whole model", through_chat),
        ("Console", console),
        ("Workshop", atelier),
    ]
    with tempfile.TemporaryDirectory(prefix="assistent-bench-") as name:
        folder = Path(name)
        if "rasa" in options.only:
            measure_pipelines(folder, options, through_rasa)
        if "chat" in options.only:
            measure_chat(folder, options, through_chat)
        if "desk" in options.only:
            measure_desk(folder, options, console)
        if "workshop" in options.only:
            measure_workshop(folder, atelier)
    report = render([(title, columns) for title, columns in sections if columns])
    print(report)
    if options.write:
        page = options.write.read_text(encoding="utf-8") if options.write.exists() else ""
        _, heading, soak = page.partition("\n## Soak")  # `make soak` and its figures are another proof's: they stay
        options.write.write_text(report.rstrip("\n") + "\n" + heading + soak, encoding="utf-8")
    return 0


# --- the two pipelines ------------------------------------------------------------------------


def tell(column: dict) -> dict:
    """Print what was measured at once: the peer takes half an hour, and what follows it may fail."""
    print(json.dumps(column, ensure_ascii=False), flush=True)
    return column


def measure_pipelines(folder: Path, options: argparse.Namespace, figures: dict[str, dict]) -> None:
    """Measure ours, then the peer's."""
    utterances = sample(read_utterances(ROOT / "data" / "nlu"), options.sample)
    figures["AssistENT"] = tell(measure_pipeline(folder / "ours", ROOT / "config.yml", utterances, options))
    if not options.no_peer:
        config = ROOT / "benchmarks/peer/config.yml"
        figures["pair"] = tell(measure_pipeline(folder / "peer", config, utterances, options))


def measure_pipeline(
    folder: Path, config: Path, utterances: list[tuple[str, str]], options: argparse.Namespace
) -> dict:
    """Train, start, load; return the figures."""
    folder.mkdir()
    by_intent = defaultdict(list)
    for intent, text in utterances:
        by_intent[intent].append(text)
    nlu = [
        {"intent": intent, "examples": "".join(f"- {text}\n" for text in texts)} for intent, texts in by_intent.items()
    ]
    (folder / "nlu.yml").write_text(
        yaml.safe_dump({"version": "3.1", "nlu": nlu}, allow_unicode=True), encoding="utf-8"
    )
    shutil.copytree(ROOT / "data" / "stories", folder / "stories")
    started = time.monotonic()
    run_rasa(
        "train", "--config", str(config), "--domain", str(ROOT / "domain.yml"), "--data", str(folder / "nlu.yml"),
        str(folder / "stories"), "--out", str(folder), "--fixed-model-name", "model", log=folder / "train.log",
    )  # fmt: skip
    figures = {"training (s)": round(time.monotonic() - started, 1)}
    model = folder / "model.tar.gz"
    figures["model (MB)"] = round(model.stat().st_size / 1e6, 1)
    (folder / "credentials.yml").write_text("rest:\n", encoding="utf-8")
    (folder / "endpoints.yml").write_text("{}\n", encoding="utf-8")
    (port,) = free_ports(1)
    started = time.monotonic()
    with running(
        [str(RASA), "-m", "rasa", "run", "--model", str(model), "--interface", "127.0.0.1", "--port", str(port),
         "--credentials", str(folder / "credentials.yml"), "--endpoints", str(folder / "endpoints.yml")],
        folder / "run.log", {},
    ) as process:  # fmt: skip
        url = f"http://127.0.0.1:{port}/webhooks/rest/webhook"
        wait_for(lambda: ask_rest(url, "bonjour"), 180)
        figures["ready in (s)"] = round(time.monotonic() - started, 1)
        # No action server here: what would call one is left out of the load.
        texts = [text for intent, text in utterances if intent not in ("parler_humain", "suivre_ticket")]
        figures |= asyncio.run(load(lambda http: RestClient(http, url), texts, options))
        figures["resident memory (MB)"] = round(memory([process.pid]) / 1e6)
    return figures


def run_rasa(*arguments: str, log: Path) -> None:
    with log.open("wb") as output:
        subprocess.run(
            [str(RASA), "-m", "rasa", *arguments], cwd=ROOT, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=output,
            stderr=subprocess.STDOUT, check=True, timeout=3000,
        )  # fmt: skip


def ask_rest(url: str, text: str) -> bool:
    body = json.dumps({"sender": str(uuid.uuid4()), "message": text}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as reply:
        return bool(json.load(reply))


# --- the chat API -----------------------------------------------------------------------------


def measure_chat(folder: Path, options: argparse.Namespace, figures: dict[str, dict]) -> None:
    """Start everything as `make run` does; load it on an empty database, then on a large one; fill `figures`."""
    names = ("ASSISTENT_PORT", "ASSISTENT_RASA_PORT", "ASSISTENT_RASA_B_PORT", "ASSISTENT_ACTIONS_PORT")
    ports = free_ports(4)
    var = folder / "var"
    environment = {
        **dict(zip(names, map(str, ports), strict=True)), "ASSISTENT_VAR_DIR": str(var), "ASSISTENT_RATE_LIMITS": "off",
    }  # fmt: skip
    url = f"http://127.0.0.1:{ports[0]}"
    texts = [text for texts in read_utterances(ROOT / "data" / "nlu").values() for text in texts[:3]]
    for name, rows in (("empty database", 0), (f"{options.rows:,} stored messages", options.rows)):
        if name != "empty database" and not rows:
            continue
        if rows:
            fill(var / "assistent.db", rows)
        started = time.monotonic()
        with running([sys.executable, "-m", "bot", "run"], folder / "run.log", environment) as process:
            wait_for(lambda: get(f"{url}/healthz") == 200, 180)
            page = time.monotonic() - started
            wait_for(lambda: get(f"{url}/readyz") == 200, 600)
            ready = time.monotonic() - started
            column = {"page answers in (s)": round(page, 1), "ready in (s)": round(ready, 1)}
            without: list[str] = []
            column |= asyncio.run(load(lambda http, lost=without: ChatClient(http, url, lost), texts, options))
            column["answers given without the engine"] = len(without)
            family = [process.pid, *(child.pid for child in psutil.Process(process.pid).children(recursive=True))]
            column["resident memory, all processes (MB)"] = round(memory(family) / 1e6)
            figures[name] = tell(column)


def fill(database: Path, rows: int) -> None:
    """Store conversations of ten messages until there are `rows`, straight into SQLite, and 1,000 versions of articles."""
    import sqlite3

    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    with contextlib.closing(sqlite3.connect(database)) as connection:
        articles = connection.execute("SELECT topic, version, state, updated_at FROM articles").fetchall()
        versions = dict(connection.execute("SELECT topic, source FROM article_versions WHERE number = 1").fetchall())
        for number in range(1000 - len(articles)):
            topic, _, state, at = articles[number % len(articles)]
            copy = f"{topic[:60]}_copie_{number}"
            source = versions[topic].replace(f"topic: {topic}\n", f"topic: {copy}\n")
            connection.execute("INSERT INTO articles VALUES (?, 1, ?, ?)", (copy, state, at))
            connection.execute(
                "INSERT INTO article_versions (topic, number, source, digest, origin, author, reason, at) "
                "VALUES (?, 1, ?, ?, 'fichier', 'bench', 'bench', ?)", (copy, source, uuid.uuid4().hex * 2, now),
            )  # fmt: skip
        connection.execute("INSERT INTO persons (id, created_at) VALUES ('bench', ?)", (now,))
        for start in range(0, rows, 100_000):
            conversations, messages, results = [], [], []
            for _ in range(start, min(start + 100_000, rows), 10):
                conversation = str(uuid.uuid4())
                conversations.append((conversation, "bench", "parent", None, False, "{}", 10, now, now))
                for position in range(1, 11):
                    message = str(uuid.uuid4())
                    sender = "user" if position % 2 else "bot"
                    client = str(uuid.uuid4()) if position % 2 else None
                    messages.append(
                        (message, conversation, position, sender, "où sont les devoirs ? " * 4, "{}", client, now)
                    )
                    if position % 2:
                        results.append((message, "answer", "cdt_consulter_devoirs", 0.9, "[]", "[]", 12))
            connection.executemany(
                "INSERT INTO conversations (id, person_id, profile, uai, signed, state, last_position, opened_at, last_at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", conversations,
            )  # fmt: skip
            connection.executemany(
                "INSERT INTO messages (id, conversation_id, position, sender, text, extras, client_id, at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)", messages,
            )  # fmt: skip
            connection.executemany(
                "INSERT INTO results (message_id, outcome, topic, confidence, choices, ranking, took_ms) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)", results,
            )  # fmt: skip
            connection.commit()


# --- the console ------------------------------------------------------------------------------


def measure_desk(folder: Path, options: argparse.Namespace, figures: dict[str, dict]) -> None:
    """Measure the console over a tenth of the requests, then over all; then an outage that many report."""
    columns = []
    for tickets in (options.requests // 10, options.requests):
        var = folder / f"desk-{tickets}"
        asyncio.run(desk.prepare(var, tickets))
        with running_web(folder, var) as url:
            consoles = options.consoles if tickets == options.requests else 0
            columns.append(asyncio.run(desk.measure_site(url, var, min(OPENED, tickets), consoles=consoles)))
        figures[f"{tickets:,} requests"] = tell(columns[-1])
        shutil.rmtree(var)
    few, many = columns
    figures["times as long"] = tell({name: round(many[name] / few[name], 2) for name in few if name.endswith("(ms)")})
    figures["an outage"] = tell(asyncio.run(desk.measure_outage(folder / "outage")))


@contextlib.contextmanager
def running_web(folder: Path, var: Path) -> Iterator[str]:
    """Run the web process over a folder's database; no engine listens, which neither the console nor the workshop needs."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    environment = {
        "ASSISTENT_PORT": str(port), "ASSISTENT_VAR_DIR": str(var), "ASSISTENT_RATE_LIMITS": "off",
        "ASSISTENT_RASA_PORT": "9", "ASSISTENT_RASA_B_PORT": "10", "ASSISTENT_ACTIONS_PORT": "11", **desk.SIGNING,
    }  # fmt: skip
    with running([sys.executable, "-m", "bot", "web"], folder / "web.log", environment):
        wait_for(lambda: get(f"{url}/healthz") == 200, 60)
        yield url


# --- the workshop -----------------------------------------------------------------------------


def measure_workshop(folder: Path, figures: dict[str, dict]) -> None:
    """Measure the workshop's pages over very many messages and versions; then how long grouping takes."""
    var = folder / "workshop"
    asyncio.run(desk.prepare(var, workshop.CONVERSATIONS))
    workshop.fill_workshop(var / "assistent.db")
    with running_web(folder, var) as url:
        pages = asyncio.run(workshop.measure_workshop(url, var, PAGES))
    figures[f"{workshop.LINES:,} messages, {workshop.VERSIONS:,} versions"] = tell(pages)
    figures["grouping"] = tell(asyncio.run(workshop.measure_grouping()))


# --- load -------------------------------------------------------------------------------------


class RestClient:
    """A person on Rasa's REST channel."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http, self._url = http, url
        self._sender = str(uuid.uuid4())

    async def open(self) -> None:
        self._sender = str(uuid.uuid4())

    async def say(self, text: str) -> None:
        async with self._http.post(self._url, json={"sender": self._sender, "message": text}) as reply:
            assert reply.status == 200
            await reply.json()


class ChatClient:
    """A person on the chat API."""

    def __init__(self, http: aiohttp.ClientSession, url: str, without_engine: list[str]) -> None:
        self._http, self._url, self.without_engine = http, url, without_engine
        self._token = ""

    async def open(self) -> None:
        async with self._http.post(f"{self._url}/api/v1/sessions", json={"profile": "parent"}) as reply:
            self._token = (await reply.json())["token"]

    async def say(self, text: str) -> None:
        headers = {"Authorization": f"Bearer {self._token}"}
        body = {"id": str(uuid.uuid4()), "text": text}
        async with self._http.post(f"{self._url}/api/v1/messages", json=body, headers=headers) as reply:
            answer = await reply.json()
            assert reply.status == 200, answer
            if answer["result"]["outcome"] == "degraded":
                self.without_engine.append(text)


async def load(make_client, texts: list[str], options: argparse.Namespace) -> dict:
    """Measure latency at a steady rate, then throughput with more and more clients."""
    chooser = random.Random(SEED)
    figures: dict[str, object] = {}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        warm = make_client(http)
        await warm.open()
        for text in chooser.sample(texts, 20):
            await warm.say(text)
        times: list[float] = []

        async def timed(text: str) -> None:
            # Each person says one thing in a conversation of his own; opening it is not counted.
            client = make_client(http)
            await client.open()
            started = time.perf_counter()
            await client.say(text)
            times.append((time.perf_counter() - started) * 1000)

        tasks = []
        begun = time.monotonic()
        for number in range(options.seconds * RATE):
            await asyncio.sleep(max(0.0, begun + number / RATE - time.monotonic()))
            tasks.append(asyncio.create_task(timed(chooser.choice(texts))))
        await asyncio.gather(*tasks)
        cuts = statistics.quantiles(times, n=100)
        for name, value in (("p50", cuts[49]), ("p95", cuts[94]), ("p99", cuts[98])):
            figures[f"{name} at {RATE} messages/s (ms)"] = round(value, 1)
        for count in CLIENTS:
            figures[f"messages/s, {count} client{'s' if count > 1 else ''}"] = await throughput(
                make_client, http, count, options.burst, texts
            )
    return figures


async def throughput(make_client, http: aiohttp.ClientSession, count: int, total: int, texts: list[str]) -> float:
    chooser = random.Random(count)
    clients = [make_client(http) for _ in range(count)]
    for client in clients:
        await client.open()
    started = time.perf_counter()

    async def talk(client) -> None:
        for said in range(total // count):
            # Rasa reads a conversation anew at each message: one of four hundred would measure nobody's.
            if said and said % TURNS == 0:
                await client.open()
            await client.say(chooser.choice(texts))

    await asyncio.gather(*(talk(client) for client in clients))
    return round(total // count * count / (time.perf_counter() - started), 1)


# --- pieces -----------------------------------------------------------------------------------


@contextlib.contextmanager
def running(command: list[str], log: Path, environment: dict[str, str]):
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**ENVIRONMENT, **environment}, stdin=subprocess.DEVNULL, stdout=output,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(condition, seconds: float) -> None:
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        with contextlib.suppress(OSError, urllib.error.URLError, ValueError):
            if condition():
                return
        time.sleep(0.1)
    raise SystemExit(f"bench: nothing answered within {seconds} s")


def get(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:
            return reply.status
    except urllib.error.HTTPError as error:
        return error.code


def memory(pids: list[int]) -> int:
    """Resident bytes of these processes; pages that two share count twice."""
    total = 0
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            total += psutil.Process(pid).memory_info().rss
    return total


def render(sections: list[tuple[str, dict[str, dict]]]) -> str:
    now = datetime.datetime.now(datetime.UTC)
    lines = [
        "# Benchmarks", "",
        f"`make bench`, {now:%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}.", "",
    ]  # fmt: skip
    for title, columns in sections:
        names = list(columns)
        lines += [f"## {title}", "", f"| figure | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]
        figures = list(dict.fromkeys(figure for column in columns.values() for figure in column))
        lines += [
            f"| {figure} | {' | '.join(str(columns[name].get(figure, '')) for name in names)} |" for figure in figures
        ]
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
