"""The indicators: what was asked and what became of it, in the caller's territory and a chosen period, as charts, tables and CSV."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession

from bot.chat.views import CLOCK, DATABASE, KNOWLEDGE
from bot.console.charts import draw
from bot.console.payloads import read_day, start_of
from bot.console.views.requests import topic_names
from bot.console.views.shell import PREFIX, caller_of, query_of, render
from bot.errors import InvalidField, NotFound
from bot.escalation.rules import PARIS
from bot.people.sign_in import Caller
from bot.rollout import figures
from bot.rollout.figures import Wanted
from bot.rollout.models import Question, Wave
from bot.rollout.questions import UNANSWERED
from bot.rollout.sheets import (
    MIN_PERSONS,
    NO_TOPIC,
    Count,
    Sheet,
    count_sheet,
    delays_sheet,
    satisfaction_sheet,
    tally_sheet,
    to_csv,
    worry_label,
)
from bot.rollout.waves import list_waves
from bot.topics import PROFILE_NAMES

PATH = f"{PREFIX}/indicateurs"
# Days back from today, and what a link to them is called.
PRESETS: Mapping[int, str] = {7: "7 jours", 30: "30 jours", 90: "3 mois", 180: "6 mois"}
USUAL = 30
# Conversations are kept for half a year: a longer period has nothing more, but for the requests.
MAX_DAYS = 366

_FIELDS = ("since", "until", "profile", "topic", "uai", "wave")


@dataclass(frozen=True)
class _Asking:
    """What is asked of the figures, with what they are read from."""

    session: AsyncSession
    caller: Caller
    wanted: Wanted
    now: datetime
    titles: Mapping[str, str]
    # What was read already: several tables tell of the same counts.
    known: dict[str, Any] = field(default_factory=dict)

    def conditions(self) -> list:
        return figures.among(self.caller.grants, self.wanted)

    def topic(self, key: str | None) -> str:
        return NO_TOPIC if key is None else self.titles.get(key, key)

    async def count_by(self, key, **options) -> list[Count]:
        name = str(key)
        if name not in self.known:
            self.known[name] = await figures.count_by(self.session, key, self.conditions(), self.now, **options)
        return self.known[name]

    async def requests(self) -> figures.Handled:
        if "requests" not in self.known:
            self.known["requests"] = await figures.read_requests(self.session, self.caller.grants, self.wanted)
        return self.known["requests"]


async def _topics(asking: _Asking) -> Sheet:
    counts = await asking.count_by(Question.topic)
    return count_sheet("sujets", "Questions par sujet", "Sujet", counts, asking.topic)


async def _profiles(asking: _Asking) -> Sheet:
    counts = await asking.count_by(Question.profile)
    return count_sheet(
        "profils", "Questions par profil", "Profil", counts, lambda key: PROFILE_NAMES.get(key or "", "Profil inconnu")
    )


async def _schools(asking: _Asking) -> Sheet:
    counts = await asking.count_by(Question.uai)
    most = sorted(counts, key=lambda one: -one.asked)[:100]
    names = await figures.name_schools(asking.session, (one.key for one in most))
    return count_sheet(
        "ecoles", "Questions par école", "École", counts,
        lambda key: "École non dite" if key is None else names.get(key, key),
        note="Les cinquante écoles qui ont le plus demandé ; les autres sont réunies.",
    )  # fmt: skip


async def _waves(asking: _Asking) -> Sheet:
    counts = await asking.count_by(Wave.name, by_wave=True)
    return count_sheet(
        "vagues", "Questions par vague", "Vague", counts, lambda key: key or "Dans aucune vague",
        note="La vague où l’école était quand la question a été posée.",
    )  # fmt: skip


async def _unanswered(asking: _Asking) -> Sheet:
    alone = [*asking.conditions(), Question.verdict == UNANSWERED]
    return tally_sheet(
        "sans-reponse", "Ce à quoi personne n’a su répondre", ("Sujet", "Questions"),
        await figures.count_by(asking.session, Question.topic, alone, asking.now), asking.topic,
        note="Questions restées sans réponse, sans qu’une personne soit demandée, par sujet le plus proche.",
    )  # fmt: skip


async def _delays(asking: _Asking) -> Sheet:
    handled = await asking.requests()
    unit = "heures ouvrées" if handled.in_working_time else "heures écoulées"
    return delays_sheet(handled.hours, handled.levels, unit)


async def _satisfaction(asking: _Asking) -> Sheet:
    handled = await asking.requests()
    total = await asking.count_by(None)
    return satisfaction_sheet(total[0] if total else Count(None), handled.rated)


async def _worries(asking: _Asking) -> Sheet:
    counts = await figures.count_worries(asking.session, asking.conditions())
    return tally_sheet(
        "inquietudes", "Inquiétudes exprimées", ("Inquiétude et profil", "Fois"), counts,
        lambda key: worry_label(key, PROFILE_NAMES), note="Dites à côté d’une question, ou seules.",
    )  # fmt: skip


SHEETS: Mapping[str, Callable[[_Asking], Awaitable[Sheet]]] = {
    "sujets": _topics, "profils": _profiles, "ecoles": _schools, "vagues": _waves, "sans-reponse": _unanswered,
    "delais": _delays, "satisfaction": _satisfaction, "inquietudes": _worries,
}  # fmt: skip


async def show_indicators(request: web.Request) -> web.StreamResponse:
    """Show every figure of a period, each as a chart with its table."""
    app, asked = request.app, _asked(request)
    errors: dict[str, str] = {}
    sheets: list[Sheet] = []
    total = None
    async with app[DATABASE].reading() as session:
        waves = await list_waves(session)
        try:
            asking = _asking(request, session, asked)
        except InvalidField as error:
            errors = {error.field: error.sentence}
        else:
            found = await asking.count_by(None)
            total = found[0] if found else Count(None)
            sheets = [await make(asking) for make in SHEETS.values()] if total.persons >= MIN_PERSONS else []
    today = app[CLOCK].now().astimezone(PARIS).date()
    return render(
        request, "indicators.html", title="Indicateurs", asked=asked, total=total, least=MIN_PERSONS, errors=errors,
        status=422 if errors else 200,
        charts=[(sheet, draw(sheet), _address(asked, f"{PATH}/{sheet.id}.csv")) for sheet in sheets],
        presets=[
            (name, _address({**asked, **_days(today, days)}, PATH), _days(today, days)["since"] == asked["since"])
            for days, name in PRESETS.items()
        ],
        waves={str(line.wave.id): line.wave.name for line in waves}, profiles=PROFILE_NAMES, topics=topic_titles(request),
        path_of=PATH,
    )  # fmt: skip


async def send_sheet(request: web.Request) -> web.StreamResponse:
    """Send one of the tables as CSV."""
    make = SHEETS.get(request.match_info["sheet"])
    if make is None:
        raise NotFound("Ce tableau n’existe pas.")
    async with request.app[DATABASE].reading() as session:
        asking = _asking(request, session, _asked(request))
        total = await asking.count_by(None)
        if not total or total[0].persons < MIN_PERSONS:
            raise NotFound(f"Moins de {MIN_PERSONS} personnes : aucun chiffre n’est donné.")
        sheet = await make(asking)
    return send_csv(sheet, name=f"indicateurs-{sheet.id}-{asking.wanted.since.astimezone(PARIS):%Y-%m-%d}")


def send_csv(*sheets: Sheet, name: str) -> web.Response:
    """Return tables as a file of that name."""
    return web.Response(
        body=to_csv(*sheets).encode(),
        headers={
            "Content-Type": "text/csv; charset=utf-8",
            "Content-Disposition": f'attachment; filename="{name}.csv"',
        },
    )


def topic_titles(request: web.Request) -> dict[str, str]:
    """Return how each topic is called, by its id: the title of its article, else what it means."""
    knowledge = request.app[KNOWLEDGE]
    names = {**topic_names(request), **{topic: article.title for topic, article in knowledge.articles.items()}}
    return dict(sorted(names.items(), key=lambda one: one[1].casefold()))


def _asked(request: web.Request) -> dict[str, str]:
    """Return what the address asks for, the usual period where it says nothing."""
    asked = {name: query_of(request, name)[:120] for name in _FIELDS}
    if not asked["since"] and not asked["until"]:
        asked |= _days(request.app[CLOCK].now().astimezone(PARIS).date(), USUAL)
    return {**asked, "uai": asked["uai"].upper()}


def _days(today: date, days: int) -> dict[str, str]:
    return {"since": (today - timedelta(days=days - 1)).isoformat(), "until": today.isoformat()}


def _address(asked: Mapping[str, str], path: str) -> str:
    return f"{path}?{urlencode({name: value for name, value in asked.items() if value})}"


def _asking(request: web.Request, session: AsyncSession, asked: Mapping[str, str]) -> _Asking:
    """Return what is asked; InvalidField says what of the address makes no sense."""
    now = request.app[CLOCK].now()
    first, last = read_day(asked["since"]), read_day(asked["until"])
    since, until = start_of(first), start_of(last, days_later=1)
    if since is None or until is None:
        name = "since" if since is None else "until"
        raise InvalidField(name, "Donnez les deux dates de la période, par exemple 2026-11-01.")
    if until <= since:
        raise InvalidField("until", "La fin de la période vient avant son début. Corrigez l’une des deux dates.")
    if until - since > timedelta(days=MAX_DAYS + 1):
        raise InvalidField("until", "La période ne peut pas dépasser un an. Rapprochez les deux dates.")
    titles = topic_titles(request)
    if asked["profile"] and asked["profile"] not in PROFILE_NAMES:
        raise InvalidField("profile", "Choisissez un profil dans la liste.")
    if asked["topic"] and asked["topic"] not in titles:
        raise InvalidField("topic", "Choisissez un sujet dans la liste.")
    wave = asked["wave"]
    if wave and not (wave.isascii() and wave.isdigit() and len(wave) < 19):
        raise InvalidField("wave", "Choisissez une vague dans la liste.")
    wanted = Wanted(
        since, until, profile=asked["profile"], topic=asked["topic"], uai=asked["uai"], wave=int(wave) if wave else None
    )
    return _Asking(session, caller_of(request), wanted, now, titles)
