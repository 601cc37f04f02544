"""What open pages of the console are told: something changed among the requests they may see, who else is looking."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from contextlib import contextmanager

import msgspec
from aiohttp import web
from aiohttp_sse import EventSourceResponse, sse_response

from bot.chat.events import EventHub
from bot.chat.views import DATABASE
from bot.console.views.shell import PREFIX, caller_of, query_of
from bot.escalation import desk
from bot.escalation.desk import Change
from bot.people.sign_in import Caller

PATH = f"{PREFIX}/flux"
DESK_HUB = web.AppKey("desk_hub", EventHub[Change])
# The key that every console listens to: what each may see is told apart for each.
EVERYTHING = ""
# Whether the reader is still there, and still signed in with the same roles, is looked at this often.
LOOK_EVERY_S = 10.0
# Changes that come together are told together: an outage opens many requests a second.
GATHER_S = 0.3


class Watchers:
    """Who has which request open, in this process."""

    def __init__(self) -> None:
        self._names: dict[str, Counter[str]] = defaultdict(Counter)
        self._changed: dict[str, set[asyncio.Event]] = defaultdict(set)

    @contextmanager
    def watch(self, number: str, name: str, changed: asyncio.Event):
        """Count `name` among those who look; `changed` is set whenever somebody comes or goes."""
        self._names[number][name] += 1
        self._changed[number].add(changed)
        self._tell(number)
        try:
            yield
        finally:
            self._names[number] -= Counter([name])
            self._changed[number].discard(changed)
            self._tell(number)
            if not self._changed[number]:
                del self._names[number], self._changed[number]

    def others(self, number: str, name: str) -> list[str]:
        """Return who else has a request open."""
        return sorted(set(self._names.get(number, ())) - {name})

    def _tell(self, number: str) -> None:
        for changed in self._changed[number]:
            changed.set()


WATCHERS = web.AppKey("watchers", Watchers)


async def stream(request: web.Request) -> web.StreamResponse:
    """Tell the numbers of the requests that change; with `numero`, those of that one, and who else is looking."""
    app, caller, number = request.app, caller_of(request), query_of(request, "numero")[:16]
    if number:
        async with app[DATABASE].reading() as session:
            await desk.find_ticket(session, caller, number)
    arrived = asyncio.Event()
    name = caller.account.name
    async with app[DESK_HUB].listen(EVERYTHING) as queue, sse_response(request) as out:
        with app[WATCHERS].watch(number, name, arrived):
            await out.send("", event="pret")
            while out.is_connected() and request.transport is not None:
                if not await _tell(app, out, caller, number, queue, arrived):
                    break
    return out


async def _tell(app: web.Application, out: EventSourceResponse, caller: Caller, number: str,
                queue: asyncio.Queue[Change | None], arrived: asyncio.Event) -> bool:  # fmt: skip
    """Wait for something to tell, and tell it; return False when the stream must end."""
    waiting = [asyncio.ensure_future(queue.get())]
    if number:
        waiting.append(asyncio.ensure_future(arrived.wait()))
    try:
        done, _ = await asyncio.wait(waiting, timeout=LOOK_EVERY_S, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
    if number and arrived.is_set():
        arrived.clear()
        await _send(out, "presence", app[WATCHERS].others(number, caller.account.name))
    if waiting[0] not in done:
        return True
    changes = [waiting[0].result()]
    await asyncio.sleep(GATHER_S)
    while not queue.empty():
        changes.append(queue.get_nowait())
    if None in changes:
        return False
    seen = {
        change.number for change in changes
        if change.number in ({number} if number else {change.number}) and desk.sees(caller.grants, change.level, change.school)
    }  # fmt: skip
    if seen:
        await _send(out, "change", sorted(filter(None, seen)))
    return True


async def _send(out: EventSourceResponse, event: str, payload: list[str]) -> None:
    await out.send(msgspec.json.encode(payload).decode(), event=event)
