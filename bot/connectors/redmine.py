"""Redmine, by its REST API. A request is an issue; the key is a line of its description, and of each of our notes."""

from __future__ import annotations

from typing import Any

from bot.connectors.http import ToolClient
from bot.connectors.rules import CLOSED, OPEN, Outgoing, mark, marked_with
from bot.connectors.tool import Changes, RemoteComment, RemoteRequest
from bot.errors import ToolRefused

_PAGE = 100


class Redmine:
    """A project of a Redmine; `tracker` is one of its trackers' ids, the project's first when None."""

    polled = True

    def __init__(self, client: ToolClient, project: str, tracker: int | None = None) -> None:
        self._client = client
        self._project = project
        self._tracker = tracker

    async def create(self, key: str, request: Outgoing) -> str:
        """Create an issue."""
        issue: dict[str, Any] = {
            "project_id": self._project, "subject": request.title, "description": mark(request.text, key),
        }  # fmt: skip
        if self._tracker is not None:
            issue["tracker_id"] = self._tracker
        answer = await self._client.call("POST", "issues.json", json={"issue": issue})
        return str(answer["issue"]["id"])

    async def find(self, key: str) -> str | None:
        """Look for the key in the descriptions, of closed issues too."""
        answer = await self._issues(description=f"~{key}", sort="id:asc", limit="1")
        return str(answer["issues"][0]["id"]) if answer["issues"] else None

    async def comment(self, remote_id: str, key: str, text: str) -> None:
        """Add a note."""
        await self._update(remote_id, {"notes": mark(text, key)})

    async def has_comment(self, remote_id: str, key: str) -> bool:
        """Look for the key in the notes."""
        return any(marked_with(comment.text) == key for comment in (await self.read(remote_id)).comments)

    async def change_state(self, remote_id: str, key: str, state: str) -> None:
        """Give the first status, open or closed, that the workflow allows to our account."""
        issue = await self._issue(remote_id, "allowed_statuses")
        wanted = state != OPEN
        if issue["status"].get("is_closed", False) == wanted:
            return
        allowed = [status["id"] for status in issue.get("allowed_statuses", ()) if status["is_closed"] == wanted]
        if not allowed:
            # Asked for a status that the workflow forbids, Redmine answers that all is well and changes nothing.
            raise ToolRefused("Dans Redmine, le flux de travail ne permet pas ce changement d’état à notre compte.")
        await self._update(remote_id, {"status_id": allowed[0]})

    async def changed_since(self, cursor: str | None) -> Changes:
        """Read the issues by date of change; without a cursor, the newest page."""
        if cursor is None:
            found = (await self._issues(sort="updated_on:desc", limit=str(_PAGE)))["issues"]
        else:
            found = []
            while True:
                page = await self._issues(
                    updated_on=f">={cursor}", sort="updated_on:asc", limit=str(_PAGE), offset=str(len(found))
                )
                found += page["issues"]
                if not page["issues"] or len(found) >= page["total_count"]:
                    break
        newest = max((issue["updated_on"] for issue in found), default=cursor)
        return Changes(tuple(str(issue["id"]) for issue in found), newest)

    async def read(self, remote_id: str) -> RemoteRequest:
        """Read the issue and its notes, but for the private ones."""
        issue = await self._issue(remote_id, "journals")
        notes = [
            RemoteComment(str(journal["id"]), journal["notes"])
            for journal in issue.get("journals", ())
            if journal.get("notes") and not journal.get("private_notes")
        ]
        return RemoteRequest(tuple(notes), CLOSED if issue["status"].get("is_closed") else OPEN)

    async def _issues(self, **filters: str) -> Any:
        return await self._client.call(
            "GET", "issues.json", params={"project_id": self._project, "status_id": "*", **filters}
        )

    async def _issue(self, remote_id: str, include: str) -> Any:
        return (await self._client.call("GET", f"issues/{remote_id}.json", params={"include": include}))["issue"]

    async def _update(self, remote_id: str, changes: dict[str, Any]) -> None:
        await self._client.call("PUT", f"issues/{remote_id}.json", json={"issue": changes})
