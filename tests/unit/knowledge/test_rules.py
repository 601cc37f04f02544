"""What a person reads of an article: sections, conditions, variables."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.knowledge.article import load_variables
from bot.knowledge.rules import SCOPES, link_addresses, nearest_values, render_article, render_others
from tests.unit.knowledge.drafts import article

FAILS = "**Si cela ne marche pas :** demandez."


def read(body: str, profile: str = "parent", **values: str) -> str:
    """What is read of `body`, without the paragraph that every article has."""
    text = render_article(article(f"{body}\n\n## tous\n\n{FAILS}\n"), profile, values).text
    assert text.endswith(FAILS)
    return text.removesuffix(FAILS).strip()


# --- sections -------------------------------------------------------------------------------------


def test_one_reads_the_sections_of_one_s_profile_in_the_order_of_the_file():
    body = "## tous\n\nUn.\n\n## eleve\n\nDeux.\n\n## parent, enseignant\n\nTrois."
    assert read(body, "parent") == "Un.\n\nTrois."
    assert read(body, "eleve") == "Un.\n\nDeux."


def test_another_profile_is_told_who_can_help():
    rendered = render_others(
        article(f"## directeur\n\n{FAILS}\n\n## autres\n\nVoyez {{contact_n1}}.\n", audiences="[directeur]"),
        {"contact_n1": "le référent"},
    )
    assert rendered.text == "Voyez le référent."


BRANCHES = "## tous | degre=1er\n\nÉcole.\n\n## tous | degre=2nd\n\nCollège."


@pytest.mark.parametrize(("values", "text"), [
    ({"degre": "1er"}, "École."),
    ({"degre": "2nd"}, "Collège."),
    ({}, "**S'il s'agit d'une école maternelle ou élémentaire :**\n\nÉcole.\n\n"
         "**S'il s'agit d'un collège ou d'un lycée :**\n\nCollège."),
])  # fmt: skip
def test_a_condition_chooses_and_when_not_known_all_branches_are_announced(values, text):
    assert read(BRANCHES, **values) == text


# --- variables ------------------------------------------------------------------------------------


def test_a_value_takes_its_place():
    assert (
        read("## tous\n\nAdresse : {adresse_ent}.", adresse_ent=" https://ent.example ")
        == "Adresse : https://ent.example."
    )


@pytest.mark.parametrize("values", [{}, {"adresse_ent": ""}, {"adresse_ent": "  "}])
def test_without_a_value_the_sentence_falls_away(values):
    assert (
        read("## tous\n\nOuvrez l'ENT. Adresse : {adresse_ent}. Connectez-vous.", **values)
        == "Ouvrez l'ENT. Connectez-vous."
    )


def test_without_a_value_common_words_stand_in_when_there_are_some():
    assert load_variables()["duree_blocage"]["generique"] == "un moment"
    assert read("## tous\n\nAttendez {duree_blocage}.") == "Attendez un moment."


def test_a_step_left_empty_goes_and_the_others_are_numbered_again():
    body = "## tous\n\n1. Un.\n2. Taille : {taille_max_fichier}.\n3. Trois.\n\nPuis :\n\n1. Quatre.\n"
    assert read(body) == "1. Un.\n2. Trois.\n\nPuis :\n\n1. Quatre."
    assert read(body, taille_max_fichier="50 Mo") == "1. Un.\n2. Taille : 50 Mo.\n3. Trois.\n\nPuis :\n\n1. Quatre."


def test_a_bullet_left_empty_goes_too():
    assert read("## tous\n\n- Un.\n- Espace : {quota_stockage}.\n- Trois.") == "- Un.\n- Trois."


def test_a_paragraph_or_a_section_left_empty_leaves_no_hole():
    assert read("## tous\n\nUn.\n\nTexte : {lien_charte}.\n\nTrois.") == "Un.\n\nTrois."
    assert (
        read("## tous\n\nUn.\n\n## tous | degre=1er\n\nTexte : {lien_charte}.\n\n## tous\n\nTrois.") == "Un.\n\nTrois."
    )


def test_what_had_no_value_is_listed():
    body = f"## tous\n\nOuvrez {{nom_ent}}. Adresse : {{adresse_ent}}. Attendez {{duree_blocage}}.\n\n{FAILS}\n"
    rendered = render_article(article(body), "parent", {"nom_ent": "l'ENT"})
    assert rendered.missing == {"adresse_ent", "duree_blocage"}


def test_a_sentence_ends_where_a_reader_sees_it_end():
    body = "## tous\n\nChoisissez « élève ». Adresse : {adresse_ent}. Puis « Valider » ! Suite… Fin"
    assert read(body) == "Choisissez « élève ». Puis « Valider » ! Suite… Fin"


def test_a_value_is_not_read_as_a_variable():
    assert (
        read("## tous\n\nOuvrez {nom_ent}.", nom_ent="{adresse_ent} \\1 $1", adresse_ent="X")
        == "Ouvrez {adresse_ent} \\1 $1."
    )


SENTENCES = st.sampled_from(
    [
        "Ouvrez l'ENT.",
        "Adresse : {adresse_ent}.",
        "Voyez {contact_n1}.",
        "Délai : {delai_annuaire} ou {duree_code_activation}.",
    ]
)
LINES = st.tuples(st.sampled_from(["1. ", "- ", ""]), st.lists(SENTENCES, min_size=1, max_size=3)).map(
    lambda line: line[0] + " ".join(line[1])
)


@given(
    lines=st.lists(LINES | st.just(""), min_size=1, max_size=8),
    values=st.dictionaries(
        st.sampled_from(["adresse_ent", "contact_n1", "delai_annuaire", "duree_code_activation"]),
        st.text("abcé 12", max_size=6),
    ),
)
def test_whatever_is_known_no_brace_no_empty_step_and_numbers_follow(lines, values):
    body = "\n".join(lines)
    if not body.strip():
        return
    number = 0
    for line in read(f"## tous\n\n{body}", **values).split("\n"):
        assert not re.search(r"[{}]", line)
        assert not re.fullmatch(r"(?:\d+\.|-)?\s*", line) or not line.strip()
        match = re.match(r"(\d+)\. ", line)
        number = number + 1 if match else (number if not line.strip() else 0)
        assert not match or int(match[1]) == number


# --- the nearest value ----------------------------------------------------------------------------


def test_the_nearest_value_wins():
    layers = {scope: {"contact_n1": scope} for scope in SCOPES}
    for scope in SCOPES:
        assert nearest_values(layers)["contact_n1"] == scope
        del layers[scope]
    assert nearest_values(layers) == {}


def test_a_blank_value_leaves_the_farther_one():
    assert nearest_values({"ecole": {"contact_n1": "  "}, "academie": {"contact_n1": "elle"}}) == {"contact_n1": "elle"}


def test_values_of_all_the_layers_are_gathered():
    assert nearest_values({"ecole": {"a": "1"}, "projet": {"b": "2", "a": "3"}}) == {"a": "1", "b": "2"}


# --- addresses ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "linked"), [
    ("Ouvrez https://ent.example.", "Ouvrez <https://ent.example>."),
    ("le guichet (https://guichet.example/a?b=1)", "le guichet (<https://guichet.example/a?b=1>)"),
    ("[la page](https://ent.example/x)", "[la page](https://ent.example/x)"),
    ("<https://ent.example>", "<https://ent.example>"),
    ("« https://ent.example »", "« <https://ent.example> »"),
    ("https://a.example, puis https://b.example", "<https://a.example>, puis <https://b.example>"),
    ("rien à lier", "rien à lier"),
])  # fmt: skip
def test_bare_addresses_become_links_once(text, linked):
    assert link_addresses(text) == linked
    assert link_addresses(linked) == linked
