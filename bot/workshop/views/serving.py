"""The model in service: which one, another in its place, the former one back, and how the last changes went."""

from __future__ import annotations

import asyncio

from aiohttp import web
from aiohttp_sse import sse_response

from bot.chat.views import DATABASE, SETTINGS
from bot.console.views.shell import WORKSHOP, caller_of, form_of, page_of, query_of, render, see_other
from bot.errors import Conflict, InvalidField
from bot.learning import serving
from bot.learning.archives import list_archives
from bot.learning.serving import STEPS, Serving

PATH = f"{WORKSHOP}/service"
SERVING = web.AppKey("serving", Serving)


async def show_service(request: web.Request) -> web.StreamResponse:
    """Show what serves, what may serve, and what was done."""
    return await _page(request, query_of(request, "modele")[:120])


async def _page(request: web.Request, chosen: str, errors: dict[str, str] | None = None) -> web.Response:
    app = request.app
    archives = await asyncio.to_thread(list_archives, app[SETTINGS].root / "models")
    page = page_of(request)
    async with app[DATABASE].reading() as session:
        current = await serving.read_in_service(session)
        in_service = await serving.read_swap(session, current.swap)
        former = await serving.read_former(session, current)
        under_way = await serving.read_under_way(session)
        swaps, more = await serving.list_swaps(session, page)
    return render(
        request, "workshop/service.html", title="Modèle en service", path_of=PATH, current=current, in_service=in_service,
        former=former, under_way=under_way, steps=STEPS, archives=archives, swaps=swaps, more=more, page=page, chosen=chosen,
        last=swaps[0][0] if swaps and page == 1 else None, lasted=serving.lasted, errors=errors or {},
        elsewhere=bool(app[SETTINGS].rasa_url), status=422 if errors else 200,
    )  # fmt: skip


async def put_in_service(request: web.Request) -> web.StreamResponse:
    """Begin to put an archive in service."""
    name = form_of(request).get("model", "")
    try:
        swap = await request.app[SERVING].ask(name, caller_of(request).account.id)
    except (InvalidField, Conflict) as error:
        return await _page(request, name[:120], {"model": error.sentence})
    request.app[SERVING].carry_on(swap)
    return see_other(PATH, "modele-demande")


async def go_back(request: web.Request) -> web.StreamResponse:
    """Begin to put the former model back in service."""
    try:
        swap = await request.app[SERVING].ask_back(caller_of(request).account.id)
    except Conflict as error:
        return await _page(request, "", {"model": error.sentence})
    request.app[SERVING].carry_on(swap)
    return see_other(PATH, "modele-demande")


async def stream(request: web.Request) -> web.StreamResponse:
    """Tell open pages that a change of model took a step; which one, they read in the page."""
    async with sse_response(request) as out:
        await out.send("", event="pret")
        async for changed in request.app[SERVING].watch():
            if not out.is_connected() or request.transport is None:
                break
            if changed:
                await out.send("", event="change")
    return out
