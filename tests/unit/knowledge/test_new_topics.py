"""What a topic that a formateur adds has to be."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import InvalidField
from bot.knowledge.article import parse_article
from bot.knowledge.new_topics import NewTopic, check_new_topic, first_source, themes_of
from bot.topics import PROFILES, Topic, load_topics
from bot.workshop.views.topics import read_utterance

TOPIC = Topic("salle_de_sport", "vie_de_classe", ("enseignant",), "Réserver le gymnase", "")
NEW = NewTopic(TOPIC, tuple(("commun", f"phrase numéro {word}") for word in "abcdefghij"))


def test_a_sound_topic_is_taken() -> None:
    check_new_topic(NEW, load_topics())


@pytest.mark.parametrize(("changes", "field"), [
    ({"id": "connexion_adresse"}, "id"), ({"id": "Salle"}, "id"), ({"id": "salle de sport"}, "id"), ({"id": "é" * 5}, "id"),
    ({"id": "a"}, "id"), ({"id": "a" * 81}, "id"), ({"id": "x\n"}, "id"), ({"id": "urgence_piscine"}, "id"),
    ({"id": "decision_x"}, "id"), ({"id": "salutation"}, "id"), ({"id": "annuler"}, "id"), ({"id": ""}, "id"),
    ({"theme": "protection"}, "theme"), ({"theme": "dialogue"}, "theme"), ({"theme": "<b>"}, "theme"),
    ({"profiles": ()}, "profiles"), ({"profiles": ("inspecteur",)}, "profiles"),
    ({"meaning": ""}, "meaning"), ({"meaning": "a" * 401}, "meaning"), ({"limits": "a" * 401}, "limits"),
])  # fmt: skip
def test_one_that_cannot_be_added_is_told_what_to_change(changes: dict, field: str) -> None:
    with pytest.raises(InvalidField) as caught:
        check_new_topic(replace(NEW, topic=replace(TOPIC, **changes)), load_topics())
    assert caught.value.field == field


@pytest.mark.parametrize(("said", "word"), [
    (NEW.said[:9], "au moins 10"), ((*NEW.said, ("commun", "Phrase  NUMÉRO a")), "deux fois"),
    ((*NEW.said, ("commun", "appelez le 06 12 34 56 78")), "coordonnée"),
    (tuple(("commun", f"phrase {n}") for n in range(201)), "200 phrases"),
])  # fmt: skip
def test_what_people_say_of_it_is_looked_at(said: tuple, word: str) -> None:
    with pytest.raises(InvalidField, match=word):
        check_new_topic(replace(NEW, said=said), load_topics())


def test_a_neighbour_is_a_topic() -> None:
    for wrong in ("salutation", "rien"):
        with pytest.raises(InvalidField, match="voisin"):
            check_new_topic(replace(NEW, topic=replace(TOPIC, neighbours=(wrong,))), load_topics())


def test_emergencies_and_the_conversation_are_no_themes_to_add_to() -> None:
    assert not {"protection", "dialogue"} & set(themes_of(load_topics()))


@pytest.mark.parametrize("profiles", [PROFILES, ("parent",), ("eleve", "enseignant")])
def test_the_article_that_is_begun_has_the_form_of_one(profiles: tuple) -> None:
    article = parse_article(first_source(replace(TOPIC, profiles=profiles), "equipe_projet", "2026-11-23"))
    assert (article.topic, article.audiences) == (TOPIC.id, profiles)


WORDS = st.text(max_size=20)


@given(WORDS, WORDS, st.lists(WORDS, max_size=3), st.lists(st.tuples(WORDS, WORDS), max_size=3))
def test_what_a_draft_keeps_is_what_was_given(meaning: str, limits: str, neighbours: list, said: list) -> None:
    new = NewTopic(replace(TOPIC, meaning=meaning, limits=limits, neighbours=tuple(neighbours)), tuple(said))
    assert NewTopic.from_json(TOPIC.id, json.loads(json.dumps(new.to_json()))) == new


@pytest.mark.parametrize(("line", "read"), [
    ("parent : où est le menu", ("parent", "où est le menu")), ("Parent: le menu", ("parent", "le menu")),
    ("- le menu", ("commun", "le menu")), ("le menu : où est-il", ("commun", "le menu : où est-il")),
    ("commun : a", ("commun", "a")), ("  le   menu ", ("commun", "le menu")),
])  # fmt: skip
def test_a_line_says_who_speaks_or_anybody_does(line: str, read: tuple) -> None:
    assert read_utterance(line) == read
