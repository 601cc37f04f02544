"""Databases made ready once and copied, the gateway that most tests share, and one of a test's own."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest
import structlog
import yaml
from aiohttp import web, web_app
from sqlalchemy.engine import make_url

from bot import migrations
from bot.chat.engine import Engine
from bot.clock import FixedClock
from bot.db import Database
from bot.escalation.promises import save_promises
from bot.escalation.setup import save_routing
from bot.knowledge import service as knowledge
from bot.people.models import Account
from bot.people.service import save_schools
from bot.settings import ROOT, Issuer, Settings, read_settings
from bot.topics import load_topics
from bot.web.app import create_app
from bot.web.logs import drop_words
from tests.integration.console import Browser, Open, add_account, signed_in
from tests.integration.gateway import Api, GatewayThread, ScriptedEngine, run_apart
from tests.integration.jwts import write_issuers
from tests.postgres import Cluster

MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
# Enough articles for a conversation; reading all of them takes a second, which each test's own gateway would pay.
FEW = ("connexion/connexion_mot_de_passe_oublie.md", "connexion/connexion_changer_mot_de_passe.md", "cahier_de_textes/cdt_consulter_devoirs.md",
       "vie_de_classe/evaluation_consulter.md", "administration/admin_creer_compte.md",
       "protection/urgence_harcelement.md", "protection/urgence_compte_pirate.md")  # fmt: skip
KINDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]


@pytest.fixture(scope="session", autouse=True)
def _plain_logs() -> Iterator[None]:
    """A line an event, as in production: structlog's own default draws every failure, which takes seconds."""
    render = [
        structlog.processors.add_log_level,
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(),
    ]
    structlog.configure(processors=[drop_words, *render])
    yield
    structlog.reset_defaults()


@dataclass
class Store:
    """Where the databases of one kind are made."""

    kind: str
    folder: Path
    cluster: Cluster | None
    shared: str = ""
    _numbers = itertools.count(1)

    def url(self, name: str) -> str:
        """Return the address of a database."""
        if self.cluster is None:
            return f"sqlite+aiosqlite:///{self.folder / name}.db"
        return self.cluster.url(name)

    async def copy(self, name: str) -> str:
        """Return the address of a new copy of a database."""
        new = f"copy_{next(self._numbers)}"
        if self.cluster is None:
            shutil.copy(self.folder / f"{name}.db", self.folder / f"{new}.db")
        else:
            await self.sql(f'CREATE DATABASE "{new}" TEMPLATE "{name}"')
        return self.url(new)

    async def drop(self, url: str) -> None:
        """Remove a copy."""
        if self.cluster is None:
            for path in self.folder.glob(f"{Path(url).name}*"):
                path.unlink()
        else:
            await self.sql(f'DROP DATABASE IF EXISTS "{make_url(url).database}" WITH (FORCE)')

    async def sql(self, statement: str) -> None:
        """Run a statement outside any of them."""
        connection = await asyncpg.connect(host=str(self.cluster.folder), user=self.cluster.user, database="postgres")
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


async def furnish(url: str, folder: Path) -> None:
    """Migrate a database and load the demonstration's territory and the articles of `folder`."""
    await asyncio.to_thread(migrations.upgrade, ROOT, url)
    database = Database(url)
    data = yaml.safe_load((ROOT / "deploy" / "demonstration.yml").read_text(encoding="utf-8"))
    async with database.transaction() as session:
        await save_schools(session, data["schools"])
        await save_routing(session, data["groups"], data["routes"])
        await save_promises(session, data["calendars"], data["delays"])
        for layer in data["values"]:
            await knowledge.set_values(session, layer["scope"], layer["territory"], layer["set"])
    report = await knowledge.import_articles(database, folder, load_topics(), FixedClock(MONDAY), author="essai")
    assert not report.refused
    if url.startswith("sqlite"):
        # The copies are of the one file: nothing may be left in the log beside it.
        async with database.engine.connect() as connection:
            await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    await database.close()


@pytest.fixture(scope="session", params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Databases of each kind in turn: « all », furnished with the project's articles, and « few »."""
    folder = tmp_path_factory.mktemp(request.param)
    cluster = request.getfixturevalue("postgres_cluster") if request.param == "postgresql" else None
    store = Store(request.param, folder, cluster)
    few = folder / "knowledge"
    for name in FEW:
        (few / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "knowledge" / name, few / name)
    for name, articles in (("few", few), ("every", ROOT / "knowledge")):
        if cluster:
            run_apart(store.sql(f'CREATE DATABASE "{name}"'))
        run_apart(furnish(store.url(name), articles))
    # PostgreSQL copies no database that somebody is in: the shared gateway has one of its own.
    store.shared = run_apart(store.copy("every"))
    return store


def demonstration(var_dir: Path, url: str, **changes: Any) -> Settings:
    """Return the demonstration's settings on a database, limits off."""
    settings = read_settings(
        {"ASSISTENT_DATABASE_URL": url, "ASSISTENT_VAR_DIR": str(var_dir), "ASSISTENT_RATE_LIMITS": "off"}
    )
    return replace(settings, **changes)


@pytest.fixture(scope="session")
def issuers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Issuer, ...]:
    """The ENTs whose JWT are taken."""
    return write_issuers(tmp_path_factory.mktemp("keys"))


# --- one gateway for most tests ---------------------------------------------------------------


