"""Zammad, by its REST API. Written from its public documentation and tests; no real Zammad was run.

The key is the last line of the first article. It is looked for by Zammad's search, which its own search engine must
serve: without one, Zammad searches less. That index follows by seconds, which is less than the first delay of a retry.
"""

from __future__ import annotations

from typing import Any

from bot.connectors.http import ToolClient
from bot.connectors.rules import CLOSED, OPEN, Outgoing, from_html, mark, marked_with
from bot.connectors.tool import Changes, RemoteComment, RemoteRequest

_PAGE = 100
# Which of Zammad's states are the end of a ticket; « resolved » and « closed » are one there.
_CLOSED = ("closed", "merged")


class Zammad:
    """A group of a Zammad; the requests are `customer`'s, an e-mail address that stands for AssistENT there."""

    polled = True

    def __init__(self, client: ToolClient, group: str, customer: str) -> None:
        self._client = client
        self._group = group
        self._customer = customer

    async def create(self, key: str, request: Outgoing) -> str:
        """Create a ticket with its first article."""
        article = self._article(mark(request.text, key))
        ticket = {
            "title": request.title, "group": self._group, "customer_id": f"guess:{self._customer}", "article": article,
        }  # fmt: skip
        return str((await self._client.call("POST", "api/v1/tickets", json=ticket))["id"])

    async def find(self, key: str) -> str | None:
        """Search the key, and look that the ticket found is its own: a search may find what only resembles."""
        for ticket in await self._search(f'"{key}"', "created_at", "asc"):
            articles = await self._articles(str(ticket["id"]))
            if articles and marked_with(_words(articles[0])) == key:
                return str(ticket["id"])
        return None

    async def comment(self, remote_id: str, key: str, text: str) -> None:
        """Add a public article."""
        article = {"ticket_id": int(remote_id), "subject": "", **self._article(mark(text, key))}
        await self._client.call("POST", "api/v1/ticket_articles", json=article)

    async def has_comment(self, remote_id: str, key: str) -> bool:
        """Look for the key in the articles."""
        return any(marked_with(_words(article)) == key for article in await self._articles(remote_id))

    async def change_state(self, remote_id: str, key: str, state: str) -> None:
        """Change the state."""
        wanted = "open" if state == OPEN else "closed"
        await self._client.call("PUT", f"api/v1/tickets/{remote_id}", json={"state": wanted})

    async def changed_since(self, cursor: str | None) -> Changes:
        """Search by date of change; without a cursor, the newest page."""
        query = f'updated_at:["{cursor}" TO *]' if cursor else "*"
        found = await self._search(query, "updated_at", "asc" if cursor else "desc", every=cursor is not None)
        newest = max((ticket["updated_at"] for ticket in found), default=cursor)
        return Changes(tuple(str(ticket["id"]) for ticket in found), newest)

    async def read(self, remote_id: str) -> RemoteRequest:
        """Read the ticket and its public articles after the first, which is ours."""
        ticket = await self._client.call("GET", f"api/v1/tickets/{remote_id}", params={"expand": "true"})
        comments = [
            RemoteComment(str(article["id"]), _words(article))
            for article in (await self._articles(remote_id))[1:]
            # What a customer writes there is not an answer.
            if not article["internal"] and article["sender"] == "Agent"
        ]
        return RemoteRequest(tuple(comments), CLOSED if ticket["state"] in _CLOSED else OPEN)

    @staticmethod
    def _article(text: str) -> dict[str, Any]:
        # Said by the customer: an agent's article would count as an answer.
        return {"body": text, "content_type": "text/plain", "type": "note", "internal": False, "sender": "Customer"}

    async def _articles(self, remote_id: str) -> list[dict[str, Any]]:
        path = f"api/v1/ticket_articles/by_ticket/{remote_id}"
        articles = await self._client.call("GET", path, params={"expand": "true"})
        return sorted(articles, key=lambda article: article["id"])

    async def _search(self, query: str, sort: str, order: str, *, every: bool = False) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for page in range(1, 100):
            params = {
                "query": query, "sort_by": sort, "order_by": order, "expand": "true", "page": str(page),
                "per_page": str(_PAGE),
            }  # fmt: skip
            tickets = await self._client.call("GET", "api/v1/tickets/search", params=params) or []
            found += tickets
            if len(tickets) < _PAGE or not every:
                break
        return found


def _words(article: dict[str, Any]) -> str:
    return from_html(article["body"]) if article["content_type"] == "text/html" else article["body"]
