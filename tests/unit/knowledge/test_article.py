"""Reading an article: what is taken, and the sentence that says what to change."""

from __future__ import annotations

import contextlib
import datetime
import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import KnowledgeError
from bot.knowledge.article import KNOWLEDGE_DIR, MAX_SOURCE_CHARS, parse_article
from tests.unit.knowledge.drafts import BODY, HEADER, article, draft

FAILS = "**Si cela ne marche pas :** demandez à l'école."


def test_a_sound_article_is_read():
    read = article(
        "## parent, enseignant | educonnect_parents=oui\n\nOuvrez {adresse_ent}.\n\n"
        f"## parent, enseignant | educonnect_parents=non\n\nOuvrez l'ENT.\n\n## tous\n\n{FAILS}\n"
    )
    assert read.topic == "essai_sujet"
    assert read.reviewed_on == datetime.date(2026, 11, 20)
    assert read.due_on == datetime.date(2027, 5, 19)
    assert read.variables == {"adresse_ent"}
    assert [section.audiences for section in read.sections] == [("parent", "enseignant")] * 2 + [("tous",)]
    assert read.sections[0].condition == ("educonnect_parents", "oui")
    assert read.sections[0].is_for("parent")
    assert not read.sections[0].is_for("eleve")
    assert read.sections[2].is_for("eleve")


def test_two_sources_alike_have_one_digest_and_two_others_two():
    assert article().digest == article().digest
    assert article().digest != article(title="Un autre titre").digest


@pytest.mark.parametrize("change", [lambda text: "\ufeff" + text, lambda text: text.replace("\n", "\r\n")])
def test_files_of_other_editors_are_read_alike_and_kept_as_they_are(change):
    source = change(draft())
    read = parse_article(source)
    assert read.sections == article().sections
    assert read.source == source


def test_an_urgent_article_gives_numbers_and_not_what_to_do_if_it_fails():
    assert article("## tous\n\nAppelez le 17.\n", topic="urgence_essai").sections


