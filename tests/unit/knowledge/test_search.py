"""The search that answers without Rasa: new articles at once, through typos, and not by chance."""

from __future__ import annotations

import pytest

from bot.knowledge.search import KnowledgeSearch
from tests.unit.knowledge.drafts import article

FAILS = "**Si cela ne marche pas :** demandez à l'école."


def made(topic: str, title: str, text: str, *keywords: str):
    """An article of some words."""
    return article(f"## tous\n\n{text}\n\n{FAILS}\n", topic=topic, title=title, keywords=f"[{', '.join(keywords)}]")


ARTICLES = [
    made(
        "mot_de_passe", "Mot de passe oublié", "Touchez « mot de passe oublié ».", "mdp", "code secret", "réinitialiser"
    ),
    made("cantine", "Cantine et garderie", "Ouvrez le portail de la mairie.", "menu", "repas", "périscolaire"),
    made("absence", "Signaler une absence", "Téléphonez le matin.", "malade", "retard", "justifier"),
]
VOICES = {"cantine": ["où voir ce que mange ma fille le midi"], "salutation": ["bonsoir tout le monde", "coucou"]}


@pytest.fixture(scope="module")
def search() -> KnowledgeSearch:
    return KnowledgeSearch(ARTICLES, VOICES)


def topics(found) -> list[str]:
    return [item.topic for item in found]


@pytest.mark.parametrize(("text", "topic"), [
    ("j'ai oublié mon mot de passe", "mot_de_passe"),
    ("Quel est le MENU ?", "cantine"),
    ("ma fille sera malade demain", "absence"),
    ("g oublié mon mdp", "mot_de_passe"),
])  # fmt: skip
def test_the_right_article_comes_first(search, text, topic):
    assert topics(search.find(text))[0] == topic


@pytest.mark.parametrize(("text", "topic"), [
    ("mot de pasee oubllié", "mot_de_passe"),
    ("la cantinne", "cantine"),
    ("signaller une abscence", "absence"),
    ("reinitialisser", "mot_de_passe"),
])  # fmt: skip
def test_it_finds_through_typos(search, text, topic):
    assert topics(search.find(text))[0] == topic


def test_a_new_article_is_found_at_once_without_retraining():
    question = "où réserver la salle de danse"
    assert KnowledgeSearch(ARTICLES, VOICES).find(question) == []
    new = made("salle_de_danse", "Réserver une salle", "Écrivez à la mairie.", "salle", "danse", "gymnase")
    again = KnowledgeSearch([*ARTICLES, new], VOICES)
    assert topics(again.find(question))[0] == "salle_de_danse"
    assert topics(again.suggest("réserv"))[0] == "salle_de_danse"
    assert topics(again.find("mot de passe oublié"))[0] == "mot_de_passe"


def test_words_that_nobody_wrote_count_for_nothing(search):
    with_noise = search.find("xylographe cantine quetzalcoatl")
    assert with_noise == search.find("cantine")
    assert topics(with_noise) == ["cantine"]


@pytest.mark.parametrize("text", ["", "   ", "xylographe quetzalcoatl", "?!", "🙂", "le la les du", "x", "مرحبا"])
def test_nothing_known_finds_nothing(search, text):
    assert search.find(text) == []
    assert search.suggest(text) == []
    assert search.rank(text) == []


def test_a_short_unknown_word_is_not_taken_for_its_neighbour(search):
    assert search.find("mnu") == []


def test_suggestions_come_before_the_word_is_finished(search):
    assert topics(search.suggest("cant"))[0] == "cantine"
    assert topics(search.suggest("je veux réinit"))[0] == "mot_de_passe"


def test_what_people_say_speaks_for_a_topic(search):
    assert topics(search.find("que mange ma fille à midi"))[0] == "cantine"


def test_only_articles_are_offered_and_dialogue_is_ranked(search):
    assert search.find("coucou") == []
    assert search.rank("coucou")[0][0] == "salutation"
    assert sum(weight for _, weight in search.rank("bonsoir, le menu de la cantine")) == pytest.approx(1)


def test_no_more_than_asked(search):
    assert len(search.find("mot de passe cantine absence", limit=2)) == 2
    assert len(search.suggest("mot de passe cantine absence", limit=1)) == 1


def test_a_knowledge_base_without_an_article_finds_nothing():
    assert KnowledgeSearch([], {}).find("mot de passe") == []
    assert KnowledgeSearch([], VOICES).find("ce que mange ma fille") == []


def test_two_threads_may_read_words_at_once() -> None:
    from concurrent.futures import ThreadPoolExecutor

    from bot.knowledge import search

    words = [
        f"{start}{end}"
        for start in ("nation", "connex", "mot", "visit", "heureu")
        for end in ("ale", "ions", "ement", "euse", "ivité")
    ]
    search._stem.cache_clear()
    alone = [search._stem(word) for word in words]
    for _ in range(50):
        search._stem.cache_clear()
        with ThreadPoolExecutor(4) as threads:
            assert list(threads.map(search._stem, words)) == alone
