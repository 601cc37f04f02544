"""The console under test and a browser of it: cookies, forms with their tokens, what is on a page."""

from __future__ import annotations

import html
import itertools
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from yarl import URL

from bot.clock import Clock
from bot.db import Database
from bot.people.accounts import NewGrant, create_account, get_account
from bot.people.models import Account
from bot.people.sign_in import open_session
from tests.integration.gateway import PREFIX, Api, Chat

SESSION = "assistent_session"
# The only script of the console: without it, pages are as good but for their being up to date.
LIVE = '<script type="module" src="/console/static/live.js"></script>'
PASSWORD = "un pangolin vert"
# One of each, as the demonstration has them.
GRANTS = {
    "referent": NewGrant("referent", "etablissement", "0750002V"),
    "agent_n2": NewGrant("agent_n2", "academie", "Valmont"),
    "agent_n3": NewGrant("agent_n3", "tout"),
    "formateur": NewGrant("formateur", "academie", "Valmont"),
    "administrateur": NewGrant("administrateur", "tout"),
}
COLLEGE, ECOLE = "0750002V", "0750001U"
# Opens a browser where somebody with these roles is signed in: the fixture `browser_of`.
Open = Callable[..., Awaitable["Browser"]]
_numbers = itertools.count(1)


async def add_account(
    database: Database, clock: Clock, *roles: str, login: str = "", name: str = "Ada Essai", password: str | None = None,
    grants: Iterable[NewGrant] = (),
) -> Account:  # fmt: skip
    """Create an account with the demonstration's grant of each role; without a password unless one is given."""
    login = login or f"personne{next(_numbers)}@academie.example"
    given = [GRANTS[role] for role in roles] + list(grants)
    identifier = await create_account(database, clock, None, login=login, name=name, password=password, grants=given)
    return await get_account(database, identifier)


@dataclass
class Page:
    """What the console answered."""

    status: int
    headers: aiohttp.typedefs.LooseHeaders
    text: str
    url: URL

    @property
    def location(self) -> str:
        """Where it leads."""
        return self.headers.get("Location", "")

    @property
    def title(self) -> str:
        """The page's title."""
        return html.unescape(re.search("<title>(.*?)</title>", self.text, re.S)[1])

    @property
    def words(self) -> str:
        """What is read on the page."""
        return re.sub(r"\s+", " ", html.unescape(re.sub("<[^>]+>", " ", self.text)))

    @property
    def csrf(self) -> str:
        """The token of its forms."""
        return re.search('name="csrf" value="([^"]+)"', self.text)[1]

    @property
    def navigation(self) -> list[str]:
        """The entries of its navigation."""
        menu = re.search('<nav class="menu".*?</nav>', self.text, re.S)
        return re.findall(r"<a [^>]*>([^<]+)</a>", menu[0]) if menu else []


@dataclass
class Browser:
    """One person's browser."""

    http: aiohttp.ClientSession
    base: URL
    csrf: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    async def call(self, method: str, path: str, **options) -> Page:
        """Make a request; what is promised of every answer of the console is checked."""
        headers = {**self.headers, **options.pop("headers", {})}
        url = self.base.join(URL(path))
        async with self.http.request(method, url, headers=headers, allow_redirects=False, **options) as reply:
            # A stream has no end: whether it is let in is all that is looked at here.
            endless = reply.content_type == "text/event-stream"
            page = Page(reply.status, reply.headers, "" if endless else (await reply.read()).decode(), reply.url)
        check_page(page)
        if page.status < 300 and 'name="csrf"' in page.text:
            self.csrf = page.csrf
        return page

    async def get(self, path: str, **options) -> Page:
        """Open a page."""
        return await self.call("GET", path, **options)

    async def post(self, path: str, csrf: str | None = None, headers: dict[str, str] | None = None, **fields) -> Page:
        """Send a form as a browser does, with the token of the last page."""
        data = {"csrf": self.csrf if csrf is None else csrf, **fields}
        headers = {"Origin": str(self.base.origin())} if headers is None else headers
        return await self.call("POST", path, data=data, headers=headers)

    async def sign_in(self, login: str, password: str = PASSWORD, **fields) -> Page:
        """Open the form and send it."""
        await self.get("/console/connexion")
        return await self.post("/console/connexion", login=login, password=password, **fields)


def check_page(page: Page) -> None:
    """Hold an answer to what every one of the console carries."""
    policy = page.headers["Content-Security-Policy"]
    assert "form-action 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["Referrer-Policy"] == "same-origin"
    if "/static/" not in page.url.path:
        stream = page.headers.get("Content-Type") == "text/event-stream"
        assert page.headers["Cache-Control"] == ("no-cache" if stream else "no-store")
    if page.text and page.status not in (303,) and "/static/" not in page.url.path:
        assert page.headers["Content-Type"].startswith("text/html"), page.text
        product = "Atelier" if page.url.path.startswith("/workshop") else "Console"
        assert page.title.endswith(f"– {product} AssistENT")
        assert not re.search(r"\s(on[a-z]+|style)\s*=", page.text)
        assert "<script" not in page.text.replace(LIVE, "")
        assert page.text.count("<h1") == 1
    assert page.status < 500 or page.status == 503, page.text


@asynccontextmanager
async def open_browser(base: URL) -> AsyncIterator[Browser]:
    """Open a browser that nobody has signed in with."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        yield Browser(http, base)


@asynccontextmanager
async def signed_in(base: URL, database: Database, clock: Clock, account: Account) -> AsyncIterator[Browser]:
    """Open a browser where somebody is signed in, without the form and its slow password."""
    async with database.transaction() as session:
        token = await open_session(session, clock.now(), await session.get(Account, account.id), "Firefox/140.0")
    async with open_browser(base) as browser:
        browser.http.cookie_jar.update_cookies({SESSION: token}, base)
        browser.csrf = (await browser.get("/console/mon-compte")).csrf
        yield browser


# --- a request, from the chat to the console --------------------------------------------------


async def ask(site: Api, uai: str = COLLEGE, problem: str = "Le blog de la classe est vide", profile: str = "parent"):
    """Open a conversation and a request in it; return both."""
    chat = await site.open(profile, uai)
    return chat, await chat.open_ticket(problem)


def path(ticket: dict, gesture: str = "") -> str:
    """Return the page of a request, or where one of its forms goes."""
    return f"/console/demandes/{ticket['number']}" + (f"/{gesture}" if gesture else "")


async def heard(site: Api, chat: Chat) -> list[dict]:
    """Return what is in the conversation."""
    return (await site.get(f"{PREFIX}/messages", token=chat.token)).json["messages"]
