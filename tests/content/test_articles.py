"""Every article as every profile reads it: in each school, with each condition the other way, and with no value."""

from __future__ import annotations

import html.parser
import re
from itertools import pairwise
from urllib.parse import urlsplit

import pytest

from bot.chat.markup import EMERGENCY, to_html
from bot.knowledge.article import IF_IT_FAILS, load_conditions, load_variables
from bot.knowledge.rules import render_article
from bot.topics import PROTECTION_THEME, load_topics
from tests.content.reading import ITEM, PUPIL, TU, VOUS, articles, known_settings, readings

TOPICS = sorted(articles())
LEADS = {f"**{lead}**" for choices in load_conditions().values() for lead in choices.values()}
# On a telephone, more than this is not read to the end.
MOST_WORDS = 150
LEFT_OVER = re.compile(r"[{}|]|##|\(\)|« »|[^\n] {2,}| [,.]|\.\.|: [.,]|^\s*[.,:;]", re.MULTILINE)
TAGS = {"p", "br", "strong", "em", "ul", "ol", "li", "a"}


@pytest.mark.parametrize("topic", TOPICS)
def test_no_mark_is_left_over(topic):
    for reading in readings(topic):
        assert reading.text, reading
        assert not (found := LEFT_OVER.search(reading.text)), f"{reading} : « {found[0]} » dans {found.string!r}"
        for line in reading.text.split("\n"):
            assert line.count("**") % 2 == 0, f"{reading} : gras non fermé, {line}"


@pytest.mark.parametrize("topic", TOPICS)
def test_steps_are_full_and_numbered_from_one(topic):
    for reading in readings(topic):
        number, before = 0, ""
        for line in reading.text.split("\n"):
            item = ITEM.match(line)
            if item is None:
                assert not (line.strip() and ITEM.match(before)), f"{reading} : ligne collée à une liste, {line}"
                number = 0 if line.strip() else number
            else:
                assert any(character.isalnum() for character in item[2]), f"{reading} : étape vide"
                assert not before.strip() or ITEM.match(before), f"{reading} : liste collée à un paragraphe, {line}"
                number = number + 1 if item[1] else 0
                # Two lists that follow each other would be read as one: it would go on counting.
                assert item[1] is None or int(item[1]) == number, f"{reading} : numéro {item[1]}, attendu {number}"
            before = line


@pytest.mark.parametrize("topic", TOPICS)
def test_what_announces_something_is_followed_by_it(topic):
    for reading in readings(topic):
        blocks = [*reading.blocks, ""]
        for block, after in pairwise(blocks):
            if block in LEADS or block.rstrip("*").endswith(":"):
                assert after, f"{reading} : rien après « {block} »"
                assert after not in LEADS, f"{reading} : rien entre « {block} » et « {after} »"
                assert not after.startswith(IF_IT_FAILS), f"{reading} : rien après « {block} »"


@pytest.mark.parametrize("topic", TOPICS)
def test_what_to_do_if_it_fails_is_said_once(topic):
    due = 0 if load_topics()[topic].theme == PROTECTION_THEME else 1
    for reading in readings(topic):
        if reading.allowed:
            assert reading.text.count(IF_IT_FAILS) == due, reading
            assert sum(block.startswith(IF_IT_FAILS) for block in reading.blocks) == due, reading


@pytest.mark.parametrize("topic", TOPICS)
def test_pupils_are_told_tu_and_others_vous(topic):
    for reading in readings(topic):
        if not reading.allowed:
            assert not TU.search(reading.text), f"{reading} : lu aussi par des adultes"
            # The words that stand for a variable without value say « votre ».
            if reading.setting in known_settings():
                assert not VOUS.search(reading.text), f"{reading} : lu aussi par des élèves"
        elif reading.profile == PUPIL:
            assert not (found := VOUS.search(reading.text)), f"{reading} : « {found[0]} »"
        else:
            assert not (found := TU.search(reading.text)), f"{reading} : « {found[0]} »"


@pytest.mark.parametrize("topic", TOPICS)
def test_it_is_short_when_the_school_is_known(topic):
    for reading in readings(topic, only_known=True):
        assert reading.words <= MOST_WORDS, f"{reading} : {reading.words} mots"


class Tags(html.parser.HTMLParser):
    """What a page is made of."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.addresses: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.update(name for name, _ in attrs)
        self.addresses.extend(value or "" for name, value in attrs if name in ("href", "src"))


@pytest.mark.parametrize("topic", TOPICS)
def test_the_page_says_what_the_text_says(topic):
    for reading in readings(topic):
        page = Tags(to_html(reading.text))
        assert set(page.tags) <= TAGS, reading
        assert page.tags.count("li") == sum(1 for line in reading.text.split("\n") if ITEM.match(line)), reading
        sites = [address for address in page.addresses if address not in EMERGENCY.values()]
        assert all(urlsplit(address).scheme == "https" for address in sites), f"{reading} : {sites}"
        assert len(sites) == reading.text.count("https://"), f"{reading} : une adresse n’est pas un lien"


HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[ici](javascript:alert(1))",
    '"><a href="data:text/html,x" onclick="x()">y</a>',
)


@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_that_holds_html_stays_harmless(value):
    values = {**dict.fromkeys(load_variables(), value), "degre": "1er"}
    for article in articles().values():
        for profile in article.audiences:
            page = Tags(to_html(render_article(article, profile, values).text))
            assert set(page.tags) <= TAGS
            assert page.attributes <= {"href", "target", "rel", "aria-label"}
            sites = [address for address in page.addresses if address not in EMERGENCY.values()]
            assert all(urlsplit(address).scheme in ("https", "http") for address in sites)
