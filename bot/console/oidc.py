"""Signing in by OpenID Connect: authorization code with PKCE, and an ID token of which everything is checked."""

from __future__ import annotations

import asyncio
import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

import aiohttp
import jwt
import structlog

from bot.chat.tokens import ASYMMETRIC, LEEWAY_S, KeyRing, is_instant
from bot.clock import Clock
from bot.console.asking import ask
from bot.errors import IdentityRefused, Unauthenticated
from bot.people.federation import Attempt, Proof, refusal
from bot.people.rules import MAX_LOGIN
from bot.providers import ALWAYS, VERIFIED, IdentityProvider
from bot.settings import Issuer

# The provider's description of itself is read again after this long.
METADATA_LIFE = timedelta(hours=1)
_WELL_KNOWN = "/.well-known/openid-configuration"
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_MAX_TOKEN = 16_384
# OpenID Connect Core 1.0, § 2.
_MAX_SUBJECT = 255

log = structlog.get_logger()


@dataclass(frozen=True)
class _Metadata:
    """What the provider says of itself, as far as it is used, with the keys that it signs with."""

    authorization: str
    token: str
    userinfo: str
    posts_secret: bool
    names_itself: bool
    keys: KeyRing


class OpenIdProvider:
    """An OpenID Connect provider, found by its issuer."""

    def __init__(self, chosen: IdentityProvider, root: Path, http: aiohttp.ClientSession, clock: Clock) -> None:
        self.chosen = chosen
        self._root = root
        self._http = http
        self._clock = clock
        self._metadata: _Metadata | None = None
        self._read_at: datetime | None = None
        self._jwks = ""
        self._lock = asyncio.Lock()

    async def begin(self, attempt: Attempt, back: str) -> str:
        """Return the address of the provider's authorization page."""
        metadata = await self._discover()
        challenge = urlsafe_b64encode(hashlib.sha256(attempt.verifier.encode()).digest()).rstrip(b"=").decode()
        asked = urlencode(
            {
                "response_type": "code", "client_id": self.chosen.client_id, "redirect_uri": back,
                "scope": self.chosen.scope, "state": attempt.state, "nonce": attempt.nonce,
                "code_challenge": challenge, "code_challenge_method": "S256",
            }
        )  # fmt: skip
        return f"{metadata.authorization}{'&' if '?' in metadata.authorization else '?'}{asked}"

    async def finish(self, attempt: Attempt, query: Mapping[str, str], back: str) -> Proof:
        """Exchange the code for the ID token, check it, and ask for the e-mail address if it is not in it."""
        metadata = await self._discover()
        # Whose answer it is (RFC 9207): one provider's code must not be taken to another.
        if query.get("iss", "" if metadata.names_itself else self.chosen.url) != self.chosen.url:
            raise refusal("invalid", self.chosen)
        code = query.get("code", "")
        if not code or "error" in query:
            raise refusal("abandoned", self.chosen)
        answer = await self._exchange(metadata, attempt, code, back)
        claims = await self._read_id_token(metadata, answer.get("id_token"), attempt.nonce)
        wanted = {self.chosen.login_claim} | ({"email_verified"} if self.chosen.trust_email == VERIFIED else set())
        told = claims
        if not wanted <= claims.keys() and metadata.userinfo:
            told = await self._ask_userinfo(metadata, answer.get("access_token"), claims["sub"])
        return Proof(issuer=self.chosen.url, subject=claims["sub"], login=self._login(told))

    def _login(self, told: Mapping[str, Any]) -> str | None:
        login = told.get(self.chosen.login_claim)
        trust = self.chosen.trust_email
        trusted = trust == ALWAYS or (trust == VERIFIED and told.get("email_verified") is True)
        return login if trusted and isinstance(login, str) and 0 < len(login) <= MAX_LOGIN else None

    # --- what the provider says of itself ---

    async def _discover(self) -> _Metadata:
        async with self._lock:
            if self._metadata is None or self._clock.now() - self._read_at >= METADATA_LIFE:
                try:
                    self._metadata = await self._read_metadata()
                except IdentityRefused:
                    # What was read before goes on serving; a provider that is out will show by itself.
                    if self._metadata is None:
                        raise
                self._read_at = self._clock.now()
            return self._metadata

    async def _read_metadata(self) -> _Metadata:
        status, body = await ask(self._http, self.chosen, "GET", self.chosen.url.rstrip("/") + _WELL_KNOWN)
        told = _read_object(body) if status == 200 else {}
        if told.get("issuer") != self.chosen.url:
            log.error("provider_misdescribed", provider=self.chosen.id, status=status)
            raise refusal("unavailable", self.chosen)
        userinfo = told.get("userinfo_endpoint", "")
        addresses = [*map(told.get, _ENDPOINTS), *([userinfo] if userinfo else ())]
        if not all(map(self._is_safe, addresses)):
            log.error("provider_misdescribed", provider=self.chosen.id, status=status)
            raise refusal("unavailable", self.chosen)
        authorization, token, jwks = addresses[:3]
        keys = self._metadata.keys if self._metadata and jwks == self._jwks else self._make_keys(jwks)
        self._jwks = jwks
        methods = told.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        return _Metadata(
            authorization, token, userinfo, posts_secret="client_secret_basic" not in methods,
            names_itself=told.get("authorization_response_iss_parameter_supported") is True, keys=keys,
        )  # fmt: skip

    def _make_keys(self, jwks: str) -> KeyRing:
        issuer = Issuer(name=self.chosen.url, audience=self.chosen.client_id, jwks_url=jwks)
        return KeyRing(issuer, self._root, self._http, self._clock)

    def _is_safe(self, address: object) -> bool:
        """Tell whether an address is one, and not in the clear where the issuer is not."""
        if not isinstance(address, str):
            return False
        parts = urlsplit(address)
        return bool(parts.netloc) and parts.scheme in {"https", urlsplit(self.chosen.url).scheme}

    # --- the code, the ID token, the rest ---

    async def _exchange(self, metadata: _Metadata, attempt: Attempt, code: str, back: str) -> dict[str, Any]:
        fields = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": back, "code_verifier": attempt.verifier,
        }  # fmt: skip
        headers = {"Accept": "application/json"}
        client, secret = self.chosen.client_id, self.chosen.secret
        if secret and not metadata.posts_secret:
            # Each part in the form of a form's field (RFC 6749, § 2.3.1).
            headers["Authorization"] = aiohttp.encode_basic_auth(quote_plus(client), quote_plus(secret))
        else:
            fields |= {"client_id": client, **({"client_secret": secret} if secret else {})}
        status, body = await ask(self._http, self.chosen, "POST", metadata.token, data=fields, headers=headers)
        answer = _read_object(body)
        if status != 200:
            log.warning(
                "provider_refused", provider=self.chosen.id, status=status, reason=str(answer.get("error"))[:40]
            )
            raise refusal("abandoned", self.chosen)
        return answer

    async def _read_id_token(self, metadata: _Metadata, token: object, nonce: str) -> dict[str, Any]:
        try:
            if not isinstance(token, str) or len(token) > _MAX_TOKEN:
                raise Unauthenticated
            key = await metadata.keys.key(jwt.get_unverified_header(token).get("kid"))
            return check_id_token(token, key, self.chosen, nonce=nonce, now=self._clock.now())
        except (jwt.PyJWTError, Unauthenticated, ValueError, TypeError, RecursionError) as error:
            log.warning("provider_token_refused", provider=self.chosen.id, reason=type(error).__name__)
            raise refusal("invalid", self.chosen) from error

    async def _ask_userinfo(self, metadata: _Metadata, access: object, subject: str) -> dict[str, Any]:
        """Return what the provider tells of the person beside the ID token; it must be of the same."""
        if not isinstance(access, str) or not access.isascii() or not access.isprintable():
            raise refusal("invalid", self.chosen)
        headers = {"Authorization": f"Bearer {access}", "Accept": "application/json"}
        status, body = await ask(self._http, self.chosen, "GET", metadata.userinfo, headers=headers)
        told = _read_object(body) if status == 200 else {}
        if told.get("sub") != subject:
            raise refusal("invalid", self.chosen)
        return told


