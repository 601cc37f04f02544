"""A team that has an address and no tool: each request is a letter, and what follows is answered to that letter.

What the team answers is written in the console, which every letter leads to. SMTP cannot be asked whether a letter was
taken: one that may have been is sent again under the same Message-ID, which mailboxes know it by.
"""

from __future__ import annotations

from email.message import EmailMessage
from email.utils import formatdate

from bot.connectors.http import TIMEOUT_S
from bot.connectors.rules import CLOSED, RESOLVED, Outgoing
from bot.connectors.smtp import MailServer
from bot.connectors.tool import Changes, RemoteRequest

# What is said of a state, in a letter.
_STATE_NAMES = {RESOLVED: "La demande est résolue.", CLOSED: "La demande est close."}
_REOPENED = "La demande est rouverte."


class Mail:
    """A mail server, a sender and an addressee."""

    polled = False

    def __init__(
        self, address: str, sender: str, to: str, username: str = "", password: str = "", timeout: float = TIMEOUT_S
    ) -> None:
        self._server = MailServer(address, username, password, timeout)
        self._sender = sender
        self._to = to

    async def create(self, key: str, request: Outgoing) -> str:
        """Send the first letter; the request goes by its own number there."""
        await self._send(request.number, request.title, request.text, self._name(request.number))
        return request.number

    async def find(self, key: str) -> str | None:
        """Return None: see the module's docstring."""
        return None

    async def comment(self, remote_id: str, key: str, text: str) -> None:
        """Send a letter that answers the first."""
        await self._send(remote_id, f"Re: Demande {remote_id}", text, self._name(key), self._name(remote_id))

    async def has_comment(self, remote_id: str, key: str) -> bool:
        """Return False: see the module's docstring."""
        return False

    async def change_state(self, remote_id: str, key: str, state: str) -> None:
        """Say it in a letter."""
        await self.comment(remote_id, key, _STATE_NAMES.get(state, _REOPENED))

    async def changed_since(self, cursor: str | None) -> Changes:
        """Return nothing."""
        return Changes((), cursor)

    async def read(self, remote_id: str) -> RemoteRequest:
        """Return nothing."""
        return RemoteRequest((), None)

    def _name(self, name: str) -> str:
        return f"<assistent.{name}@{self._sender.rpartition('@')[2]}>"

    async def _send(self, number: str, subject: str, text: str, name: str, answers: str = "") -> None:
        letter = EmailMessage()
        letter["From"], letter["To"] = self._sender, self._to
        letter["Subject"] = " ".join(subject.split())
        letter["Date"], letter["Message-ID"] = formatdate(), name
        # No answering machine answers.
        letter["Auto-Submitted"] = "auto-generated"
        if answers:
            letter["In-Reply-To"] = letter["References"] = answers
        letter.set_content(text)
        await self._server.send(letter)
