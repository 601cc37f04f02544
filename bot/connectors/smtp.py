"""A mail server as it is called here: encrypted where a password travels, bounded in time, its replies told in two words."""

from __future__ import annotations

from email.message import EmailMessage
from ipaddress import ip_address
from ssl import SSLError
from urllib.parse import urlsplit

import aiosmtplib

from bot.connectors.http import TIMEOUT_S
from bot.errors import ToolRefused, ToolUnavailable

_PORTS = {"smtp": 25, "smtps": 465}


class MailServer:
    """A mail server (smtp:// or smtps://). A password never travels in clear."""

    def __init__(self, address: str, username: str = "", password: str = "", timeout: float = TIMEOUT_S) -> None:
        parts = urlsplit(address)
        self._host = parts.hostname or ""
        self._port = parts.port or _PORTS[parts.scheme]
        self._tls = parts.scheme == "smtps"
        self._username = username
        self._password = password
        self._timeout = timeout

    async def send(self, letter: EmailMessage) -> None:
        """Hand a letter over; ToolUnavailable (try again) or ToolRefused (do not), neither of which names an address."""
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
