"""Part a message into its sentences, as people type them: often without a capital, sometimes without a stop.

A sentence ends at its mark, at the end of a line, or before words that open another subject (« sinon », « autre question »).
"""

from __future__ import annotations

import re
from itertools import pairwise

from bot.language.normalise import normalise

# A mark in the middle of an address or of a number ends nothing: it is followed by a space.
_END = re.compile(r"(?<=[.!?…;])\s+|\n+")
# What announces another subject rather than the rest of the same one: « et puis » or « en plus » only go on.
_ANOTHER = re.compile(
    r"\s(?:(?:et (?:aussi|sinon|au fait|par ailleurs)|sinon|au fait|par ailleurs|d['’ ]autre part|deuxi[eè]mement|"
    r"(?:une |j['’ ]?ai (?:aussi )?une )?autre question|autre chose|(?:ma |une )?(?:derni[eè]re|deuxi[eè]me|seconde) question"
    r")\b[\s,:]*)+",
    re.IGNORECASE,
)
# What somebody wants said without a question, once the words are normalised.
_WANTS = re.compile(
    r"\b(?:je (?:voudrais|voudrai|veux|cherche|souhaite|souhaiterais|desire|aimerais|arrive pas|n arrive|peux pas|ne peux|n ai (?:pas|plus|jamais)|"
    r"ne (?:vois|trouve|sais|recois|comprends))|j (?:aimerais|arrive pas|ai (?:perdu|oublie|besoin|pas|plus))|il (?:faut|faudrait)|besoin de|"
    r"merci de|pouvez vous|peux tu|marche pas|fonctionne pas|impossible)\b"
)
_WORD = re.compile(r"[^\W_]{2,}")
# A shorter piece says nothing by itself (« Bonjour. », « Merci d'avance ! »): it stays with its neighbour.
LEAST_WORDS = 3
# A long story is told by its beginning and by its end.
MOST = 8


def sentences_of(text: str) -> list[str]:
    """Return the sentences of `text` in order, or nothing when it is a single one."""
    kept: list[str] = []
    waiting = ""
    for line in _END.split(text):
        starts = [0, *(found.start() for found in _ANOTHER.finditer(line)), len(line)]
        for start, end in pairwise(starts):
            waiting = f"{waiting} {line[start:end].strip()}".strip()
            if len(_WORD.findall(waiting)) >= LEAST_WORDS:
                kept.append(waiting)
                waiting = ""
    if waiting and kept:
        kept[-1] = f"{kept[-1]} {waiting}"
    if len(kept) < 2:
        return []
    return kept if len(kept) <= MOST else kept[: MOST // 2] + kept[-MOST // 2 :]


def announces_another(text: str) -> bool:
    """Tell whether words of `text` announce another subject."""
    return _ANOTHER.search(text) is not None


def wants_something(text: str) -> bool:
    """Tell whether `text` says that something is wanted or fails, without asking."""
    return _WANTS.search(normalise(text)) is not None
