"""Find passwords and codes by the words around them: « mon mdp : … », « j’ai mis … comme mot de passe », « code reçu … ».

A secret has no shape of its own. What is looked for is a name (mot de passe, code…), then, a few words on, something
that is no French word or stands where only the secret can. « mon mot de passe est refusé » says nothing secret.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from bot.language.normalise import fold

_NAME = re.compile(
    r"(?<!\w)(?:(?P<password>mo(?:ts?)?[\s-]+(?:de?|2)[\s-]+pass?e?s?|mot2?(?:de)?passe|mdps?|mp2?asse|passwords?|passwd|pass(?=\s*[:=]))"
    r"|(?P<code>(?:digi)?codes?|pin|otp))(?!\w)",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"\S+")
# How far a secret may be from its name, in words and in characters.
_REACH, _REACH_CHARS = 10, 200
_LONGEST = 64
_QUOTES = {"«": "»", '"': '"', "“": "”", "'": "'", "‘": "’", "(": ")", "`": "`"}
_OPENING = re.compile(r"^(?:[:=>→-]+|[«\"“'‘(`])")
_CLOSING = ".,;:)»\"”’'`…"
_ENDS = re.compile(r"[.!?;…]$")

_HAS_LETTER, _HAS_DIGIT = re.compile(r"[^\W\d_]"), re.compile(r"\d")
_SPECIAL_INSIDE = re.compile(r"\w[!@#$%^&*?+=~|\\<>{}§£€]+\w|\d[!@#$%^&*?+~§£€]$")
_YEAR = re.compile(r"(?:19|20)\d\d")
# Letters and digits together that are no secret: classes, levels, hours, sizes, versions, devices, codes of schools.
_KNOWN_MIX = re.compile(
    r"(?:[1-6]\s?(?:e|eme|er|ere|re|nd|nde|d)?[a-z]?\d?|c[pem]\d?|ce[12][a-z]?|cm[12][a-z]?|[tpmg]s\d?|t(?:le|erm)?[a-z]?\d|"
    r"\d+(?:e|eme|er|ere|re|nd|nde|h|h\d\d|j|mn|min|s|ans?|jours?|mois|k|ko|mo|go|x|fois|eur|euros?|%|€|p|px|gb|mb|d|g)|"
    r"\d{7}[a-z]|(?:i?phone|ipad|ipod|win(?:dows)?|ios|android|chrome|firefox|office|galaxy|covid|bac|brevet|dnb|mp|v|version|"
    r"salle|classe|edge|safari|macos|eduscol|ent|niveau|groupe|gr|annee|vague|cycle|a|s|h|wifi|http|erreur|x)[\s._-]?\d[\d.]*[a-z]?|"
    r"0x[\da-f]+|2fa|h2o|m2|co2|(?:https?://|www\.).*)"
)
_LOGIN = re.compile(r"[a-z]+(?:[._-][a-z]+)+\d{0,4}")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SIGNS = _words("est c’est cest c_est ct etait c_etait cetait serait sera suivant suivante suivants suit voici")
_FILLERS = _words(
    "bien toujours donc actuellement maintenant alors le la mon ma son sa celui ci aussi simplement alors ben tout"
)
_UNITS = _words(
    "caractere caracteres chiffre chiffres lettre lettres fois jour jours heure heures minute minutes seconde secondes eleve "
    "eleves euro euros mois an ans semaine semaines personne personnes parent parents enfant enfants essai essais tentative "
    "tentatives compte comptes mo go ko classe classes h min mn famille familles"
)
_OTHER_SUBJECTS = _words("ou il elle ils elles qui que quel quelle on tout")
_POLITE = _words("merci svp voila bonjour cordialement et ou mais")
_OF_LOGIN = _words("identifiant identifiants login logins utilisateur pseudo user id")
# « code postal », « code erreur »… : numbers that everybody may read.
_OPEN_CODES = _words(
    "postal postaux erreur erreurs error uai rne insee etablissement etablissements ecole ecoles college lycee naf ape barre "
    "barres http retour couleur couleurs classe classes matiere matieres civil penal source article produit langue pays "
    "division mef route promo formation module voie"
)
_BEFORE_OPEN_CODE = _words("erreur error qr bar zip html digi l_erreur")
_DATED = _words("le depuis en a avant apres vers du au des article salle page poste entre jusqu_au numero")
# Words that follow « mot de passe : » or « mot de passe est » and begin a sentence or tell a state.
_PLAIN = _words(
    "a ai alors apres assez ancien au aucun aucune aussi autre avant avec avez avoir beaucoup besoin bien bizarre bloque bon bonne "
    "bonjour bonsoir ca car ce cela celle celui ces cet cette changer chaque chez code comment comme comporte complique compte "
    "connait connu correct correcte court dans date de deja demande depuis des deux different dit dois doit donc du educonnect "
    "elle elles en encore ent entre envoye erreur errone est et eu exact expire facile faible fait faire fausse faux faut fini fort "
    "hors identique il ils impossible inconnu inconnue incorrect incorrecte indisponible introuvable invalide j jamais je jour "
    "juste l la le les leur long longue m ma mais mauvais mauvaise me meme merci mes mien mieux moi moins mon n ne ni nom non nos "
    "notre nous nouveau nouvelle nul obligatoire ok on ou oublie oubliee oui par parent parents pareil pas passe perdu perdue "
    "perime perimee personne personnel plus possible pour pourquoi pourtant pres probleme provisoire qu quand que quel quelle "
    "qui quoi recu refus refuse refusee rejete rejetee reinitialise requis revoir rien s sa saisi sais sait sans se securise "
    "sensible ses si simple soit son sont standard suis sur sure svp ta temporaire tes toi ton toujours tous tout toute tres "
    "trop trouve tu un une unique urgent utilise valable valide verifie verrouille vide vieux votre vous voit vu y adresse mail "
    "lequel laquelle lesquels lesquelles idem egal egalement evidemment urgence attente prenom prenoms naissance anniversaire longueur bouton boutton majuscule majuscules minuscule minuscules chiffre chiffres pire vrai "
    "vraie mort parti partie plu plus devenu devenue tjs tjrs termine terminee la_bas papier feuille carnet lettre mystere secret "
    "secrete confidentiel confidentielle securite internet message courrier ecole classe enfant fils fille eleve prof maitresse "
    "directeur directrice mairie site portail page lien ecran ordinateur tablette application appli messagerie blog cahier "
    "telephone mot passe numero identifiant login aide demander envoyer reinitialiser recuperer retrouver modifier creer saisir "
    "taper entrer mettre rentrer avoir savoir pouvoir cliquer refaire redonner donner noter active actif desactive change changee "
    "cree donne fourni imprime lisible illisible note affiche masque visible enregistre incomplet suffisant insuffisant parfait "
    "different identiques differents corrects incorrects oublies perdus expires valides invalides six sept huit neuf dix douze"
)
_STATE = re.compile(
    r"(?:able|ible|eux|euse|ique|iques|ante?s?|ente?s?|oire|aire|ment|tion|tions|age|if|ive|ide|ees?|ement|isse|ait|aient)$"
)


@dataclass(frozen=True)
class Secret:
    """Where a secret stands in the text."""

    start: int
    end: int
    is_code: bool


def find_secrets(text: str) -> list[Secret]:
    """Return the passwords and codes of `text`, in order, none within another."""
    found: list[Secret] = []
    names = list(_NAME.finditer(text))
    for index, name in enumerate(names):
        # What lies beyond a neighbour is the neighbour's: no word is read twice, however many names there are.
        floor = names[index - 1].end() if index else 0
        limit = names[index + 1].start() if index + 1 < len(names) else len(text)
        is_code = name["code"] is not None
        before = list(_TOKEN.finditer(text, max(floor, name.start() - 90), name.start()))[-_REACH:]
        secret = _after(text, name.end(), limit, is_code, before) or _before(before, is_code)
        if secret:
            found.append(secret)
    found += _pairs(text)
    apart: list[Secret] = []
    for secret in sorted(found, key=lambda secret: secret.start):
        if not apart or secret.start >= apart[-1].end:
            apart.append(secret)
    return apart


# --- after the name ---------------------------------------------------------------------------


def _after(text: str, start: int, limit: int, is_code: bool, before: list[re.Match[str]]) -> Secret | None:
    if is_code and before and _folded(before[-1][0].strip(_CLOSING)) in _BEFORE_OPEN_CODE:
        return None
    reading = _Reading(text, is_code)
    for token in _tokens(text, start, limit):
        verdict = reading.read(token.start(), token.end())
        if verdict is not None:
            return verdict or None
    return None


def _tokens(text: str, start: int, limit: int) -> Iterator[re.Match[str]]:
    return itertools.islice(_TOKEN.finditer(text, start, min(limit, start + _REACH_CHARS)), _REACH)


class _Reading:
    """What was read since the name; `read` returns a Secret, False to stop, None to go on."""

    def __init__(self, text: str, is_code: bool) -> None:
        self.text = text
        self.is_code = is_code
        self.sign = 0  # 1 after « est », 2 after « : » or a quotation mark
        self.gap = 0  # words since the name
        self.plain_may_be = True
        self.numbers_are_open = False
        self.last = ""

    def read(self, start: int, end: int) -> Secret | bool | None:
        quote = ""
        while opening := _OPENING.match(self.text[start:end]):
            if opening[0] in _QUOTES:
                quote = opening[0]
            else:
                self.sign = 2
            start += opening.end()
        if start == end and not quote:
            return None
        if quote and (self.sign or not self.gap):
            quoted = self._quoted(start, _QUOTES[quote])
            if quoted or start == end:
                return quoted
        if self.text[start] in "[]":
            # A mark put by another rule; what stands beside it may still be the secret.
            return None if self.sign else False
        raw = self.text[start:end]
        left, colon, right = raw.partition("=" if "=" in raw[:-1] else ":")
        if colon and right and left.isalpha() and not right.startswith("//"):
            self.sign, start, raw = 2, start + len(left) + 1, right
        core = raw.rstrip(_CLOSING)
        if not core:
            return None
        verdict = self._judge(start, raw, core)
        if raw[-1] in ":=" and not verdict:
            self.sign = 2
        return verdict

    def _quoted(self, start: int, closing: str) -> Secret | None:
        end = self.text.find(closing, start, start + _LONGEST)
        inside = self.text[start:end].strip() if end > start else ""
        if not inside or "[" in inside:
            return None
        words = [_folded(word) for word in inside.split()]
        telling = any(_is_strong(word) or (word.isdigit() and len(word) >= 4) for word in words)
        plain = self.sign and len(words) <= 4 and not all(_is_ordinary(word, word) for word in words)
        if (telling and not any(map(_is_known, words))) or plain:
            start += len(self.text[start:end]) - len(self.text[start:end].lstrip())
            return Secret(start, start + len(inside), self.is_code)
        return None

    def _judge(self, start: int, raw: str, core: str) -> Secret | bool | None:
        word = _folded(core)
        last, self.last = self.last, word
        if _is_strong(word):
            return self._strong(start, raw, core, word, last)
        digits = core.replace(".", "").replace("-", "")
        if digits.isdigit():
            return self._digits(start, core, last)
        if word in _SIGNS:
            # « où est », « il est », « qui est » speak of something else; what follows may be said of anything.
            self.plain_may_be = self.plain_may_be and last not in _OTHER_SUBJECTS
            self.sign = max(self.sign, 1)
            return None
        if self.sign and word in _FILLERS:
            return None
        if not self.sign:
            self.gap += 1
            self.numbers_are_open |= self.is_code and word.rpartition("_")[2] in _OPEN_CODES
            return False if self.gap > 7 or _ENDS.search(raw) else None
        if self.plain_may_be and not _is_ordinary(word, core) and self._ends_here(start + len(raw), raw):
            if not self.is_code or (self.sign == 2 and core.isupper()):
                return self._secret(start, core)
        # A sentence began: only what is no word at all may still be the secret.
        self.plain_may_be = False
        return False if _ENDS.search(raw) else None

    def _strong(self, start: int, raw: str, core: str, word: str, last: str) -> Secret | bool | None:
        if _is_known(word):
            self.gap += 1
            return None
        is_login = last in _OF_LOGIN or (_LOGIN.fullmatch(word) and self.sign < 2)
        if is_login or (not _HAS_DIGIT.search(word) and not self.sign and self.gap):
            self.gap += 1
            return None
        # « ! » and « ? » at the end may be part of it: better one mark too many than a secret cut short.
        return self._secret(start, raw.rstrip(_CLOSING) if raw[-1] in _CLOSING else raw)

    def _digits(self, start: int, core: str, last: str) -> Secret | bool | None:
        digits, end = core, start + len(core)
        for token in _tokens(self.text, end, len(self.text)):
            # « 48 39 20 », « 123 456 »: a code is often read out by twos and threes.
            piece = token[0].rstrip(_CLOSING)
            if not piece.isdigit() or not 2 <= len(piece) <= 3 or self.text[end : token.start()] != " ":
                following = _folded(piece)
                break
            digits, end = digits + piece, token.start() + len(piece)
        else:
            following = ""
        if len(digits) > 8 and len(core) >= 4:
            digits, end = core, start + len(core)
        length = len(digits.replace(".", "").replace("-", ""))
        most = 8 if self.is_code else 12
        dated = last in _DATED or bool(_YEAR.fullmatch(digits) and not self.sign)
        near = self.sign or (self.gap <= 5 if self.is_code else not self.gap)
        if 4 <= length <= most and near and not (dated or self.numbers_are_open or following in _UNITS):
            return Secret(start, end, True if length <= 8 else self.is_code)
        self.gap += 1
        return None

    def _ends_here(self, end: int, raw: str) -> bool:
        """Tell whether the clause ends with this word, or nearly: « : soleil merci »."""
        if raw[-1] in '.,;!?)»"”':
            return True
        line = self.text[end : end + 60].split("\n", 1)[0]
        left = re.split(r"[.,;!?]", line, maxsplit=1)[0].split()
        return not left or (len(left) == 1 and (self.sign == 2 or _folded(left[0]) in _POLITE))

    def _secret(self, start: int, value: str) -> Secret | None:
        if len(value) < 3 or not value.strip("*.•_xX-"):
            return None
        return Secret(start, start + min(len(value), _LONGEST), self.is_code)


# --- before the name --------------------------------------------------------------------------

_LINKS = _words("comme en pour c_est est pr")
_BETWEEN = _words("mon ma son sa le la un mes de nouveau nouvelle bon vrai premier ancien")
_FILE = re.compile(r".*\.[a-z]{2,4}\d?")


def _before(tokens: list[re.Match[str]], is_code: bool) -> Secret | None:
    """« j’ai mis soleil2012 comme mot de passe », « je tape Soleil*75 et il dit mot de passe incorrect »."""
    tokens, linked = list(tokens), False
    while tokens and (word := _folded(tokens[-1][0])) in _BETWEEN | _LINKS:
        linked |= word in _LINKS
        tokens.pop()
    if linked and tokens:
        secret = _linked(tokens, is_code)
        if secret:
            return secret
    while tokens and not is_code:
        token = tokens.pop()
        core = token[0].strip(_CLOSING + "«“‘(")
        word = _folded(core)
        open_word = _LOGIN.fullmatch(word) or _FILE.fullmatch(word) or (tokens and _folded(tokens[-1][0]) in _OF_LOGIN)
        if _is_strong(word) and len(word) >= 6 and not _is_known(word) and not open_word and "[" not in core:
            start = token.start() + token[0].index(core)
            return Secret(start, start + len(core), is_code)
        if "[" in core or _ENDS.search(token[0]):
            return None
    return None


def _linked(tokens: list[re.Match[str]], is_code: bool) -> Secret | None:
    """What stands right before « comme mot de passe »; digits may come by twos and threes."""
    core = tokens[-1][0].strip(_CLOSING + "«“‘(")
    word = _folded(core)
    if not core or "[" in core:
        return None
    start = tokens[-1].start() + tokens[-1][0].index(core)
    last, digits = start + len(core), core if core.isdigit() else ""
    for token in reversed(tokens[:-1]):
        if not digits or not token[0].isdigit() or len(digits) > 12:
            break
        digits, start = token[0] + digits, token.start()
    if (_is_strong(word) and not _is_known(word)) or (4 <= len(digits) <= 12 and not _YEAR.fullmatch(digits)):
        return Secret(start, last, is_code or 0 < len(digits) <= 8)
    return None


# --- a pair -----------------------------------------------------------------------------------

_PAIR = re.compile(
    r"(?<!\w)(?:identifiants?|logins?|codes?|acc[eè]s)\b[^:=\n\[\]]{0,20}[:=]\s{0,3}[^\s/|,]{2,40}\s{0,3}(?:/|\||,|et\s|puis\s)\s{0,3}"
    r"(?P<secret>[^\s\[\]]{4,64})",
    re.IGNORECASE,
)


def _pairs(text: str) -> Iterator[Secret]:
    """« mes identifiants : p.durand8 / Fh7k2Lq9 »: the second is the secret."""
    for match in _PAIR.finditer(text):
        value = match["secret"].rstrip(_CLOSING)
        word = _folded(value)
        if _is_strong(word) and not _is_known(word) and not _LOGIN.fullmatch(word):
            yield Secret(match.start("secret"), match.start("secret") + len(value), is_code=False)


# --- words ------------------------------------------------------------------------------------


def _folded(text: str) -> str:
    """Return a word without capitals and accents, its elision written « _ »: « C’est » → « c_est »."""
    return fold(text).replace(" ", "_")


def _is_strong(word: str) -> bool:
    """Tell whether `word` (folded) is no word: letters with digits, or a sign in the middle."""
    if _HAS_LETTER.search(word) and _HAS_DIGIT.search(word) and len(word) >= 4:
        return True
    return bool(_SPECIAL_INSIDE.search(word)) and len(word) >= 4 and not word.startswith("http")


def _is_known(word: str) -> bool:
    """Tell whether what mixes letters and digits is no secret: « 6eB », « CM1-CM2 », « 14h30 », « 0750001U »."""
    return all(_KNOWN_MIX.fullmatch(part) for part in re.split(r"[-/,]", word) if part)


def _is_ordinary(word: str, written: str) -> bool:
    """Tell whether a word may follow « est » or « : » without being the secret."""
    last = word.rpartition("_")[2]
    return (
        len(last) < 3 or last in _PLAIN or word in _PLAIN or bool(_STATE.search(last))
        or written.endswith(("é", "ée", "és", "ées")) or "_" in word or "/" in word
    )  # fmt: skip
