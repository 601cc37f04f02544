"""The signature of what goes to and comes from a webhook: HMAC-SHA256 of the instant and the body, under a shared secret."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

from bot.errors import Unauthenticated

TIMESTAMP = "X-AssistENT-Timestamp"
SIGNATURE = "X-AssistENT-Signature"
# Two clocks may differ by this; past it, what was signed is old enough to have been heard by somebody else.
TOLERANCE = timedelta(minutes=5)


def sign(secret: str, at: datetime, body: bytes) -> dict[str, str]:
    """Return the two headers that go with `body`."""
    timestamp = str(int(at.timestamp()))
    return {TIMESTAMP: timestamp, SIGNATURE: _signature(secret, timestamp, body)}


def check_signature(secret: str | None, timestamp: str, signature: str, body: bytes, now: datetime) -> None:
    """Raise Unauthenticated unless `body` was signed with `secret`, less than TOLERANCE ago; always without a secret."""
    recent = (
        timestamp.isascii()
        and timestamp.isdigit()
        and len(timestamp) < 12
        and abs(now - datetime.fromtimestamp(int(timestamp), UTC)) <= TOLERANCE
    )
    genuine = secret is not None and hmac.compare_digest(
        signature.encode("utf-8", "replace"), _signature(secret, timestamp, body).encode()
    )
    if not (recent and genuine):
        raise Unauthenticated("La signature ou sa date n’est pas bonne.")


def _signature(secret: str, timestamp: str, body: bytes) -> str:
    signed = timestamp.encode("utf-8", "replace") + b"." + body
    return "v1=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
