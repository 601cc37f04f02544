"""Canned answers' texts: which variables they take, what fills them, what is left to write."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import InvalidField
from bot.escalation.canned import GAP, MAX_TEXT, Entry, check_entry, examples, fill, list_variables, values_of
from bot.escalation.models import Ticket
from bot.knowledge.article import load_variables
from bot.topics import load_topics

NAMES = st.sampled_from(sorted(list_variables()))
# What people write, braces apart.
WORDS = st.text(st.characters(exclude_characters="{}", exclude_categories=("Cs", "Cc")), max_size=20)
PARTS = st.lists(st.tuples(WORDS, NAMES), max_size=6)


@given(PARTS, st.dictionaries(NAMES, WORDS))
def test_every_variable_is_filled_or_named_as_missing(parts: list, values: dict) -> None:
    text = "".join(f"{words}{{{name}}}" for words, name in parts)
    filled = fill(text, values)
    assert not re.search(r"\{\w+\}", filled.text)
    without = {
        list_variables()[name][0] for _, name in parts
        if not values.get(name, "").strip() and not load_variables().get(name, {}).get("generique")
    }  # fmt: skip
    assert set(filled.gaps) == without
    assert (GAP in filled.text) == bool(without)


def test_words_go_through_to_the_letter_and_values_are_not_filled_again() -> None:
    assert fill("Bonjour,\n\n  **vous** <b> 100 %", {}).text == "Bonjour,\n\n  **vous** <b> 100 %"
    assert fill("{ecole}", {"ecole": "{numero}", "numero": "26-00001-4"}).text == "{numero}"


def test_a_variable_without_a_value_has_its_plain_words_or_a_gap() -> None:
    assert fill("{nom_ent}, {adresse_ent}", {"adresse_ent": " "}).text == (
        "l'ENT, [à compléter : Adresse de la page d'accueil de l'ENT]"
    )
    # Taken off the list since the answer was written.
    assert fill("{ancienne}", {}).gaps == ("ancienne",)


def test_the_values_are_the_request_s_and_its_school_s_variables() -> None:
    ticket = Ticket(number="26-00001-4", school="Collège")
    local = {"adresse_ent": "https://ent.example", "degre": "2nd"}
    values = values_of(ticket, local=local, title=None, signature="Ada, l’équipe")
    assert values == {
        "adresse_ent": "https://ent.example", "numero": "26-00001-4", "ecole": "Collège", "sujet": "",
        "signature": "Ada, l’équipe",
    }  # fmt: skip


def test_every_variable_has_an_example() -> None:
    assert fill(" ".join(f"{{{name}}}" for name in list_variables()), examples()).gaps == ()


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        (Entry("", "Bonjour"), "title"),
        (Entry("x" * 121, "Bonjour"), "title"),
        (Entry("Bonjour", " \n"), "text"),
        (Entry("Bonjour", "x" * (MAX_TEXT + 1)), "text"),
        (Entry("Bonjour", "Bonjour {prenom}"), "text"),
        (Entry("Bonjour", "Bonjour {}"), "text"),
        (Entry("Bonjour", "Bonjour {{numero}}"), "text"),
        (Entry("Bonjour", "Bonjour {numero"), "text"),
        (Entry("Bonjour", "Bonjour", topic="salutation"), "topic"),
        (Entry("Bonjour", "Bonjour", topic="nulle"), "topic"),
    ],
)
def test_what_cannot_be_kept_names_its_field(entry: Entry, field: str) -> None:
    with pytest.raises(InvalidField) as refused:
        check_entry(entry, load_topics())
    assert refused.value.field == field


@given(PARTS)
def test_what_only_names_known_variables_is_kept(parts: list) -> None:
    text = "Bonjour" + "".join(f"{words}{{{name}}}" for words, name in parts)
    assert check_entry(Entry("  Un   titre ", text), load_topics()).title == "Un titre"
