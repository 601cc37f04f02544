"""Short replies whose meaning hangs on what was just asked: yes, no, cancel, who one is, set apart, a person.

Words and patterns only: they serve the engine's decision and the degraded mode alike. Precision before recall;
what they do not know, the classifier does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.language.courtesy import without_courtesy
from bot.language.normalise import fold, normalise

_YES = re.compile(
    r"^(?:(?:ah|ben|bah|euh|bon|mais)\s)*(?:oui+|ouais?|ouai|ui|yep|yes|ok+|d accord|daccord|dac|ca marche|c est (?:bon|ca)|parfait|"
    r"nickel|super|entendu|exact(?:ement)?|tout a fait|bien sur|volontiers|je veux bien|allez y|envoyez?|"
    r"vas y|si|c bon|cest bon|impec(?:cable)?)\b"
)
_NO = re.compile(
    r"^(?:(?:ah|ben|bah|euh|bon|mais)\s)*(?:non+|nan|nop|pas du tout|pas vraiment|toujours (?:pas|rien)|"
    r"ca (?:ne )?(?:marche|fonctionne|change|m aide|aide|va) (?:toujours )?(?:pas|rien)|"
    r"rien (?:n a |n )?(?:change|de mieux)|aucun(?:e)?(?: des| de| ne|$)|ni l un ni l autre|"
    r"j ai deja (?:essaye|fait|tente)|(?:c est )?pas (?:ca|bon|mieux)|encore (?:pareil|rien)|pareil)\b"
)
_CANCEL = re.compile(
    r"\b(?:annule[rz]?|annulation|laisse(?:z|r)? tomber|oublie[rz]? (?:ca|ma demande|la demande|le ticket)|"
    r"abandonne[rz]?|n envoye[rz]? (?:pas|rien)|n envoie (?:pas|rien)|plus besoin|pas besoin finalement|"
    r"supprime[rz]? (?:ma|la|cette) demande|arrete[rz]? (?:la demande|le formulaire|tout))\b|^(?:stop|quitter|sortir)$"
)
_APART = re.compile(
    r"^(?:(?:ah|euh|bon|non|oui|mais)\s)*(?:avant (?:ca|cela|tout)|attend(?:s|ez)?|au fait|d abord|"
    r"une (?:autre )?question|autre (?:question|chose)|juste une question|deux secondes|minute|"
    r"pendant que j y (?:suis|pense)|en attendant)\b"
)
_HUMAN = re.compile(
    r"\b(?:parler|discuter|echanger) (?:a|avec) (?:quelqu un|une? (?:vraie? )?(?:personne|humain|agent|conseiller|"
    r"technicien|operateur)|un vrai)|\b(?:un|une) (?:humain|vraie personne|conseiller)\b|"
    r"\bouvrir (?:un|une) (?:ticket|demande)|\b(?:etre|me) rappele[rz]?\b|\brappelez? moi\b|"
    r"\bfaire une demande a (?:l assistance|un technicien)|\bcontacter (?:l assistance|le support)\b"
)
# « Je parle à une vraie personne ? » asks who is there.
_SPEAKING_TO = re.compile(r"\b(?:je|on) parle\b")
_FOLLOW = re.compile(
    r"\bou en est (?:ma|mon|la|le) (?:demande|ticket|dossier|signalement)|\b(?:suivre|suivi de) (?:ma|mon) (?:demande|ticket)|"
    r"\bmes (?:demandes|tickets)\b"
)
_REQUEST = r"(?:ma|mon|la|le|cette|ce) (?:demande|ticket|dossier|signalement)"
_CLOSE = re.compile(rf"\b(?:clore|clorez|clos|cloture[rz]?|fermer?|fermez|terminer) {_REQUEST}\b")
_REOPEN = re.compile(rf"\b(?:rouvr(?:ir|ez|e)|reouvr(?:ir|ez|e)|relance[rz]?|reprendre) {_REQUEST}\b")
# The whole reply: « à part ça, tout marche » adds to what was told.
_SEPARATE = re.compile(
    r"^(?:(?:oui|non|si|mais|plutot|je (?:veux|voudrais|prefere)|faire|fais|faites|ouvrir|ouvrez|envoyer|envoyez|envoie|"
    r"en|la|le|l|une?|s il (?:vous|te) plait|svp)\s)*"
    r"(?:(?:demande|ticket) (?:a part|separee?|distincte?|differente?)|(?:nouvelle|autre) demande|a part|separement)"
    r"(?: s il (?:vous|te) plait| svp| merci)?$"
)
_QUESTION = re.compile(
    r"\?|^(?:comment|ou |pourquoi|quand|combien|quel|quelle|quels|quelles|est ce|qui |que |quoi|peut on|puis je|je peux|"
    r"dois je|a quelle?|c est quoi|c est ou)|\best ce que\b|\bcomment (?:je|on|faire|ca)\b"
)
_THANKS = re.compile(r"\b(?:merci+|thanks?|thank you|gracias|shukran|remercie)\b")
_SOLVED = re.compile(
    r"\b(?:j ai (?:trouve|reussi|compris)|ca (?:marche|fonctionne)(?: maintenant| enfin| bien)?$|c est (?:regle|resolu|revenu|reparti|bon)|"
    r"probleme (?:regle|resolu))\b"
)
_BYE = re.compile(
    r"^(?:au revoir|bonne (?:soiree|journee|nuit|fin)|a (?:bientot|plus|demain)|bye|ciao|tchao|salut a)\b"
)
_HELLO = re.compile(
    r"^(?:bonjour|bonsoir|salut|coucou|hello|hey|salam|bjr|wesh|re)(?: a vous| madame| monsieur| tous)?$"
)

_SCHOOL = re.compile(
    r"\b(?:ecole|college|lycee|maternelle|elementaire|primaire|groupe scolaire|erea|segpa|lp|rpi|\d{7}[a-z])\b"
)

_YES_SIGNS = frozenset("👍👌✅🆗")
_LAST_LATIN = 0x24F
# Turkish, the most foreign of what is written with our letters, has one in ten of its own.
_MOST_LOST = 0.25

_PROFILE_LEAD = (
    r"^(?:(?:bonjour|bonsoir|salut|alors|ben|euh|moi)\s)*(?:(?:je suis|suis|c est|ici|en tant que|moi c est|profil)\s)?"
    r"(?:(?:la|le|un|une|l|les|des|d|votre)\s)?"
)
_PROFILE_WORDS: tuple[tuple[str, str], ...] = (
    ("directeur", r"directeur|directrice|principal|principale|proviseur|proviseure|chef d etablissement|cheffe d etablissement|direction"),
    ("enseignant", r"enseignante?|prof(?:esseur|esseure)?|maitre|maitresse|instit(?:uteur|utrice)?|remplacante?|plp"),
    ("parent", r"parents?|papa|maman|mere|pere|grand mere|grand pere|mamie|papi|tuteur|tutrice|responsable legale?|beau pere|belle mere"),
    ("eleve", r"eleve|collegien|collegienne|lyceen|lyceenne|ecolier|ecoliere|delegue"),
    ("personnel", r"personnel|aesh|avs|cpe|secretaire|surveillante?|infirmiere?|documentaliste|gestionnaire|atsem|aed|assistante? d education|vie scolaire|intendante?"),
    ("intervenant", r"intervenante?|animateur|animatrice|partenaire|exterieure?|benevole"),
)  # fmt: skip
_PROFILE = tuple(
    (profile, re.compile(_PROFILE_LEAD + rf"(?:{words})\b(?P<rest>.*)$")) for profile, words in _PROFILE_WORDS
)
# Beyond this many words after the role, the message says more than who one is: the question must not be swallowed.
_PROFILE_REST_WORDS = 9


@dataclass(frozen=True)
class Reply:
    """What the words of a message say by themselves, whatever was asked."""

    yes: bool = False
    no: bool = False
    cancel: bool = False
    apart: bool = False
    human: bool = False
    follow: bool = False
    close: bool = False
    reopen: bool = False
    separate: bool = False
    question: bool = False
    thanks: bool = False
    # Nothing is left beside the thanks: in « le code wifi, merci » there is.
    only_thanks: bool = False
    solved: bool = False
    bye: bool = False
    hello: bool = False
    school: bool = False
    foreign: bool = False
    profile: str | None = None
    words: int = 0
    # Whether any word is longer than a letter, and nearly all are written with letters that French has.
    legible: bool = False


def read_reply(text: str) -> Reply:
    """Read `text` (as typed) for what a short reply may say."""
    plain = normalise(text)
    bare = plain.replace("?", "").replace("!", "").strip()
    return Reply(
        yes=(bool(_YES.search(bare)) and not _NO.search(bare)) or text.strip() in _YES_SIGNS,
        no=bool(_NO.search(bare)),
        cancel=bool(_CANCEL.search(bare)),
        apart=bool(_APART.search(bare)),
        human=bool(_HUMAN.search(bare)) and not _SPEAKING_TO.search(bare),
        follow=any(pattern.search(bare) for pattern in (_FOLLOW, _CLOSE, _REOPEN)),
        close=bool(_CLOSE.search(bare)),
        reopen=bool(_REOPEN.search(bare)),
        separate=bool(_SEPARATE.search(bare)),
        question=bool(_QUESTION.search(plain)),
        thanks=bool(_THANKS.search(bare)),
        only_thanks=bool(_THANKS.search(normalise(without_courtesy(text)))),
        solved=bool(_SOLVED.search(bare)),
        bye=bool(_BYE.search(bare)),
        hello=bool(_HELLO.search(bare)),
        school=bool(_SCHOOL.search(bare)),
        foreign=_is_foreign_script(text),
        profile=_read_profile(bare),
        words=len(bare.split()),
        legible=any(len(word) > 1 for word in bare.split()) and _share_lost(text) <= _MOST_LOST,
    )


def _is_foreign_script(text: str) -> bool:
    """Tell whether most letters are of another alphabet than ours (Arabic, Cyrillic, Chinese…)."""
    letters = [character for character in text if character.isalpha()]
    return bool(letters) and sum(ord(character) > _LAST_LATIN for character in letters) * 2 > len(letters)


def _share_lost(text: str) -> float:
    """Return how many of the letters of `text`, 0 to 1, are none of French: those of upside-down text, among others."""
    letters = [character for character in fold(text) if character.isalpha()]
    return sum(not character.isascii() for character in letters) / len(letters) if letters else 0.0


def _read_profile(bare: str) -> str | None:
    for profile, pattern in _PROFILE:
        match = pattern.search(bare)
        if match and len(match["rest"].split()) <= _PROFILE_REST_WORDS and not _QUESTION.search(match["rest"].strip()):
            return profile
    return None
