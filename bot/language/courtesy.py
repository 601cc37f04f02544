"""Take off what people say to be polite around what they ask: greetings before it, thanks and closings after it.

Half of the messages carry some, whatever their topic: read as words of the message, a « merci » at its end makes a
thanks of one question in ten.
"""

from __future__ import annotations

import re

from bot.language.normalise import normalise

_BETWEEN = r"[\s,;:.!…()\-–—]"
_WHOM = (
    r"(?:(?:cher|chère|chere|chers|chères|cheres)\s+)?(?:madame|monsieur|mesdames|messieurs|mademoiselle|mme|m\.|mr|"
    r"[àa] (?:tous|toutes|vous|toi)(?:\s+et\s+(?:[àa]\s+)?(?:tous|toutes))?|tout le monde|l['’ ](?:assistant|assistance)|"
    r"l['’ ][ée]quipe)"
)
_GREETING = (
    r"(?:re[- ]?)?(?:bonjours?|bonsoir|bjr|bjour|bj|bsr|salut|salu|slt|coucou|cc|kk|hello|hey|hi|all[oô])|"
    r"excuse[rz]?[- ](?:moi|nous)(?:\s+de (?:vous|te) d[ée]ranger)?"
)
_BEFORE = re.compile(
    rf"^{_BETWEEN}*(?:(?:{_GREETING})\b(?:{_BETWEEN}+(?:(?:et|ou)\s+)?{_WHOM}\b\.?)*{_BETWEEN}*)+", re.IGNORECASE
)
_FOR_WHAT = r"(?:pour|de|a|à) (?:votre|ton|ta|vos|tes) (?:aide|r[ée]ponses?|retours?|attention|compr[ée]hension|temps|patience|conseils?)"
_CLOSING = (
    r"(?:et\s+)?(?:(?:un grand |mille )?(?:merci+|mrci|mrc|mci|thanks)(?:\s+(?:bien|beaucoup|bcp|infiniment|d['’ ]avance|par avance|"
    rf"[àa] (?:vous|toi|tous)|{_FOR_WHAT}))*|"
    r"(?:bien )?cordialement|crdlt|bien [àa] vous|(?:tr[èe]s )?respectueusement|sinc[èe]res salutations|salutations|"
    r"(?:je vous souhaite (?:une )?)?(?:tr[èe]s )?bonne (?:journ[ée]e|soir[ée]e|fin de journ[ée]e|fin de semaine|nuit)|"
    r"bon(?: week[- ]?end| courage|ne continuation)|[àa] bient[oô]t|à plus|au revoir|"
    r"s['’ ]?il (?:vous|te) pla[iî]t|svp|stp)"
)
_AFTER = re.compile(rf"(?:^|{_BETWEEN}|(?<=[?]))(?:{_CLOSING})$", re.IGNORECASE)
_LAST_MARKS = " \t\n,;:.!?…()-–—"
# No closing is longer: what stands before is not read again for each.
_LONGEST = 80
_WORD = re.compile(r"\w+")
# With fewer words left, the courtesy may be what is said: « bonjour, ça va ? », « non merci ».
_LEAST_WORDS = 3


def without_courtesy(text: str) -> str:
    """Return what `text` asks; `text` itself when next to nothing else is said in it."""
    for take_off in (_without_greetings, _without_closings):
        rest = take_off(text)
        if len(_WORD.findall(normalise(rest))) >= _LEAST_WORDS:
            text = rest
    return text


def _without_greetings(text: str) -> str:
    return _BEFORE.sub("", text)


def _without_closings(text: str) -> str:
    end = len(text)
    while True:
        bare = text[:end].rstrip(_LAST_MARKS)
        found = _AFTER.search(bare, max(0, len(bare) - _LONGEST))
        if not found:
            return text[:end]
        end = found.start()
