"""What the pages of articles take from the inbox and from resolved requests: messages by their numbers, a lesson drawn."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from aiohttp import web

from bot.chat.views import CLOCK, DATABASE
from bot.console.views.shell import caller_of
from bot.errors import NotFound
from bot.learning import drafts, inbox
from bot.learning.inbox import Sentence
from bot.learning.service import Learning

LEARNING = web.AppKey("learning", Learning)


def read_numbers(texts: Sequence[str]) -> list[int]:
    """Return the numbers among what a form or an address holds."""
    return [int(text) for text in texts if text.isascii() and text.isdigit() and len(text) < 19]


async def find_heard(request: web.Request, lines: Sequence[int]) -> list[Sentence]:
    """Return messages of the inbox by their numbers: those still open that the caller may see."""
    if not lines or not request.app[LEARNING].allowed:
        return []
    async with request.app[DATABASE].reading() as session:
        return await inbox.find_sentences(session, caller_of(request).grants, lines)


async def note_lesson(request: web.Request, ticket: str | None) -> None:
    """Note that a draft was drawn from a request, if it is one that teaches."""
    if ticket and request.app[LEARNING].allowed:
        with contextlib.suppress(NotFound):
            await drafts.mark_lesson(request.app[DATABASE], request.app[CLOCK], caller_of(request), ticket, drawn=True)
