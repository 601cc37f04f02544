"""The audit log, for the administrator."""

from __future__ import annotations

from aiohttp import web

from bot.chat.views import DATABASE
from bot.console.payloads import describe_details, read_day, start_of
from bot.console.views.shell import page_of, query_of, render
from bot.people.audit import AuditFilter, list_entries
from bot.people.rules import ACTIONS


async def show_audit(request: web.Request) -> web.StreamResponse:
    """Show a page of the log, newest first: by whom, what, on what, between two days."""
    names = ("who", "action", "what", "since", "until")
    asked = {name: query_of(request, name) for name in names}
    wanted = AuditFilter(
        who=asked["who"], action=asked["action"], what=asked["what"], since=start_of(read_day(asked["since"])),
        until=start_of(read_day(asked["until"]), days_later=1),
    )  # fmt: skip
    page = page_of(request)
    lines, more = await list_entries(request.app[DATABASE], wanted, page)
    return render(
        request,
        "audit.html",
        title="Journal",
        lines=lines,
        asked=asked,
        actions=ACTIONS,
        page=page,
        more=more,
        details=describe_details,
    )
