"""GLPI, by its two APIs: v1 (apirest.php, from 9.5) and v2 (api.php, from 11).

Both were written from GLPI's public documentation and source; no real GLPI was run. GLPI writes HTML.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from bot.connectors.http import ToolClient
from bot.connectors.rules import CLOSED, OPEN, RESOLVED, Outgoing, from_html, mark, marked_with, to_html
from bot.connectors.tool import Changes, RemoteComment, RemoteRequest
from bot.errors import ToolError, ToolRefused, ToolUnavailable

# CommonITILObject: in progress, solved, closed. The others (new, planned, waiting) are open to us.
_STATUS = {OPEN: 2, RESOLVED: 5, CLOSED: 6}
_STATES = {status: state for state, status in _STATUS.items()}
_PAGE = 100
# Search options of a ticket, as apirest.php numbers them.
_ID, _CHANGED, _CONTENT = "2", "19", "21"


def _public(entries: Any, prefix: str) -> list[RemoteComment]:
    """Return the public entries of a list, which v2 may wrap with their type."""
    found = []
    for entry in entries or ():
        item = entry.get("item", entry)
        if not item.get("is_private"):
            found.append(RemoteComment(f"{prefix}{item['id']}", from_html(item.get("content") or "")))
    return found


class GlpiV1:
    """GLPI by apirest.php; the key is a line of the description. `user_token` is an account's, `app_token` a client's."""

    polled = True

    def __init__(self, client: ToolClient, user_token: str, app_token: str = "", entity: int | None = None) -> None:
        self._client = client
        self._user_token = user_token
        self._headers = {"App-Token": app_token} if app_token else {}
        self._entity = entity

    async def create(self, key: str, request: Outgoing) -> str:
        """Create a ticket."""
        content = to_html(mark(request.text, key))
        ticket: dict[str, Any] = {"name": request.title, "content": content, "type": 1}
        if self._entity is not None:
            ticket["entities_id"] = self._entity
        async with self._session() as call:
            return str((await call("POST", "Ticket", json={"input": ticket}))["id"])

    async def find(self, key: str) -> str | None:
        """Look for the key in the descriptions."""
        async with self._session() as call:
            found = await self._search(call, [(_CONTENT, "contains", key)], 0)
        return str(found[0][_ID]) if found else None

    async def comment(self, remote_id: str, key: str, text: str) -> None:
        """Add a public followup."""
        followup = {
            "itemtype": "Ticket", "items_id": int(remote_id), "is_private": 0, "content": to_html(mark(text, key)),
        }  # fmt: skip
        async with self._session() as call:
            await call("POST", "ITILFollowup", json={"input": followup})

    async def has_comment(self, remote_id: str, key: str) -> bool:
        """Look for the key in the followups."""
        return any(marked_with(comment.text) == key for comment in (await self.read(remote_id)).comments)

    async def change_state(self, remote_id: str, key: str, state: str) -> None:
        """Change the status."""
        changes = {"id": int(remote_id), "status": _STATUS[state]}
        async with self._session() as call:
            [answer] = await call("PUT", f"Ticket/{remote_id}", json={"input": changes})
        if answer.get(remote_id) is not True:
            raise ToolRefused("GLPI n’a pas changé l’état : notre compte n’en a pas le droit.")

    async def changed_since(self, cursor: str | None) -> Changes:
        """Search the tickets of ours by date of change, in GLPI's own time."""
        criteria = [(_CONTENT, "contains", "[AssistENT ")]
        if cursor:
            # « morethan » leaves its bound out, and more may have changed in that second.
            before = datetime.fromisoformat(cursor) - timedelta(seconds=1)
            criteria.append((_CHANGED, "morethan", str(before)))
        found: list[dict[str, Any]] = []
        async with self._session() as call:
            while True:
                page = await self._search(call, criteria, len(found))
                found += page
                if len(page) < _PAGE:
                    break
        newest = max((str(row[_CHANGED]) for row in found), default=cursor)
        return Changes(tuple(str(row[_ID]) for row in found), newest)

    async def read(self, remote_id: str) -> RemoteRequest:
        """Read the ticket, its followups and its solutions."""
        several = {"range": "0-999"}
        async with self._session() as call:
            ticket = await call("GET", f"Ticket/{remote_id}")
            followups = await call("GET", f"Ticket/{remote_id}/ITILFollowup", params=several)
            solutions = await call("GET", f"Ticket/{remote_id}/ITILSolution", params=several)
        comments = (*_public(followups, "f"), *_public(solutions, "s"))
        return RemoteRequest(comments, _STATES.get(ticket["status"], OPEN))

    async def _search(self, call, criteria: list[tuple[str, str, str]], start: int) -> list[dict[str, Any]]:
        params = {
            "forcedisplay[0]": _ID, "forcedisplay[1]": _CHANGED, "sort": _ID, "order": "ASC",
            "range": f"{start}-{start + _PAGE - 1}",
        }  # fmt: skip
        for index, (field, kind, value) in enumerate(criteria):
            named = {"link": "AND", "field": field, "searchtype": kind, "value": value}
            params.update({f"criteria[{index}][{name}]": given for name, given in named.items()})
        answer = await call("GET", "search/Ticket", params=params)
        return answer.get("data") or []

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[Any]:
        """Open a session, and close it: GLPI would keep each for hours."""
        headers = {**self._headers, "Authorization": f"user_token {self._user_token}"}
        opened = await self._client.call("GET", "apirest.php/initSession", headers=headers)
        headers = {**self._headers, "Session-Token": opened["session_token"]}

        async def call(method: str, path: str, **options: Any) -> Any:
            return await self._client.call(method, f"apirest.php/{path}", headers=headers, **options)

        try:
            yield call
        finally:
            try:
                await call("GET", "killSession")
            except ToolError:
                # It ends by itself; what was done in it is done.
                pass


