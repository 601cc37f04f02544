"""The console's figures: the queue and a request over many tickets, live pages, an outage that many report.

Called by bench.py, which starts the site; only loopback is spoken to.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import json
import random
import sqlite3
import statistics
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import aiohttp
import sqlalchemy as sa
import yaml
from yarl import URL

from bot import migrations
from bot.clock import FixedClock, SystemClock
from bot.connectors.models import Connector, ExchangeStep
from bot.conversations.models import Conversation
from bot.db import Database
from bot.escalation.models import Group, IncidentPerson, Ticket
from bot.escalation.outages import tell_ended
from bot.escalation.promises import save_promises
from bot.escalation.rules import ticket_number
from bot.escalation.setup import save_routing
from bot.knowledge.service import import_articles
from bot.people.accounts import NewGrant
from bot.people.service import save_schools
from bot.people.sign_in import open_session
from bot.rollout.tally import count_questions
from bot.settings import ROOT, read_settings
from bot.topics import load_topics
from bot.web.app import create_app
from tests.integration.console import SESSION, add_account, signed_in
from tests.integration.exchanges import GROUP, open_post
from tests.integration.gateway import Api, GatewayThread, ScriptedEngine
from tests.integration.tools import SECRET, serve, webhook

SCHOOLS = 3_000
# Of a year's requests, a tenth is open.
STATES = ["nouveau", "en_cours", "en_attente", "resolu", "resolu", *["clos"] * 15]
RATE, SECONDS = 20, 20
PERSONS, WITHIN = 300, datetime.timedelta(minutes=10)
AGENT = NewGrant("agent_n2", "academie", "Valmont")
QUEUE = "/console/demandes"
# What the groups' tools are signed with: named on the connector, given by the environment.
SIGNED_BY = "ASSISTENT_CONNECTOR_BENCH"
SIGNING = {SIGNED_BY: SECRET}


# --- a database of many requests --------------------------------------------------------------


def storage_of(var: Path) -> str:
    return read_settings({"ASSISTENT_VAR_DIR": str(var)}).storage_url


async def prepare(var: Path, tickets: int = 0) -> None:
    """Make a database in a folder, of the demonstration's territory and as many requests."""
    var.mkdir(parents=True)
    await asyncio.to_thread(migrations.upgrade, ROOT, storage_of(var))
    database = Database(storage_of(var))
    data = yaml.safe_load((ROOT / "deploy" / "demonstration.yml").read_text(encoding="utf-8"))
    async with database.transaction() as session:
        await save_schools(session, data["schools"])
        await save_routing(session, data["groups"], data["routes"])
        await save_promises(session, data["calendars"], data["delays"])
    await import_articles(database, ROOT / "knowledge", load_topics(), SystemClock(), author="bench")
    if tickets:
        await asyncio.to_thread(fill, var / "assistent.db", tickets)
        # A site counts questions as they come: all at once, it would do so while it is measured.
        while await count_questions(database, SystemClock()):
            pass
    await database.close()


def fill(path: Path, tickets: int) -> None:
    """Store requests straight into SQLite, each with its history and a conversation of ten messages, over 3,000 schools."""
    chooser = random.Random(tickets)
    now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    topics = [topic.id for topic in load_topics() if not topic.is_dialogue]
    schools = [f"099{number:04}X" for number in range(SCHOOLS)]
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executemany(
            "INSERT INTO schools (uai, name, commune, degree, departement, academie) VALUES (?, ?, 'Valmont', '1er', ?, 'Valmont')",
            [(uai, f"École {place}", f"Département {place % 8}") for place, uai in enumerate(schools)],
        )
        for start in range(1, tickets + 1, 10_000):
            rows: dict[str, list[tuple]] = {name: [] for name in _INSERTS}
            for number in range(start, min(start + 10_000, tickets + 1)):
                # Within the time that conversations are kept: the first purge would take the rest away.
                at = now - datetime.timedelta(minutes=2 * (tickets - number))
                _add(rows, number, chooser, at, now, schools, topics)
            for name, columns in _INSERTS.items():
                marks = ", ".join("?" * len(columns.split(",")))
                connection.executemany(f"INSERT INTO {name} ({columns}) VALUES ({marks})", rows[name])
            connection.commit()


