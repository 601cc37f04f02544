"""How a message is parted into its sentences."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.language.sentences import MOST, announces_another, sentences_of, wants_something


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Je ne vois plus la messagerie. Où dépose-t-on un document ?", ["Je ne vois plus la messagerie.", "Où dépose-t-on un document ?"]),
        ("la page reste blanche\nje voudrais aussi changer ma photo", ["la page reste blanche", "je voudrais aussi changer ma photo"]),
        ("le son ne marche pas sinon comment on quitte un groupe", ["le son ne marche pas", "sinon comment on quitte un groupe"]),
        ("Le son est coupé. Et au fait, autre question : où est l’agenda ?", ["Le son est coupé.", "Et au fait, autre question : où est l’agenda ?"]),
    ],
)  # fmt: skip
def test_a_sentence_ends_at_its_mark_at_a_line_or_before_another_subject(text: str, parts: list[str]) -> None:
    assert sentences_of(text) == parts


@pytest.mark.parametrize(
    "text",
    ["", "?", "Bonjour. Le son est coupé. Merci !", "ouvrir https://exemple.fr/a.b?c=1 ne donne rien", "une visio de 1.5 heure demain"],
)  # fmt: skip
def test_what_is_one_sentence_has_no_parts(text: str) -> None:
    assert sentences_of(text) == []


def test_a_long_story_is_told_by_its_beginning_and_its_end() -> None:
    found = sentences_of(" ".join(f"Voici la phrase numéro {number}." for number in range(40)))
    assert len(found) == MOST
    assert (found[0], found[-1]) == ("Voici la phrase numéro 0.", "Voici la phrase numéro 39.")


@given(st.text(alphabet="aé 1.!?…;\n'’-,", max_size=300))
def test_nothing_is_invented_and_little_is_short(text: str) -> None:
    found = sentences_of(text)
    assert len(found) != 1
    assert len(found) <= MOST
    rest = "".join(text.split())
    for part in found:
        said = "".join(part.split())
        assert said in rest
        rest = rest[rest.index(said) + len(said) :]


def test_what_announces_another_subject_and_what_wants_something() -> None:
    assert announces_another("la page est blanche, autre question comment signer")
    assert not announces_another("la page est blanche, en plus elle est lente")
    assert wants_something("Jarive pa à ouvrir la pièce jointe")
    assert not wants_something("Hier nous avons fait une belle sortie.")
