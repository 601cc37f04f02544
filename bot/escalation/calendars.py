"""When a team is there: opening hours, closures, school and public holidays. Pure.

Hours are wall-clock times of Europe/Paris, instants are UTC: a day that begins at 8 h 30 does so on either side of a
change of the clocks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any

from dateutil.easter import easter

from bot.errors import InvalidInput
from bot.escalation.rules import PARIS

# Days that anything is looked for ahead: ten years, beyond which no calendar is known and no delay makes sense.
HORIZON_DAYS = 3_660

SCHOOL_ZONES = ("A", "B", "C", "Corse")
# Public holidays, (month, day) and days after Easter: Code du travail, art. L. 3133-1; Alsace and Moselle have two more,
# art. L. 3134-13.
_FIXED = ((1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25))
_AFTER_EASTER = (1, 39, 50)
_FIXED_ALSACE = (*_FIXED, (12, 26))
_AFTER_EASTER_ALSACE = (-2, *_AFTER_EASTER)

# Twice a year the clocks jump within this hour: an opening that began or ended inside it would not exist, or be twice.
_CHANGE_BEGINS, _CHANGE_ENDS = time(2), time(3)
_MIDNIGHT = time(0)
_DAY = timedelta(days=1)

Opening = tuple[datetime, datetime]


@dataclass(frozen=True)
class Period:
    """Days from `first` to `last`, both included; with a zone, they are school holidays of that zone."""

    name: str
    first: date
    last: date
    zone: str | None = None

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise InvalidInput(f"« {self.name} » : la fin est avant le début.")
        if self.zone is not None and self.zone not in SCHOOL_ZONES:
            raise InvalidInput(f"« {self.name} » : la zone est l’une de {', '.join(SCHOOL_ZONES)}.")


@dataclass(frozen=True)
class Calendar:
    """When a team works.

    `hours`: for each weekday (0: Monday), the openings (from, to), in order; to 00:00 means midnight at its end.
    `closes_for`: the zone whose school holidays close the team; None when it works through them. `alsace_moselle`: with
    the two public holidays more of Alsace and Moselle. What makes no sense raises InvalidInput.
    """

    hours: Mapping[int, tuple[tuple[time, time], ...]]
    periods: tuple[Period, ...] = ()
    closes_for: str | None = None
    alsace_moselle: bool = False
    _known: dict[date, tuple[Opening, ...]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not any(self.hours.values()):
            raise InvalidInput("Ce calendrier n’ouvre jamais : indiquez au moins une plage d’ouverture.")
        if self.closes_for is not None and self.closes_for not in SCHOOL_ZONES:
            raise InvalidInput(f"La zone est l’une de {', '.join(SCHOOL_ZONES)}.")
        for weekday, openings in self.hours.items():
            _check_openings(weekday, openings)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Calendar:
        """Build from plain data: `hours` by weekday (« 0 »: Monday), [from, to] as « 08:30 »; InvalidInput when it is not one."""
        try:
            return cls(
                hours={
                    int(weekday): tuple(
                        (time.fromisoformat(opens), time.fromisoformat(closes)) for opens, closes in day
                    )
                    for weekday, day in data["hours"].items()
                },
                periods=tuple(
                    Period(
                        one["name"], date.fromisoformat(one["first"]), date.fromisoformat(one["last"]), one.get("zone")
                    )
                    for one in data.get("periods", ())
                ),
                closes_for=data.get("closes_for"),
                alsace_moselle=bool(data.get("alsace_moselle", False)),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InvalidInput(f"Ce calendrier est illisible : {error}.") from error

    def to_json(self) -> dict[str, Any]:
        """Return plain data, to be stored."""
        return {
            "hours": {
                str(weekday): [[f"{opens:%H:%M}", f"{closes:%H:%M}"] for opens, closes in openings]
                for weekday, openings in sorted(self.hours.items())
                if openings
            },
            "periods": [
                {"name": one.name, "first": one.first.isoformat(), "last": one.last.isoformat(), "zone": one.zone}
                for one in self.periods
            ],
            "closes_for": self.closes_for,
            "alsace_moselle": self.alsace_moselle,
        }

    def is_closed(self, day: date) -> bool:
        """Tell whether a public holiday, school holidays or a closure shut the team that day, whatever the weekday."""
        return day in _public_holidays(day.year, alsace_moselle=self.alsace_moselle) or any(
            period.first <= day <= period.last and period.zone in (None, self.closes_for) for period in self.periods
        )

    def is_working_day(self, day: date) -> bool:
        """Tell whether the team is there at some time of that day."""
        return bool(self.openings(day))

    def openings(self, day: date) -> tuple[Opening, ...]:
        """Return the openings of a day of Paris, as instants in UTC, in order."""
        if day not in self._known:
            ordinary = () if self.is_closed(day) else self.hours.get(day.weekday(), ())
            self._known[day] = tuple(
                (_instant(day, opens), _instant(day, closes, end=True)) for opens, closes in ordinary
            )
        return self._known[day]

    def openings_from(self, start: datetime) -> Iterator[Opening]:
        """Yield the openings that end at `start` or later, for ten years; the first may have begun before."""
        day = start.astimezone(PARIS).date()
        # At midnight sharp, what ended then belongs to the day before.
        for offset in range(-1, HORIZON_DAYS):
            for opens, closes in self.openings(day + offset * _DAY):
                if closes >= start:
                    yield opens, closes


def _check_openings(weekday: int, openings: tuple[tuple[time, time], ...]) -> None:
    if weekday not in range(7):
        raise InvalidInput("Un jour de la semaine va de 0 (lundi) à 6 (dimanche).")
    before = _MIDNIGHT
    for opens, closes in openings:
        if any(_CHANGE_BEGINS < bound < _CHANGE_ENDS for bound in (opens, closes)):
            raise InvalidInput(
                "Une plage ne peut ni commencer ni finir entre 2 h et 3 h : cette heure n’existe pas toutes les nuits."
            )
        if opens < before or (closes <= opens and closes != _MIDNIGHT):
            raise InvalidInput(
                "Les plages d’ouverture d’un jour se suivent sans se chevaucher, et chacune finit après son début."
            )
        before = closes if closes != _MIDNIGHT else time.max


@lru_cache(maxsize=128)
def _public_holidays(year: int, *, alsace_moselle: bool) -> frozenset[date]:
    fixed, after_easter = (_FIXED_ALSACE, _AFTER_EASTER_ALSACE) if alsace_moselle else (_FIXED, _AFTER_EASTER)
    sunday = easter(year)
    return frozenset([date(year, month, day) for month, day in fixed] + [sunday + days * _DAY for days in after_easter])


def _instant(day: date, wall: time, *, end: bool = False) -> datetime:
    if end and wall == _MIDNIGHT:
        day += _DAY
    return datetime.combine(day, wall, tzinfo=PARIS).astimezone(UTC)
