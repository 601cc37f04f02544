"""Training from the workshop: the runs and their programme, one run and its report, a candidate tried before it serves."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from aiohttp import web

from bot.chat.markup import to_html
from bot.chat.views import CLOCK, DATABASE, KNOWLEDGE, SETTINGS
from bot.console.views.requests import topic_names
from bot.console.views.shell import (
    WORKSHOP,
    caller_of,
    form_of,
    number_of,
    page_of,
    render,
    see_other,
)
from bot.errors import Conflict, EngineError, InvalidField, InvalidInput
from bot.language.normalise import clean
from bot.learning import report, runs
from bot.learning.gate import MISSED, OFFERED, RIGHT, WRONG
from bot.learning.judging import Trials
from bot.learning.models import TrainingRun
from bot.learning.runs import Launcher
from bot.people.rules import Permission, may
from bot.topics import PROFILE_NAMES

PATH = f"{WORKSHOP}/apprentissage"
SERVICE = f"{WORKSHOP}/service"
LAUNCHER = web.AppKey("launcher", Launcher)
TRIALS = web.AppKey("trials", Trials)
# What one may type in the chat.
MAX_TEXT = 1_000
STATE_NAMES = {
    runs.UNDER_WAY: "En cours", runs.DONE: "Terminé", runs.FAILED: "Échoué", runs.CANCELLED: "Annulé", runs.LOST: "Interrompu",
}  # fmt: skip
DAYS = dict(enumerate(("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")))
HOURS = {hour: f"{hour} h" for hour in range(24)}
SET_NAMES = {
    report.REFERENCE: "Sur le jeu de référence",
    report.HEARD: "Sur les messages reçus",
}
VERDICTS = {RIGHT: "juste", OFFERED: "proposé parmi des choix", WRONG: "faux", MISSED: "pas compris"}
# What each outcome of the chat API is to a formateur.
OUTCOMES = {
    "answer": "Répondre par la fiche", "other_profile": "Dire que c’est à un autre profil, et à qui demander",
    "urgent": "Protéger : réponse d’urgence", "out_of_scope": "Dire que ce n’est pas du ressort de l’assistant",
    "choices": "Proposer plusieurs sujets", "clarify": "Chercher, ou demander de préciser", "form": "Ouvrir une demande",
    "dialogue": "Conduire la conversation",
}  # fmt: skip


# --- the runs ---------------------------------------------------------------------------------


async def show_runs(request: web.Request) -> web.StreamResponse:
    """Show the trainings done, the one under way, and when they begin by themselves."""
    return await _runs(request)


async def start(request: web.Request) -> web.StreamResponse:
    """Begin a training."""
    app = request.app
    try:
        number = await runs.start_run(app[DATABASE], app[CLOCK], app[LAUNCHER], caller_of(request).account.id)
    except Conflict as error:
        return await _runs(request, status=409, errors={"lancer": error.sentence})
    return see_other(f"{PATH}/{number}", "apprentissage-lance")


async def save_schedule(request: web.Request) -> web.StreamResponse:
    """Change when trainings begin by themselves."""
    app, form = request.app, form_of(request)
    try:
        async with app[DATABASE].transaction() as session:
            await runs.save_schedule(
                session, app[CLOCK].now(), caller_of(request).account.id, rhythm=form.get("rhythm", ""),
                hour=_number(form.get("hour", "")), weekday=_number(form.get("weekday", "")),
                version=max(0, _number(form.get("version", ""))),
            )  # fmt: skip
    except InvalidField as error:
        return await _runs(request, status=422, errors={error.field: error.sentence}, values=form)
    except Conflict as error:
        return await _runs(request, status=409, errors={"rhythm": error.sentence})
    return see_other(PATH, "apprentissage-programme")


async def _runs(
    request: web.Request, *, status: int = 200, errors: dict | None = None, values: Any = None
) -> web.Response:
    page = page_of(request)
    async with request.app[DATABASE].reading() as session:
        found, more = await runs.list_runs(session, page)
        schedule = await runs.read_schedule(session)
    shown = {"rhythm": schedule.rhythm, "hour": str(schedule.hour), "weekday": str(schedule.weekday)}
    return render(
        request, "workshop/training.html", title="Apprentissage", status=status, errors=errors or {}, runs=found, page=page,
        more=more, schedule=schedule, values=values or shown, states=STATE_NAMES, rhythms=runs.RHYTHMS, days=DAYS, hours=HOURS,
        under_way=any(run.active for run, _ in found), may_serve=runs.may_serve, path_of=PATH,
    )  # fmt: skip


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1


# --- one run ----------------------------------------------------------------------------------


async def show_run(request: web.Request) -> web.StreamResponse:
    """Show how far a run is, or its report."""
    return await _run(request)


async def cancel(request: web.Request) -> web.StreamResponse:
    """Stop a run."""
    number = number_of(request, "run")
    app = request.app
    async with app[DATABASE].transaction() as session:
        await runs.find_run(session, number)
    try:
        async with app[DATABASE].transaction() as session:
            await runs.cancel_run(session, app[CLOCK].now(), caller_of(request).account.id, number)
    except Conflict as error:
        return await _run(request, status=409, errors={"contenu": error.sentence})
    return see_other(f"{PATH}/{number}", "apprentissage-annule")


async def overrule(request: web.Request) -> web.StreamResponse:
    """Let a refused candidate be put in service, with the reason."""
    number, reason = number_of(request, "run"), form_of(request).get("reason", "")
    app = request.app
    try:
        async with app[DATABASE].transaction() as session:
            await runs.overrule(session, app[CLOCK].now(), caller_of(request).account.id, number, reason)
    except (InvalidField, Conflict) as error:
        status = 409 if isinstance(error, Conflict) else 422
        return await _run(request, status=status, errors={"reason": error.sentence}, reason=reason)
    return see_other(f"{PATH}/{number}", "refus-leve")


async def _run(
    request: web.Request, *, status: int = 200, errors: dict | None = None, reason: str = ""
) -> web.Response:
    app, caller, number = request.app, caller_of(request), number_of(request, "run")
    async with app[DATABASE].reading() as session:
        run = await runs.find_run(session, number)
        author = await runs.name_of(session, run.author_id)
        overruler = await runs.name_of(session, run.overruled_by)
        words = {report.HEARD: await runs.read_heard(session, list(_ids(run, report.HEARD)))}
    if run.report:
        words[report.REFERENCE] = await asyncio.to_thread(report.read_reference, app[SETTINGS].root)
    return render(
        request, "workshop/training_run.html", title=f"Apprentissage {number}", status=status, errors=errors or {}, run=run,
        author=author, overruler=overruler, words=words, states=STATE_NAMES, sets=SET_NAMES, verdicts=VERDICTS,
        profiles=PROFILE_NAMES, topics=topic_names(request), may_serve=runs.may_serve(run), reason=reason, path_of=PATH,
        may_overrule=may(caller.grants, Permission.OVERRULE_MODELS), max_reason=runs.MAX_REASON,
        service=f"{SERVICE}?modele={quote(run.archive or '')}",
    )  # fmt: skip


def _ids(run: TrainingRun, name: str) -> Iterable[str]:
    """Yield the ids whose words the report's page shows."""
    measured = (run.report or {}).get("sets", {}).get(name, {})
    for part in ("better", "worse"):
        yield from (change["id"] for change in measured.get(part, ()))
    for confusion in measured.get("confusions", ()):
        yield from confusion["ids"]