def check_id_token(
    token: str, key: jwt.PyJWK, provider: IdentityProvider, *, nonce: str, now: datetime
) -> dict[str, Any]:  # fmt: skip
    """Return the claims of an ID token that is as OpenID Connect Core 1.0, § 3.1.3.7, wants it.

    A PyJWTError, a TypeError, a ValueError or Unauthenticated otherwise.
    """
    client, instant = provider.client_id, now.timestamp()
    claims = jwt.decode(
        token, key, algorithms=list(ASYMMETRIC), audience=client, issuer=provider.url,
        options={
            "require": ["exp", "iat", "iss", "aud", "sub", "nonce"],
            # Times are checked below, on our own clock.
            "verify_exp": False, "verify_iat": False, "verify_nbf": False,
        },
    )  # fmt: skip
    times = (claims["exp"], claims["iat"], claims.get("nbf", claims["iat"]))
    good = (
        all(map(is_instant, times))
        and claims["exp"] + LEEWAY_S > instant
        and max(times[1:]) - LEEWAY_S <= instant
        and claims["nonce"] == nonce
        and claims.get("azp", client) == client
        # A token for several must say which of them asked for it.
        and (claims["aud"] in (client, [client]) or "azp" in claims)
        and 0 < len(claims["sub"]) <= _MAX_SUBJECT
        and claims["sub"].isprintable()
    )
    if not good:
        raise Unauthenticated
    return claims


def _read_object(body: bytes) -> dict[str, Any]:
    """Return a JSON object, empty when it is none."""
    try:
        read = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}
