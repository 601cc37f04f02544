"""Worries about the ENT itself: recognised where they are voiced, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.knowledge.service import read_utterances
from bot.language.worries import WORRIES, recognise_worry

ROOT = Path(__file__).resolve().parents[3]

VOICED = {
    "ecrans": (
        "Ma fille passe déjà trop de temps devant les écrans, et maintenant les devoirs aussi",
        "Je suis contre les écrans avant 12 ans, comment on fait pour le cahier de textes ?",
        "le temps d'écran explose à la maison a cause de vos devoirs en ligne",
        "les écrans c'est mauvais pour le sommeil de mon fils",
    ),
    "surveillance": (
        "Est-ce que le proviseur peut nous surveiller avec l'ENT ?",
        "C'est du flicage, on voit à quelle heure je me connecte",
        "Vous allez revendre nos données à des publicitaires ?",
        "on est fichés des la maternelle c'est ça",
    ),
    "charge": (
        "Encore un logiciel de plus à apprendre, où est le mode d'emploi",
        "On nous en demande toujours plus, il faut vraiment remplir le cahier de textes en ligne ?",
        "C'est une usine à gaz votre cahier de textes",
        "je fais une double saisie entre pronote et l'ent",
    ),
    "equipement": (
        "On n'a pas d'ordinateur à la maison, comment voir les devoirs ?",
        "nous on a pas internet chez nous",
        "Je ne suis pas à l'aise avec l'informatique, comment me connecter",
        "ici c'est zone blanche je fais comment",
    ),
    "refus": (
        "Je refuse que mon fils soit inscrit sur cet ENT",
        "Hors de question de passer par votre application pour les absences",
        "Rendez-nous le carnet de liaison papier",
    ),
    "hostilite": (
        "votre site est vraiment nul on ne trouve rien",
        "Ras le bol de cette appli qui me déconnecte",
        "cet ENT est une honte, je ne vois aucune note",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("worry", "text"), [(worry, text) for worry, texts in VOICED.items() for text in texts])
def test_a_worry_is_recognised(worry: str, text: str) -> None:
    assert recognise_worry(text) == worry


def test_every_worry_has_its_examples() -> None:
    assert set(VOICED) == set(WORRIES)


@pytest.mark.parametrize(
    "text",
    [
        "Le surveillant m'a noté absent", "Où sont les fiches de connexion des parents ?", "L'écran reste blanc",
        "Je veux revoir les données de mon fils", "la capture d'écran ne part pas", "Mon écran est trop petit",
        "Il me faut un ordinateur de prêt", "On nous demande un code", "encore un message d'erreur",
        "Comment refuser un rendez-vous ?", "", "🙂", "a" * 5000,
    ],
)  # fmt: skip
def test_an_ordinary_question_is_no_worry(text: str) -> None:
    assert recognise_worry(text) is None


# Topics under which people say what they think of the ENT; the others ask their way.
_OPINIONS = ("projet_presentation", "rgpd_donnees", "insatisfaction", "insulte", "hors_sujet", "compte_notifications")


def test_hardly_any_ordinary_utterance_is_taken_for_one() -> None:
    """Of some 22,000 utterances on other topics, ten at most (one in two thousand)."""
    asked = [
        text
        for topic, texts in read_utterances(ROOT / "data" / "nlu").items()
        if topic not in _OPINIONS
        for text in texts
    ]
    assert len(asked) > 20_000
    assert sum(recognise_worry(text) is not None for text in asked) <= 10
