"""Signing in at a CAS server, protocol 3.0: a ticket comes back with the browser, and the server says whose it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlencode
from xml.etree.ElementTree import ParseError

import aiohttp
import structlog
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from bot.console.asking import ask
from bot.people.federation import Attempt, Proof, refusal
from bot.people.rules import MAX_LOGIN
from bot.providers import ALWAYS, IdentityProvider

_NAMES = {"cas": "http://www.yale.edu/tp/cas"}
# A service ticket; those of 256 characters are to be taken (CAS 3.0, § 3.1.1).
_TICKET = re.compile(r"ST-[!-~]{1,253}")
_MAX_SUBJECT = 255
# The name, in `login_claim`, of what is not an attribute.
_USER = "user"

log = structlog.get_logger()


class CasServer:
    """A CAS server. The state travels in the service's address: a ticket is good for one attempt and no other."""

    def __init__(self, chosen: IdentityProvider, http: aiohttp.ClientSession) -> None:
        self.chosen = chosen
        self._http = http

    async def begin(self, attempt: Attempt, back: str) -> str:
        """Return the address of the server's sign-in page."""
        return f"{self.chosen.url}/login?{urlencode({'service': _service(attempt, back)})}"

    async def finish(self, attempt: Attempt, query: Mapping[str, str], back: str) -> Proof:
        """Ask the server whose the ticket is; it answers once, and for this very service."""
        ticket = query.get("ticket", "")
        if not ticket:
            raise refusal("abandoned", self.chosen)
        if not _TICKET.fullmatch(ticket):
            raise refusal("invalid", self.chosen)
        asked = urlencode({"service": _service(attempt, back), "ticket": ticket})
        status, body = await ask(self._http, self.chosen, "GET", f"{self.chosen.url}/p3/serviceValidate?{asked}")
        if status != 200:
            raise refusal("invalid", self.chosen)
        return read_answer(body, self.chosen)


def read_answer(body: bytes, provider: IdentityProvider) -> Proof:
    """Return whose the ticket is, by the server's XML; IdentityRefused when it is nobody's or cannot be read."""
    try:
        answer = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise refusal("invalid", provider) from error
    failure = answer.find("cas:authenticationFailure", _NAMES)
    if failure is not None:
        log.warning("provider_refused", provider=provider.id, reason=failure.get("code", "")[:40])
        raise refusal("abandoned", provider)
    user = answer.findtext("cas:authenticationSuccess/cas:user", "", _NAMES).strip()
    if not 0 < len(user) <= _MAX_SUBJECT or not user.isprintable():
        raise refusal("invalid", provider)
    logins = [user]
    if provider.login_claim != _USER:
        path = f"cas:authenticationSuccess/cas:attributes/cas:{provider.login_claim}"
        logins = [(found.text or "").strip() for found in answer.findall(path, _NAMES)]
    # Of several addresses none is the one.
    good = provider.trust_email == ALWAYS and len(logins) == 1 and 0 < len(logins[0]) <= MAX_LOGIN
    return Proof(issuer=provider.url, subject=user, login=logins[0] if good else None)


def _service(attempt: Attempt, back: str) -> str:
    return f"{back}?{urlencode({'state': attempt.state})}"
