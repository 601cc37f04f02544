"""The console's shell: who may call which route, where forms may come from, cookies, errors as pages."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.clock import FixedClock
from bot.console.routes import ROUTES as CONSOLE_ROUTES
from bot.console.views.shell import SIGN_IN, Access, Route
from bot.db import Database
from bot.people.rules import PERMISSIONS, Role
from bot.settings import PRODUCTION
from bot.workshop.routes import ROUTES as WORKSHOP_ROUTES
from tests.integration.console import PASSWORD, SESSION, Browser, Open, add_account, open_browser, signed_in
from tests.integration.gateway import ONE_KIND

ROUTES = (*CONSOLE_ROUTES, *WORKSHOP_ROUTES)
NOBODY, NO_ROLE = "anonymous", "no role"
CALLERS = (NOBODY, NO_ROLE, *(role.value for role in Role))
ROUTES = (*CONSOLE_ROUTES, *WORKSHOP_ROUTES)
OPEN = {
    ("GET", SIGN_IN), ("POST", SIGN_IN), ("GET", f"{SIGN_IN}/{{provider}}"), ("GET", f"{SIGN_IN}/{{provider}}/retour"),
    ("GET", "/console/mot-de-passe"), ("POST", "/console/mot-de-passe"),
}  # fmt: skip


@pytest.fixture
async def visitor(site) -> AsyncIterator[Browser]:
    """A browser that nobody has signed in with."""
    async with open_browser(site.base) as browser:
        yield browser


def expected(route: Route, caller: str) -> bool:
    if route.allow is Access.ANYONE:
        return True
    if caller == NOBODY:
        return False
    return route.allow is Access.SIGNED_IN or (caller != NO_ROLE and route.allow in PERMISSIONS[Role(caller)])


@pytest.mark.parametrize("caller", CALLERS)
async def test_every_route_lets_in_those_it_names_and_nobody_else(site, browser_of: Open, visitor, caller: str) -> None:
    for route in ROUTES:
        # One that signs out would leave nobody for the next: each route is called by a new session.
        browser = visitor if caller == NOBODY else await browser_of(*([] if caller == NO_ROLE else [caller]))
        if caller == NOBODY:
            await browser.get(SIGN_IN)
        path = route.path.replace("{", "").replace("}", "")
        page = await (browser.get(path) if route.method == "GET" else browser.post(path))
        admitted = page.status not in (401, 403) and not page.location.startswith(f"{SIGN_IN}?suite=")
        assert admitted == expected(route, caller), (route.method, route.path, caller, page.status, page.location)
        if not admitted:
            assert page.status == (403 if caller != NOBODY else 303 if route.method == "GET" else 401)


def test_only_signing_in_is_open_to_everybody() -> None:
    assert {(route.method, route.path) for route in ROUTES if route.allow is Access.ANYONE} == OPEN
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)


@ONE_KIND
async def test_the_navigation_has_what_the_caller_may_open(browser_of: Open) -> None:
    for role in (*Role, None):
        browser = await browser_of(*([role] if role else []))
        page = await browser.get("/console/mon-compte")
        allowed = PERMISSIONS[role] if role else frozenset()
        assert page.navigation == [route.nav for route in ROUTES if route.nav and route.allow in allowed]
        home = await browser.get("/console/")
        first = next((route.path for route in ROUTES if route.nav and route.allow in allowed), "/console/mon-compte")
        assert (home.status, home.location) == (303, "/workshop/" if role == Role.FORMATEUR else first)


# --- forms ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://ailleurs.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
    ],
)
@ONE_KIND
async def test_a_form_from_elsewhere_is_refused_whatever_its_token(
    browser_of: Open, own_database: Database, headers: dict
) -> None:
    browser = await browser_of("administrateur")
    page = await browser.post("/console/deconnexion", headers=headers)
    assert page.status == 403
    assert "autre site" in page.words
    assert (await browser.get("/console/mon-compte")).status == 200


@ONE_KIND
async def test_a_form_of_the_page_itself_is_taken(browser_of: Open) -> None:
    browser = await browser_of("referent")
    page = await browser.post("/console/deconnexion", headers={"Sec-Fetch-Site": "same-origin"})
    assert page.status == 303


@pytest.mark.parametrize("token", ["", "x", "é", "a" * 64])
@ONE_KIND
async def test_a_form_without_the_session_s_token_is_refused(browser_of: Open, token: str) -> None:
    browser = await browser_of("administrateur")
    assert (await browser.post("/console/comptes/nouveau", token, login="a@b.fr", name="A")).status == 403
    other = await browser_of("administrateur")
    assert (await browser.post("/console/comptes/nouveau", other.csrf, login="a@b.fr", name="A")).status == 403
    assert "Aucun compte" in (await browser.get("/console/comptes?q=a@b.fr")).words


@ONE_KIND
async def test_signing_in_asks_for_the_token_of_the_same_browser(site, visitor: Browser) -> None:
    await visitor.get(SIGN_IN)
    async with open_browser(site.base) as other:
        await other.get(SIGN_IN)
        page = await visitor.post(SIGN_IN, other.csrf, login="a@b.fr", password="x")
        assert page.status == 403
    async with open_browser(site.base) as without_cookie:
        assert (await without_cookie.post(SIGN_IN, visitor.csrf, login="a@b.fr", password="x")).status == 403


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b"{}"),
        ("text/plain", b"csrf=x"),
        ("application/x-www-form-urlencoded", b"csrf=%ff&\xff"),
        ("application/x-www-form-urlencoded; charset=inconnu", b"csrf=x"),
        ("multipart/form-data", b"--x"),
        ("multipart/form-data; boundary=x", b"--y\r\n\r\n"),
        ("application/x-www-form-urlencoded", b"a" * 300_000),
    ],
)
@ONE_KIND
async def test_a_body_that_is_no_form_is_refused_with_a_page(browser_of: Open, kind: str, body: bytes) -> None:
    browser = await browser_of("referent")
    headers = {"Content-Type": kind, "Sec-Fetch-Site": "same-origin"}
    page = await browser.call("POST", "/console/deconnexion", data=body, headers=headers)
    assert page.status in (400, 403, 413)
    assert (await browser.get("/console/mon-compte")).status == 200


async def test_html_and_odd_signs_in_any_field_are_shown_as_text(browser_of: Open) -> None:
    browser = await browser_of("administrateur")
    odd = "<script>alert(1)</script>\x00\ud7ff\u202e"
    page = await browser.post("/console/comptes/nouveau", login=odd, name=odd, role=odd, scope=odd, territory=odd)
    assert page.status == 422
    for path in ("/console/comptes?q=", "/console/journal?who=", "/console/journal?action=", "/console/journal?what=",
                 "/console/journal?since=", "/console/comptes?page=", "/console/mot-de-passe?lien=", "/console/x?"):  # fmt: skip
        for text in ("%3Cscript%3E", "%00", "%ff%fe", "%25_%5C", "9" * 30, "-1"):
            page = await browser.get(path + text)
            assert page.status in (200, 404), (path, text)
    for path in ("/console/comptes/%00", "/console/comptes/%3Cb%3E", "/console/static/..%2fconsole.css"):
        assert (await browser.get(path)).status == 404
    assert (await browser.post("/console/comptes/%00/roles", role="referent", scope="tout")).status == 404
    assert (await browser.post(f"/console/mon-compte/sessions/{'9' * 25}/fermer")).status == 404


# --- cookies ----------------------------------------------------------------------------------


@ONE_KIND
async def test_in_the_demonstration_the_cookie_is_hidden_from_scripts_and_other_sites(
    visitor: Browser, own_database: Database, clock: FixedClock
) -> None:
    account = await add_account(own_database, clock, "referent", password=PASSWORD)
    page = await visitor.sign_in(account.login)
    cookie = page.headers["Set-Cookie"]
    assert cookie.startswith(f"{SESSION}=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/" in cookie


@ONE_KIND
async def test_in_production_the_cookies_are_for_https_and_this_very_host(start) -> None:
    site = await start(mode=PRODUCTION, secret_key="x" * 40)
    async with open_browser(site.base) as browser:
        cookie = (await browser.get(SIGN_IN)).headers["Set-Cookie"]
        assert cookie.startswith("__Host-assistent_visit=")
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= {part.strip() for part in cookie.split(";")}
        assert "Domain" not in cookie
        plain = await browser.get("/console/mon-compte", headers={"Cookie": f"{SESSION}=x"})
        assert plain.status == 303


# --- errors -----------------------------------------------------------------------------------


@ONE_KIND
async def test_errors_are_pages_in_french_with_their_way_out(browser_of: Open, visitor: Browser) -> None:
    admin, formateur = await browser_of("administrateur"), await browser_of("formateur")
    lost = await admin.get("/console/nulle-part")
    assert (lost.status, lost.title) == (404, "Introuvable – Console AssistENT")
    assert "Comptes" in lost.navigation
    forbidden = await formateur.get("/console/comptes")
    assert (forbidden.status, forbidden.title) == (403, "Interdit – Console AssistENT")
    assert "Vous n’avez pas accès à cette page." in forbidden.words
    method = await admin.call("PUT", "/console/comptes")
    assert (method.status, method.headers["Allow"]) == (405, "GET,HEAD")
    anonymous = await visitor.get("/console/nulle-part")
    assert anonymous.status == 404
    assert anonymous.navigation == []
    assert "Se connecter" in anonymous.words
    over = await visitor.get("/console/comptes", headers={"Sec-Fetch-Mode": "cors"})
    assert over.status == 401
    assert "Votre session a pris fin" in over.words


async def test_a_database_that_is_out_is_said_on_a_page(start, own_database: Database, own_url: str, clock) -> None:
    account = await add_account(own_database, clock, "administrateur")
    nowhere = own_url.replace("copy_", "absent_") if "postgresql" in own_url else "sqlite+aiosqlite:////nulle/part.db"
    site, broken = await start(), await start(url=nowhere)
    async with signed_in(site.base, own_database, clock, account) as browser:
        browser.http.cookie_jar.update_cookies({SESSION: "x"}, broken.base)
        browser.base = broken.base
        page = await browser.get("/console/comptes")
    assert page.status == 503
    assert int(page.headers["Retry-After"]) >= 1
    assert "Réessayez dans un instant" in page.words
