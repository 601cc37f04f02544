"""The database: engine, sessions, and what the two dialects need. SQLite by default, PostgreSQL by address."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError, TimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase

from bot.errors import StorageUnavailable

# A writer waits this long for another before the person is told to send again: under the 4 s that we promise.
BUSY_TIMEOUT_MS = 2_500


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


def create_engine(url: str) -> AsyncEngine:
    """Return an engine for `url`, with write-ahead logging and a busy timeout on SQLite."""
    if not url.startswith("sqlite"):
        return create_async_engine(url, pool_size=10, max_overflow=10, pool_timeout=3, pool_pre_ping=True)
    engine = create_async_engine(url, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000})

    @sa.event.listens_for(engine.sync_engine, "connect")
    def _set_pragmas(connection, _record) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        cursor.close()

    return engine


class Database:
    """Gives short transactions; what the driver throws becomes StorageUnavailable."""

    def __init__(self, url: str) -> None:
        self.engine = create_engine(url)
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """Open a session, commit when the block ends well, roll back otherwise."""
        try:
            async with self._sessions() as session, session.begin():
                yield session
        except (OperationalError, InterfaceError, TimeoutError, OSError) as error:
            raise StorageUnavailable from error
        except DBAPIError as error:
            if error.connection_invalidated:
                raise StorageUnavailable from error
            raise

    async def is_ready(self) -> bool:
        """Tell whether the database answers and has been migrated."""
        try:
            async with self.engine.connect() as connection:
                await connection.execute(sa.text("SELECT version_num FROM alembic_version"))
        except (SQLAlchemyError, OSError):
            return False
        return True

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()
