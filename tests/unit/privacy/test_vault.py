"""The vault: what agents need, encrypted with the deployment's key."""

from __future__ import annotations

import pytest

from bot.errors import NotFound
from bot.privacy.vault import Vault

KEY = "une clé d'essai de plus de trente-deux caractères"


@pytest.mark.parametrize("text", ["06 12 34 56 78", "marie@exemple.fr", "", "é🙂", "x" * 1_000])
def test_what_is_sealed_can_be_opened_again(text: str) -> None:
    sealed = Vault(KEY).seal(text)
    assert Vault(KEY).open(sealed) == text
    assert not text or text not in sealed


def test_the_same_text_is_never_sealed_alike() -> None:
    assert Vault(KEY).seal("06 12 34 56 78") != Vault(KEY).seal("06 12 34 56 78")


@pytest.mark.parametrize(
    "sealed",
    ["", "autre chose", Vault("une autre clé").seal("06 12 34 56 78"), Vault(KEY).seal("a")[:-4]],
    ids=["nothing", "no seal", "another key", "cut"],
)
def test_what_this_key_did_not_seal_is_said_to_be_unreadable(sealed: str) -> None:
    with pytest.raises(NotFound, match="autre clé"):
        Vault(KEY).open(sealed)
