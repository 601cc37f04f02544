"""What is promised, for the administrator: the delays of each level, and when the teams of each académie work."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from aiohttp import web

from bot.chat.views import CLOCK, DATABASE
from bot.console.views.shell import PREFIX, caller_of, form_of, render, see_other
from bot.errors import InvalidInput, NotFound
from bot.escalation import promises
from bot.escalation.calendars import SCHOOL_ZONES, Calendar
from bot.escalation.deadlines import WEEKDAYS
from bot.escalation.models import DelayRow
from bot.escalation.promises import EVERY_ACADEMIE, HIGH, LOW, read_opening
from bot.escalation.states import ACADEMIE_LEVEL, VENDOR_LEVEL

PATH = f"{PREFIX}/delais"
CALENDARS = f"{PREFIX}/calendriers"
# The address of the calendar of every académie: no territory is called so.
DEFAULT = "tous"

# The lines of the form: every priority, then those that have delays of their own.
LINES = [
    (level, priority, f"{level}_{priority or 'toutes'}")
    for level in (ACADEMIE_LEVEL, VENDOR_LEVEL)
    for priority in (None, HIGH, LOW)
]
_MOST_HOURS = 10_000
_MOST_CLOSURES = 100


async def show_delays(request: web.Request) -> web.StreamResponse:
    """Show the delays, and the calendars by which they are counted."""
    async with request.app[DATABASE].reading() as session:
        rows = {(row.level, row.priority): row for row in await promises.list_delays(session)}
    values = {}
    for level, priority, name in LINES:
        if row := rows.get((level, priority)):
            values[f"first_{name}"] = _hours(row.first_answer_minutes)
            values[f"solution_{name}"] = _hours(row.solution_minutes)
    return await _delays(request, values)


async def _delays(
    request: web.Request, values: Mapping[str, str], errors: Mapping[str, str] | None = None
) -> web.Response:
    async with request.app[DATABASE].reading() as session:
        academies = await promises.list_academies(session)
    return render(
        request, "delays.html", title="Délais et calendriers", lines=LINES, values=values, errors=errors or {},
        academies=academies, path_of=CALENDARS, default=DEFAULT, status=422 if errors else 200,
    )  # fmt: skip


def _hours(minutes: int) -> str:
    return f"{minutes / 60:g}".replace(".", ",")


async def save_delays(request: web.Request) -> web.StreamResponse:
    """Put the delays of the form in place of those before."""
    app, form = request.app, form_of(request)
    rows = []
    for level, priority, name in LINES:
        first, solution = (form.get(f"{kind}_{name}", "").strip() for kind in ("first", "solution"))
        if not first and not solution:
            continue
        try:
            minutes = [round(float(hours.replace(",", ".")) * 60) for hours in (first, solution)]
        except (ValueError, OverflowError):
            return await _delays(
                request, form, {f"first_{name}": "Écrivez les deux délais en heures, par exemple 7,5."}
            )
        if not all(0 < each <= _MOST_HOURS * 60 for each in minutes):
            return await _delays(
                request, form, {f"first_{name}": f"Un délai va de quelques minutes à {_MOST_HOURS} heures."}
            )
        rows.append(
            DelayRow(level=level, priority=priority, first_answer_minutes=minutes[0], solution_minutes=minutes[1])
        )
    try:
        await promises.replace_delays(app[DATABASE], app[CLOCK], caller_of(request).account.id, rows)
    except InvalidInput as error:
        return await _delays(request, form, {f"first_{LINES[0][2]}": error.sentence})
    return see_other(PATH, "delais-enregistres")


# --- calendars --------------------------------------------------------------------------------


def _academie(request: web.Request) -> str:
    name = request.match_info["academie"]
    return EVERY_ACADEMIE if name == DEFAULT else name


async def show_calendar(request: web.Request) -> web.StreamResponse:
    """Show the calendar of an académie, or the one of all; a blank one where there is none yet."""
    academie = _academie(request)
    async with request.app[DATABASE].reading() as session:
        if academie not in dict(await promises.list_academies(session)):
            raise NotFound("Cette académie n’existe pas.")
        calendar = await promises.read_calendar(session, academie)
    return _calendar(request, _values(calendar) if calendar else {})


def _values(calendar: Calendar) -> dict[str, str]:
    values = {
        f"hours_{weekday}": ", ".join(f"{_clock(opens)} - {_clock(closes)}" for opens, closes in openings)
        for weekday, openings in calendar.hours.items()
    }
    for place, period in enumerate(calendar.periods):
        values |= {
            f"name_{place}": period.name, f"first_{place}": period.first.isoformat(),
            f"last_{place}": period.last.isoformat(), f"zone_{place}": period.zone or "",
        }  # fmt: skip
    return {
        **values, "closes_for": calendar.closes_for or "", "closures": str(len(calendar.periods)),
        "alsace_moselle": "oui" if calendar.alsace_moselle else "",
    }  # fmt: skip


def _clock(wall) -> str:
    return f"{wall.hour} h {wall.minute:02d}" if wall.minute else f"{wall.hour} h"


def _calendar(request: web.Request, values: Mapping[str, str], errors: Mapping[str, str] | None = None) -> web.Response:
    academie = _academie(request)
    title = f"Calendrier de l’académie {academie}" if academie else "Calendrier de toutes les académies"
    return render(
        request, "calendar.html", title=title, values=values, errors=errors or {}, weekdays=WEEKDAYS,
        zones={"": "Non", **{zone: f"Oui, zone {zone}" if len(zone) == 1 else f"Oui, {zone}" for zone in SCHOOL_ZONES}},
        period_zones={"": "Fermeture", **{zone: f"Vacances, zone {zone}" if len(zone) == 1 else f"Vacances, {zone}" for zone in SCHOOL_ZONES}},
        closures=_count(values) + 1, back=PATH, own=bool(academie), here=f"{CALENDARS}/{quote(academie or DEFAULT, safe='')}",
        status=422 if errors else 200,
    )  # fmt: skip


def _count(values: Mapping[str, str]) -> int:
    text = values.get("closures", "")
    return min(int(text), _MOST_CLOSURES) if text.isascii() and text.isdigit() else 0


async def save_calendar(request: web.Request) -> web.StreamResponse:
    """Put the calendar of the form in place of the one before."""
    app, form = request.app, form_of(request)
    hours: dict[str, list[list[str]]] = {}
    for weekday in range(len(WEEKDAYS)):
        written = form.get(f"hours_{weekday}", "").strip()
        try:
            hours[str(weekday)] = [read_opening(part) for part in written.split(",")] if written else []
        except InvalidInput as error:
            return _calendar(request, form, {f"hours_{weekday}": error.sentence})
    periods = [
        {
            "name": form.get(f"name_{place}", "").strip()[:80], "first": form.get(f"first_{place}", ""),
            "last": form.get(f"last_{place}", ""), "zone": form.get(f"zone_{place}") or None,
        }
        for place in range(_count(form) + 1)
        if form.get(f"first_{place}") or form.get(f"last_{place}")
    ]  # fmt: skip
    data = {
        "hours": hours, "periods": periods, "closes_for": form.get("closes_for") or None,
        "alsace_moselle": form.get("alsace_moselle") == "oui",
    }  # fmt: skip
    try:
        await promises.put_calendar(
            app[DATABASE], app[CLOCK], caller_of(request).account.id, _academie(request), Calendar.from_json(data)
        )
    except InvalidInput as error:
        return _calendar(request, form, {"hours_0": error.sentence})
    return see_other(PATH, "calendrier-enregistre")


async def remove_calendar(request: web.Request) -> web.StreamResponse:
    """Take the calendar of an académie away: the one of all counts again."""
    academie = _academie(request)
    if not academie:
        raise InvalidInput("Le calendrier de toutes les académies se change, il ne se retire pas.")
    app = request.app
    await promises.put_calendar(app[DATABASE], app[CLOCK], caller_of(request).account.id, academie, None)
    return see_other(PATH, "calendrier-retire")
