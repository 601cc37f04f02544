"""Working time: calendars, deadlines across holidays and changes of the clocks, and how they are said."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import InvalidInput
from bot.escalation.calendars import SCHOOL_ZONES, Calendar, Period
from bot.escalation.deadlines import (
    Delays,
    add_working_time,
    closed_until,
    deadline_of,
    find_delays,
    say_delay,
    warning_at,
    working_time_between,
)

PARIS = ZoneInfo("Europe/Paris")
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
WEEK = {day: ((time(8, 30), time(12, 0)), (time(13, 30), time(17, 0))) for day in range(5)}
OFFICE = Calendar(WEEK)
CHRISTMAS = Period("Noël", date(2026, 12, 19), date(2027, 1, 3), "C")


def paris(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS).astimezone(UTC)


# Bounds of openings: quarters of an hour, none inside the hour of the changes.
BOUNDS = [time(quarter // 4, quarter % 4 * 15) for quarter in range(96) if not 8 < quarter < 12]


@st.composite
def calendars(draw) -> Calendar:
    hours = {}
    for weekday in draw(st.sets(st.integers(0, 6), min_size=1)):
        bounds = sorted(draw(st.sets(st.sampled_from(BOUNDS), min_size=2, max_size=6)))
        bounds = bounds[: len(bounds) // 2 * 2]
        hours[weekday] = tuple(zip(bounds[::2], bounds[1::2]))
    periods = tuple(
        Period("fermeture", first, first + timedelta(days=length), zone)
        for first, length, zone in draw(
            st.lists(
                st.tuples(st.dates(date(2025, 1, 1), date(2029, 12, 31)), st.integers(0, 60), st.sampled_from([None, *SCHOOL_ZONES])),
                max_size=4,
            )
        )
    )  # fmt: skip
    return Calendar(hours, periods, draw(st.sampled_from([None, *SCHOOL_ZONES])), draw(st.booleans()))


INSTANTS = st.timedeltas(timedelta(0), timedelta(days=5 * 365)).map(
    lambda after: datetime(2025, 1, 1, tzinfo=UTC) + after
)
# The poorest calendar drawn opens a quarter of an hour a week: what is drawn here fits into ten years of it.
DURATIONS = st.timedeltas(timedelta(0), timedelta(hours=30))


def is_open(calendar: Calendar, instant: datetime) -> bool:
    """Tell by the wall clock, apart from the rules, whether the team is there or just leaves."""
    local = instant.astimezone(PARIS)
    if calendar.is_closed(local.date()):
        return False
    return any(opens <= local.time() <= closes for opens, closes in calendar.hours.get(local.weekday(), ()))


# --- arithmetic -------------------------------------------------------------------------------


@given(calendars(), INSTANTS, DURATIONS)
def test_what_was_added_lies_between(calendar: Calendar, start: datetime, duration: timedelta) -> None:
    end = add_working_time(calendar, start, duration)
    assert end >= start
    assert end.tzinfo is UTC
    assert working_time_between(calendar, start, end) == duration
    assert is_open(calendar, end)


@given(calendars(), INSTANTS, st.timedeltas(timedelta(0), timedelta(days=60)))
def test_adding_what_lies_between_comes_back_to_an_instant_at_work(calendar, start, length) -> None:
    end = add_working_time(calendar, start + length, MINUTE)
    assert add_working_time(calendar, start, working_time_between(calendar, start, end)) == end


@given(calendars(), INSTANTS, DURATIONS, DURATIONS)
def test_more_time_never_ends_earlier_and_may_be_added_in_two_steps(calendar, start, first, second) -> None:
    middle = add_working_time(calendar, start, first)
    end = add_working_time(calendar, start, first + second)
    assert middle <= end
    assert add_working_time(calendar, middle, second) == end


@given(calendars(), INSTANTS, st.timedeltas(timedelta(0), timedelta(days=30)), DURATIONS)
def test_beginning_later_never_ends_earlier(calendar, start, later, duration) -> None:
    assert add_working_time(calendar, start, duration) <= add_working_time(calendar, start + later, duration)


@given(calendars(), INSTANTS, st.lists(st.timedeltas(timedelta(0), timedelta(days=20)), min_size=2, max_size=2))
def test_time_between_adds_up(calendar, start, lengths) -> None:
    middle = start + lengths[0]
    end = middle + lengths[1]
    total = working_time_between(calendar, start, end)
    assert total == working_time_between(calendar, start, middle) + working_time_between(calendar, middle, end)
    assert timedelta(0) <= total <= end - start
    assert working_time_between(calendar, end, start) == timedelta(0)


# Nights of a change of the clocks, either way, in years without a public holiday beside them.
CHANGES = st.sampled_from([date(2025, 3, 30), date(2025, 10, 26), date(2026, 3, 29), date(2026, 10, 25)])
AROUND = st.builds(
    lambda day, minutes: datetime.combine(day, time(), tzinfo=UTC) + timedelta(minutes=minutes),
    CHANGES, st.integers(-24 * 60, 24 * 60),
)  # fmt: skip


@given(calendars(), AROUND, st.integers(0, 30 * 60))
def test_around_a_change_of_the_clocks_each_minute_counts_once(calendar, start, minutes) -> None:
    counted = sum(
        not calendar.is_closed(local.date())
        and any(opens <= local.time() < closes for opens, closes in calendar.hours.get(local.weekday(), ()))
        for local in ((start + minute * MINUTE).astimezone(PARIS) for minute in range(minutes))
    )
    assert working_time_between(calendar, start, start + minutes * MINUTE) == counted * MINUTE


@given(AROUND, st.integers(0, 72 * 60))
def test_a_team_that_is_always_there_works_every_hour_of_the_longer_and_of_the_shorter_day(start, minutes) -> None:
    always = Calendar({day: ((time(0), time(0)),) for day in range(7)})
    end = start + minutes * MINUTE
    assert working_time_between(always, start, end) == end - start
    assert add_working_time(always, start, end - start) == end


@given(CHANGES)
def test_the_day_of_a_change_has_as_many_hours_of_work_as_another_sunday(day: date) -> None:
    sundays = Calendar({6: ((time(1), time(2)), (time(3), time(12)))})
    worked = sum((closes - opens for opens, closes in sundays.openings(day)), timedelta(0))
    assert worked == 10 * HOUR


def test_over_a_change_the_deadline_keeps_its_hour_on_the_wall() -> None:
    assert add_working_time(OFFICE, paris("2026-10-23T16:00"), 2 * HOUR) == paris("2026-10-26T09:30")
    assert add_working_time(OFFICE, paris("2026-03-27T16:00"), 2 * HOUR) == paris("2026-03-30T09:30")


@pytest.mark.parametrize(
    ("start", "hours", "end"),
    [
        ("2026-11-23T09:00", 4, "2026-11-23T14:30"),  # over lunch
        ("2026-11-20T16:30", 1, "2026-11-23T09:00"),  # over a weekend
        ("2026-11-22T22:00", 7, "2026-11-23T17:00"),  # from a Sunday night, to the closing
        ("2026-11-10T16:30", 1, "2026-11-12T09:00"),  # over the Armistice
        ("2026-04-03T16:30", 1, "2026-04-07T09:00"),  # over Easter Monday
        ("2026-05-13T16:30", 1, "2026-05-15T09:00"),  # over the Ascension
        ("2026-05-22T16:30", 1, "2026-05-26T09:00"),  # over Whit Monday
        ("2026-12-24T16:30", 1, "2026-12-28T09:00"),  # over Christmas
    ],
)
def test_nights_weekends_and_public_holidays_do_not_count(start: str, hours: int, end: str) -> None:
    assert add_working_time(OFFICE, paris(start), hours * HOUR) == paris(end)


def test_public_holidays_of_alsace_are_its_own() -> None:
    alsace = Calendar(WEEK, alsace_moselle=True)
    assert add_working_time(alsace, paris("2026-04-02T16:30"), HOUR) == paris("2026-04-07T09:00")
    assert add_working_time(OFFICE, paris("2026-04-02T16:30"), HOUR) == paris("2026-04-03T09:00")
    assert add_working_time(alsace, paris("2028-12-22T16:30"), HOUR) == paris("2028-12-27T09:00")


def test_an_opening_may_last_until_midnight() -> None:
    evenings = Calendar({0: ((time(18), time(0)),)})
    midnight = paris("2026-11-24T00:00")
    assert add_working_time(evenings, paris("2026-11-23T12:00"), 6 * HOUR) == midnight
    assert add_working_time(evenings, midnight, timedelta(0)) == midnight
    assert add_working_time(evenings, midnight, HOUR) == paris("2026-11-30T19:00")


def test_school_holidays_close_those_of_their_zone_alone() -> None:
    start = paris("2026-12-18T16:30")
    assert add_working_time(Calendar(WEEK, (CHRISTMAS,), "C"), start, HOUR) == paris("2027-01-04T09:00")
    assert add_working_time(Calendar(WEEK, (CHRISTMAS,), "A"), start, HOUR) == paris("2026-12-21T09:00")
    assert add_working_time(Calendar(WEEK, (CHRISTMAS,)), start, HOUR) == paris("2026-12-21T09:00")


FRENCH = ["01-01", "05-01", "05-08", "07-14", "08-15", "11-01", "11-11", "12-25"]


@given(calendars(), st.integers(2025, 2036))
def test_no_work_is_counted_on_a_closed_day(calendar: Calendar, year: int) -> None:
    closed = [date.fromisoformat(f"{year}-{day}") for day in FRENCH]
    closed += [
        day for one in calendar.periods if one.zone in (None, calendar.closes_for) for day in (one.first, one.last)
    ]
    for day in closed:
        midnight = datetime.combine(day, time(), tzinfo=PARIS)
        assert not calendar.is_working_day(day)
        assert working_time_between(calendar, midnight, midnight + timedelta(days=1)) == timedelta(0)


# --- limits -----------------------------------------------------------------------------------


def test_ten_years_ahead_are_reached_and_no_further() -> None:
    start = paris("2026-11-23T08:30")
    assert add_working_time(OFFICE, start, timedelta(hours=7 * 250 * 9.5)).year == 2036
    with pytest.raises(InvalidInput, match="dix ans"):
        add_working_time(OFFICE, start, timedelta(hours=7 * 250 * 12))
    with pytest.raises(InvalidInput, match="dix ans"):
        working_time_between(OFFICE, start, start + timedelta(days=4_000))


def test_a_calendar_that_never_opens_is_refused() -> None:
    for hours in ({}, {0: ()}):
        with pytest.raises(InvalidInput, match="n’ouvre jamais"):
            Calendar(hours)
    shut = Calendar(WEEK, (Period("travaux", date(2026, 1, 1), date(2060, 1, 1)),))
    with pytest.raises(InvalidInput, match="dix ans"):
        add_working_time(shut, paris("2026-11-23T09:00"), timedelta(0))


@pytest.mark.parametrize(
    "hours",
    [
        {7: ((time(8), time(9)),)},
        {0: ((time(9), time(9)),)},
        {0: ((time(17), time(8)),)},
        {0: ((time(8), time(12)), (time(11), time(17)))},
        {0: ((time(8), time(0)), (time(9), time(10)))},
        {0: ((time(2, 30), time(8)),)},
        {0: ((time(1), time(2, 15)),)},
    ],
)
def test_hours_that_make_no_sense_are_refused(hours) -> None:
    with pytest.raises(InvalidInput):
        Calendar(hours)


def test_what_is_not_a_zone_a_period_or_a_delay_is_refused() -> None:
    for wrong in (
        lambda: Calendar(WEEK, closes_for="D"),
        lambda: Period("à l’envers", date(2026, 2, 2), date(2026, 2, 1)),
        lambda: Period("ailleurs", date(2026, 2, 1), date(2026, 2, 1), "Z"),
        lambda: Delays(2, None, timedelta(0), HOUR),
        lambda: Delays(2, None, 2 * HOUR, HOUR),
        lambda: add_working_time(OFFICE, paris("2026-11-23T09:00"), -HOUR),
    ):
        with pytest.raises(InvalidInput):
            wrong()
    with pytest.raises(ValueError, match="without a zone"):
        add_working_time(OFFICE, datetime(2026, 11, 23), HOUR)  # noqa: DTZ001


# --- deadlines --------------------------------------------------------------------------------


def test_a_priority_without_a_row_of_its_own_has_the_delays_of_its_level() -> None:
    usual, urgent = Delays(2, None, 7 * HOUR, 35 * HOUR), Delays(2, "haute", HOUR, 7 * HOUR)
    assert find_delays([usual, urgent], 2, "haute") is urgent
    assert find_delays([urgent, usual], 2, "normale") is usual
    assert find_delays([usual, urgent], 3, "haute") is None


def test_the_time_of_the_person_is_not_the_teams() -> None:
    since = paris("2026-11-23T08:30")
    asked, told = paris("2026-11-23T10:30"), paris("2026-11-25T15:00")
    assert deadline_of(OFFICE, since, 3 * HOUR) == paris("2026-11-23T11:30")
    assert deadline_of(OFFICE, since, 3 * HOUR, [(asked, None)]) is None
    assert deadline_of(OFFICE, since, 3 * HOUR, [(asked, told)]) == paris("2026-11-25T16:00")


def test_what_was_late_before_the_question_stays_late() -> None:
    since, asked = paris("2026-11-23T08:30"), paris("2026-11-24T10:00")
    assert deadline_of(OFFICE, since, 3 * HOUR, [(asked, None)]) == paris("2026-11-23T11:30")
    # Due at the closing, asked in the evening.
    evening = paris("2026-11-23T20:00")
    assert deadline_of(OFFICE, since, 7 * HOUR, [(evening, None)]) == paris("2026-11-23T17:00")


@given(calendars(), INSTANTS, DURATIONS, st.lists(st.timedeltas(timedelta(0), timedelta(days=9)), max_size=8))
def test_pauses_move_the_deadline_by_the_work_that_they_take(calendar, since, delay, lengths) -> None:
    instants = [since]
    for length in lengths:
        instants.append(instants[-1] + length)
    pauses = list(zip(instants[1::2], instants[2::2]))
    due = deadline_of(calendar, since, delay, pauses)
    before = [(begins, min(ends, due)) for begins, ends in pauses if begins < due]
    paused = sum((working_time_between(calendar, *pause) for pause in before), timedelta(0))
    assert working_time_between(calendar, since, due) == delay + paused
    assert due >= deadline_of(calendar, since, delay)
    warning = warning_at(calendar, since, delay, pauses)
    assert warning <= due


def test_a_warning_comes_at_three_quarters_of_the_working_time() -> None:
    since = paris("2026-11-20T13:30")
    assert warning_at(OFFICE, since, 8 * HOUR) == paris("2026-11-23T11:00")
    assert warning_at(OFFICE, since, 8 * HOUR, [(since, None)]) is None


# --- sentences --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "deadline", "said"),
    [
        ("2026-11-23T09:00", "2026-11-23T14:30", "aujourd’hui, au plus tard à 14 h 30"),
        ("2026-11-23T09:00", "2026-11-24T14:30", "d’ici demain à 14 h 30"),
        ("2026-11-22T22:00", "2026-11-24T17:00", "sous 2 jours ouvrés, au plus tard le mardi 24 novembre à 17 h"),
        ("2026-11-20T15:00", "2026-11-23T10:05", "sous 1 jour ouvré, au plus tard le lundi 23 novembre à 10 h 05"),
        ("2026-11-27T15:00", "2026-12-01T09:00", "sous 2 jours ouvrés, au plus tard le mardi 1er décembre à 9 h"),
        ("2026-11-25T09:00", "2026-11-24T17:00", "dépassé depuis le mardi 24 novembre à 17 h"),
        ("2026-11-25T09:00", "2025-11-24T17:00", "dépassé depuis le lundi 24 novembre 2025 à 17 h"),
        (
            "2026-11-10T18:00", "2026-11-12T10:00",
            "l’équipe est fermée jusqu’au jeudi 12 novembre à 8 h 30, réponse au plus tard le jeudi 12 novembre à 10 h",
        ),
    ],
)  # fmt: skip
def test_a_delay_is_said_as_people_say_it(now: str, deadline: str, said: str) -> None:
    assert say_delay(OFFICE, paris(now), paris(deadline)) == said


def test_while_the_person_is_waited_for_no_delay_runs() -> None:
    assert say_delay(OFFICE, paris("2026-11-25T09:00"), None) == "suspendu en attendant une précision"


def test_in_the_holidays_the_day_of_return_is_said() -> None:
    calendar = Calendar(WEEK, (CHRISTMAS,), "C")
    now = paris("2026-12-26T10:00")
    due = add_working_time(calendar, now, 7 * HOUR)
    assert say_delay(calendar, now, due).startswith("l’équipe est fermée jusqu’au lundi 4 janvier à 8 h 30, réponse ")
    assert closed_until(calendar, paris("2026-12-18T16:00")) is None
    assert closed_until(calendar, paris("2026-12-18T18:00")) == paris("2027-01-04T08:30")


@pytest.mark.parametrize(
    "now", ["2026-11-23T10:00", "2026-11-23T12:30", "2026-11-23T20:00", "2026-11-21T10:00", "2026-10-30T20:00"]
)  # the last: before a weekend whose Sunday is a public holiday
def test_lunch_nights_and_weekends_are_no_closure(now: str) -> None:
    assert closed_until(OFFICE, paris(now)) is None


@given(calendars(), INSTANTS, DURATIONS)
def test_any_deadline_can_be_said(calendar, now, delay) -> None:
    said = say_delay(calendar, now, deadline_of(calendar, now, delay))
    assert said
    assert "sous 0" not in said
