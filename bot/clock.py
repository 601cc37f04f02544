"""Time as a dependency: whoever needs the hour is given a clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Return the current instant, aware, in UTC."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the current instant, aware, in UTC."""
        return datetime.now(UTC)


class FixedClock:
    """A clock that moves only when told, for tests."""

    def __init__(self, instant: datetime) -> None:
        self.instant = instant

    def now(self) -> datetime:
        """Return the instant that was set."""
        return self.instant

    def advance(self, delta: timedelta) -> None:
        """Move forward by `delta`."""
        self.instant += delta
