"""The database: engine, sessions, and what the two dialects need. SQLite by default, PostgreSQL by address."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import InterfaceError, OperationalError, TimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.sql.functions import FunctionElement

from bot.errors import StorageUnavailable

log = structlog.get_logger(__name__)

# A writer waits this long for another before the person is told to send again: under the 4 s that we promise.
BUSY_TIMEOUT_MS = 2_500
# In so many looks, for a process that stood still (its machine paused, a thread that kept the floor) finds several seconds gone at once: they
# count for one look, and whoever waited behind a writer of a few milliseconds does not give up for them.
_LOOKS = 10
# A connection, new or from the pool, is waited for no longer than that either.
_CONNECT_S = 3
_POOL = {"pool_size": 10, "max_overflow": 10, "pool_timeout": _CONNECT_S}

# What PostgreSQL says (SQLSTATE, or its class) when the fault is the server's or the deployment's, not the statement's:
# connection, refused sign-in, transaction rolled back for another, no such database, resources, shutdown, system error.
_OUT_CLASSES = ("08", "28", "40", "3D", "53", "57", "58")
# Read-only after a failover, table not there yet, lock not had in time.
_OUT_STATES = ("25006", "42P01", "55P03")
# What SQLite says of a file that is not a database, or no longer one.
_OUT_FILES = ("SQLITE_CORRUPT", "SQLITE_NOTADB")

# Execution option of a connection whose transaction may write.
_WRITES = "assistent_writes"


class Base(DeclarativeBase):
    """Parent of all tables; constraint names are fixed so that migrations can name them on both dialects."""

    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Instant(sa.TypeDecorator):
    """An aware instant in UTC; SQLite forgets zones, so it is stored naive there and given back aware."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Refuse a naive instant, store in UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant without a zone cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Give back an aware instant."""
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


class Alike(FunctionElement[bool]):
    """`Alike(column, pattern)`: LIKE, whatever the case of ASCII letters at least; ILIKE on PostgreSQL.

    SQLite's LIKE is so by itself, and three times as quick as the lower() on both sides that `ilike` makes of it there.
    """

    name = "alike"
    type = sa.Boolean()
    inherit_cache = True


@compiles(Alike)
def _write_like(element: Alike, compiler: Any, **options: Any) -> str:
    column, pattern = (compiler.process(side, **options) for side in element.clauses)
    return f"({column} LIKE {pattern})"


@compiles(Alike, "postgresql")
def _write_ilike(element: Alike, compiler: Any, **options: Any) -> str:
    column, pattern = (compiler.process(side, **options) for side in element.clauses)
    return f"({column} ILIKE {pattern})"


def create_engine(url: str) -> AsyncEngine:
    """Return an engine for `url`: nothing waits for a lock beyond the busy timeout; write-ahead logging on SQLite."""
    # A failed statement must not bring the words that it was storing into the logs.
    options = {"hide_parameters": True, **_POOL}
    if not url.startswith("sqlite"):
        waits = {"timeout": _CONNECT_S, "server_settings": {"lock_timeout": str(BUSY_TIMEOUT_MS)}}
        return create_async_engine(url, pool_pre_ping=True, connect_args=waits, **options)
    engine = create_async_engine(url, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000}, **options)

    @sa.event.listens_for(engine.sync_engine, "connect")
    def _set_pragmas(connection, _record) -> None:
        # The driver would begin a transaction at its first write only: what was read before could have changed since.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        cursor.close()

    @sa.event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        # A writer takes its turn before it reads: it waits for the others instead of failing halfway.
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


class Database:
    """Gives short transactions; what the driver throws becomes StorageUnavailable."""

    def __init__(self, url: str) -> None:
        self.engine = create_engine(url)
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)
        # SQLite writes one transaction at a time, and its own waiting sleeps and forgets who came first: the writers of
        # one process queue here, so that only those of another process are waited for there.
        self._turn = asyncio.Lock() if url.startswith("sqlite") else None

    def transaction(self) -> AbstractAsyncContextManager[AsyncSession]:
        """Open a session that may write; commit when the block ends well, roll back otherwise."""
        return self._in_turn() if self._turn else self._session(writes=True)

    def reading(self) -> AbstractAsyncContextManager[AsyncSession]:
        """Open a session that only reads: it waits for nobody and sees one state of the database."""
        return self._session(writes=False)

    @asynccontextmanager
    async def _in_turn(self) -> AsyncIterator[AsyncSession]:
        await self._take_turn()
        try:
            async with self._session(writes=True) as session:
                yield session
        finally:
            self._turn.release()

    async def _take_turn(self) -> None:
        taking = asyncio.create_task(self._turn.acquire())
        try:
            for _ in range(_LOOKS):
                await asyncio.wait({taking}, timeout=BUSY_TIMEOUT_MS / 1000 / _LOOKS)
                if taking.done():
                    return
        except asyncio.CancelledError:
            if taking.done():
                self._turn.release()
            taking.cancel()
            raise
        taking.cancel()
        log.warning("storage_out", reason="writers")
        raise StorageUnavailable

    @asynccontextmanager
    async def _session(self, *, writes: bool) -> AsyncIterator[AsyncSession]:
        try:
            async with self._sessions() as session, session.begin():
                await session.connection(execution_options={_WRITES: writes})
                yield session
        except Exception as error:
            if _is_out(error):
                log.warning("storage_out", reason=type(error).__name__)
                raise StorageUnavailable from error
            raise

    async def is_ready(self) -> bool:
        """Tell whether the database answers and has been migrated."""
        try:
            async with self.engine.connect() as connection:
                await connection.execute(sa.text("SELECT version_num FROM alembic_version"))
        except Exception as error:
            if _is_out(error):
                return False
            raise
        return True

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()


def _is_out(error: Exception) -> bool:
    """Tell whether the database is out (locked, absent, full, not migrated), rather than the statement wrong.

    asyncpg's own exceptions come through bare while a connection is being made, and wrapped afterwards.
    """
    if isinstance(error, OperationalError | InterfaceError | TimeoutError | OSError):
        return True
    cause = getattr(error, "orig", error)
    state = getattr(cause, "sqlstate", None) or ""
    return (
        getattr(error, "connection_invalidated", False)
        or state[:2] in _OUT_CLASSES
        or state in _OUT_STATES
        or getattr(cause, "sqlite_errorname", "").startswith(_OUT_FILES)
    )
