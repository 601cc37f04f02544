"""Names of persons are masked; names of schools and the words of everybody are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.privacy.names import NAME, Names

ARTICLES = [
    "Ouvrez le cahier de textes, choisissez le jour. Le directeur crée le compte de la classe. Demandez à l'enseignant."
]
SPOKEN = ["mon fils arrive pas a voir ses devoirs", "le compte de ma fille ne marche plus", "bonjour je voudrais changer le mot de passe"]  # fmt: skip
NAMES = Names(ARTICLES, SPOKEN)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("ma fille Kimberley ne voit pas ses devoirs", "ma fille [nom] ne voit pas ses devoirs"),
        ("ma fille kimberley ne voit pas ses devoirs", "ma fille [nom] ne voit pas ses devoirs"),
        ("Kimberley Dugenou ne voit rien", "[nom] ne voit rien"),
        ("DUGENOU Kimberley, CM1", "[nom], CM1"),
        ("je m'appelle kimberley dugenou", "je m'appelle [nom] dugenou"),
        ("il s'appelle Jean-Eudes", "il s'appelle [nom]"),
        ("Bonjour, Mme Trucmuche ne répond pas", "Bonjour, Mme [nom] ne répond pas"),
        ("mme trucmuche ne répond pas", "mme [nom] ne répond pas"),
        ("M. Trucmuche est absent", "M. [nom] est absent"),
        ("le compte de Kimberley et de Jean-Eudes", "le compte de [nom] et de [nom]"),
        ("nom : Dugenou prénom : Kimberley", "nom : [nom] prénom : [nom]"),
    ],
)
def test_a_name_is_masked(text: str, masked: str) -> None:
    assert NAMES.mask(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "mon fils arrive pas a voir ses devoirs",
        "Ou est le Cahier de textes",
        "je n'ai pas EduConnect ni Pronote",
        "l'école Jean Moulin est fermée",
        "au collège Victor Hugo de Valmont",
        "Jarive pas à me connecter",
        "JE NE VOIS PAS LES DEVOIRS DE MA FILLE",
        "ma fille est en CM2",
        "madame la directrice",
        "Bonjour madame, je ne vois rien",
        "comment ça s'appelle déjà",
        "rappelez-moi au [téléphone]",
        "",
    ],
)
def test_what_is_no_name_stays(text: str) -> None:
    assert NAMES.mask(text) == text


_WORDS = st.sampled_from("ma fille fils mme madame Kimberley Dugenou dugenou école Moulin le compte de s'appelle [nom] [téléphone] . , : \n Ça CM2 m'appelle".split(" "))  # fmt: skip


@given(st.one_of(st.text(max_size=80), st.lists(_WORDS, max_size=12).map(" ".join)))
def test_masking_again_changes_nothing_and_nothing_is_added(text: str) -> None:
    masked = NAMES.mask(text)
    assert NAMES.mask(masked) == masked
    # What is left was there, in this order.
    at = 0
    for piece in masked.split(NAME):
        at = text.index(piece, at) + len(piece)
