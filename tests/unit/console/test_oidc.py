"""An ID token, each claim of which is wrong in turn."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bot.console.oidc import check_id_token
from bot.errors import Unauthenticated
from bot.providers import IdentityProvider

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
S = int(NOW.timestamp())
PROVIDER = IdentityProvider("a", "A", "oidc", "https://i.example", client_id="console")
CLAIMS = {"iss": "https://i.example", "aud": "console", "sub": "ada", "nonce": "n", "iat": S, "exp": S + 60}
PRIVATE = rsa.generate_private_key(65537, 2048)
OTHER = rsa.generate_private_key(65537, 2048)
KEY = jwt.PyJWK(jwt.algorithms.RSAAlgorithm.to_jwk(PRIVATE.public_key(), as_dict=True))
PUBLIC = PRIVATE.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def check(claims: dict[str, Any], key: Any = PRIVATE, algorithm: str = "RS256") -> dict[str, Any]:
    told = {name: value for name, value in claims.items() if value is not None}
    token = jwt.encode(told, key, algorithm=algorithm)
    return check_id_token(token, KEY, PROVIDER, nonce="n", now=NOW)


@pytest.mark.parametrize(
    "changes",
    [{}, {"aud": ["console"]}, {"aud": ["console", "autre"], "azp": "console"}, {"iat": S + 9}, {"exp": S - 9}],
)
def test_a_token_as_it_should_be_is_taken(changes: dict[str, Any]) -> None:
    assert check({**CLAIMS, **changes})["sub"] == "ada"


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://i.example/"}, {"iss": "https://autre.example"}, {"iss": None},
        {"aud": "autre"}, {"aud": []}, {"aud": None}, {"aud": ["console", "autre"]}, {"azp": "autre"},
        {"exp": S - 10}, {"exp": None}, {"exp": "demain"}, {"exp": float("nan")}, {"exp": True},
        {"iat": S + 60}, {"iat": None}, {"iat": float("nan")}, {"nbf": S + 60},
        {"nonce": "m"}, {"nonce": None}, {"nonce": ["n"]}, {"nonce": "\ud800"},
        {"sub": ""}, {"sub": None}, {"sub": 3}, {"sub": "a" * 256}, {"sub": "a\nb"},
    ],
)  # fmt: skip
def test_a_token_with_a_wrong_claim_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises((jwt.PyJWTError, Unauthenticated, TypeError, ValueError)):
        check({**CLAIMS, **changes})


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [(None, "none"), (PUBLIC, "HS256"), (OTHER, "RS256"), (PRIVATE, "RS512"), (PRIVATE, "PS256")],
    ids=["unsigned", "public key as a secret", "another key", "RS512", "PS256"],
)
def test_a_token_that_the_provider_s_key_did_not_sign_as_it_signs_is_refused(key: Any, algorithm: str) -> None:
    with pytest.raises(jwt.PyJWTError):
        check(CLAIMS, key, algorithm)