FAULTS = {
    "trop long": (draft("## tous\n\n" + "a" * MAX_SOURCE_CHARS), f"L’article compte plus de {MAX_SOURCE_CHARS} caractères"),
    "sans en-tête": (BODY, "ne commence pas par un en-tête"),
    "YAML illisible": (draft(owner="@moi"), "illisible à la ligne 6 : vérifiez les deux-points"),
    "caractère interdit": (draft(title='"\x07"'), "L’en-tête est illisible : vérifiez"),
    "en-tête vide": ("---\n\n---\n" + BODY, "la valeur n’a pas la bonne forme"),
    "clé absente": (draft(owner=None), "En-tête : il manque owner."),
    "clé inconnue": (draft(auteur="moi"), "En-tête : ces clés n’existent pas : auteur."),
    "type": (draft(review_every="souvent"), "En-tête, review_every : la valeur n’a pas la bonne forme"),
    "niveau": (draft(level="1"), "En-tête, level : choisissez parmi 2, 3."),
    "profil de l’en-tête": (draft(audiences="[parent, voisin]"), "En-tête, audiences, 1 : choisissez parmi parent"),
    "HTML dans l’en-tête": (draft(title="Voir <b>ici</b>"), "L’en-tête contient du HTML"),
    "profil répété": (draft(audiences="[parent, parent]"), "En-tête, audiences : un élément est répété."),
    "sans profil": (draft(audiences="[]"), "En-tête, audiences : il en faut au moins 1"),
    "nom du sujet": (draft(topic="Essai"), "En-tête, topic : la valeur n’est pas écrite comme il faut"),
    "titre court": (draft(title="Ah"), "En-tête, title : au moins 3 caractères."),
    "titre long": (draft(title="a" * 61), "En-tête, title : au plus 60 caractères."),
    "trop de mots": (draft(keywords=str([f"mot {n}" for n in range(31)])), "En-tête, keywords : il en faut au plus 30."),
    "relu trop souvent": (draft(review_every="7"), "En-tête, review_every : au moins 30."),
    "relu trop peu": (draft(review_every="9999"), "En-tête, review_every : au plus 730."),
    "date écrite autrement": (draft(reviewed_on="20/11/2026"), "En-tête, reviewed_on : la valeur n’est pas écrite"),
    "date impossible": (draft(reviewed_on="2026-02-30"), "En-tête, reviewed_on : cette date n’existe pas."),
    "date impossible, entre guillemets": (draft(reviewed_on='"2026-02-30"'), "reviewed_on : cette date n’existe pas."),
    "ordre des clés": (draft(topic=None, owner=None).replace("---", "---\nowner: moi\ntopic: essai_sujet", 1), "cet ordre : topic, title"),
    "texte avant les sections": (draft("Bonjour.\n\n" + BODY), "Du texte précède le premier titre"),
    "sans section": (draft(""), "L’article n’a pas de section"),
    "profil inconnu": (draft("## voisin\n\nBonjour.\n\n" + BODY), "Le titre « voisin » nomme un profil inconnu : voisin."),
    "section vide": (draft("## parent\n\n" + BODY), "La section « parent » est vide."),
    "condition inconnue": (draft("## tous | pluie=oui\n\nRestez.\n\n" + BODY), "La condition « pluie=oui » n’est pas dans"),
    "valeur inconnue": (draft("## tous | degre=3e\n\nRestez.\n\n" + BODY), "La condition « degre=3e » n’est pas dans"),
    "autre titre": (draft(BODY + "\n### Détail\n"), "Seuls les titres « ## » sont permis"),
    "titre principal": (draft("## tous\n\n# Grand\n\n" + FAILS), "Seuls les titres « ## » sont permis"),
    "HTML": (draft(BODY + "\n<b>gras</b>\n"), "L’article contient du HTML"),
    "accolade seule": (draft(BODY + "\nOuvrez {adresse_ent.\n"), "Une accolade est seule"),
    "variable inconnue": (draft(BODY + "\nOuvrez {adresse_du_site}.\n"), "Variables inconnues : adresse_du_site (voir"),
    "profil oublié": (draft(f"## parent\n\n{FAILS}", audiences="[parent, eleve]"), "Rien n’est écrit pour le profil eleve"),
    "profil sous condition": (draft(f"## tous | degre=1er\n\n{FAILS}\n"), "le profil parent dans une section sans condition"),
    "sans les autres": (draft(f"## parent\n\n{FAILS}", audiences="[parent]"), "Il manque la section « ## autres »"),
    "sans recours": (draft("## tous\n\nOuvrez l'ENT.\n"), "une fois « **Si cela ne marche pas :** » ; il le lit 0 fois."),
    "deux recours": (draft(f"{BODY}\n{FAILS}\n"), "il le lit 2 fois."),
    "recours sous condition": (draft(f"## tous\n\nOuvrez l'ENT.\n\n## tous | degre=1er\n\n{FAILS}\n"), "dans une section sans condition."),
}  # fmt: skip


@pytest.mark.parametrize(("source", "sentence"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_told_in_a_sentence_that_says_what_to_change(source, sentence):
    with pytest.raises(KnowledgeError) as caught:
        parse_article(source)
    assert sentence in caught.value.sentence
    assert not re.search(r"\b(?:is|not|required|property|expected|does)\b", caught.value.sentence)


def test_every_sentence_of_the_parser_is_tried():
    code = (KNOWLEDGE_DIR.parent / "bot" / "knowledge" / "article.py").read_text(encoding="utf-8")
    told = []
    for source, _ in FAULTS.values():
        with pytest.raises(KnowledgeError) as caught:
            parse_article(source)
        told.append(caught.value.sentence)
    for literal in re.findall(r'KnowledgeError\(\s*f?"([^"]+)"', code):
        # What stands between the values of the f-string must have been said.
        longest = max(re.split(r"\{[^}]*\}", literal), key=len)
        assert any(longest in sentence for sentence in told), literal


@given(st.text(max_size=400))
def test_whatever_is_written_nothing_but_a_sentence_comes_back(text):
    for source in (text, draft(text), draft(title=text), f"---\n{text}\n---\n{BODY}"):
        with contextlib.suppress(KnowledgeError):
            parse_article(source)


@given(st.sampled_from(sorted(HEADER)), st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=6,
))  # fmt: skip
def test_whatever_a_key_holds_nothing_but_a_sentence_comes_back(key, value):
    header = {name: yaml.safe_load(text) for name, text in HEADER.items()}
    source = f"---\n{yaml.safe_dump({**header, key: value}, sort_keys=False)}---\n{BODY}"
    with contextlib.suppress(KnowledgeError):
        parse_article(source)
