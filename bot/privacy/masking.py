"""Mask what must not be kept, before anything is stored or sent to the engine.

Each thing found is replaced by a typed mark, such as [téléphone]. Rules, not a model: they cost under a millisecond and
say why. Names of persons are another matter (they are masked where text leaves the conversation).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import phonenumbers
from stdnum import iban

PHONE = "téléphone"
EMAIL = "adresse mail"
INE = "INE"
NIR = "numéro de sécurité sociale"
IBAN = "IBAN"
PASSWORD = "mot de passe"  # noqa: S105 - a mark
CODE = "code"

_EMAIL = re.compile(r"[\w.+%-]{1,64}\s?(?:@|\(at\)|\[at\])\s?[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}", re.IGNORECASE)
_IBAN = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]){11,30}(?!\w)", re.IGNORECASE)
_NIR = re.compile(
    r"(?<!\d)[1-478][ .-]?\d{2}[ .-]?(?:\d{2})[ .-]?(?:\d{2}|2[AB])[ .-]?\d{3}[ .-]?\d{3}(?:[ .-]?\d{2})?(?!\d)",
    re.IGNORECASE,
)
_INE = re.compile(r"(?<!\w)(?:\d[ .-]?){9}(?:\d[ .-]?[A-Z]|[A-Z][ .-]?[A-Z])(?!\w)", re.IGNORECASE)
# French numbers as people type them: +33, 0033, dots, dashes, spaces anywhere; overseas prefixes included.
_PHONE = re.compile(
    r"(?<![\w/])(?:(?:\+|00)\s?(?:33|262|590|594|596|687|689|508)[\s.()-]*0?|0)[\s.-]?[1-9](?:[\s./-]{0,3}\d){8}(?![\dA-Za-z])"
)
_FOREIGN_PHONE = re.compile(r"(?<![\w/])(?:\+|00)\s?\d(?:[\s.-]?\d){7,13}(?!\d)")

_SECRET_NAME = (
    r"(?:mots?\s+de\s+pass?es?|mdp|password|passwd|pass|code\s+(?:secret|confidentiel|pin|perso(?:nnel)?|d['’ ]activation|sms|otp|reçu|recu|de\s+verification|de\s+vérification)?|pin)"  # noqa: S105 - a pattern
)  # fmt: skip
_QUALIFIER = r"(?:\s+(?:actuel|provisoire|temporaire|est|c['’]?\s?est|etait|était|c['’]?\s?(?:etait|était)|ct|c|donc|bien|toujours|pour\s+\S+|de\s+mon\s+\S+|de\s+ma\s+\S+))*"
_SECRET = re.compile(
    rf"\b{_SECRET_NAME}{_QUALIFIER}\s*(?P<sign>[:=]|«|\"|')?\s*(?P<secret>[^\s«»\",;]{{3,64}})", re.IGNORECASE
)
_ONE_TIME = re.compile(r"\bcodes?\b[^.\d\n]{0,30}?(?P<secret>\d{4,8})\b", re.IGNORECASE)
_WORD_ONLY = re.compile(r"^[a-zà-öø-ÿœ'’.!?…-]+$|^[A-ZÀ-Ö][a-zà-öø-ÿ'’]+[.!?]?$")


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

    def put(kind: str, value: str) -> str:
        found.append((kind, value.strip()))
        return f"[{kind}]"

    text = _EMAIL.sub(lambda m: put(EMAIL, m[0]), text)
    text = _IBAN.sub(lambda m: put(IBAN, m[0]) if iban.is_valid(m[0].replace(" ", "")) else m[0], text)
    text = _SECRET.sub(lambda m: _mask_secret(m, put), text)
    text = _NIR.sub(lambda m: put(NIR, m[0]), text)
    text = _PHONE.sub(lambda m: put(PHONE, m[0]), text)
    text = _FOREIGN_PHONE.sub(lambda m: put(PHONE, m[0]) if _is_phone(m[0]) else m[0], text)
    text = _INE.sub(lambda m: put(INE, m[0]), text)
    text = _ONE_TIME.sub(lambda m: m[0].replace(m["secret"], put(CODE, m["secret"])), text)
    return Masked(text, tuple(found))


def _mask_secret(match: re.Match[str], put) -> str:
    secret = match["secret"]
    # « mon mot de passe est refusé » says nothing secret: after a verb, only what does not look like a word is masked.
    plain = bool(_WORD_ONLY.match(secret))
    if secret.startswith("[") or (plain and match["sign"] is None) or (plain and len(secret) < 5):
        return match[0]
    kind = CODE if secret.isdigit() and len(secret) <= 8 else PASSWORD
    start, end = match.span("secret")
    return match[0][: start - match.start()] + put(kind, secret) + match[0][end - match.start() :]


def _is_phone(text: str) -> bool:
    try:
        return phonenumbers.is_possible_number(
            phonenumbers.parse(text.replace("00", "+", 1) if text.startswith("00") else text, "FR")
        )
    except phonenumbers.NumberParseException:
        return False
