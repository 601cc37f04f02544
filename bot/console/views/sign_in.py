"""Signing in and out, and the link that lets somebody choose a password."""

from __future__ import annotations

from aiohttp import web

from bot.chat.views import CLOCK, DATABASE, LIMITER, SETTINGS
from bot.console.payloads import local_path
from bot.console.views.shell import (
    CALLER,
    PREFIX,
    ROUTES,
    SIGN_IN,
    caller_of,
    form_of,
    query_of,
    render,
    see_other,
    session_cookie,
    set_cookie,
)
from bot.errors import InvalidField, RateLimited, Unauthenticated
from bot.people import accounts, sign_in


async def go_home(request: web.Request) -> web.StreamResponse:
    """Lead to the first page of the navigation that the caller has, else to his own account."""
    caller = caller_of(request)
    first = next((route.path for route in request.app[ROUTES] if route.nav and route.admits(caller)), None)
    return see_other(first or f"{PREFIX}/mon-compte")


async def show_sign_in(request: web.Request) -> web.StreamResponse:
    """Show the form; whoever is signed in already has no use for it."""
    after = local_path(request.query.get("suite", ""), PREFIX)
    if CALLER in request:
        return see_other(after)
    return _form(request, after=after)


async def sign_in_by_password(request: web.Request) -> web.StreamResponse:
    """Open a session, or show the form again with the reason."""
    app, form = request.app, form_of(request)
    after, login = local_path(form.get("suite", ""), PREFIX), form.get("login", "").strip()
    try:
        token = await sign_in.sign_in(
            app[DATABASE], app[CLOCK], login, form.get("password", ""), address=app[LIMITER].address(request),
            browser=request.headers.get("User-Agent", ""), replaces=request.get(CALLER),
        )  # fmt: skip
    except Unauthenticated as error:
        return _form(request, after=after, login=login, refused=error.sentence, status=422)
    except RateLimited as error:
        headers = {"Retry-After": str(error.retry_after)}
        return _form(request, after=after, login=login, refused=error.sentence, status=429, headers=headers)
    response = see_other(after)
    set_cookie(request, response, session_cookie(app[SETTINGS]), token)
    return response


def _form(request: web.Request, *, after: str, login: str = "", refused: str = "", **answer) -> web.Response:
    errors = {"login": refused} if refused else {}
    return render(request, "sign_in.html", title="Connexion", after=after, login=login, errors=errors, **answer)


async def sign_out(request: web.Request) -> web.StreamResponse:
    """End the session."""
    app = request.app
    await sign_in.sign_out(app[DATABASE], app[CLOCK], caller_of(request))
    response = see_other(SIGN_IN, "deconnecte")
    response.del_cookie(session_cookie(app[SETTINGS]), path="/", secure=not app[SETTINGS].is_demonstration)
    return response


async def show_password_link(request: web.Request) -> web.StreamResponse:
    """Show whom the link is for and the field; looking does not use it up."""
    link = query_of(request, "lien")
    account = await accounts.check_password_link(request.app[DATABASE], request.app[CLOCK], link)
    return render(request, "password_link.html", title="Choisir un mot de passe", account=account, link=link)


async def choose_password(request: web.Request) -> web.StreamResponse:
    """Set the password with the link."""
    app, form = request.app, form_of(request)
    link = form.get("lien", "")
    account = await accounts.check_password_link(app[DATABASE], app[CLOCK], link)
    try:
        if form.get("password", "") != form.get("again", ""):
            raise InvalidField("again", "Les deux mots de passe ne sont pas les mêmes.")
        await accounts.choose_password(app[DATABASE], app[CLOCK], link, form.get("password", ""))
    except InvalidField as error:
        return render(
            request, "password_link.html", title="Choisir un mot de passe", status=422, account=account, link=link,
            errors={error.field: error.sentence},
        )  # fmt: skip
    return see_other(SIGN_IN, "mot-de-passe-choisi")
