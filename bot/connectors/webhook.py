"""A tool of nobody's in particular: what happens is posted to its address, signed; it answers on ours (bot/web/exchanges.py)."""

from __future__ import annotations

import json
from typing import Any

from bot.clock import Clock
from bot.connectors.http import ToolClient
from bot.connectors.rules import COMMENT, CREATE, STATE, Outgoing
from bot.connectors.signing import sign
from bot.connectors.tool import Changes, RemoteRequest
from bot.errors import ToolUnavailable


class Webhook:
    """Posts {event, key, …}; asks by GET ?key=… whether a step was taken, which answers {id} or 404."""

    polled = False

    def __init__(self, client: ToolClient, secret: str, clock: Clock) -> None:
        self._client = client
        self._secret = secret
        self._clock = clock

    async def create(self, key: str, request: Outgoing) -> str:
        """Post the request; its name there is the `id` of the answer."""
        answer = await self._post({"event": CREATE, "key": key, "request": request.fields, "text": request.text})
        return _id_of(answer)

    async def find(self, key: str) -> str | None:
        """Ask for the request of `key`."""
        # What is signed is what is asked for: there is no body.
        headers = sign(self._secret, self._clock.now(), key.encode())
        answer = await self._client.call("GET", "", params={"key": key}, headers=headers, missing_ok=True)
        return None if answer is None else _id_of(answer)

    async def comment(self, remote_id: str, key: str, text: str) -> None:
        """Post a comment."""
        await self._post({"event": COMMENT, "key": key, "id": remote_id, "text": text})

    async def has_comment(self, remote_id: str, key: str) -> bool:
        """Ask for the comment of `key`."""
        return await self.find(key) is not None

    async def change_state(self, remote_id: str, key: str, state: str) -> None:
        """Post a state."""
        await self._post({"event": STATE, "key": key, "id": remote_id, "state": state})

    async def changed_since(self, cursor: str | None) -> Changes:
        """Return nothing: what changes there is posted to us."""
        return Changes((), cursor)

    async def read(self, remote_id: str) -> RemoteRequest:
        """Return nothing, for the same reason."""
        return RemoteRequest((), None)

    async def _post(self, content: dict[str, Any]) -> Any:
        body = json.dumps(content).encode()
        return await self._client.call("POST", "", body=body, headers=sign(self._secret, self._clock.now(), body))


def _id_of(answer: Any) -> str:
    identifier = answer.get("id") if isinstance(answer, dict) else None
    if not isinstance(identifier, str | int) or not 0 < len(str(identifier)) <= 100:
        raise ToolUnavailable("L’outil n’a pas donné le numéro de la demande chez lui.")
    return str(identifier)
