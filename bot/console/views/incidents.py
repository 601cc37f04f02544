"""Known incidents, for référents and agents: what is proposed, opening, who is attached, the end."""

from __future__ import annotations

from aiohttp import web

from bot.chat.views import CLOCK, DATABASE
from bot.console.views.requests import PATH as REQUESTS
from bot.console.views.requests import STATE_NAMES, topic_names
from bot.console.views.shell import PREFIX, caller_of, form_of, query_of, render, see_other
from bot.errors import Conflict, Forbidden, InvalidInput
from bot.escalation import outages
from bot.people.rules import SCOPE_NAMES, Scope
from bot.people.service import list_places

PATH = f"{PREFIX}/incidents"


async def show_incidents(request: web.Request) -> web.StreamResponse:
    """Show what is proposed, what is open, and what has ended lately."""
    app, caller = request.app, caller_of(request)
    async with app[DATABASE].reading() as session:
        shown = await outages.list_outages(session, caller)
        proposed = await outages.propose(session, caller, app[CLOCK].now())
    return render(
        request, "incidents.html", title="Incidents", shown=shown, proposed=proposed, topics=topic_names(request), path_of=PATH,
        scopes=SCOPE_NAMES,
    )  # fmt: skip


async def show_opening(request: web.Request) -> web.StreamResponse:
    """Show the form that opens an incident, filled with a proposal where there is one."""
    values = {name: query_of(request, name)[:200] for name in ("topic", "place", "uai", "title", "text")}
    return await _form(request, values)


async def _form(request: web.Request, values, errors=None) -> web.Response:
    app = request.app
    async with app[DATABASE].reading() as session:
        places = await list_places(session, caller_of(request).grants)
    return render(
        request, "incident_new.html", title="Ouvrir un incident", values=values, errors=errors or {}, topics=topic_names(request),
        places={f"{scope}:{name}": f"{SCOPE_NAMES[scope]} : {label}" if name else label for scope, name, label in places},
        path_of=PATH, status=422 if errors else 200,
    )  # fmt: skip


async def open_incident(request: web.Request) -> web.StreamResponse:
    """Open an incident."""
    app, caller, form = request.app, caller_of(request), form_of(request)
    scope, _, name = form.get("place", "").partition(":")
    if uai := form.get("uai", "").strip().upper():
        scope, name = Scope.ETABLISSEMENT, uai
    try:
        identifier = await outages.open_incident(
            app[DATABASE], app[CLOCK], caller, topic=form.get("topic", ""), territory=(scope, name),
            title=form.get("title", ""), text=form.get("text", ""),
        )  # fmt: skip
    except (InvalidInput, Conflict, Forbidden) as error:
        return await _form(request, form, {"title": error.sentence})
    return see_other(f"{PATH}/{identifier}", "incident-ouvert")


async def show_incident(request: web.Request) -> web.StreamResponse:
    """Show an incident with the requests attached to it."""
    return await _page(request)


async def _page(request: web.Request, **answer) -> web.Response:
    app = request.app
    async with app[DATABASE].reading() as session:
        outage, tickets = await outages.read_outage(session, caller_of(request), request.match_info["incident"])
    return render(
        request, "incident.html", title=outage.row.title, outage=outage, row=outage.row, tickets=tickets, path_of=PATH,
        requests=REQUESTS, topics=topic_names(request), scopes=SCOPE_NAMES, state_names=STATE_NAMES, everywhere=Scope.TOUT,
        **{"values": {}, **answer},
    )  # fmt: skip


async def close_incident(request: web.Request) -> web.StreamResponse:
    """End an incident: everyone attached is told."""
    app, identifier, text = request.app, request.match_info["incident"], form_of(request).get("text", "")
    try:
        await outages.close_incident(app[DATABASE], app[CLOCK], caller_of(request), identifier, text)
    except (InvalidInput, Conflict) as error:
        return await _page(request, status=422, values={"text": text}, errors={"text": error.sentence})
    return see_other(f"{PATH}/{identifier}", "incident-termine")
