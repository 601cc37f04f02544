"""Signing in to the console at an identity provider: what each is, and the way back from one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import aiohttp

from bot.clock import Clock
from bot.console.cas import CasServer
from bot.console.oidc import OpenIdProvider
from bot.db import Database
from bot.errors import IdentityRefused
from bot.people.federation import Attempt, Proof, sign_in_by_identity, take_attempt, write_refusal
from bot.people.sign_in import Caller
from bot.providers import CAS, IdentityProvider


class Provider(Protocol):
    """A service where people prove who they are. `back` is the address that it sends the browser back to."""

    chosen: IdentityProvider

    async def begin(self, attempt: Attempt, back: str) -> str:
        """Return the address where the browser is to go; IdentityRefused when the provider is out."""

    async def finish(self, attempt: Attempt, query: Mapping[str, str], back: str) -> Proof:
        """Check what the browser came back with, by asking the provider; IdentityRefused."""


def make_providers(
    chosen: tuple[IdentityProvider, ...], root: Path, http: aiohttp.ClientSession, clock: Clock
) -> dict[str, Provider]:
    """Return the deployment's providers by their ids, in its order."""
    return {
        one.id: CasServer(one, http) if one.protocol == CAS else OpenIdProvider(one, root, http, clock)
        for one in chosen
    }


async def end_sign_in(
    database: Database, clock: Clock, provider: Provider, query: Mapping[str, str], *, visit: str, back: str,
    address: str, browser: str = "", replaces: Caller | None = None,
) -> tuple[str, str]:  # fmt: skip
    """Open a session for whoever comes back from `provider`; return its token and the page that was wanted.

    The attempt is used up before anything is asked: the same answer is never taken twice. IdentityRefused, once it is in
    the audit log.
    """
    chosen = provider.chosen
    try:
        attempt = await take_attempt(database, clock, chosen, visit, query.get("state", ""), address=address)
        proof = await provider.finish(attempt, query, back)
    except IdentityRefused as error:
        await write_refusal(database, clock, chosen, error.reason, address)
        raise
    token = await sign_in_by_identity(
        database, clock, chosen, proof, address=address, browser=browser, replaces=replaces
    )
    return token, attempt.after
