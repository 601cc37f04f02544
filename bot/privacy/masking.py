"""Mask what must not be kept, before anything is stored or sent to the engine.

Each thing found is replaced by a typed mark, such as [téléphone]. Rules, not a model: they cost about a millisecond and
say why. Names of persons are another matter (they are masked where text leaves the conversation).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import phonenumbers
from stdnum import iban

from bot.privacy.passwords import find_secrets

PHONE = "téléphone"
EMAIL = "adresse mail"
INE = "INE"
NIR = "numéro de sécurité sociale"
IBAN = "IBAN"
PASSWORD = "mot de passe"  # noqa: S105 - a mark
CODE = "code"

# One rule may uncover what another had to leave: « 06 …/07 … ». Nothing needs more rounds than this.
_ROUNDS = 4

_AT = r"\s?(?:@|\(\s?at\s?\)|\[\s?at\s?\])\s?|\s(?:arobase|arobas|arrobase)\s"
_DOT = r"\.|\s?(?:\(\s?dot\s?\)|\[\s?dot\s?\])\s?|\spoint\s"
_EMAIL = re.compile(
    rf"(?<![\w.+%-])[\w.+%-]{{1,64}}(?:{_AT})[\w-]{{1,63}}(?:(?:{_DOT})[\w-]{{1,63}}){{0,3}}(?:{_DOT})[^\W\d_]{{2,12}}(?![^\W\d_]|@)",
    re.IGNORECASE,
)
_IBAN = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?:[ .-]?[A-Z0-9]){11,30}(?!\w)", re.IGNORECASE)
# The French one is masked even with a wrong key: it was mistyped, not made up.
_FRENCH_IBAN = re.compile(r"(?<!\w)FR ?\d{2}(?:[ .-]?[A-Z0-9]){23}(?!\w)", re.IGNORECASE)
# Sex, year, month, department, commune, order, key: without the key, only people born men or women, not made-up sexes.
_NIR = re.compile(
    r"(?<![\w.,])(?:[12](?=(?:[ .-]?[\dAB]){12})|[3478](?=(?:[ .-]?[\dAB]){14}))[ .-]?\d\d[ .-]?(?:0[1-9]|1[0-2]|[2-9]\d)[ .-]?"
    r"(?:(?:\d\d|2[AB])[ .-]?\d{3}|9[78]\d[ .-]?\d\d)[ .-]?\d{3}(?:[ .-]?\d\d)?(?!\d)",
    re.IGNORECASE,
)
# 10 digits and a letter, or 9 and two. Letters apart from the digits count only in capitals or after « INE ».
_INE = re.compile(
    r"(?<!\w)(?:\d{10}[A-Z]|\d{9}[A-Z]{2}|(?-i:\d(?:[ .-]?\d){8}(?:[ .-]?\d[ .-]?[A-Z]|[ .-]?[A-Z][ .-]?[A-Z])))(?!\w)",
    re.IGNORECASE,
)
_NAMED_INE = re.compile(
    r"(?<!\w)I\.?N\.?E\.?(?!\w)[^\d\n\[\]]{0,25}(?P<value>\d(?:[ .-]?\d){8}(?:[ .-]?\d[ .-]?[A-Z]|[ .-]?[A-Z][ .-]?[A-Z]))(?!\w)",
    re.IGNORECASE,
)

# French numbers as people type them; « O6 » with a letter too. A date (01/02/2024 …) is none.
_PHONE = re.compile(
    r"(?<![\w+])(?<!\d[.,/-])(?!(?:\d\d[ ./-]){2,3}(?:19|20)\d\d(?!\d))[0oO](?:"
    r"[1-9](?P<sep>[\s./_·-]{1,3})\d\d(?:(?P=sep)\d\d){3}"  # 06 12 34 56 78, one separator
    r"|[1-9]\d{8}"  # 0612345678
    r"|\s?[1-9](?:\s{0,2}\d){8}"  # 061 234 56 78
    r"|[1-9](?:[\s.-]{0,3}\d\d){4}"  # 06.12 34-56 78
    r")(?!\d)"
)
_FOREIGN_PHONE = re.compile(
    r"(?<![\w/])\(?(?:\+|00)\s?(?:\(?\d{1,3}\)?)(?:[\s./-]{0,2}(?:\(0\))?[\s./-]{0,2}\d){6,12}(?!\d)"
)
# Without its 0, a number is one where the words say so.
_NAMED_PHONE = re.compile(
    r"(?<!\w)(?:t[ée]l(?:[ée]phone)?|portable|mobile|num(?:[ée]ro)?|(?:r?appel|join|contact)\w*)(?!\w)[^\d\n\[\]]{0,25}"
    r"(?P<value>[1-9](?:[ .-]?\d\d){4})(?!\d)",
    re.IGNORECASE,
)
_NUMBER_WORD = (
    r"(?:z[ée]ro|une?|deux|trois|quatre|cinq|six|sept|huit|neuf|dix|onze|douze|treize|quatorze|quinze|seize|vingts?|trente|"
    r"quarante|cinquante|soixante|cent)"
)
_SPOKEN_PHONE = re.compile(rf"(?<!\w)z[ée]ro(?:[\s,.-]+(?:et[\s-]+)?{_NUMBER_WORD}(?!\w)){{4,16}}", re.IGNORECASE)


@dataclass(frozen=True)
class Masked:
    """A text without what was found, and what was found: (kind, value as typed)."""

    text: str
    found: tuple[tuple[str, str], ...]

    @property
    def secrets(self) -> bool:
        """Tell whether a password or a code was in it: the person is asked not to send any."""
        return any(kind in (PASSWORD, CODE) for kind, _ in self.found)


def mask(text: str) -> Masked:
    """Replace telephone, e-mail, INE, NIR, IBAN, passwords and codes by their marks."""
    found: list[tuple[str, str]] = []
    for _ in range(_ROUNDS):
        before = len(found)
        text = _mask_once(text, found)
        if len(found) == before:
            break
    return Masked(text, tuple(found))


def _mask_once(text: str, found: list[tuple[str, str]]) -> str:
    def put(kind: str, value: str) -> str:
        found.append((kind, value.strip()))
        return f"[{kind}]"

    def replace(pattern: re.Pattern[str], kind: str, is_one: Callable[[str], bool] = bool) -> None:
        nonlocal text

        def mark(match: re.Match[str]) -> str:
            value = match["value"] if "value" in pattern.groupindex else match[0]
            if not is_one(value):
                return match[0]
            return match[0][: match[0].rindex(value)] + put(kind, value)

        text = pattern.sub(mark, text)

    replace(_EMAIL, EMAIL)
    if any(map(str.isdigit, text)):
        replace(_FRENCH_IBAN, IBAN)
        text = _IBAN.sub(lambda match: _mask_iban(match[0], put), text)
    text = _mask_secrets(text, put)
    if any(map(str.isdigit, text)):
        replace(_NIR, NIR)
        replace(_NAMED_INE, INE)
        replace(_INE, INE)
        replace(_FOREIGN_PHONE, PHONE, _is_phone)
        replace(_PHONE, PHONE)
        replace(_NAMED_PHONE, PHONE)
    replace(_SPOKEN_PHONE, PHONE)
    return text


def _mask_secrets(text: str, put: Callable[[str, str], str]) -> str:
    parts, at = [], 0
    for secret in find_secrets(text):
        value = text[secret.start : secret.end]
        parts += [text[at : secret.start], put(CODE if secret.is_code else PASSWORD, value)]
        at = secret.end
    return "".join([*parts, text[at:]])


def _mask_iban(candidate: str, put: Callable[[str, str], str]) -> str:
    """Mask the IBAN that `candidate` begins with: the words after it look like more groups of it."""
    for end in (end.start() for end in reversed(list(re.finditer(r"(?=[ .-])|$", candidate)))):
        if iban.is_valid(re.sub(r"[ .-]", "", candidate[:end]), check_country=False):
            return put(IBAN, candidate[:end]) + candidate[end:]
    return candidate


def _is_phone(text: str) -> bool:
    number = re.sub(r"\(0\)|[^\d+]", "", text)
    number = f"+{number[2:]}" if number.startswith("00") else number
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(number, None))
    except phonenumbers.NumberParseException:
        return False
