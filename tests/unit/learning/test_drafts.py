"""A draft is an article that can be read, whatever was said."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from bot.knowledge.article import parse_article
from bot.learning.drafts import UNNAMED, compose_draft
from bot.topics import PROFILES, load_topics

TODAY = date(2026, 11, 23)
TOPICS = [topic.id for topic in load_topics() if not topic.is_dialogue and not topic.is_urgent]


def compose(**changes):
    values = {
        "number": "ENT-2026-000001",
        "topic": "cdt_consulter_devoirs",
        "profile": "parent",
        "level": 2,
        "on": TODAY,
    }
    values |= changes
    values["topic"] = load_topics().get(values["topic"])
    return compose_draft(**{"replies": ["Ouvrez le cahier."], "said": ["je ne vois rien"], **values})


def test_the_steps_are_what_was_replied_without_what_is_polite() -> None:
    replies = ["Bonjour,\nOuvrez le cahier de textes. Choisissez le jour.\nCordialement", "1. Rechargez la page."]
    draft = compose(replies=replies, said=["je ne vois rien", "Je ne vois RIEN", "rien du tout"])
    assert "1. Ouvrez le cahier de textes.\n2. Choisissez le jour.\n3. Rechargez la page." in draft.source
    assert "Bonjour" not in draft.source
    assert draft.utterances == ("je ne vois rien", "rien du tout")
    article = parse_article(draft.source)
    assert (article.topic, article.title, article.level) == ("cdt_consulter_devoirs", "je ne vois rien", 2)
    assert set(article.audiences) == set(load_topics()["cdt_consulter_devoirs"].profiles)


def test_a_request_without_a_topic_waits_for_one() -> None:
    draft = compose(topic=None)
    assert draft.topic is None
    assert parse_article(draft.source).topic == UNNAMED
    assert parse_article(draft.source).audiences == ("parent",)


_TEXTS = st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=60) | st.sampled_from(["# a", "{x}", "<b>", "- --- -", "yes", "null", "a: b"]), max_size=4)  # fmt: skip


@given(_TEXTS, _TEXTS, st.sampled_from([None, "inconnu", *TOPICS]), st.sampled_from([None, "autre", *PROFILES]))
def test_whatever_was_said_the_draft_can_be_read(replies, said, topic, profile) -> None:
    draft = compose(replies=replies, said=said, topic=topic, profile=profile)
    article = parse_article(draft.source)
    assert article.reviewed_on == TODAY
