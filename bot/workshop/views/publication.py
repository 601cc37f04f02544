"""What is done to an article that was published: its last day, withdrawn and put back, a former version restored."""

from __future__ import annotations

from aiohttp import web

from bot.console.views.shell import caller_of, form_of, number_of, see_other
from bot.errors import Conflict, InvalidField
from bot.workshop.views.articles import PATH, article_page, version_page
from bot.workshop.views.drafts import PUBLISHER, last_day_of


async def set_expiry(request: web.Request) -> web.StreamResponse:
    """Say until when an article is in service."""
    form, topic = form_of(request), request.match_info["topic"]
    try:
        await request.app[PUBLISHER].set_expiry(caller_of(request).account.id, topic, last_day_of(form))
    except (InvalidField, Conflict) as error:
        return await article_page(request, status=422, values=form, errors={"expires_on": error.sentence})
    return see_other(f"{PATH}/{topic}", "article-echeance")


async def withdraw(request: web.Request) -> web.StreamResponse:
    """Take an article out of service."""
    topic = request.match_info["topic"]
    try:
        await request.app[PUBLISHER].withdraw(caller_of(request).account.id, topic)
    except Conflict as error:
        return await article_page(request, status=422, errors={"gestes": error.sentence})
    return see_other(f"{PATH}/{topic}", "article-retire")


async def put_back(request: web.Request) -> web.StreamResponse:
    """Put an article back in service."""
    topic = request.match_info["topic"]
    try:
        await request.app[PUBLISHER].put_back(caller_of(request).account.id, topic)
    except Conflict as error:
        return await article_page(request, status=422, errors={"gestes": error.sentence})
    return see_other(f"{PATH}/{topic}", "article-remis")


async def restore(request: web.Request) -> web.StreamResponse:
    """Put a former version back in service, as a new one."""
    topic, current = request.match_info["topic"], form_of(request).get("current", "")
    try:
        await request.app[PUBLISHER].restore(
            caller_of(request).account.id, topic, number_of(request, "number"),
            int(current) if current.isascii() and current.isdigit() and len(current) < 10 else 0,
        )  # fmt: skip
    except (InvalidField, Conflict) as error:
        return await version_page(request, status=422, errors={"restore": error.sentence})
    return see_other(f"{PATH}/{topic}", "article-retabli")
