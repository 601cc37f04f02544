"""Names of what is not the ENT get a mark in common."""

from __future__ import annotations

import pytest

from bot.language.elsewhere import _NAMES, MARK, mark_elsewhere
from bot.language.normalise import normalise
from bot.topics import load_topics


def marked(text: str) -> str:
    return mark_elsewhere(normalise(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mon compte Ameli est bloqué", "mon compte zz ameli est bloque"),
        ("la Caisse d’Épargne", "la zz caisse d epargne"),
        ("vendu sur le Bon Coin et Vinted", "vendu sur zz le bon coin et zz vinted"),
        ("Free Fire", "zz free fire"),
        ("free", "free"),
        ("", ""),
    ],
)
def test_a_name_is_marked_whole_and_stays(text: str, expected: str) -> None:
    assert marked(text) == expected


def test_names_are_as_messages_are_once_normalised() -> None:
    assert [name for name in _NAMES if normalise(" ".join(name)) != " ".join(name)] == []


def test_nothing_that_the_topics_are_about_is_marked() -> None:
    about = {topic.id: f"{topic.meaning} {topic.limits}" for topic in load_topics() if topic.id != "hors_sujet"}
    assert [topic for topic, text in about.items() if MARK in marked(text).split()] == []


def test_the_mark_is_no_word_of_a_message() -> None:
    assert MARK not in marked("pizza buzz jazz puzzle").split()
