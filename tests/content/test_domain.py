"""domain.yml, data/stories, actions/ and the topics name the same things."""

from __future__ import annotations

import ast
import re

import pytest

from bot.chat.phrasebook import Phrasebook
from bot.dialogue import decision as kinds
from bot.dialogue.decision import EXTRA_INTENTS
from bot.operations.rasa_files import write_rasa_files
from bot.settings import ROOT
from bot.topics import PROFILES, load_topics
from tests.content.reading import PUPIL, TU, VOUS, domain, story_steps

# What is decided of a message and is neither a topic nor one of the extra intents: an intent of its own.
DECISIONS = (
    kinds.CHOICES, kinds.CLARIFY, kinds.SEARCH, kinds.OTHER_PROFILE, kinds.PROTECT, kinds.PROTECT_ACCOUNT,
    kinds.ASK_PROFILE, kinds.OFFER_PERSON, kinds.REPEATED_INSULT, kinds.SECOND_TRY,
)  # fmt: skip
# Said before the profile is known, or to somebody who did not write in French.
TO_ANYBODY = {"utter_autre_langue", "utter_demander_profil"}
RESPONSES = sorted(domain()["responses"])


def test_intents_are_the_topics_and_what_the_dialogue_adds():
    intents = domain()["intents"]
    assert len(set(intents)) == len(intents)
    extras = {*EXTRA_INTENTS, *(f"decision_{kind}" for kind in DECISIONS)}
    assert set(intents) == {topic.id for topic in load_topics()} | extras


def test_every_kind_of_decision_is_one_the_rules_know():
    named = {value for name, value in vars(kinds).items() if name.isupper() and isinstance(value, str)}
    decided = [intent for intent in domain()["intents"] if intent.startswith("decision_")]
    assert {intent.removeprefix("decision_") for intent in decided} <= named


def test_every_intent_has_a_rule_and_no_rule_another():
    named = {step["intent"] for step in story_steps() if "intent" in step}
    assert named == set(domain()["intents"])


def test_rules_say_the_responses_and_do_the_actions_of_the_domain():
    done = {step["action"] for step in story_steps() if "action" in step}
    assert {name for name in done if name.startswith("utter_")} == set(domain()["responses"])
    assert {name for name in done if name.startswith("action_")} == set(domain()["actions"])


def test_the_written_rules_follow_the_topics():
    assert write_rasa_files(ROOT, load_topics(), check_only=True) is False


def test_every_action_exists():
    names = []
    for path in sorted((ROOT / "actions").glob("*.py")):
        # Read, not imported: rasa_sdk is in the other environment.
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef) and function.name == "name":
                names.extend(node.value.value for node in ast.walk(function) if isinstance(node, ast.Return))
    assert sorted(names) == sorted(domain()["actions"])


@pytest.mark.parametrize("name", RESPONSES)
def test_a_response_has_words_for_whoever_asks(name):
    variations = domain()["responses"][name]
    assert not variations[-1].get("condition")
    assert all(variation.get("condition") for variation in variations[:-1])
    for variation in variations:
        assert variation["text"].strip()
        assert "!" not in variation["text"]
        for condition in variation.get("condition", []):
            assert (condition["type"], condition["name"]) == ("slot", "profil")
            assert condition["value"] in PROFILES


@pytest.mark.parametrize("name", RESPONSES)
def test_a_response_says_tu_to_pupils_only(name):
    phrasebook = Phrasebook(domain()["responses"])
    for profile in (*PROFILES, None):
        text = phrasebook.say(name, profile)
        assert set(re.findall(r"\{(\w+)\}", text)) <= set(domain()["slots"])
        if profile == PUPIL and name not in TO_ANYBODY:
            assert not VOUS.search(text)
        elif profile != PUPIL:
            assert not TU.search(text)


def test_slots_and_entities_are_what_the_engine_fills():
    assert set(domain()["slots"]) == {"sujet", "profil"}
    assert tuple(domain()["slots"]["profil"]["values"]) == PROFILES
    assert {name for entity in domain()["entities"] for name in entity} == {"sujet", "profil"}
