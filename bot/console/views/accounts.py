"""The accounts, for the administrator: find, create, give roles, disable, help with a lost password."""

from __future__ import annotations

from aiohttp import web

from bot.chat.views import CLOCK, DATABASE, SETTINGS
from bot.console.views.shell import (
    PREFIX,
    caller_of,
    form_of,
    number_of,
    page_of,
    query_of,
    render,
    see_other,
)
from bot.errors import Conflict, InvalidField
from bot.people import accounts, federation
from bot.people.accounts import NewGrant
from bot.people.rules import ROLE_NAMES, SCOPE_NAMES
from bot.people.service import list_territories

PATH = f"{PREFIX}/comptes"


async def list_accounts(request: web.Request) -> web.StreamResponse:
    """Show a page of the accounts, those that were searched for."""
    search, page = query_of(request, "q"), page_of(request)
    found, more = await accounts.list_accounts(request.app[DATABASE], search, page)
    return render(request, "accounts.html", title="Comptes", accounts=found, search=search, page=page, more=more)


async def show_creation(request: web.Request) -> web.StreamResponse:
    """Show the form of a new account."""
    return await _creation(request)


async def create_account(request: web.Request) -> web.StreamResponse:
    """Create an account with its first role, and show the link by which its person chooses a password."""
    app, form, actor = request.app, form_of(request), caller_of(request).account.id
    try:
        account_id = await accounts.create_account(
            app[DATABASE], app[CLOCK], actor, login=form.get("login", ""), name=form.get("name", ""),
            grants=[_grant(request)],
        )  # fmt: skip
    except InvalidField as error:
        return await _creation(request, status=422, values=form, errors={error.field: error.sentence})
    return await _show_link(request, account_id)


async def _creation(request: web.Request, **answer) -> web.Response:
    territories = await list_territories(request.app[DATABASE])
    return render(
        request, "account_new.html", title="Nouveau compte", roles=ROLE_NAMES, scopes=SCOPE_NAMES,
        territories=territories, **{"values": {}, **answer},
    )  # fmt: skip


async def show_account(request: web.Request) -> web.StreamResponse:
    """Show an account, its roles, and what can be done with it."""
    return await _page(request)


async def _page(request: web.Request, **answer) -> web.Response:
    account = await accounts.get_account(request.app[DATABASE], request.match_info["account"])
    territories = await list_territories(request.app[DATABASE])
    identities = await federation.list_identities(request.app[DATABASE], account.id)
    names = {provider.url: provider.name for provider in reversed(request.app[SETTINGS].identity_providers)}
    return render(
        request, "account_edit.html", title=account.name, account=account, roles=ROLE_NAMES, scopes=SCOPE_NAMES,
        territories=territories, own=account.id == caller_of(request).account.id, identities=identities,
        provider_names=names, **{"values": {}, **answer},
    )  # fmt: skip


async def give_role(request: web.Request) -> web.StreamResponse:
    """Give a role on a territory."""
    app, account_id = request.app, request.match_info["account"]
    try:
        await accounts.give_role(app[DATABASE], app[CLOCK], caller_of(request).account.id, account_id, _grant(request))
    except InvalidField as error:
        errors = {error.field: error.sentence}
        return await _page(request, status=422, values=form_of(request), errors=errors)
    return see_other(f"{PATH}/{account_id}", "role-donne")


def _grant(request: web.Request) -> NewGrant:
    form = form_of(request)
    return NewGrant(form.get("role", ""), form.get("scope", ""), form.get("territory", ""))


async def withdraw_role(request: web.Request) -> web.StreamResponse:
    """Take a role back."""
    app, account_id = request.app, request.match_info["account"]
    await accounts.withdraw_role(
        app[DATABASE], app[CLOCK], caller_of(request).account.id, account_id, number_of(request, "grant")
    )
    return see_other(f"{PATH}/{account_id}", "role-retire")


async def disable_account(request: web.Request) -> web.StreamResponse:
    """Disable an account; one's own would shut the door from inside."""
    app, account_id, actor = request.app, request.match_info["account"], caller_of(request).account.id
    if account_id == actor:
        raise Conflict("Vous ne pouvez pas désactiver votre propre compte.")
    await accounts.disable_account(app[DATABASE], app[CLOCK], actor, account_id)
    return see_other(f"{PATH}/{account_id}", "compte-desactive")


async def enable_account(request: web.Request) -> web.StreamResponse:
    """Let a disabled account sign in again."""
    app, account_id = request.app, request.match_info["account"]
    await accounts.enable_account(app[DATABASE], app[CLOCK], caller_of(request).account.id, account_id)
    return see_other(f"{PATH}/{account_id}", "compte-reactive")


async def unbind_identity(request: web.Request) -> web.StreamResponse:
    """Unbind an identity: the next one with the account's e-mail address takes its place."""
    app, account_id, actor = request.app, request.match_info["account"], caller_of(request).account.id
    await federation.unbind_identity(app[DATABASE], app[CLOCK], actor, account_id, number_of(request, "identity"))
    return see_other(f"{PATH}/{account_id}", "identite-deliee")


async def make_link(request: web.Request) -> web.StreamResponse:
    """Make a link by which the person chooses a password."""
    return await _show_link(request, request.match_info["account"])


async def _show_link(request: web.Request, account_id: str) -> web.Response:
    """Show a new link, once: only its digest is kept."""
    app = request.app
    token = await accounts.make_password_link(app[DATABASE], app[CLOCK], caller_of(request).account.id, account_id)
    account = await accounts.get_account(app[DATABASE], account_id)
    base = app[SETTINGS].public_url or str(request.url.origin())
    link = f"{base}{PREFIX}/mot-de-passe?lien={token}"
    return render(request, "account_link.html", title="Lien de mot de passe", account=account, link=link)
