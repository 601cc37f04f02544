"""Made-up ENTs that sign their users' JWT, each in its way."""

from __future__ import annotations

import base64
import json
import uuid
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from bot.settings import Issuer

# The gateways' clock stands at this instant.
NOW = int(datetime(2026, 11, 23, 9, 0, tzinfo=UTC).timestamp())
AUDIENCE = "assistent"
BY_SECRET = Issuer(
    "https://secret.ent.example",
    AUDIENCE,
    secret="un secret partagé, fait pour les seuls essais, et bien assez long pour SHA-512",
)
BY_OTHER_SECRET = Issuer(
    "https://autre.ent.example",
    "autre-public",
    secret="un autre secret, fait pour les seuls essais, et bien assez long pour SHA-512",
)
BY_KEYS = "https://cles.ent.example"
ALGORITHMS = ("RS256", "ES256", "EdDSA")


@lru_cache
def private_key(name: str) -> Any:
    """Return a private key; its name begins with its algorithm's, and is its `kid`."""
    if name.startswith(("RS", "PS")):
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ec.generate_private_key(ec.SECP256R1()) if name.startswith("ES") else ed25519.Ed25519PrivateKey.generate()


def jwks(*names: str) -> dict[str, Any]:
    """Return the public keys of these names as an ENT shows them."""
    keys = []
    for name in names:
        algorithm = jwt.get_algorithm_by_name(name.partition("-")[0])
        key = algorithm.to_jwk(private_key(name).public_key(), as_dict=True)
        keys.append({**key, "kid": name, "use": "sig", "alg": name.partition("-")[0]})
    return {"keys": keys}


def write_issuers(folder: Path) -> tuple[Issuer, ...]:
    """Return the ENTs that the gateways know; one of them has its keys in a file of `folder`."""
    path = folder / "keys.json"
    path.write_text(json.dumps(jwks(*ALGORITHMS)), encoding="utf-8")
    return (BY_SECRET, BY_OTHER_SECRET, Issuer(BY_KEYS, AUDIENCE, jwks_file=str(path)))


def claims(issuer: str = BY_SECRET.name, **changes: Any) -> dict[str, Any]:
    """Return the claims of a parent who has just opened the chat; a change to None takes a claim away."""
    made = {
        "iss": issuer, "aud": AUDIENCE, "sub": f"personne-{uuid.uuid4()}", "jti": str(uuid.uuid4()), "iat": NOW,
        "exp": NOW + 120, "profile": "parent", "uai": "0750001U", **changes,
    }  # fmt: skip
    return {name: value for name, value in made.items() if value is not None}


def sign(key: Any = BY_SECRET.secret, algorithm: str = "HS256", *, kid: str | None = None, issuer: str = BY_SECRET.name,
         **changes: Any) -> str:  # fmt: skip
    """Return a JWT."""
    # Below the library's own checks of claims: an ENT may well send what they would not let by.
    payload = json.dumps(claims(issuer, **changes)).encode()
    return jwt.PyJWS().encode(payload, key, algorithm, headers={"kid": kid} if kid else None)


def sign_with(name: str, **changes: Any) -> str:
    """Return a JWT signed with a private key, under its name."""
    return sign(private_key(name), name.partition("-")[0], kid=name, **{"issuer": BY_KEYS, **changes})


def forge(header: dict[str, Any], payload: dict[str, Any] | bytes, signature: bytes = b"") -> str:
    """Return what no library would make."""
    parts = [json.dumps(header).encode(), payload if isinstance(payload, bytes) else json.dumps(payload).encode()]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (*parts, signature))
