"""The caller's own account: his roles, his password, his sessions."""

from __future__ import annotations

from aiohttp import web

from bot.chat.views import CLOCK, DATABASE
from bot.console.payloads import describe_browser
from bot.console.views.shell import PREFIX, caller_of, form_of, number_of, render, see_other
from bot.errors import InvalidField, RateLimited
from bot.people import accounts, sign_in
from bot.people.service import count_schools

PATH = f"{PREFIX}/mon-compte"


async def show_account(request: web.Request) -> web.StreamResponse:
    """Show who the caller is, where he works and where he is signed in."""
    return await _page(request)


async def show_shortcuts(request: web.Request) -> web.StreamResponse:
    """Show what helps those who work by keyboard or by ear."""
    return render(request, "shortcuts.html", title="Raccourcis et lecture d’écran")


async def change_password(request: web.Request) -> web.StreamResponse:
    """Change the password; the other sessions end."""
    app, form, caller = request.app, form_of(request), caller_of(request)
    new = form.get("password", "")
    try:
        if new != form.get("again", ""):
            raise InvalidField("again", "Les deux mots de passe ne sont pas les mêmes.")
        await accounts.change_password(app[DATABASE], app[CLOCK], caller, form.get("current", ""), new)
    except InvalidField as error:
        return await _page(request, status=422, errors={error.field: error.sentence})
    except RateLimited as error:
        headers = {"Retry-After": str(error.retry_after)}
        return await _page(request, status=429, headers=headers, errors={"current": error.sentence})
    return see_other(PATH, "mot-de-passe")


async def revoke_session(request: web.Request) -> web.StreamResponse:
    """End one of the caller's sessions."""
    app = request.app
    await sign_in.revoke_session(app[DATABASE], app[CLOCK], caller_of(request), number_of(request, "session"))
    return see_other(PATH, "session-fermee")


async def _page(request: web.Request, **answer) -> web.Response:
    app, caller = request.app, caller_of(request)
    sessions = await sign_in.list_sessions(app[DATABASE], app[CLOCK], caller.account.id)
    schools = await count_schools(app[DATABASE], caller.grants)
    return render(
        request, "account.html", title="Mon compte", sessions=sessions, schools=schools, browser=describe_browser,
        **answer,
    )  # fmt: skip
