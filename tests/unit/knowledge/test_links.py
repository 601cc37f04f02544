"""Links whose form is wrong, and those that are good."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.knowledge.article import article_files, parse_article
from bot.knowledge.links import find_broken_links


@pytest.mark.parametrize("text", [
    "Ouvrez https://educonnect.education.gouv.fr", "(https://ent.fr/a?b=c#d).", "<https://ent.fr>", "[ici](https://ent.fr/é)",
    "[écrire](mailto:a@b.fr)", "[3018](tel:3018)", "{adresse_ent}", "[ici]({adresse_ent})", "https://{nom_ent}.fr/x",
    "https://école.fr", "https://ent.fr:8443/x", "un texte sans lien", "http://ent.valmont.example.",
])  # fmt: skip
def test_good_links_are_left_alone(text: str) -> None:
    assert find_broken_links(text) == []


@pytest.mark.parametrize(("text", "address", "fault"), [
    ("[ici]()", "", "vide"),
    ("[ici](  )", "  ", "vide"),
    ("[ici](javascript:alert(1))", "javascript:alert(1", "https://"),
    ("[ici](www.ent.fr)", "www.ent.fr", "https://"),
    ("[ici](/aide)", "/aide", "https://"),
    ("<ftp://ent.fr>", "ftp://ent.fr", "https://"),
    ("Ouvrez https://ent", "https://ent", "nom du site"),
    ("Ouvrez https://", "https://", "nom du site"),
    ("https://-ent.fr", "https://-ent.fr", "nom du site"),
    ("https://ent..fr", "https://ent..fr", "nom du site"),
    ("https://ent.fr:99999/x", "https://ent.fr:99999/x", "mal écrite"),
    ("[ici](https://[ent.fr)", "https://[ent.fr", "mal écrite"),
    ("[ici](https://ent.fr/a b)", "https://ent.fr/a b", "espace"),
])  # fmt: skip
def test_broken_links_are_told_with_their_fault(text: str, address: str, fault: str) -> None:
    [(found, told)] = find_broken_links(text)
    assert found == address
    assert fault in told


def test_the_project_s_own_articles_have_none() -> None:
    for path in article_files():
        for section in parse_article(path.read_text(encoding="utf-8")).sections:
            assert find_broken_links(section.text) == [], path


@given(st.text(alphabet="[]()<>{}htps:/.f r\nà-@", max_size=60))
def test_nothing_that_is_written_makes_it_fail(text: str) -> None:
    for address, fault in find_broken_links(text):
        assert fault
        assert address in text