class GlpiV2:
    """GLPI by api.php/v2, behind OAuth2; the key is the ticket's « external_id »."""

    polled = True

    def __init__(
        self, client: ToolClient, client_id: str, client_secret: str, username: str, password: str,
        entity: int | None = None,
    ) -> None:  # fmt: skip
        self._client = client
        self._grant = {
            "grant_type": "password", "client_id": client_id, "client_secret": client_secret, "username": username,
            "password": password, "scope": "api",
        }  # fmt: skip
        self._entity = entity
        self._token = ""

    async def create(self, key: str, request: Outgoing) -> str:
        """Create a ticket."""
        ticket: dict[str, Any] = {
            "name": request.title, "content": to_html(request.text), "type": 1, "external_id": key,
        }  # fmt: skip
        if self._entity is not None:
            ticket["entity"] = {"id": self._entity}
        return str((await self._call("POST", "", json=ticket))["id"])

    async def find(self, key: str) -> str | None:
        """Look for the ticket of the key."""
        found = await self._call("GET", "", params={"filter": f"external_id=={key}"})
        return str(found[0]["id"]) if found else None

    async def comment(self, remote_id: str, key: str, text: str) -> None:
        """Add a public followup."""
        followup = {"content": to_html(mark(text, key)), "is_private": False}
        await self._call("POST", f"/{remote_id}/Timeline/Followup", json=followup)

    async def has_comment(self, remote_id: str, key: str) -> bool:
        """Look for the key in the followups."""
        return any(marked_with(comment.text) == key for comment in (await self.read(remote_id)).comments)

    async def change_state(self, remote_id: str, key: str, state: str) -> None:
        """Change the status."""
        await self._call("PATCH", f"/{remote_id}", json={"status": {"id": _STATUS[state]}})

    async def changed_since(self, cursor: str | None) -> Changes:
        """Read the tickets by date of change; without a cursor, the newest page."""
        params = {"sort": "date_mod:asc" if cursor else "date_mod:desc", "limit": str(_PAGE)}
        if cursor:
            params["filter"] = f'date_mod=ge="{cursor}"'
        found: list[dict[str, Any]] = []
        while True:
            page = await self._call("GET", "", params={**params, "start": str(len(found))}) or []
            found += page
            if len(page) < _PAGE or cursor is None:
                break
        newest = max((ticket["date_mod"] for ticket in found), default=cursor)
        return Changes(tuple(str(ticket["id"]) for ticket in found), newest)

    async def read(self, remote_id: str) -> RemoteRequest:
        """Read the ticket, its followups and its solutions."""
        ticket = await self._call("GET", f"/{remote_id}")
        followups = await self._call("GET", f"/{remote_id}/Timeline/Followup")
        solutions = await self._call("GET", f"/{remote_id}/Timeline/Solution")
        comments = (*_public(followups, "f"), *_public(solutions, "s"))
        return RemoteRequest(comments, _STATES.get(ticket["status"]["id"], OPEN))

    async def _call(self, method: str, path: str, **options: Any) -> Any:
        if not self._token:
            answer = await self._client.call("POST", "api.php/token", form=self._grant)
            if not isinstance(answer, dict) or not answer.get("access_token"):
                raise ToolUnavailable("GLPI n’a pas donné de jeton.")
            self._token = answer["access_token"]
        headers = {"Authorization": f"Bearer {self._token}"}
        return await self._client.call(method, f"api.php/v2/Assistance/Ticket{path}", headers=headers, **options)
