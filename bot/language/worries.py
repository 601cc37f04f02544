"""Worries, refusals and hostility about the ENT itself, recognised beside the topic of a message.

Strict on purpose: a calm word said to somebody who only asks his way would sound like a machine. Checked on the
utterances of data/nlu (tests/unit/language/test_worries.py).
"""

from __future__ import annotations

import re

from bot.language.normalise import normalise

SCREENS, WATCHED, WORKLOAD, EQUIPMENT, REFUSAL, HOSTILITY = (
    "ecrans", "surveillance", "charge", "equipement", "refus", "hostilite",
)  # fmt: skip
WORRIES = (SCREENS, WATCHED, WORKLOAD, EQUIPMENT, REFUSAL, HOSTILITY)

_ENT = r"(?:ent|site|appli(?:cation)?s?|logiciel|outil|plateforme|espace numerique|numerique|truc|machin|systeme)"
_PATTERNS: dict[str, tuple[str, ...]] = {
    SCREENS: (
        r"\b(?:trop|marre|overdose|toujours plus|encore plus) (?:de temps |d |de |des |devant |sur |souvent |devant les |sur les |aux ){0,3}(?:ecrans?|tablettes?)\b",
        r"\bles ecrans? (?:\w+ ){0,5}(?:nocifs?|mauvais|sante|sommeil|addict\w*|danger\w*|deja trop|interdits?)\b",
        r"\b(?:contre|interdis\w*|interdit|eviter|limite\w*|je refuse) (?:les |les autres |tous les |le temps d )ecrans?\b",
        r"\b(?:temps d ?ecran|encore des ecrans|encore un ecran|accros? aux ecrans)\b",
    ),
    WATCHED: (
        r"\b(?:nous|me|les|on est|etre|suis|sommes|sont) (?:\w+ ){0,2}(?:surveille[rsz]?|espionne[rsz]?|flique[rsz]?|piste[rsz]?|traque[rsz]?)\b",
        r"\b(?:etre|suis|sommes|est|sont) (?:tous )?fiches?\b(?! de | d )",
        r"\b(?:flicage|fliquage|big brother|gafam?)\b",
        r"\b(?:vend|vendez|vendre|revend\w*|exploit\w*) (?:\w+ ){0,3}donnees\b",
        r"\bdonnees (?:\w+ ){0,6}(?:vendues?|revendues?|volees?|aux americains|chez google)\b",
    ),
    WORKLOAD: (
        r"\b(?:usine a gaz|surcharge de travail|droit a la deconnexion|travail supplementaire|travail en plus|boulot en plus|double travail|double saisie)\b",
        r"\b(?:ma|notre|plus de|encore de la|trop de) charge de travail\b",
        r"\b(?:on nous|on) en demande (?:toujours |encore )?(?:plus|trop)\b",
        r"\bencore (?:un|une) (?:\w+ ){0,2}(?:de plus|en plus)\b",
    ),
    EQUIPMENT: (
        r"\b(?:pas|sans|ni|aucun) (?:d |de |un |l )?(?:ordinateur|ordi|internet|smartphone|imprimante)\b (?:\w+ ){0,3}(?:chez|maison|foyer|famille)\b",
        r"\b(?:fracture numerique|illectroni\w*|zone blanche|pas les moyens)\b",
        r"\b(?:pas equipes?|pas a l aise avec (?:l |le |les )?(?:informatique|ordinateurs?|numerique)|rien a l informatique)\b",
    ),
    REFUSAL: (
        rf"\b(?:je|on|nous) (?:refus\w+|m oppose|nous opposons|suis contre|sommes contre|boycott\w+) (?:\w+ ){{0,7}}{_ENT}\b",
        rf"\b(?:hors de question|pas question) (?:\w+ ){{0,6}}{_ENT}\b",
        r"\b(?:c etait mieux avant|retour au papier|revenir au papier|rendez nous (?:le |les )?(?:carnets?|cahiers?|papier))\b",
    ),
    HOSTILITY: (
        rf"\b(?:votre|ce|cet|cette|vos) {_ENT} (?:\w+ ){{0,3}}(?:nul|nulle|pourri\w*|merdi\w*|de merde|honte\w*|catastroph\w*|scandal\w*|ridicule|inadmissible)\b",
        rf"\b(?:marre|ras le bol|raz le bol) (?:\w+ ){{0,3}}{_ENT}\b",
    ),
}
_KNOWN = {worry: re.compile("|".join(patterns)) for worry, patterns in _PATTERNS.items()}


def recognise_worry(text: str) -> str | None:
    """Return which worry a message voices, the first of WORRIES; None mostly."""
    written = re.sub(r"[^\w]+", " ", normalise(text))
    return next((worry for worry, pattern in _KNOWN.items() if pattern.search(written)), None)
