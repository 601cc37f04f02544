"""What any tool must be able to do, whatever it is called there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bot.connectors.rules import Outgoing


@dataclass(frozen=True)
class RemoteComment:
    """A public comment of a tool; `id` is unique within its request."""

    id: str
    text: str


@dataclass(frozen=True)
class RemoteRequest:
    """A request as the tool has it now: all its public comments, oldest first; its state, None when it says none."""

    comments: tuple[RemoteComment, ...]
    state: str | None


@dataclass(frozen=True)
class Changes:
    """Which requests changed, and the cursor to ask with next time."""

    remote_ids: tuple[str, ...]
    cursor: str | None


class Tool(Protocol):
    """Another team's tool. Every call ends within a time-out, with ToolUnavailable (try again) or ToolRefused (do not).

    `key` is the UUID of the step. A call that failed may have been served all the same: before it is made again, what
    carries the key is looked for.
    """

    # Whether it has to be asked for its changes; otherwise it tells them, or has none to tell.
    polled: bool

    async def create(self, key: str, request: Outgoing) -> str:
        """Create the request and return its name there."""

    async def find(self, key: str) -> str | None:
        """Return the name of the request that was created with `key`, None when there is none."""

    async def comment(self, remote_id: str, key: str, text: str) -> None:
        """Add a public comment."""

    async def has_comment(self, remote_id: str, key: str) -> bool:
        """Tell whether the comment of `key` is there."""

    async def change_state(self, remote_id: str, key: str, state: str) -> None:
        """Put the request in one of our three states; twice is once."""

    async def changed_since(self, cursor: str | None) -> Changes:
        """Return what changed since `cursor`, that included; without a cursor, what changed last."""

    async def read(self, remote_id: str) -> RemoteRequest:
        """Return the request as it is now."""
