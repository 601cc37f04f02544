"""The exchanges that were given up, across the requests, for agents and administrators: read, and sent again."""

from __future__ import annotations

from dataclasses import asdict

from aiohttp import web

from bot.chat.views import CLOCK, DATABASE
from bot.connectors import undelivered
from bot.connectors.rules import DEAD, STEP_NAMES, TOOL_NAMES, WAITING
from bot.connectors.undelivered import StepFilter
from bot.console.views.requests import PATH as REQUESTS
from bot.console.views.shell import PREFIX, caller_of, form_of, number_of, page_of, query_of, render, see_other
from bot.errors import Conflict, NotFound
from bot.escalation import desk

PATH = f"{PREFIX}/echanges"

STATES = {DEAD: "Abandonnés", WAITING: "En nouvel essai"}


async def list_undelivered(request: web.Request) -> web.StreamResponse:
    """Show what was given up: by group and reason, then one by one."""
    return await _page(request)


async def _page(request: web.Request, **answer) -> web.Response:
    app, caller, page = request.app, caller_of(request), page_of(request)
    state = query_of(request, "state")
    wanted = StepFilter(
        state=state if state in STATES else DEAD, group=query_of(request, "group")[:40],
        tool=query_of(request, "tool")[:20], reason=query_of(request, "reason")[:500],
    )  # fmt: skip
    async with app[DATABASE].reading() as session:
        found, more = await undelivered.list_steps(session, caller, wanted, page)
        lots = await undelivered.list_lots(session, caller)
        groups = await desk.list_groups(session)
    return render(
        request, "undelivered.html", title="Échanges avec les outils", found=found, more=more, page=page, lots=lots,
        wanted=wanted, asked={name: value for name, value in asdict(wanted).items() if value}, states=STATES, dead=DEAD,
        waiting=WAITING, groups={group.id: group.name for group in groups}, tools=TOOL_NAMES, steps=STEP_NAMES,
        reasons={lot.reason: lot.reason for lot in lots}, path_of=PATH, requests=REQUESTS, **answer,
    )  # fmt: skip


async def replay_one(request: web.Request) -> web.StreamResponse:
    """Send one again."""
    app, step = request.app, number_of(request, "step")
    try:
        await undelivered.replay_one(app[DATABASE], app[CLOCK], caller_of(request), step)
    except Conflict as error:
        return await _page(request, status=409, errors={"contenu": error.sentence})
    return see_other(f"{PATH}?state={WAITING}", "envoi-refait")


async def confirm_lot(request: web.Request) -> web.StreamResponse:
    """Say what would be sent again, and ask."""
    group, reason = query_of(request, "group")[:40], query_of(request, "reason")[:500]
    async with request.app[DATABASE].reading() as session:
        lot = [one for one in await undelivered.list_lots(session, caller_of(request)) if one.group_id == group]
    lot = [one for one in lot if reason in ("", one.reason)]
    if not lot:
        raise NotFound("Rien n’est à renvoyer pour ce groupe : quelqu’un l’a peut-être déjà fait.")
    return render(
        request, "undelivered_confirm.html", title="Renvoyer un lot", lot=lot, count=sum(one.count for one in lot),
        group=group, reason=reason, tools=TOOL_NAMES, path_of=PATH,
    )  # fmt: skip


async def replay_lot(request: web.Request) -> web.StreamResponse:
    """Send again all of a group, for one reason or any."""
    app, form = request.app, form_of(request)
    group, reason = form.get("group", ""), form.get("reason", "")
    try:
        await undelivered.replay_lot(app[DATABASE], app[CLOCK], caller_of(request), group[:40], reason[:500])
    except Conflict as error:
        return await _page(request, status=409, errors={"contenu": error.sentence})
    return see_other(f"{PATH}?state={WAITING}", "envois-refaits")
