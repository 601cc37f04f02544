"""Signed sessions: the ENT's JWT, every claim checked, keys that rotate, used once."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import structlog

from bot.clock import Clock
from bot.conversations.service import Identity, use_jwt_once
from bot.db import Database
from bot.errors import Unauthenticated
from bot.settings import Issuer
from bot.topics import PROFILES

# What an ENT may sign with. « none » and keys of another family than the issuer's are never accepted.
ASYMMETRIC = ("EdDSA", "ES256", "ES384", "RS256", "RS384", "RS512", "PS256")
SYMMETRIC = ("HS256", "HS384", "HS512")
# A JWT is made when the chat is opened: one that lives longer could be replayed from a log.
MAX_LIFE = timedelta(minutes=5)
# Clocks of two servers differ a little.
LEEWAY_S = 10
# Keys are read again after this long, and at once when an unknown one is named, but no oftener than the second figure.
KEYS_LIVE = timedelta(minutes=10)
KEYS_AGAIN = timedelta(seconds=30)
MAX_TOKEN_CHARS = 4_096
_FETCH_TIMEOUT_S = 3
_FAR_FUTURE = 10**11
_UAI = re.compile(r"[0-9]{7}[A-Z]")

log = structlog.get_logger()


class KeyRing:
    """The public keys of one issuer, from a file or an address."""

    def __init__(self, issuer: Issuer, root: Path, http: aiohttp.ClientSession, clock: Clock) -> None:
        self._issuer = issuer
        self._root = root
        self._http = http
        self._clock = clock
        self._keys: dict[str, jwt.PyJWK] = {}
        self._read_at: datetime | None = None
        self._lock = asyncio.Lock()

    async def key(self, kid: str | None) -> Any:
        """Return the key named `kid` (the only one when unnamed); Unauthenticated when there is none."""
        if self._issuer.secret:
            return self._issuer.secret
        found = self._find(kid) if self._fresh(KEYS_LIVE) else None
        if found is None and not self._fresh(KEYS_AGAIN):
            async with self._lock:
                if not self._fresh(KEYS_AGAIN):
                    await self._read()
            found = self._find(kid)
        found = found or self._find(kid)
        if found is None:
            raise Unauthenticated("La clé de signature de l’ENT n’est pas connue.")
        return found

    def _fresh(self, life: timedelta) -> bool:
        return self._read_at is not None and self._clock.now() - self._read_at < life

    def _find(self, kid: str | None) -> jwt.PyJWK | None:
        if kid is None:
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(kid)

    async def _read(self) -> None:
        try:
            if self._issuer.jwks_file:
                data = json.loads((self._root / self._issuer.jwks_file).read_text(encoding="utf-8"))
            else:
                async with self._http.get(
                    self._issuer.jwks_url, timeout=aiohttp.ClientTimeout(total=_FETCH_TIMEOUT_S)
                ) as reply:
                    reply.raise_for_status()
                    data = await reply.json(content_type=None)
            self._keys = {key.key_id or "": key for key in jwt.PyJWKSet.from_dict(data).keys}
        except (OSError, ValueError, TypeError, AttributeError, aiohttp.ClientError, jwt.PyJWTError) as error:
            # Keys read before go on serving: an ENT whose key server is down must not lose its chat.
            log.error("keys_unreadable", issuer=self._issuer.name, reason=type(error).__name__)
        finally:
            # Set last: whoever comes while they are being read waits for them.
            self._read_at = self._clock.now()


class TokenVerifier:
    """Turns a JWT into an Identity, or refuses it."""

    def __init__(self, issuers: tuple[Issuer, ...], root: Path, http: aiohttp.ClientSession, database: Database,
                 clock: Clock) -> None:  # fmt: skip
        self._issuers = {issuer.name: issuer for issuer in issuers}
        self._rings = {issuer.name: KeyRing(issuer, root, http, clock) for issuer in issuers}
        self._database = database
        self._clock = clock

    async def verify(self, token: str) -> Identity:
        """Check signature and claims, and use the token up; Unauthenticated says no more than what helps."""
        if len(token) > MAX_TOKEN_CHARS:
            raise Unauthenticated
        try:
            header = jwt.get_unverified_header(token)
            name = jwt.decode(token, options={"verify_signature": False}).get("iss")
        except jwt.PyJWTError as error:
            raise Unauthenticated from error
        issuer = self._issuers.get(name) if isinstance(name, str) else None
        if issuer is None:
            raise Unauthenticated("Cet ENT n’est pas connu de l’assistant.")
        key = await self._rings[issuer.name].key(header.get("kid"))
        claims = self._decode(token, key, issuer)
        identity = _identity(claims, issuer)
        expires_at = datetime.fromtimestamp(claims["exp"] + LEEWAY_S, UTC)
        await use_jwt_once(self._database, self._clock, issuer.name, claims["jti"], expires_at)
        return identity

    def _decode(self, token: str, key: Any, issuer: Issuer) -> dict[str, Any]:
        allowed = SYMMETRIC if issuer.secret else ASYMMETRIC
        try:
            claims = jwt.decode(
                token, key, algorithms=list(allowed), audience=issuer.audience, issuer=issuer.name, leeway=LEEWAY_S,
                options={
                    "require": ["exp", "iss", "aud", "sub", "jti"],
                    # Times are checked below, on our own clock.
                    "verify_exp": False, "verify_iat": False, "verify_nbf": False,
                },
            )  # fmt: skip
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise Unauthenticated from error
        now = self._clock.now().timestamp()
        # Without a date of issue its life is counted from now.
        expires, issued = claims["exp"], claims.get("iat", now)
        begins = claims.get("nbf", issued)
        if not all(map(is_instant, (issued, expires, begins))):
            raise Unauthenticated
        if expires + LEEWAY_S <= now or max(issued, begins) - LEEWAY_S > now:
            raise Unauthenticated("Le jeton de l’ENT a expiré ou ne vaut pas encore. Rechargez la page.")
        if expires - issued > MAX_LIFE.total_seconds():
            raise Unauthenticated("Le jeton de l’ENT dure trop longtemps.")
        return claims


def is_instant(value: Any) -> bool:
    """Tell whether a claim is a likely number of seconds: JSON as Python reads it may say NaN, that every check lets by."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _FAR_FUTURE


def _identity(claims: dict[str, Any], issuer: Issuer) -> Identity:
    profile, uai, subject, jti = claims.get("profile"), claims.get("uai"), claims["sub"], claims["jti"]
    if profile not in PROFILES:
        raise Unauthenticated("Le jeton de l’ENT ne dit pas un profil connu.")
    if uai is not None and (not isinstance(uai, str) or not _UAI.fullmatch(uai)):
        raise Unauthenticated("Le jeton de l’ENT porte un code d’école illisible.")
    if not all(isinstance(value, str) and 0 < len(value) <= 255 and value.isprintable() for value in (subject, jti)):
        raise Unauthenticated
    return Identity(profile=profile, uai=uai, issuer=issuer.name, subject=subject)
