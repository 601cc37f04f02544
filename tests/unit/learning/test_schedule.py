"""When trainings begin by themselves, by the clocks of Paris."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.escalation.rules import PARIS
from bot.learning.runs import DAILY, NEVER, WEEKLY, next_time

MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "rhythm", "hour", "weekday", "due"),
    [
        (MONDAY, DAILY, 3, 0, "2026-11-24T02:00"),
        (MONDAY, DAILY, 11, 0, "2026-11-23T10:00"),
        (MONDAY, DAILY, 10, 0, "2026-11-24T09:00"),
        (MONDAY, WEEKLY, 3, 5, "2026-11-28T02:00"),
        (MONDAY, WEEKLY, 10, 0, "2026-11-30T09:00"),
        # The clocks go back on 25 October: three o'clock of that day is an hour later in UTC.
        (datetime(2026, 10, 24, 12, tzinfo=UTC), DAILY, 3, 0, "2026-10-25T02:00"),
        (datetime(2026, 10, 23, 12, tzinfo=UTC), DAILY, 3, 0, "2026-10-24T01:00"),
    ],
)
def test_the_next_hour(now: datetime, rhythm: str, hour: int, weekday: int, due: str) -> None:
    assert next_time(now, rhythm, hour, weekday) == datetime.fromisoformat(f"{due}+00:00")


def test_never_is_never() -> None:
    assert next_time(MONDAY, NEVER, 3, 0) is None


@given(
    # Hypothesis wants bounds without a zone.
    st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.sampled_from([DAILY, WEEKLY]), st.integers(0, 23), st.integers(0, 6),
)  # fmt: skip
def test_it_is_ahead_within_its_rhythm_and_on_its_day(now: datetime, rhythm: str, hour: int, weekday: int) -> None:
    due = next_time(now, rhythm, hour, weekday)
    assert timedelta(0) < due - now <= timedelta(days=1 if rhythm == DAILY else 7, hours=1)
    if rhythm == WEEKLY:
        assert due.astimezone(PARIS).weekday() == weekday
