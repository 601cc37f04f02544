"""A team that has an address and no tool: each request is a letter, and what follows is answered to that letter.

What the team answers is written in the console, which every letter leads to. SMTP cannot be asked whether a letter was
taken: one that may have been is sent again under the same Message-ID, which mailboxes know it by.
"""

from __future__ import annotations

from email.message import EmailMessage
from email.utils import formatdate
from ipaddress import ip_address
from ssl import SSLError
from urllib.parse import urlsplit

import aiosmtplib

from bot.connectors.http import TIMEOUT_S
from bot.connectors.rules import CLOSED, RESOLVED, Outgoing
from bot.connectors.tool import Changes, RemoteRequest
from bot.errors import ToolRefused, ToolUnavailable

# What is said of a state, in a letter.
_STATE_NAMES = {RESOLVED: "La demande est résolue.", CLOSED: "La demande est close."}
_REOPENED = "La demande est rouverte."
_PORTS = {"smtp": 25, "smtps": 465}


class Mail:
    """A mail server (smtp:// or smtps://), a sender and an addressee. A password never travels in clear."""

    polled = False

    def __init__(
        self, address: str, sender: str, to: str, username: str = "", password: str = "", timeout: float = TIMEOUT_S
    ) -> None:
        parts = urlsplit(address)
        self._host = parts.hostname or ""
        self._port = parts.port or _PORTS[parts.scheme]
        self._tls = parts.scheme == "smtps"
        self._sender = sender
        self._to = to
        self._username = username
        self._password = password
        self._timeout = timeout

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
        # Without a password, encryption is taken where the server offers it; with one, there is no going without.
        start_tls = True if self._username and not self._tls and not _is_here(self._host) else None
        try:
            await aiosmtplib.send(
                letter, hostname=self._host, port=self._port, use_tls=self._tls, start_tls=None if self._tls else start_tls,
                username=self._username or None, password=self._password or None, timeout=self._timeout,
            )  # fmt: skip
        except aiosmtplib.SMTPAuthenticationError as error:
            raise ToolUnavailable("Le serveur de courriel refuse notre compte.") from error
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = [refused.code for refused in error.recipients]
            raise _refusal(max(codes, default=450)) from error
        except aiosmtplib.SMTPResponseException as error:
            raise _refusal(error.code) from error
        except (aiosmtplib.SMTPException, SSLError, OSError) as error:
            raise ToolUnavailable(f"Le serveur de courriel n’a pas pu être joint ({type(error).__name__}).") from error


def _refusal(code: int) -> ToolRefused | ToolUnavailable:
    """Return what a reply code means: 4xx, later; 5xx, never."""
    if 500 <= code < 600:
        return ToolRefused(f"Le serveur de courriel a refusé la lettre (réponse {code}).")
    return ToolUnavailable(f"Le serveur de courriel est occupé (réponse {code}).")


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
