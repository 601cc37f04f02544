"""Signing in, by password or at an identity provider, signing out, and the link that lets somebody choose a password."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from aiohttp import web

from bot.chat.views import CLOCK, DATABASE, LIMITER, SETTINGS
from bot.console.identity import Provider, end_sign_in
from bot.console.payloads import clean_field, local_path
from bot.console.views.requests import view_path
from bot.console.views.shell import (
    CALLER,
    PREFIX,
    ROUTES,
    SIGN_IN,
    WORKSHOP,
    caller_of,
    form_of,
    query_of,
    render,
    see_other,
    session_cookie,
    set_cookie,
    visit_cookie,
)
from bot.errors import IdentityRefused, InvalidField, NotFound, RateLimited, Unauthenticated
from bot.escalation import saved_views
from bot.people import accounts, federation, sign_in
from bot.people.rules import Permission

PROVIDERS = web.AppKey("identity_providers", Mapping[str, Provider])
# What the errors of a provider lead to on the page: its buttons.
_PROVIDERS_FIELD = "fournisseurs"


async def go_home(request: web.Request) -> web.StreamResponse:
    """Lead to the view that the caller begins with, else to the first page of his navigation, else to his own account.

    A formateur who deals with no requests begins in the workshop.
    """
    caller = caller_of(request)
    if caller.may(Permission.READ_TICKETS):
        async with request.app[DATABASE].reading() as session:
            start = await saved_views.start_of(session, caller)
        if start is not None:
            return see_other(view_path(start))
    elif caller.may(Permission.WRITE_KNOWLEDGE):
        return see_other(f"{WORKSHOP}/")
    first = next((route.path for route in request.app[ROUTES] if route.nav and route.admits(caller)), None)
    return see_other(first or f"{PREFIX}/mon-compte")


async def show_sign_in(request: web.Request) -> web.StreamResponse:
    """Show the form; whoever is signed in already has no use for it."""
    after = local_path(request.query.get("suite", ""), PREFIX, WORKSHOP)
    if CALLER in request:
        return see_other(after)
    return _form(request, after=after)


async def sign_in_by_password(request: web.Request) -> web.StreamResponse:
    """Open a session, or show the form again with the reason."""
    app, form = request.app, form_of(request)
    after, login = local_path(form.get("suite", ""), PREFIX, WORKSHOP), form.get("login", "").strip()
    try:
        token = await sign_in.sign_in(
            app[DATABASE], app[CLOCK], login, form.get("password", ""), address=app[LIMITER].address(request),
            browser=request.headers.get("User-Agent", ""), replaces=request.get(CALLER),
        )  # fmt: skip
    except Unauthenticated as error:
        return _form(request, after=after, login=login, errors={"login": error.sentence}, status=422)
    except RateLimited as error:
        headers = {"Retry-After": str(error.retry_after)}
        errors = {"login": error.sentence}
        return _form(request, after=after, login=login, errors=errors, status=429, headers=headers)
    response = see_other(after)
    set_cookie(request, response, session_cookie(app[SETTINGS]), token)
    return response


def _form(request: web.Request, *, after: str, login: str = "", **answer) -> web.Response:
    providers = request.app[SETTINGS].identity_providers
    return render(request, "sign_in.html", title="Connexion", after=after, login=login, providers=providers, **answer)


# A link and not a form: the page's policy lets its forms lead to this site alone.
async def go_to_provider(request: web.Request) -> web.StreamResponse:
    """Lead to the provider's own page; what comes back is taken from this browser only."""
    app, provider = request.app, _provider(request)
    after = local_path(query_of(request, "suite"), PREFIX, WORKSHOP)
    if CALLER in request:
        return see_other(after)
    if len(after) > federation.MAX_AFTER:
        after = f"{PREFIX}/"
    await app[LIMITER].check_reading(request)
    visit = _visit(request) or secrets.token_urlsafe(24)
    attempt = await federation.begin_attempt(app[DATABASE], app[CLOCK], provider.chosen, visit, after)
    try:
        response = see_other(await provider.begin(attempt, _back(request)))
    except IdentityRefused as error:
        return _refused(request, error)
    set_cookie(request, response, visit_cookie(app[SETTINGS]), visit)
    return response


async def come_back(request: web.Request) -> web.StreamResponse:
    """Open a session for whom the provider says it is, or show the form again with the reason."""
    app, provider = request.app, _provider(request)
    query = {name: clean_field(value) for name, value in request.query.items()}
    try:
        token, after = await end_sign_in(
            app[DATABASE], app[CLOCK], provider, query, visit=_visit(request), back=_back(request),
            address=app[LIMITER].address(request), browser=request.headers.get("User-Agent", ""),
            replaces=request.get(CALLER),
        )  # fmt: skip
    except IdentityRefused as error:
        return _refused(request, error)
    except RateLimited as error:
        headers, errors = {"Retry-After": str(error.retry_after)}, {_PROVIDERS_FIELD: error.sentence}
        return _form(request, after=f"{PREFIX}/", errors=errors, status=429, headers=headers)
    response = see_other(after)
    set_cookie(request, response, session_cookie(app[SETTINGS]), token)
    return response


def _refused(request: web.Request, error: IdentityRefused) -> web.Response:
    status = 503 if error.reason == "unavailable" else 422
    return _form(request, after=f"{PREFIX}/", errors={_PROVIDERS_FIELD: error.sentence}, status=status)


def _visit(request: web.Request) -> str:
    """Return what ties an attempt to this browser, empty when it has nothing yet."""
    return clean_field(request.cookies.get(visit_cookie(request.app[SETTINGS]), ""))


def _provider(request: web.Request) -> Provider:
    provider = request.app[PROVIDERS].get(request.match_info["provider"])
    if provider is None:
        raise NotFound("Ce moyen de connexion n’est pas proposé ici.")
    return provider


def _back(request: web.Request) -> str:
    """Return the address that the provider sends browsers back to: it is registered there, to the letter."""
    base = request.app[SETTINGS].public_url or str(request.url.origin())
    return f"{base}{SIGN_IN}/{request.match_info['provider']}/retour"


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
