"""Passwords: which are taken, and how they are kept (argon2id)."""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from bot.errors import InvalidField
from bot.people.rules import search_form

MIN_CHARS = 12
# Over what anybody types, under what would make hashing it a way to keep the machine busy.
MAX_CHARS = 200
# Fewer different characters than this is a repetition, however long.
_MIN_DIFFERENT = 5
# Each takes 64 MiB for a tenth of a second: two at a time leave the machine to those who ask questions.
_AT_ONCE = 2

# What people put before a year and an exclamation mark, as `_letters` leaves it.
_COMMON = frozenset(
    """
    motdepasse monmotdepasse motdepassemotdepasse nouveaumotdepasse changemoi changezmoi password passwordpassword
    passw0rd mypassword passphrase secret supersecret topsecret bonjour bonjourbonjour bonjourtoutlemonde bienvenue
    welcome azerty azertyazerty azertyuiop azertyuiopqsdfghjklm aqwzsxedcrfv qwerty qwertyqwerty qwertyuiop
    qwertyuiopasdfghjkl abcdef abcdefgh abcdefghij abcdefghijkl abcdefghijklm soleil doudou chouchou loulou jetaime
    iloveyou letmein marseille olympiquedemarseille parissaintgermain football princesse
    admin administrateur administrator utilisateur referent formateur assistent assistant consoleassistent
    educonnect academie ministere educationnationale ecole college lycee professeur enseignant directeur directrice
    maitresse rentree rentreescolaire espacenumerique passerelle
    """.split()
)
_SEQUENCES = (
    "01234567890123456789",
    "98765432109876543210",
    "abcdefghijklmnopqrstuvwxyz",
    "azertyuiopqsdfghjklmwxcvbn",
)
# How people disguise a letter.
_DISGUISES = str.maketrans({"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s"})

_threads = ThreadPoolExecutor(_AT_ONCE, "passwords")
_hasher = PasswordHasher(time_cost=3, memory_cost=65_536, parallelism=1)

T = TypeVar("T")


def check_password(password: str, *, login: str, name: str = "") -> None:
    """Refuse, with a sentence, a password that is short, common, or made of who its owner is."""
    text = _normal(password)
    if len(text) < MIN_CHARS:
        raise InvalidField(
            "password", f"Choisissez au moins {MIN_CHARS} caractères. Plusieurs mots font un bon mot de passe."
        )
    if len(text) > MAX_CHARS:
        raise InvalidField("password", f"Choisissez au plus {MAX_CHARS} caractères.")
    folded = search_form(text).replace(" ", "")
    plain = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", folded).translate(_DISGUISES)
    if (
        len(set(folded)) < _MIN_DIFFERENT
        or any(folded in sequence for sequence in _SEQUENCES)
        or {_letters(text), plain} & (_COMMON | _own_words(login, name))
    ):
        raise InvalidField(
            "password", "Ce mot de passe est trop facile à deviner. Choisissez-en un autre, par exemple une phrase."
        )


def _own_words(login: str, name: str) -> set[str]:
    parts = (login, login.partition("@")[0], *re.split(r"[\W_]+", login), name, *name.split())
    return {_letters(part) for part in parts} - {""}


async def hash_password(password: str) -> str:
    """Return what is kept of a password."""
    return await _apart(_hasher.hash, _kept_part(password))


async def verify_password(kept: str | None, password: str) -> bool:
    """Tell whether `password` is the one that `kept` was made from; as long to say no when there is none."""
    if kept is None:
        await hash_password(password)
        return False
    return await _apart(_matches, kept, _kept_part(password))


async def _apart(work: Callable[..., T], *arguments: str) -> T:
    return await asyncio.get_running_loop().run_in_executor(_threads, work, *arguments)


def _matches(kept: str, password: str) -> bool:
    try:
        return _hasher.verify(kept, password)
    except (VerificationError, InvalidHashError):
        return False


def _kept_part(password: str) -> str:
    """Return what is hashed: no more than a password may be, so that a long text does not take longer."""
    return _normal(password)[:MAX_CHARS]


def _normal(password: str) -> str:
    """Return the same text for the same keys, whatever keyboard or system composed the accents."""
    return unicodedata.normalize("NFKC", password)


def _letters(text: str) -> str:
    """Return the letters alone, without what people add before, after and between."""
    return re.sub(r"[\W\d_]+", "", search_form(text))