_INSERTS = {
    "persons": "id, created_at",
    "conversations": "id, person_id, profile, uai, signed, state, last_position, opened_at, last_at",
    "messages": "id, conversation_id, position, sender, text, extras, client_id, at",
    "results": "message_id, outcome, topic, confidence, choices, ranking, took_ms",
    "tickets": "id, number, message_id, conversation_id, person_id, profile, uai, school, school_checked, topic, page, browser, "
    "level, state, group_id, priority, answer_by, warn_by, alert, problem, context, opened_at, updated_at",
    "ticket_events": "ticket_id, kind, author, data, at",
}


def _add(rows: dict[str, list[tuple]], number: int, chooser: random.Random, at: datetime.datetime, now: datetime.datetime,
         schools: list[str], topics: list[str]) -> None:  # fmt: skip
    when, conversation, person = f"{at:%Y-%m-%d %H:%M:%S.%f}", str(uuid.uuid4()), str(uuid.uuid4())
    place, state = chooser.randrange(len(schools)), chooser.choice(STATES)
    level, topic = chooser.choice((2, 2, 2, 3)), chooser.choice(topics)
    group = "editeur" if level == 3 else chooser.choice(("dan", "dsi"))
    due = now + datetime.timedelta(minutes=chooser.randrange(-3_000, 3_000))
    by = f"{due:%Y-%m-%d %H:%M:%S.%f}" if state in ("nouveau", "en_cours") else None
    rows["persons"].append((person, when))
    rows["conversations"].append((conversation, person, "parent", schools[place], False, "{}", 10, when, when))
    for position in range(1, 11):
        message, mine = str(uuid.uuid4()), bool(position % 2)
        rows["messages"].append(
            (message, conversation, position, "user" if mine else "bot", "où sont les devoirs de ma fille ? " * 3, "{}",
             str(uuid.uuid4()) if mine else None, when)
        )  # fmt: skip
        if mine:
            rows["results"].append((message, "answer", topic, 0.9, "[]", f'[["{topic}", 0.9]]', 12))
    rows["tickets"].append(
        (number, ticket_number(number, at.year), str(uuid.uuid4()), conversation, person, "parent", schools[place],
         f"École {place}, Valmont", True, topic, "", "", level, state, group, "normale", by, by, "depasse" if by and due < now else None,
         f"Le cahier de textes de la classe {number % 97} reste vide depuis lundi. " * 3, "{}", when, when)
    )  # fmt: skip
    rows["ticket_events"] += [(number, kind, "Agent", "{}", when) for kind in ("ouvert", "pris", "reponse", "resolu")]


@contextlib.asynccontextmanager
async def agent_of(url: str, database: Database, grant: NewGrant = AGENT) -> AsyncIterator[aiohttp.ClientSession]:
    """Open a browser where an agent is signed in."""
    async with aiohttp.ClientSession(
        cookie_jar=aiohttp.CookieJar(unsafe=True), connector=aiohttp.TCPConnector(limit=0)
    ) as http:
        http.cookie_jar.update_cookies({SESSION: await sign_in(database, grant)}, URL(url))
        yield http


async def sign_in(database: Database, grant: NewGrant) -> str:
    """Make an account with a role, and a session of it; return its token."""
    login = f"{uuid.uuid4()}@bench.example"
    account = await add_account(database, SystemClock(), login=login, name=f"Agent {login[:8]}", grants=[grant])
    async with database.transaction() as session:
        return await open_session(session, SystemClock().now(), account, "bench")


# --- pages ------------------------------------------------------------------------------------


async def measure_site(url: str, var: Path, count: int, *, consoles: int) -> dict[str, float]:
    """Measure the pages of a running site over the database of its folder; and `consoles` open pages of it."""
    database = Database(storage_of(var))
    await measure_pages(url, database, 20)
    figures = await measure_pages(url, database, count) | await measure_opening(url, database, count)
    if consoles:
        figures |= await measure_live(url, database, consoles)
    await database.close()
    return figures


