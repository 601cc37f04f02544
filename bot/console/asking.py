"""One way to ask an identity provider over HTTP: bounded in time and in size, following nothing."""

from __future__ import annotations

from typing import Any

import aiohttp
import structlog

from bot.people.federation import refusal
from bot.providers import IdentityProvider

_TIMEOUT = aiohttp.ClientTimeout(total=5)
_MAX_ANSWER = 262_144

log = structlog.get_logger()


async def ask(
    http: aiohttp.ClientSession, provider: IdentityProvider, method: str, url: str, **options: Any
) -> tuple[int, bytes]:
    """Return the status and the body of the answer; IdentityRefused (unavailable) when none comes or it fails."""
    body = bytearray()
    try:
        async with http.request(method, url, allow_redirects=False, timeout=_TIMEOUT, **options) as reply:
            async for chunk in reply.content.iter_any():
                body += chunk
                if len(body) > _MAX_ANSWER:
                    raise ValueError("answer too long")
            status = reply.status
    except (aiohttp.ClientError, OSError, ValueError) as error:
        # No address in the log: it may hold a ticket.
        log.warning("provider_out", provider=provider.id, reason=type(error).__name__)
        raise refusal("unavailable", provider) from error
    if status >= 500:
        log.warning("provider_out", provider=provider.id, status=status)
        raise refusal("unavailable", provider)
    return status, bytes(body)
