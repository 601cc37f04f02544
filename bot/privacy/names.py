"""Mask the names of persons, where a text leaves its conversation: the inbox of what was not understood, training.

Rules and the project's own words, no model: a word that nothing of ours is written with and that is placed as a name is, is
masked. It masks too much rather than too little, and whoever keeps a sentence reads it first. Names of schools stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from bot.language.normalise import fold

NAME = "[nom]"

_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_MARK = re.compile(r"\[[^\[\]\n]{1,40}\]")
_ENDS = '.!?…:\n«"(-•'
_CAPITAL = "A-ZÀ-ÖØ-Ý"
# Whoever writes more words than this in capitals, and most of his words, writes so whatever they are.
_FEW_CAPITALS = 3
# What is said before a name: who is spoken of by his title, by his kinship, by his role.
_TITLES = frozenset("m mr mrs mme mlle monsieur madame mademoiselle maitre dr docteur".split())
_SHORT_TITLES = frozenset("mr mme mlle".split())
_KIN = frozenset(
    "fils fille enfant enfants garcon eleve mari femme conjoint compagne compagnon ex mere pere maman papa frere soeur cousin "
    "cousine neveu niece jumeau jumelle jumeaux jumelles fiston belle-fille beau-fils petit-fils petite-fille prenomme prenommee "
    "nomme nommee".split()
)
_CALLED = re.compile(
    r"(?:(?<!ça )(?<!ca )s[’' ]?appell?e|m[’' ]?appell?e|(?:mon|son|le|ton) (?:pr[ée])?nom(?: de famille)?(?: est| c[’' ]est| :|:)|"
    r"nom(?: et|/| ou) pr[ée]nom ?:|\bpr[ée]nom ?:|\bnom ?:)\s+",
    re.IGNORECASE,
)
# The name of a school, of a place or of a street is none of a person's.
_PLACES = re.compile(
    r"(?:[ée]coles?|coll[èe]ges?|lyc[ée]es?|groupe scolaire|maternelle|[ée]l[ée]mentaire|primaire|rpi|rue|avenue|place|boulevard|"
    r"acad[ée]mie|circonscription|circo|d[ée]partement|commune|mairie|ville|village|quartier)\s+"
    rf"(?:(?:de|du|des|la|le|les|et|[dl][’'])\s*|(?:[{_CAPITAL}][^\W\d_]*(?:[-’'][^\W\d_]+)*)\s*){{1,6}}",
)
# Capitalised, and no person: products, sites, days, languages, places said of everybody.
_THINGS = frozenset(
    fold(
        "ent educonnect franceconnect pronote internet google chrome firefox safari edge android iphone ipad apple samsung huawei "
        "windows word excel pdf onde zoom teams whatsapp facebook instagram snapchat tiktok youtube gmail outlook yahoo orange free "
        "sfr wifi bluetooth app store play one edifice beneylu klassly toutemonannee educartable moncartable paris france europe "
        "francais anglais espagnol allemand italien arabe portugais turc maths svt eps emc cp ce cm lundi mardi mercredi jeudi "
        "vendredi samedi dimanche janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre noel "
        "toussaint paques cned dsden rectorat atsem aesh ulis rased covid je tu il elle on nous vous ils elles"
    ).split()
)
# What may follow « madame », « mon fils », « il s’appelle » without being a name.
_NEVER = frozenset(
    "la le les l de du des d et ou qui que qu quoi comment pourquoi quand je j tu il elle on nous vous ils elles ne n est a ai "
    "pas plus au aux en dans sur pour par avec sans ce cet cette ces mon ma mes son sa ses un une y se s bonjour merci svp si car "
    "mais donc".split()
)


class Names:
    """Masks names, knowing the words that ours are written with."""

    def __init__(self, articles: Iterable[str], spoken: Iterable[str]) -> None:
        """Take the texts of the articles, and what people say: only words said in small letters are learnt from the latter."""
        self._written = {fold(word) for text in articles for word in _WORD.findall(text)} | _THINGS | _NEVER
        small = {fold(word) for text in spoken for word in _WORD.findall(text) if word.islower()}
        self._said = self._written | small

    def mask(self, text: str) -> str:
        """Return `text` with « [nom] » for each name of a person that is found; masking again changes nothing."""
        words = list(_WORD.finditer(text))
        kept = [span.span() for pattern in (_MARK, _PLACES) for span in pattern.finditer(text)]
        called = {match.end() for match in _CALLED.finditer(text)}
        shouts = sum(word[0].isupper() for word in words) > max(_FEW_CAPITALS, len(words) / 2)
        found: set[int] = set()
        for place, word in enumerate(words):
            if any(start <= word.start() < end for start, end in kept):
                continue
            before = words[place - 1] if place else None
            gap = text[before.end() : word.start()] if before else ""
            joined = before is not None and gap.strip(" .") == "" and "\n" not in gap
            if self._is_name(text, word, fold(before[0]) if joined else "", word.start() in called, shouts) or (
                joined and place - 1 in found and word[0][0].isupper() and fold(word[0]) not in self._written
            ):
                found.add(place)
        self._take_first_names(text, words, found, kept)
        return _replace(text, words, found)

    def _is_name(self, text: str, word: re.Match[str], before: str, is_called: bool, shouts: bool) -> bool:
        form, capital = fold(word[0]), word[0][0].isupper()
        if form in _NEVER or form in _TITLES or form in _KIN:
            return False
        if is_called:
            return (capital and not shouts) or form not in self._said
        if before in _TITLES:
            # « madame » is also how one is greeted: what follows it in small letters is most often no name.
            return (capital and form not in self._written) or (before in _SHORT_TITLES and form not in self._said)
        if before in _KIN:
            return form not in (self._written if capital and not shouts else self._said)
        if not capital or word[0].isupper() or shouts:
            # Words in capitals are acronyms or shouting: CM2, ENT, « URGENT ».
            return False
        # The first word of a sentence has a capital whatever it is, and is often mistyped: a name beside it tells (below).
        return not _opens(text, word.start()) and form not in self._written

    def _take_first_names(
        self, text: str, words: list[re.Match[str]], found: set[int], kept: list[tuple[int, int]]
    ) -> None:
        """Take the capitalised word that stands right before or after a name: « DURAND Chloé », « Pierre Durand »."""
        for place in sorted(found):
            for other in (place - 1, place + 1):
                if not 0 <= other < len(words) or other in found:
                    continue
                word = words[other]
                first, last = sorted((words[place], word), key=lambda match: match.start())
                form = fold(word[0])
                if (
                    text[first.end() : last.start()] == " " and word[0][0].isupper() and len(word[0]) > 1
                    and form not in _NEVER | _TITLES | _KIN | _THINGS
                    and (word[0].isupper() or not _opens(text, word.start()) or form not in self._said)
                    and not any(start <= word.start() < end for start, end in kept)
                ):  # fmt: skip
                    found.add(other)


def _opens(text: str, at: int) -> bool:
    """Tell whether a sentence begins there: its first letter is a capital whatever the word."""
    before = text[:at].rstrip(" ’'")
    return not before or before[-1] in _ENDS


def _replace(text: str, words: list[re.Match[str]], found: set[int]) -> str:
    """Put one mark for each run of names."""
    parts, at = [], 0
    for place in sorted(found):
        word = words[place]
        if not (place - 1 in found and text[words[place - 1].end() : word.start()].strip(" -.") == ""):
            parts += [text[at : word.start()], NAME]
        at = word.end()
    return "".join([*parts, text[at:]])