# --- trying a candidate -----------------------------------------------------------------------


async def show_trial(request: web.Request) -> web.StreamResponse:
    """Show the form in which a candidate is asked a sentence."""
    return await _trial(request)


async def ask(request: web.Request) -> web.StreamResponse:
    """Show what the candidate and the model in service would decide. Nothing is written: no entry in the log."""
    form, app = form_of(request), request.app
    text, profile, uai = form.get("text", "").strip(), form.get("profile", ""), form.get("uai", "").strip().upper()
    try:
        if not clean(text):
            raise InvalidField("text", "Écrivez une phrase, comme la personne la taperait.")
        if len(text) > MAX_TEXT:
            raise InvalidField("text", f"Une phrase compte {MAX_TEXT} caractères au plus. Raccourcissez-la.")
        if profile not in PROFILE_NAMES:
            raise InvalidField("profile", "Choisissez un profil dans la liste.")
        if uai and app[KNOWLEDGE].school(uai) is None:
            raise InvalidField("uai", "Aucune école n’a ce code. Choisissez dans la liste, ou laissez vide.")
        async with app[DATABASE].reading() as session:
            run = await runs.find_run(session, number_of(request, "run"))
        if run.archive is None:
            raise Conflict("Cet apprentissage n’a pas donné de modèle à essayer.")
        said = await app[TRIALS].ask(run.archive, text, profile)
    except InvalidField as error:
        return await _trial(request, status=422, errors={error.field: error.sentence})
    except (Conflict, EngineError, InvalidInput) as error:
        return await _trial(request, status=409, errors={"text": error.sentence})
    titles = {name: _title(request, said.get(name), profile, uai) for name in (report.CANDIDATE, report.SERVED)}
    return await _trial(request, said=said, titles=titles)


async def _trial(request: web.Request, *, status: int = 200, errors: dict | None = None, said: dict | None = None,
                 titles: dict | None = None) -> web.Response:  # fmt: skip
    app, number = request.app, number_of(request, "run")
    async with app[DATABASE].reading() as session:
        run = await runs.find_run(session, number)
    # Of an académie's thousands of schools a list shows the first: any code may be typed.
    schools = sorted(app[KNOWLEDGE].schools, key=lambda school: school.name)[:200]
    return render(
        request, "workshop/training_try.html", title=f"Essayer le modèle {number}", status=status, errors=errors or {},
        run=run, said=said, titles=titles, values=form_of(request) if request.method == "POST" else {}, schools=schools,
        profiles=PROFILE_NAMES, topics=topic_names(request), outcomes=OUTCOMES, path_of=PATH, max_text=MAX_TEXT,
    )  # fmt: skip


def _title(request: web.Request, said: dict[str, Any] | None, profile: str, uai: str) -> dict[str, str] | None:
    """Return the article that this profile would read at this school, when one is answered."""
    if not said or said["outcome"] not in ("answer", "urgent", "other_profile") or not said["topic"]:
        return None
    knowledge = request.app[KNOWLEDGE]
    rendered = knowledge.render(said["topic"], profile, uai or None)
    return {"title": rendered.title, "html": to_html(rendered.text)} if rendered else None
