"""What nobody's browser would send to the console and the workshop: every route, a sentence each time, never a fault."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import quote

import pytest
from yarl import URL

from bot.console.routes import ROUTES as CONSOLE
from bot.console.views.requests import GESTURES as STATE_GESTURES
from bot.settings import ROOT
from bot.workshop.routes import ROUTES as WORKSHOP
from tests.integration.console import COLLEGE, Browser, Open
from tests.integration.gateway import Api
from tests.integration.test_personal_data import PNG
from tests.integration.workshop import ARTICLES, NEW, NEW_TOPIC, TOPIC

# Each as the bytes of an address. Numbers past what a column holds, digits that are not ASCII's, dates that have no day before or
# after them, a null, a lone surrogate, the end of a header, a folder above, a template, a tag, another site, a word without end.
HOSTILE = (
    "-1", "999999999999999999", f"{quote('²')}%00%25%5F%27--", "%ED%A0%80", "%0d%0aX-Y:%20z", "..%2f..%2fetc",
    "%3Cscript%3Ealert(1)%3C%2Fscript%3E%7B0.__class__%7D", "%2f%2fexample.org", "0001-01-01", "9999-12-31",
)  # fmt: skip
# As a form carries them.
TYPED = (
    "", "-1", "999999999999999999", "²\x00\x85\u202e\ufffe%_\\'", "<script>alert(1)</script>{{7*7}}{0.__class__}", "//example.org",
    "0001-01-01T00:00", "9999-12-31", "1e400", "é\n" * 1_000,
)  # fmt: skip
# What ends the session that the test needs, and streams, which have no end.
LEFT_OUT = ("/deconnexion", "/console/mot-de-passe", "/flux")
_NAMED = re.compile(
    r"""(?:query_of\(request, |(?:form|query|asked|fields|given)(?:\.get\(|\.getall\(|\[)|_FIELDS = |name=)["'](\w+)["']"""
)


def known_names() -> list[str]:
    """Return every field that a page reads or a form sends, as the code and the templates name them."""
    found: set[str] = set()
    for folder in ("bot/console", "bot/workshop", "bot/web/templates/console", "bot/web/templates/workshop"):
        for file in (ROOT / folder).rglob("*"):
            if file.suffix in (".py", ".html"):
                found |= set(_NAMED.findall(file.read_text(encoding="utf-8")))
    return sorted(found - {"csrf"})


# Those that the page of a request has, by name: the others are states.
GESTURES = (
    *STATE_GESTURES, "modele", "apercu", "note", "renvoyer", "priorite", "incident", "fusionner", "suite", "parler", "se-taire",
)  # fmt: skip
ROUTES = [route for route in (*CONSOLE, *WORKSHOP) if not route.path.endswith(LEFT_OUT)]


async def everything(browser_of: Open, site: Api) -> tuple[Browser, dict[str, str]]:
    """Sign somebody with every role in; return the browser and what its paths may truly name."""
    browser = await browser_of("administrateur", "agent_n2", "formateur")
    chat = await site.open("parent", COLLEGE)
    ticket = await chat.open_ticket("Le blog est vide", image=PNG)
    page = await browser.get(f"/console/demandes/{ticket['number']}")
    image = re.search(r"/captures/([\w-]+)", page.text)[1]
    await browser.post("/console/vues?state=clos&text=blog", view_name="Les blogs")
    await browser.post("/console/reponses-types/nouvelle", title="Vu", text="C’est vu.", group="dan")
    await browser.post(f"{ARTICLES}/{TOPIC}/modifier")
    await browser.post("/workshop/vagues/nouvelle", name="Une", starts_on="2026-12-01")
    await browser.post(NEW_TOPIC, **NEW)
    return browser, {
        "number": ticket["number"], "image": image, "group": "dan", "view": "1", "answer": "1", "uai": COLLEGE, "topic": TOPIC,
        "draft": "1", "wave": "1", "academie": "Valmont", "incident": "1", "account": "x", "sheet": "sujets", "run": "1",
        "gesture": "repondre", "step": "1", "line": "1", "provider": "oidc", "session": "x", "grant": "1", "identity": "1",
    }  # fmt: skip


def named(path: str, values: dict[str, str]) -> str:
    return re.sub(r"{(\w+)}", lambda match: values[match[1]], path)


@pytest.mark.timeout(300)
async def test_no_address_is_a_fault(browser_of: Open, site: Api) -> None:
    browser, true = await everything(browser_of, site)
    fields = known_names()
    assert {"text", "state", "topic", "uai", "page", "since"} <= set(fields)
    for route in ROUTES:
        for value in HOSTILE:
            if "{" in route.path:
                await ask_for(browser, route.method, named(route.path, dict.fromkeys(true, value)))
            if route.method == "GET":
                query = "&".join(f"{name}={value}" for name in fields)
                await ask_for(browser, "GET", f"{named(route.path, true)}?{query}")
    assert (await browser.get("/console/mon-compte")).status == 200


@pytest.mark.timeout(300)
async def test_no_form_is_a_fault(browser_of: Open, site: Api) -> None:
    browser, true = await everything(browser_of, site)
    fields = known_names()
    for route in ROUTES:
        if route.method != "POST" or route.takes_file:
            continue
        gestures = GESTURES if "{number}/{gesture}" in route.path else [""]
        for gesture in gestures:
            path = named(route.path, {**true, "gesture": gesture or true["gesture"]})
            await ask_for(browser, "POST", path)
            for value in TYPED:
                await ask_for(browser, "POST", path, dict.fromkeys(fields, value))
    assert (await browser.get("/console/mon-compte")).status == 200


async def ask_for(
    browser: Browser, method: str, address: str, fields: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Ask for an address as it is written; the answer is no fault, leads nowhere else and runs nothing."""
    origin = browser.base.origin()
    options = {"data": {**fields, "csrf": browser.csrf}, "headers": {"Origin": str(origin)}} if method == "POST" else {}
    async with browser.http.request(
        method, URL(f"{origin}{address}", encoded=True), allow_redirects=False, **options
    ) as reply:
        text = await reply.text(errors="replace")
        asked = (method, address[:200], list(fields.values())[:1])
        assert reply.status < 500, (asked, text[-600:])
        assert "X-Y" not in reply.headers, asked
        assert re.match(r"/(?!/)", reply.headers.get("Location", "/")), (asked, reply.headers["Location"])
        assert "<script>alert" not in text, asked