async def measure_pages(url: str, database: Database, count: int) -> dict[str, float]:
    """Return how long the queue and a request take to open, one after another."""
    chooser = random.Random(count)
    async with database.reading() as session:
        last = await session.scalar(sa.select(sa.func.max(Ticket.id)))
        some = (
            await session.scalars(
                sa.select(Ticket.number).where(Ticket.id.in_(chooser.sample(range(1, last + 1), count)))
            )
        ).all()
    figures = {}
    async with agent_of(url, database) as http:
        queues = {
            "queue": ["", "?state=ouvertes&sort=recentes", "?state=ouvertes&late=True", "?state=&sort=recentes", "?page=3"],
            "queue, filtered": ["?state=ouvertes&group=dsi&level=2", "?state=clos", f"?state=&topic={chooser.choice(list(load_topics())).id}"],
            "queue, sorted by a column": [f"?sort={name}" for name in ("ecole", "-profil", "etat", "niveau", "ouverture")],
            "queue, searched by words": ["?text=classe+42", "?text=cahier", "?state=&text=absent"],
        }  # fmt: skip
        for name, asked in queues.items():
            times = [await timed(http, url + QUEUE + asked[turn % len(asked)]) for turn in range(count // 2)]
            figures[f"{name}, p95 (ms)"] = p95(times)
        figures["a request, p95 (ms)"] = p95([await timed(http, f"{url}{QUEUE}/{number}") for number in some])
    return figures


async def measure_opening(url: str, database: Database, count: int) -> dict[str, float]:
    """Return how long the message that opens a request takes: routed, numbered, its deadlines set, queued for the group's tool.

    The group's tool is out: what it takes is the courier's time, not the person's.
    """
    async with database.transaction() as session:
        for group in (await session.scalars(sa.select(Group.id))).all():
            # Nothing listens at that port.
            signing = {"signing": SIGNED_BY}
            session.add(
                Connector(group_id=group, kind="webhook", address="http://127.0.0.1:9/", secrets=signing, options={})
            )
    times: list[float] = []
    async with aiohttp.ClientSession() as http:
        for number in range(count):
            await begin(http, url, f"099{number % SCHOOLS:04}X", times)
    async with database.transaction() as session:
        queued = await session.scalar(sa.select(sa.func.count()).select_from(ExchangeStep))
        # What is measured afterwards has no courier at work beside it.
        await session.execute(sa.delete(ExchangeStep))
        await session.execute(sa.delete(Connector))
    assert queued >= count, f"{queued} of {count} requests are queued for a tool"
    return {"opening a request, besides the tool, p95 (ms)": p95(times)}


async def timed(http: aiohttp.ClientSession, address: str) -> float:
    started = time.perf_counter()
    async with http.get(address, allow_redirects=False) as reply:
        assert reply.status == 200, (reply.status, address)
        await reply.read()
    return (time.perf_counter() - started) * 1000


def p95(times: list[float]) -> float:
    return round(statistics.quantiles(times, n=100)[94], 1)


# --- live -------------------------------------------------------------------------------------


async def measure_live(url: str, database: Database, consoles: int) -> dict[str, float]:
    """Return how far behind référents' open pages are while persons write: told, then shown (the page read again)."""
    async with database.reading() as session:
        rows = await session.execute(
            sa.select(Ticket.uai, sa.func.max(Ticket.id)).where(Ticket.state == "nouveau", Ticket.level == 2)
            .group_by(Ticket.uai).order_by(Ticket.uai).limit(consoles)
        )  # fmt: skip
        schools = [uai for uai, _ in rows]
    told: list[float] = []
    shown: list[float] = []
    sent: dict[str, list[float]] = {}
    async with contextlib.AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        tokens = [await sign_in(database, NewGrant("referent", "etablissement", uai)) for uai in schools]
        chats = [await begin(http, url, uai) for uai in schools]
        await take_over(database, len(chats))
        sent.update({number: [] for _, number in chats})
        ready = [asyncio.Event() for _ in schools]
        pages = [
            asyncio.create_task(watch(url, token, ready[place], sent, told, shown))
            for place, token in enumerate(tokens)
        ]
        await asyncio.gather(*(one.wait() for one in ready))
        chooser, begun = random.Random(1), time.monotonic()
        said = []
        for number in range(RATE * SECONDS):
            await asyncio.sleep(max(0.0, begun + number / RATE - time.monotonic()))
            said.append(asyncio.create_task(write(http, url, *chooser.choice(chats), sent)))
        await asyncio.gather(*said)
        await asyncio.sleep(5)
        for page in pages:
            page.cancel()
        await asyncio.gather(*pages, return_exceptions=True)
    missed = sum(map(len, sent.values()))
    return {
        "messages": RATE * SECONDS, "consoles": len(schools), "told late, p95 (s)": round(p95(told), 2),
        "told late, max (s)": round(max(told), 2), "shown late, p95 (s)": round(p95(shown), 2),
        "shown late, max (s)": round(max(shown), 2), "messages that no page was told of": missed,
    }  # fmt: skip


async def begin(http: aiohttp.ClientSession, url: str, uai: str, times: list[float] | None = None) -> tuple[str, str]:
    """Open a conversation and a request in it; return its bearer and the request's number, and note how long opening it took."""
    async with http.post(f"{url}/api/v1/sessions", json={"profile": "parent", "uai": uai}) as reply:
        token = (await reply.json())["token"]
    answer = {}
    for body in (
        {"text": "je veux parler à quelqu’un"},
        {"text": "Le blog de la classe est vide"},
        {"choice": "demande:envoyer"},
    ):
        started = time.perf_counter()
        answer = await post(http, url, token, body)
    if times is not None:
        times.append((time.perf_counter() - started) * 1000)
    return token, answer["messages"][0]["ticket"]["number"]


async def post(http: aiohttp.ClientSession, url: str, token: str, body: dict) -> dict:
    headers = {"Authorization": f"Bearer {token}"}
    async with http.post(f"{url}/api/v1/messages", json={"id": str(uuid.uuid4()), **body}, headers=headers) as reply:
        answer = await reply.json()
        assert reply.status == 200, answer
        return answer


async def take_over(database: Database, count: int) -> None:
    """Let somebody speak in the assistant's place in the conversations of the last requests: what is said there is told."""
    async with database.transaction() as session:
        newest = sa.select(Ticket.conversation_id).order_by(Ticket.id.desc()).limit(count)
        await session.execute(
            sa.update(Conversation).where(Conversation.id.in_(newest)).values(taken_by="bench")
            .execution_options(synchronize_session=False)
        )  # fmt: skip


async def write(http: aiohttp.ClientSession, url: str, token: str, number: str, sent: dict[str, list[float]]) -> None:
    sent[number].append(time.monotonic())
    await post(http, url, token, {"text": "Vous avez pu regarder ?"})


async def watch(url: str, token: str, ready: asyncio.Event, sent: dict[str, list[float]], told: list[float],
                shown: list[float]) -> None:  # fmt: skip
    """Do what live.js does with an open page of the queue, noting how old each message is when it is told, then shown."""
    chooser, waiting, wanted = random.Random(token), [], asyncio.Event()
    async with aiohttp.ClientSession(cookies={SESSION: token}, timeout=aiohttp.ClientTimeout(total=None)) as http:

        async def refresh() -> None:
            while True:
                await wanted.wait()
                await asyncio.sleep(chooser.random() * 0.4)
                wanted.clear()
                asked = list(waiting)
                waiting.clear()
                started = time.monotonic()
                await timed(http, url + QUEUE)
                shown.extend(time.monotonic() - instant for instant in asked)
                await asyncio.sleep(max(0.0, started + 1 - time.monotonic()))

        reading = asyncio.create_task(refresh())
        try:
            async with http.get(f"{url}/console/flux") as stream:
                event = ""
                async for raw in stream.content:
                    name, _, value = raw.decode().strip().partition(": ")
                    if name == "event":
                        event = value
                        if value == "pret":
                            ready.set()
                    elif name == "data" and event == "change":
                        now = time.monotonic()
                        for number in json.loads(value):
                            instants = sent.get(number, [])
                            waiting += instants
                            told.extend(now - instant for instant in instants)
                            instants.clear()
                        wanted.set()
        finally:
            reading.cancel()


# --- an outage that many report ---------------------------------------------------------------


async def measure_outage(folder: Path) -> dict[str, object]:
    """Let 300 persons meet one outage in ten minutes of a clock of our own; return what became of it, and what it took."""
    await prepare(folder)
    database = Database(storage_of(folder))
    clock = FixedClock(datetime.datetime(2026, 11, 23, 9, 0, tzinfo=datetime.UTC))
    settings = read_settings({"ASSISTENT_VAR_DIR": str(folder), "ASSISTENT_RATE_LIMITS": "off"})
    settings = replace(settings, connector_secrets=SIGNING)
    async with (
        serve(partial(webhook, clock=clock), "/assistent") as tool,
        open_post(
            database, clock, {"group": GROUP, "kind": "webhook", "address": tool.address, "secrets": {"signing": SIGNED_BY}},
            secrets=SIGNING,
        ) as post,
    ):  # fmt: skip
        gateway = await asyncio.to_thread(
            GatewayThread, lambda: create_app(settings, engine=ScriptedEngine(), clock=clock, utterances={})
        )
        account = await add_account(database, clock, name="Agent", grants=[AGENT])
        try:
            async with (
                aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http,
                signed_in(gateway.base, database, clock, account) as browser,
            ):
                figures = await suffer(Api(http, gateway.base), browser, database, clock, post)
        finally:
            await asyncio.to_thread(gateway.close)
        figures["requests in the group's tool"] = len(tool.desk.issues)
    await database.close()
    return figures


async def suffer(api: Api, browser, database: Database, clock: FixedClock, post) -> dict[str, object]:
    """One person asks every two seconds; an agent opens the incident when it is proposed; one in three opens a request too."""
    topic, incident, alone, tickets, started = "cdt_consulter_devoirs", "", 0, 0, time.perf_counter()
    chats = []
    for number in range(PERSONS):
        clock.advance(WITHIN / PERSONS)
        chat = await api.open("parent", "0750002V")
        chats.append(chat)
        reply = await chat.say("Où sont les devoirs de ma fille")
        if not incident:
            alone += 1
            page = await browser.get("/console/incidents")
            if "/nouveau?topic=" in page.text:
                page = await browser.post(
                    "/console/incidents/nouveau", topic=topic, place="academie:Valmont", title="Devoirs en panne",
                    text="Retour prévu à 14 h.",
                )  # fmt: skip
                incident = page.location.partition("?")[0]
                # What is open is looked at every other second of the real clock.
                await asyncio.sleep(2.5)
        elif number % 3 == 0:
            assert reply["result"]["outcome"] == "incident", reply
            await chat.open_ticket("Le cahier de textes est vide")
            tickets += 1
    assert incident
    await post.rounds()
    page = await browser.post(f"{incident}/terminer", text="Les devoirs sont revenus.")
    assert page.status == 303
    while await tell_ended(database, clock):
        pass
    await post.rounds()
    heard = [(await chat.history())[-1]["text"] for chat in chats]
    async with database.reading() as session:
        attached = await session.scalar(sa.select(sa.func.count()).select_from(IncidentPerson))
        told = await session.scalar(sa.select(sa.func.count(IncidentPerson.told_at)))
        left = await session.scalar(sa.select(sa.func.count()).where(ExchangeStep.state != "envoye"))
        still = await session.scalar(
            sa.select(sa.func.count()).where(Ticket.state.in_(("nouveau", "en_cours", "en_attente")))
        )
    page = await browser.get("/console/incidents")
    return {
        "persons, in ten minutes": len(chats), "persons before it was proposed": alone,
        "incidents": page.text.count('data-label="Incident"'), "persons attached": attached, "requests of theirs": tickets,
        "persons told of the end": told, "read it in their conversation": sum("est terminé" in text for text in heard),
        "requests still open": still, "not sent to the tool": left, "took (s)": round(time.perf_counter() - started, 1),
    }  # fmt: skip
