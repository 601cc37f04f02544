"""Calls to a tool over HTTP: a time-out on each, no redirect followed, one exception for « again » and one for « no »."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Mapping
from typing import Any

import aiohttp
from yarl import URL

from bot.errors import ToolRefused, ToolUnavailable

# A tool that is slower than this is not kept waiting for: it is asked again later.
TIMEOUT_S = 10.0
# What a tool answers is read up to here: a request with a long history holds well within it.
_MAX_BYTES = 5_000_000
# Statuses that speak of the moment, not of what was sent.
_LATER = (408, 425, 429)


def open_http() -> aiohttp.ClientSession:
    """Return the session to call tools with: it keeps no cookie, and makes each call once."""
    http = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
    # A PUT whose connection breaks is made again by aiohttp itself, which holds that twice is once. To Redmine it is two
    # notes. There is no public way to say so; a test counts the calls.
    http._retry_connection = False
    return http


class ToolClient:
    """Calls one tool. `missing` is what a 404 gives when it is an answer, not a fault."""

    def __init__(
        self, http: aiohttp.ClientSession, address: str, headers: Mapping[str, str], timeout: float = TIMEOUT_S
    ) -> None:
        self._http = http
        self._base = URL(address.rstrip("/") + "/")
        self._headers = headers
        self._timeout = aiohttp.ClientTimeout(total=timeout)

    async def call(
        self, method: str, path: str, *, json: Any = None, body: bytes | None = None, form: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None, missing_ok: bool = False,
    ) -> Any:  # fmt: skip
        """Return what the tool answers, decoded; None for an empty body, or for a 404 when that is an answer."""
        url = self._base.join(URL(path)) if path else URL(str(self._base).rstrip("/"))
        sent = {**self._headers, **(headers or {})}
        if json is not None:
            body = jsonlib.dumps(json).encode()
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        try:
            async with self._http.request(
                method, url, params=params, data=form if form is not None else body, headers=sent,
                timeout=self._timeout, allow_redirects=False,
            ) as reply:  # fmt: skip
                answer = await self._read(reply)
                status = reply.status
        except TimeoutError as error:
            raise ToolUnavailable("L’outil n’a pas répondu à temps.") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise ToolUnavailable(f"L’outil n’a pas pu être joint ({type(error).__name__}).") from error
        if status == 404 and missing_ok:
            return None
        _check(status)
        if not answer.strip():
            return None
        try:
            return jsonlib.loads(answer)
        except ValueError as error:
            # A page that says « maintenance » with a status of 200 is no answer.
            raise ToolUnavailable("L’outil a répondu autre chose que ce qui est attendu.") from error

    @staticmethod
    async def _read(reply: aiohttp.ClientResponse) -> bytes:
        answer = bytearray()
        async for part in reply.content.iter_chunked(65_536):
            answer += part
            if len(answer) > _MAX_BYTES:
                raise ToolUnavailable("L’outil a répondu trop longuement.")
        return bytes(answer)


def _check(status: int) -> None:
    if status < 300:
        return
    if status < 400:
        raise ToolRefused("L’outil renvoie vers une autre adresse : donnez l’adresse définitive dans les réglages.")
    if status in (401, 403):
        # Whoever puts the key right must find what waited for it, not have it to send again by hand.
        raise ToolUnavailable(f"L’outil refuse notre clé ou nos droits (réponse {status}).")
    if status >= 500 or status in _LATER:
        raise ToolUnavailable(f"L’outil est en panne ou occupé (réponse {status}).")
    raise ToolRefused(f"L’outil a refusé ce qui lui a été envoyé (réponse {status}).")
