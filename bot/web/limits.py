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
        """Count a request of a conversation, and of its address."""
        await self._hit(self._settings.limits.address, "address", self.address(request))
        await self._hit(self._settings.limits.session, "session", token)

    async def check_reading(self, request: web.Request) -> None:
        """Count a reading request of an address."""
        await self._hit(self._settings.limits.address, "reading", self.address(request))

    async def check_school(self, uai: str) -> None:
        """Count a message of a signed session for its school."""
        await self._hit(self._settings.limits.school, "school", uai)

    async def _hit(self, limit: str, kind: str, key: str) -> None:
        if not self._settings.limits.enabled:
            return
        item = _parse(limit)
        if not await self._limiter.hit(item, kind, key):
            window = await self._limiter.get_window_stats(item, kind, key)
            raise RateLimited(math.ceil(window.reset_time - time.time()))

    def address(self, request: web.Request) -> str:
        """Return the address of the person: X-Forwarded-For is believed from listed proxies alone."""
        address = request.remote or "?"
        if not self._is_proxy(address):
            return address
        for hop in reversed(request.headers.get("X-Forwarded-For", "").split(",")):
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
