"""How much is taken from whom: per conversation, per address, per school."""

from __future__ import annotations

import ipaddress
import math
import time
from functools import lru_cache

from aiohttp import web
from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter

from bot.conversations.service import digest_of
from bot.errors import RateLimited
from bot.settings import Settings


class Limiter:
    """Counts in a moving window, in the memory of this process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._proxies = tuple(ipaddress.ip_network(proxy, strict=False) for proxy in settings.trusted_proxies)

    async def check_session_opening(self, request: web.Request) -> None:
        """Count a conversation opened from an address."""
        await self._hit(self._settings.limits.address_sessions, "sessions", self.address(request))

    async def check_message(self, request: web.Request, token: str) -> None:
        """Count a request of a conversation, and of its address.

        What a conversation is refused does not count for its address: one pupil who insists must not use his school up.
        """
        limits, address = self._settings.limits, self.address(request)
        await self._test(limits.address, "address", address)
        await self._hit(limits.session, "session", digest_of(token))
        await self._hit(limits.address, "address", address)

    async def check_reading(self, request: web.Request) -> None:
        """Count a reading request of an address."""
        await self._hit(self._settings.limits.address, "reading", self.address(request))

    async def check_school(self, uai: str) -> None:
        """Count a message of a signed session for its school."""
        await self._hit(self._settings.limits.school, "school", uai)

    async def _hit(self, limit: str, kind: str, key: str) -> None:
        if self._settings.limits.enabled and not await self._limiter.hit(_parse(limit), kind, key):
            await self._refuse(limit, kind, key)

    async def _test(self, limit: str, kind: str, key: str) -> None:
        if self._settings.limits.enabled and not await self._limiter.test(_parse(limit), kind, key):
            await self._refuse(limit, kind, key)

    async def _refuse(self, limit: str, kind: str, key: str) -> None:
        window = await self._limiter.get_window_stats(_parse(limit), kind, key)
        raise RateLimited(math.ceil(window.reset_time - time.time()))

    def address(self, request: web.Request) -> str:
        """Return the address of the person: X-Forwarded-For is believed from listed proxies alone."""
        address = request.remote or "?"
        if not self._is_proxy(address):
            return address
        # Each proxy may add a line of its own: the last one's last hop is the nearest.
        for hop in reversed(",".join(request.headers.getall("X-Forwarded-For", ())).split(",")):
            hop = hop.strip()
            if not hop:
                break
            address = hop
            if not self._is_proxy(hop):
                break
        return address

    def _is_proxy(self, address: str) -> bool:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._proxies)


@lru_cache(maxsize=16)
def _parse(limit: str) -> RateLimitItem:
    return parse(limit)
