"""The saved views of the queue: saved from it, then renamed, shared, made one's start page, removed."""

from __future__ import annotations

from aiohttp import web

from bot.chat.views import CLOCK, DATABASE
from bot.console.views.requests import PATH as QUEUE
from bot.console.views.requests import filter_of, queue_page, view_path
from bot.console.views.shell import PREFIX, as_number, caller_of, form_of, number_of, query_of, render, see_other
from bot.errors import InvalidField
from bot.escalation import saved_views
from bot.people.rules import Permission

PATH = f"{PREFIX}/vues"
# The fields of the form that saves a view have names of their own: those of the filters are on the same page.
_FIELDS = {"name": "view_name", "team": "team"}


async def show_views(request: web.Request) -> web.StreamResponse:
    """Show the views that the caller may open or remove, each with what may be done with it."""
    return await _page(request)


async def _page(request: web.Request, **answer) -> web.Response:
    caller = caller_of(request)
    async with request.app[DATABASE].reading() as session:
        listed = await saved_views.list_managed(session, caller)
    return render(
        request, "views.html", title="Vues de la file", listed=listed, path_of=PATH, queue=QUEUE, view_path=view_path,
        teams=saved_views.teams_of(caller.grants), team_of=saved_views.team_of, removes=caller.may(Permission.CONFIGURE),
        removed=as_number(query_of(request, "retiree")), **{"values": {}, "wrong": 0, **answer},
    )  # fmt: skip


async def save_view(request: web.Request) -> web.StreamResponse:
    """Save the filters of the address under the name of the form; the queue comes back with what is wrong."""
    app, form = request.app, form_of(request)
    name, team = form.get("view_name", ""), form.get("team", "")
    try:
        view = await saved_views.save_view(
            app[DATABASE], app[CLOCK], caller_of(request), name, filter_of(request), team
        )  # fmt: skip
    except InvalidField as error:
        return await queue_page(request, status=422, values=form, errors={_FIELDS[error.field]: error.sentence})
    return see_other(view_path(view), "vue-enregistree")


async def replace_filters(request: web.Request) -> web.StreamResponse:
    """Keep the filters of the address under the name of a view."""
    app, view = request.app, number_of(request, "view")
    await saved_views.replace_filters(app[DATABASE], app[CLOCK], caller_of(request), view, filter_of(request))
    return see_other(view_path(view), "vue-modifiee")


async def change_view(request: web.Request) -> web.StreamResponse:
    """Rename a view and say whom it is shared with."""
    app, form, view = request.app, form_of(request), number_of(request, "view")
    try:
        await saved_views.change_view(
            app[DATABASE], app[CLOCK], caller_of(request), view, form.get("name", ""), form.get("team", "")
        )
    except InvalidField as error:
        return await _page(
            request, status=422, wrong=view, values=form, errors={f"{error.field}-{view}": error.sentence}
        )
    return see_other(PATH, "vue-modifiee")


async def choose_start(request: web.Request) -> web.StreamResponse:
    """Make a view the start page, or no longer."""
    app, chosen = request.app, form_of(request).get("chosen") == "oui"
    view = number_of(request, "view")
    await saved_views.choose_start(app[DATABASE], app[CLOCK], caller_of(request), view, chosen=chosen)
    return see_other(PATH, "vue-accueil" if chosen else "vue-sans-accueil")


async def remove_view(request: web.Request) -> web.StreamResponse:
    """Remove a view; the page that follows puts it back in one gesture."""
    app, view = request.app, number_of(request, "view")
    await saved_views.remove_view(app[DATABASE], app[CLOCK], caller_of(request), view)
    return see_other(f"{PATH}?retiree={view}")


async def restore_view(request: web.Request) -> web.StreamResponse:
    """Put a view back."""
    app, view = request.app, number_of(request, "view")
    await saved_views.remove_view(app[DATABASE], app[CLOCK], caller_of(request), view, back=True)
    return see_other(PATH, "vue-remise")
