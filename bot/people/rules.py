"""Schools: their code, and finding one by what a person types."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Protocol, TypeVar

from rapidfuzz import fuzz, process

from bot.language.normalise import normalise

# The last letter of a UAI is a check on its seven digits: I, O and Q are left out of the alphabet.
_UAI_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"
_UAI = re.compile(r"\b(\d{7})\s?([A-Za-z])\b")
# Below this likeness (0–100) a school as typed is kept as typed, « à vérifier ».
_SURE = 88
# A second school this close to the first makes the match unsure.
_MARGIN = 4


class Named(Protocol):
    """What a school shows to whoever looks for it."""

    uai: str
    name: str
    commune: str


S = TypeVar("S", bound=Named)


def is_uai(text: str) -> bool:
    """Tell whether `text` is a school code with the right check letter."""
    match = re.fullmatch(r"(\d{7})([A-Z])", text)
    return bool(match) and _UAI_LETTERS[int(match[1]) % 23] == match[2]


def find_school(text: str, schools: Iterable[S]) -> S | None:
    """Return the one school that `text` surely names, by code or by name and commune, typos allowed; else None."""
    schools = list(schools)
    match = _UAI.search(text)
    if match:
        uai = (match[1] + match[2]).upper()
        return next((school for school in schools if school.uai == uai), None)
    names = {index: normalise(f"{school.name} {school.commune}") for index, school in enumerate(schools)}
    found = process.extract(normalise(text), names, scorer=fuzz.token_sort_ratio, limit=2)
    if not found or found[0][1] < _SURE or (len(found) > 1 and found[0][1] - found[1][1] < _MARGIN):
        return None
    return schools[found[0][2]]
