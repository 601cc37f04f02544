"""Real identity providers on loopback, each a program of its own, and somebody's way through their pages."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import aiohttp
from yarl import URL

from bot.providers import ALWAYS, CAS, OIDC, VERIFIED, IdentityProvider
from bot.settings import ROOT
from tests.machine import require

FOLDER = ROOT / "tests" / "identity"
# Where people reach the console, as behind a reverse proxy: what providers send browsers back to.
PUBLIC = "https://console.academie.example"
SIGN_IN = "/console/connexion"
# Signs that only a secret sent as a form’s field comes through with.
SECRET = "un secret de client : +&=/%"
ADA, PASSWORD = "ada@academie.example", "un pangolin vert"
CAS_PEOPLE = {"ada": [PASSWORD, ADA], "inconnu": [PASSWORD, "inconnu@academie.example"], "sans": [PASSWORD, ""]}
_PATIENCE_S = 30


class ShiftedClock:
    """The machine's clock, which the providers have too, moved when told."""

    def __init__(self) -> None:
        self.shift = timedelta()

    def now(self) -> datetime:
        """Return the current instant, moved."""
        return datetime.now(UTC) + self.shift

    def advance(self, delta: timedelta) -> None:
        """Move forward by `delta`."""
        self.shift += delta


class Server:
    """A program that serves on a port of its own."""

    def __init__(self, folder: Path, ready: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.base = f"http://127.0.0.1:{self.port}"
        self._ready = self.base + ready
        self._log = folder / "log"
        self._process: subprocess.Popen | None = None

    def run(self, *command: str) -> None:
        """Start the program and wait until it answers."""
        with self._log.open("w") as log:
            self._process = subprocess.Popen(command, cwd=FOLDER, stdout=log, stderr=log)
        end = time.monotonic() + _PATIENCE_S
        while True:
            try:
                urllib.request.urlopen(self._ready, timeout=5).close()
                return
            except OSError as error:
                if self._process.poll() is not None or time.monotonic() > end:
                    self.stop()
                    raise AssertionError(self._log.read_text()) from error
                time.sleep(0.1)

    def stop(self) -> None:
        """End it."""
        if self._process:
            self._process.terminate()
            self._process.wait()
            self._process = None


class OpenIdServer(Server):
    """npm's oidc-provider; a start makes a new key, and forgets everybody."""

    def __init__(self, folder: Path) -> None:
        require(
            shutil.which("node") and (FOLDER / "node_modules" / "oidc-provider").exists(),
            "oidc-provider est absent (node ou npm manque, ou n’a pas pu le recevoir).",
        )
        super().__init__(folder, "/.well-known/openid-configuration")

    def start(self, kid: str = "first") -> None:
        """Start with a signing key of that name."""
        clients = [
            client("academie", client_secret=SECRET),
            client("public", token_endpoint_auth_method="none"),
            client("mefiant", client_secret=SECRET),
            client("faible", client_secret=SECRET * 2, id_token_signed_response_alg="HS256"),
        ]
        told = {"port": self.port, "kid": kid, "idTokenLife": 60, "clients": clients}
        self.run("node", "provider.mjs", json.dumps(told))

    def provider(self, name: str, **changes: str) -> IdentityProvider:
        """Return it as a deployment describes it, for one of its clients."""
        described = {"secret": SECRET, "trust_email": VERIFIED, **changes}
        return IdentityProvider(name, f"l’annuaire {name}", OIDC, self.base, client_id=name, **described)


def client(name: str, **more: str) -> dict[str, object]:
    """Return a client as oidc-provider knows it."""
    return {"client_id": name, "redirect_uris": [f"{PUBLIC}{SIGN_IN}/{name}/retour"], **more}


class CasSite(Server):
    """PyPI's django-cas-server."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "/cas/login")
        self._folder = folder

    def start(self) -> None:
        """Start with nobody signed in."""
        (self._folder / "cas.db").unlink(missing_ok=True)
        services = rf"^{PUBLIC}{SIGN_IN}/[a-z]+/retour\?state=[\w-]+$"
        people = json.dumps(CAS_PEOPLE)
        self.run(sys.executable, "cas_site.py", str(self.port), str(self._folder), services, people)

    def provider(self, name: str = "cas", **changes: str) -> IdentityProvider:
        """Return it as a deployment describes it."""
        return IdentityProvider(name, "le guichet", CAS, f"{self.base}/cas", **{"trust_email": ALWAYS, **changes})


class _Form(HTMLParser):
    """The first form of a page: where it goes and what it holds."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag == "form" and self.action is None:
            self.action = told.get("action") or ""
        elif tag == "input" and told.get("name") and told.get("type") != "checkbox":
            self.fields[told["name"]] = told.get("value") or ""


async def go_through(address: str, login: str, *, give_up: bool = False) -> str:
    """Open a provider's address as a new browser, sign in there, and return where in the console that leads."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        method, url, data = "GET", URL(address, encoded=True), None
        for _ in range(12):
            async with http.request(method, url, data=data, allow_redirects=False) as reply:
                page, status, location = await reply.text(), reply.status, reply.headers.get("Location", "")
            if location.startswith(f"{PUBLIC}/"):
                return location.removeprefix(PUBLIC)
            assert status < 400, page
            if location:
                method, url, data = "GET", url.join(URL(location, encoded=True)), None
            elif give_up:
                url = url / "abort"
            else:
                form = _Form(page)
                filled = {"login": login, "username": login, "password": PASSWORD}
                data = {name: filled.get(name, value) for name, value in form.fields.items()}
                method, url = "POST", url.join(URL(form.action)) if form.action else url
        raise AssertionError(f"{url} leads nowhere")
