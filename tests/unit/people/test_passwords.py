"""Passwords: which are taken, and how they are kept."""

from __future__ import annotations

import pytest

from bot.errors import InvalidField
from bot.people.passwords import MAX_CHARS, check_password, hash_password, verify_password

LOGIN, NAME = "jean.dupont@ac-valmont.example", "Jean Dupont"


@pytest.mark.parametrize(
    "password",
    ["un pangolin vert", "correct cheval pile agrafe", "éàçùîôûëïü€§", "bf7p-2kqm-x9dw-ahu3", "ÿ" * 3 + "une phrase",
     "123 soleil dans la cour", "🙂🙃🐢🦊🐼🐸🐙🦉🐝🦋🌵🍉"],
)  # fmt: skip
def test_twelve_characters_of_any_kind_are_taken(password: str) -> None:
    check_password(password, login=LOGIN, name=NAME)


@pytest.mark.parametrize(
    "password",
    ["", "court", "onze signes", "aaaaaaaaaaaaaaaa", "abababababab", "123456789012", "987654321098", "azertyuiopqsdf",
     "motdepasse2026", "MotDePasse2026!", "m0tdep4sse2026", "P@ssword2026", "Mot de passe 1", "Administrateur1!",
     "jean.dupont2026", "JeanDupont!!!!", "Jean Dupont 1975", "dupontdupont" * 20, "jean.dupont@ac-valmont.example",
     "azertyazerty", "rentree2026!", "assistent2026!"],
)  # fmt: skip
def test_short_common_and_one_s_own_name_are_refused(password: str) -> None:
    with pytest.raises(InvalidField) as refused:
        check_password(password, login=LOGIN, name=NAME)
    assert refused.value.field == "password"


async def test_a_password_is_kept_as_argon2id_and_known_again() -> None:
    kept = await hash_password("un pangolin vert")
    assert kept.startswith("$argon2id$")
    assert "pangolin" not in kept
    assert await verify_password(kept, "un pangolin vert")
    assert not await verify_password(kept, "un pangolin bleu")
    assert not await verify_password(kept, "")


async def test_accents_are_the_same_however_they_were_composed() -> None:
    kept = await hash_password("élodie à la plage")
    assert await verify_password(kept, "e\u0301lodie a\u0300 la plage")


async def test_nothing_kept_and_something_unreadable_say_no() -> None:
    assert not await verify_password(None, "un pangolin vert")
    assert not await verify_password(None, "x" * 10 * MAX_CHARS)
    assert not await verify_password("pas une empreinte", "un pangolin vert")