@pytest.fixture(scope="session")
def shared_engine() -> ScriptedEngine:
    """What the shared gateway's engine heard."""
    return ScriptedEngine()


@pytest.fixture(scope="session")
def gateway(
    store: Store, shared_engine: ScriptedEngine, issuers: tuple[Issuer, ...], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayThread]:
    """The application over the whole knowledge base, shared: each test opens conversations of its own."""
    settings = demonstration(tmp_path_factory.mktemp("var"), store.shared, issuers=issuers)
    none = settings.var_dir / "no-model"
    gateway = GatewayThread(lambda: create_app(settings, engine=shared_engine, clock=FixedClock(MONDAY), model=none))
    yield gateway
    gateway.close()


@pytest.fixture
async def api(gateway: GatewayThread) -> AsyncIterator[Api]:
    """A client of the shared gateway."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        yield Api(http, gateway.base)


@pytest.fixture
async def shared_database(gateway: GatewayThread, store: Store) -> AsyncIterator[Database]:
    """The shared gateway's database, from beside it."""
    database = Database(store.shared)
    yield database
    await database.close()


# --- a gateway of a test's own ----------------------------------------------------------------


@pytest.fixture
async def own_url(store: Store) -> AsyncIterator[str]:
    """The address of a database of the test's own, with few articles."""
    url = await store.copy("few")
    yield url
    await store.drop(url)


@pytest.fixture
async def own_database(own_url: str) -> AsyncIterator[Database]:
    """That database."""
    database = Database(own_url)
    yield database
    await database.close()


@pytest.fixture
def lock(own_url: str, store: Store) -> Callable[..., AbstractAsyncContextManager[None]]:
    """Hold the database from beside: `async with lock():`; with `"EXCLUSIVE"` PostgreSQL's tables can still be read."""

    @asynccontextmanager
    async def hold(mode: str = "ACCESS EXCLUSIVE") -> AsyncIterator[None]:
        if store.kind == "sqlite":
            with closing(sqlite3.connect(make_url(own_url).database, check_same_thread=False)) as other:
                # In a thread: the gateway, in this very loop, may have to end a transaction first.
                await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
                yield
                other.rollback()
            return
        name = make_url(own_url).database
        other = await asyncpg.connect(host=str(store.cluster.folder), user=store.cluster.user, database=name)
        await take_tables(other, mode)
        yield
        await other.execute("ROLLBACK")
        await other.close()

    return hold


async def take_tables(connection: asyncpg.Connection, mode: str) -> None:
    """Lock PostgreSQL's tables; the gateway's own first purge may be in the way, and then it is ours to begin again."""
    for _ in range(5):
        await connection.execute("BEGIN")
        try:
            await connection.execute(
                f"LOCK TABLE persons, conversations, messages, access_tokens, used_jwts, exchange_steps IN {mode} MODE"
            )
            return
        except asyncpg.DeadlockDetectedError:
            await connection.execute("ROLLBACK")
    raise AssertionError("the tables could not be had")


Start = Callable[..., Awaitable[Api]]


@pytest.fixture
async def start(
    own_url: str, clock: FixedClock, tmp_path: Path, issuers: tuple[Issuer, ...], aiohttp_client
) -> AsyncIterator[Start]:
    """Start a gateway: start(engine=…, app=…, and any setting); `clock` is its clock."""

    async def start_gateway(
        *, engine: Engine | None = None, utterances: dict | None = None, model: Path | None = None,
        learner: Sequence[str] | None = None, **changes: Any,
    ) -> Api:  # fmt: skip
        url = changes.pop("url", own_url)
        settings = demonstration(tmp_path / "var", url, **{"issuers": issuers, **changes})
        app: web.Application = create_app(
            settings, engine=engine or ScriptedEngine(), clock=clock, utterances=utterances or {},
            # No test trains the project's own model.
            model=model or tmp_path / "no-model", learner=learner or ("true",),
        )  # fmt: skip
        client = await aiohttp_client(app)
        return Api(client.session, client.make_url("/"), app=app, server=client.server)

    yield start_gateway
    # aiohttp remembers the applications of the last thousand handlers, where a program has one. With those of hundreds of
    # tests in memory the collector of garbage stops everything for seconds, and promises of seconds are not kept.
    web_app._cached_build_middleware.cache_clear()


@pytest.fixture
async def site(start: Start) -> Api:
    """A gateway of the test's own, the chat and the console of one database."""
    return await start()


@pytest.fixture
async def browser_of(site: Api, own_database: Database, clock: FixedClock) -> AsyncIterator[Open]:
    """Open a browser where somebody with these roles is signed in."""
    async with AsyncExitStack() as stack:

        async def open_one(*roles: str, **options) -> Browser:
            account = await add_account(own_database, clock, *roles, **options)
            return await stack.enter_async_context(signed_in(site.base, own_database, clock, account))

        yield open_one


@pytest.fixture
async def admin(own_database: Database, clock: FixedClock) -> Account:
    """The administrator."""
    return await add_account(own_database, clock, "administrateur", name="Alix Chef")


@pytest.fixture
async def browser(site: Api, own_database: Database, clock: FixedClock, admin: Account) -> AsyncIterator[Browser]:
    """The administrator's browser."""
    async with signed_in(site.base, own_database, clock, admin) as opened:
        yield opened
