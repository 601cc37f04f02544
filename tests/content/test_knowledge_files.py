"""The files of knowledge/ agree with each other, with the topics and with the demonstration."""

from __future__ import annotations

import re

import pytest

from bot.knowledge.article import KNOWLEDGE_DIR, article_files, load_conditions, load_variables
from bot.knowledge.rules import SCOPES
from bot.knowledge.service import check_files
from bot.topics import PROFILES, load_topics
from tests.content.reading import articles, demonstration, files, known_settings

# Addresses that are the same everywhere (docs: national services). All others come by a variable.
NATIONAL = {
    "https://educonnect.education.gouv.fr",
    "https://3018.fr",
    "https://17cyber.gouv.fr",
    "https://apps.education.fr",
}
NATIONAL_NAMES = {"cnil.fr"}

# Not in an article yet, and why the variable stays in the list.
NOT_IN_ARTICLES = {
    "nom_projet": "names the project where the assistant says who made it, and in what the school publishes",
    "contact_n2": "an article ends with « parler à une personne »: level 2 is reached through the request",
    "contact_n3": "level 3 is reached by level 2 only",
    "email_assistance": "for the request's own sentences, not for an article",
    "telephone_assistance": "for the request's own sentences, not for an article",
    "horaires_assistance": "for the request's own sentences, not for an article",
    "url_tickets": "for the request's own sentences, not for an article",
}
CONDITIONS_NOT_IN_ARTICLES = {
    "eleves_1d_educonnect": "matters only where degre=1er, and a section has one condition: the pupils' text says both",
}

# Blank in ordinary times, in the demonstration as elsewhere.
ONLY_DURING_AN_OUTAGE = {"message_panne"}

# A product's name belongs in the keywords, that is in what people type; the text stays true in every ENT.
PRODUCTS = re.compile(r"\b(ONE|NEO|Neo|Beneylu|Edifice|Pronote|PRONOTE|e-primo|e-lyco|Lilie|Atrium|Toutatice|Moodle)\b")
# A limit or a delay that changes from a place to the other.
MEASURE = re.compile(
    r"\b\d+ ?(?:Mo|Go|Ko|minutes?|heures|jours|semaines|%)(?!\w)|\b0\d(?:[ .]?\d\d){4}\b|[\w.]+@[\w.]+"
)
NATIONAL_MEASURES = {
    "7 jours": "opening of 3018 and 119",
    "100 %": "zoom of a browser",
}


@pytest.fixture(params=sorted(articles()))
def article(request):
    return articles()[request.param]


def test_every_topic_that_is_not_dialogue_has_an_article_and_none_is_left_over():
    assert set(articles()) == {topic.id for topic in load_topics().answerable}
    assert len(article_files()) == len(articles())


def test_check_finds_nothing_to_say():
    assert check_files(KNOWLEDGE_DIR, load_topics()) == {}


def test_audiences_are_the_topic_s(article):
    wanted = load_topics()[article.topic].profiles
    assert article.audiences == tuple(profile for profile in PROFILES if profile in wanted)


def test_it_is_in_the_folder_of_its_theme(article):
    assert files()[article.topic].parent.name == load_topics()[article.topic].theme


def test_titles_fit_on_a_button_and_differ():
    titles = [article.title for article in articles().values()]
    assert [title for title in titles if len(title) > 60] == []
    assert len({title.casefold() for title in titles}) == len(titles)


def test_it_was_read_and_is_not_due_again(article, clock):
    # The day of the tests' clock: what becomes due later is the product's to flag, not the tests' to break on.
    today = clock.now().date()
    assert article.reviewed_on <= today < article.due_on
    if article.topic.startswith("urgence_"):
        assert article.review_every <= 90


def test_keywords_are_words_that_people_type(article):
    assert 6 <= len(article.keywords) <= 14
    assert len({word.casefold() for word in article.keywords}) == len(article.keywords)


def test_nobody_exclaims_and_apostrophes_are_straight():
    for path in [*article_files(), KNOWLEDGE_DIR / "conditions.yml", KNOWLEDGE_DIR / "variables.yml"]:
        text = path.read_text(encoding="utf-8")
        assert not re.search("[’‘´]", text), path.name
        assert "!" not in text, path.name
        assert not re.search(r"[ \t]+$", text, re.MULTILINE), path.name
        assert "\t" not in text, path.name
        assert text.endswith("\n"), path.name


def test_links_lead_to_national_services_only(article):
    text = "\n".join(section.text for section in article.sections)
    assert set(re.findall(r"\w+://[^\s<>()]*[\w/]", text)) <= NATIONAL
    assert "](" not in text
    named = set(re.findall(r"(?<![\w./])[\w-]+(?:\.[\w-]+)*\.(?:fr|com|org|net|eu|example)\b", text))
    assert named <= NATIONAL_NAMES


def test_a_local_fact_is_not_hard_coded(article):
    for section in article.sections:
        assert not PRODUCTS.search(section.text), article.topic
        found = {match for match in MEASURE.findall(section.text) if match not in NATIONAL_MEASURES}
        assert not found, f"{article.topic} : {found}"


def test_every_variable_has_a_sense_an_example_and_a_use():
    used = set().union(*(article.variables for article in articles().values()))
    for name, entry in load_variables().items():
        assert set(entry) <= {"groupe", "sens", "exemple", "generique"}, name
        assert all(entry[key].strip() for key in ("groupe", "sens", "exemple")), name
        assert not entry["exemple"].endswith("."), name
        assert entry.get("generique", "·").strip(), name
    assert set(load_variables()) - used == set(NOT_IN_ARTICLES)


def test_every_condition_is_used_and_has_words_for_the_unknown():
    used = {
        section.condition[0] for article in articles().values() for section in article.sections if section.condition
    }
    assert set(load_conditions()) - used == set(CONDITIONS_NOT_IN_ARTICLES)
    for choices in load_conditions().values():
        assert len(choices) >= 2
        assert all(re.fullmatch(r"S(?:i|'il) .+ :", lead) for lead in choices.values())


def test_branches_of_a_condition_are_written_together(article):
    read: dict[tuple[tuple[str, ...], str], set[str]] = {}
    for section in article.sections:
        if section.condition:
            name, value = section.condition
            read.setdefault((section.audiences, name), set()).add(value)
    for (audiences, name), values in read.items():
        assert values == set(load_conditions()[name]), f"{article.topic}, {audiences} : {name} sans toutes ses branches"


def test_the_demonstration_has_a_value_for_everything():
    for name, values in known_settings().items():
        assert {*load_variables(), *load_conditions()} - set(values) == ONLY_DURING_AN_OUTAGE, name
        for condition, choices in load_conditions().items():
            assert values[condition] in choices, f"{name} : {condition}"
    for layer in demonstration()["values"]:
        assert layer["scope"] in SCOPES
        assert set(layer["set"]) <= {*load_variables(), *load_conditions()}
        assert all(not value.endswith((".", " ")) for value in layer["set"].values())


def test_the_demonstration_has_an_ecole_a_college_and_a_lycee():
    names = [school["name"].split()[0] for school in demonstration()["schools"]]
    assert sorted(names) == ["Collège", "Lycée", "École"]
