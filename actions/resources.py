"""What the actions share: made at the first call, for rasa-sdk imports every module and builds every action bare."""

from __future__ import annotations

from functools import lru_cache

from bot.clock import Clock, SystemClock
from bot.db import Database
from bot.settings import Settings


@lru_cache(maxsize=1)
def database() -> Database:
    """Return the database of the deployment."""
    return Database(Settings.from_env().storage_url)


@lru_cache(maxsize=1)
def clock() -> Clock:
    """Return the machine's clock."""
    return SystemClock()
