"""Where the last link of a letter leads: no more letters, and the address forgotten.

Mail programs open links before anybody reads them: opening the page changes nothing, its button does (RFC 8058 for those
that do it in one gesture). The link is the proof: it is written in the letters alone.
"""

from __future__ import annotations

from aiohttp import web

from bot.chat.views import CLOCK, DATABASE, LIMITER, VAULT
from bot.errors import NotFound
from bot.escalation import letters
from bot.web.pages import TEMPLATES
from bot.web.security import STOP_PATH

# What a link may be long: more is none of ours.
_MAX_TOKEN = 400


async def show_stop(request: web.Request) -> web.StreamResponse:
    """Say what the button does."""
    await request.app[LIMITER].check_reading(request)
    return _page(request, _state(request, "ask"))


async def stop(request: web.Request) -> web.StreamResponse:
    """Forget the address."""
    await request.app[LIMITER].check_reading(request)
    state = _state(request, "done")
    if state == "done":
        app = request.app
        await letters.stop(app[DATABASE], app[CLOCK], app[VAULT], request.match_info["token"])
    return _page(request, state)


def _state(request: web.Request, good: str) -> str:
    token = request.match_info["token"]
    try:
        if len(token) > _MAX_TOKEN:
            return "unknown"
        letters.read_stop_token(request.app[VAULT], token)
    except NotFound:
        return "unknown"
    return good


def _page(request: web.Request, state: str) -> web.Response:
    text = request.app[TEMPLATES].get_template("letters/stop.html").render(state=state)
    return web.Response(text=text, status=404 if state == "unknown" else 200, content_type="text/html")


def add_pages(app: web.Application) -> None:
    """Route the page and its button."""
    app.router.add_get(STOP_PATH + "{token}", show_stop)
    app.router.add_post(STOP_PATH + "{token}", stop)
