"""Keys of an ENT from a file: read when needed, again when one is not known, and no oftener.

Signatures, claims and addresses are tested through the API: tests/integration/test_signed_sessions.py.
"""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from bot.chat.tokens import ASYMMETRIC, KEYS_AGAIN, KEYS_LIVE, SYMMETRIC, KeyRing
from bot.clock import FixedClock
from bot.errors import Unauthenticated
from bot.settings import Issuer


def public(kid: str) -> dict:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    return {**jwt.get_algorithm_by_name("ES256").to_jwk(key, as_dict=True), "kid": kid, "alg": "ES256"}


@pytest.fixture
def show(tmp_path: Path):
    def write(*keys: dict) -> None:
        (tmp_path / "keys.json").write_text(json.dumps({"keys": list(keys)}), encoding="utf-8")

    return write


@pytest.fixture
def ring(tmp_path: Path, clock: FixedClock) -> KeyRing:
    return KeyRing(Issuer("a", "b", jwks_file="keys.json"), tmp_path, http=None, clock=clock)


async def test_a_key_is_found_by_its_name(ring: KeyRing, show) -> None:
    show(public("un"), public("deux"))
    assert (await ring.key("deux")).key_id == "deux"


async def test_without_a_name_the_only_key_is_meant(ring: KeyRing, show) -> None:
    show(public("un"))
    assert (await ring.key(None)).key_id == "un"


async def test_without_a_name_none_of_two_is_meant(ring: KeyRing, show) -> None:
    show(public("un"), public("deux"))
    with pytest.raises(Unauthenticated):
        await ring.key(None)


async def test_a_new_key_is_read_after_a_while_and_not_before(ring: KeyRing, show, clock: FixedClock) -> None:
    show(public("un"))
    await ring.key("un")
    show(public("un"), public("deux"))
    with pytest.raises(Unauthenticated):
        await ring.key("deux")
    clock.advance(KEYS_AGAIN)
    assert (await ring.key("deux")).key_id == "deux"


async def test_a_key_taken_away_no_longer_counts_after_a_while(ring: KeyRing, show, clock: FixedClock) -> None:
    show(public("un"), public("deux"))
    await ring.key("un")
    show(public("deux"))
    clock.advance(KEYS_LIVE - timedelta(seconds=1))
    assert await ring.key("un")
    clock.advance(timedelta(seconds=1))
    with pytest.raises(Unauthenticated):
        await ring.key("un")


async def test_keys_go_on_serving_when_the_file_breaks(ring: KeyRing, show, clock: FixedClock, tmp_path: Path) -> None:
    show(public("un"))
    await ring.key("un")
    (tmp_path / "keys.json").write_text("{", encoding="utf-8")
    clock.advance(KEYS_LIVE)
    assert (await ring.key("un")).key_id == "un"


async def test_a_shared_secret_needs_no_file(tmp_path: Path, clock: FixedClock) -> None:
    ring = KeyRing(Issuer("a", "b", secret="un secret"), tmp_path, http=None, clock=clock)
    assert await ring.key("peu importe") == "un secret"


async def test_a_key_that_cannot_sign_is_left_out(ring: KeyRing, show) -> None:
    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    odd = {"kty": "inconnu", "kid": "trois"}
    show({**jwt.get_algorithm_by_name("RS256").to_jwk(rsa_key, as_dict=True), "kid": "rsa"}, odd)
    assert (await ring.key("rsa")).key_id == "rsa"
    with pytest.raises(Unauthenticated):
        await ring.key("trois")


def test_families_of_algorithms_are_apart_and_none_is_in_neither() -> None:
    assert not set(ASYMMETRIC) & set(SYMMETRIC)
    assert "none" not in {name.lower() for name in (*ASYMMETRIC, *SYMMETRIC)}
    assert all(jwt.get_algorithm_by_name(name) for name in (*ASYMMETRIC, *SYMMETRIC))
