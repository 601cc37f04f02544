"""Write French words roughly as they sound, so that « jariv », « j'arrive » and « jarrive » look alike.

Not phonetics: a folding of spellings that people mix up. Two words that sound the same should fold to the same
letters; that two others do as well now and then is harmless, for the words as written are features too.
"""

from __future__ import annotations

import re
from functools import lru_cache

# In this order, on a word without accents nor doubled letters.
_SPELLINGS = (
    ("eau", "o"), ("aux", "o"), ("au", "o"), ("ph", "f"), ("qu", "k"), ("q", "k"), ("sch", "ch"),
    ("ain", "in"), ("ein", "in"), ("aim", "in"), ("ym", "in"), ("yn", "in"), ("en", "an"), ("em", "am"),
    ("ai", "e"), ("ei", "e"), ("oeu", "e"), ("eu", "e"), ("th", "t"), ("gn", "ni"), ("y", "i"), ("w", "v"),
)  # fmt: skip
_SOFT_C = re.compile(r"c(?=[ei])")
_HARD_C = re.compile(r"c(?!h)")
_SOFT_G = re.compile(r"ge(?=[ao])|g(?=[ei])")
_MUTE_H = re.compile(r"(?<!c)h")
_DOUBLED = re.compile(r"(.)\1+")
_NASAL_END = re.compile(r"ant$")
_SILENT_END = re.compile(r"(?:er|es|ez|et|nt|ks|e|s|t|d|p)+$")
_SHORT = 3


@lru_cache(maxsize=50_000)
def sound_word(word: str) -> str:
    """Return how a folded word (see bot.language.normalise) sounds, roughly."""
    if not word.isalpha():
        return word
    heard = _DOUBLED.sub(r"\1", word)
    for written, spoken in _SPELLINGS:
        heard = heard.replace(written, spoken)
    heard = _MUTE_H.sub("", _SOFT_G.sub("j", _HARD_C.sub("k", _SOFT_C.sub("s", heard))))
    heard = heard.replace("z", "s").replace("x", "ks")
    if len(heard) > _SHORT:
        heard = _SILENT_END.sub("", _NASAL_END.sub("an", heard))
    return _DOUBLED.sub(r"\1", heard) or word


def sound(text: str) -> str:
    """Return a normalised text, word by word, as it sounds."""
    return " ".join(map(sound_word, text.split()))
