"""data/nlu: what people are thought to say, by speaker and theme; and nothing of it is the measuring set."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict

import numpy as np
import pytest
from rapidfuzz import fuzz, process

from bot.language.normalise import fold, normalise
from bot.settings import ROOT
from bot.topics import DIALOGUE_THEME, PROFILES, load_topics
from tests.content.reading import domain, nlu_blocks, utterances

VOICES = ("standard", "sms", "fautes", "mots_cles", "long", "indirect", "emotion", "oral")
# The hands that wrote: folds are parted by them, for what counts is to understand people who wrote nothing of it.
HANDS = ("a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "u")
LEAST_BY_TOPIC = 150
LEAST_BY_EMERGENCY = 250
LEAST_OUT_OF_SCOPE = 600
LEAST_OF_DIALOGUE = 80
# Where utterances are by subject, whoever speaks.
COMMON = "commun"
# Likeness (0–100) from which an utterance is a copy; under this many words chance makes copies: only the same is one.
COPY = 90
FEW_WORDS = 4

MEASURING_SET = ROOT / "benchmarks" / "eval" / "dev.jsonl"


def test_blocks_say_whose_words_they_are():
    intents = {topic.id for topic in load_topics()} | {
        name for name in domain()["intents"] if not name.startswith("decision_")
    }
    assert nlu_blocks()
    for file, block in nlu_blocks():
        assert set(block) == {"intent", "metadata", "examples"}, file
        assert block["intent"] in intents, f"{file} : {block['intent']}"
        # Of those who did not say who they are, the profile is not known.
        anybody = file.startswith(f"{COMMON}/") and "profil" not in block["metadata"]
        assert set(block["metadata"]) | ({"profil"} if anybody else set()) == {"profil", "voix", "main"}, file
        assert anybody or block["metadata"]["profil"] in PROFILES, f"{file} : {block['intent']}"
        assert block["metadata"]["main"] in HANDS, f"{file} : {block['intent']}"
        assert block["metadata"]["voix"] in VOICES, f"{file} : {block['intent']}"
        lines = [line for line in block["examples"].split("\n") if line.strip()]
        assert lines, f"{file} : {block['intent']}"
        assert all(re.match(r"- \S", line) for line in lines), f"{file} : {block['intent']}"


def test_utterances_are_read_whole_by_rasa():
    # Rasa takes [words](entity) for an entity, and « / » at the start for a command.
    for utterance in utterances():
        assert not re.search(r"\[[^\]]*\][({]", utterance.text), utterance
        assert not utterance.text.startswith("/"), utterance
        assert any(character.isalnum() for character in utterance.text), utterance


def test_every_intent_that_may_be_recognised_has_utterances():
    said = {utterance.intent for utterance in utterances()}
    assert said == {name for name in domain()["intents"] if not name.startswith("decision_")}


def test_files_are_named_by_speaker_and_theme():
    by_id = {topic.id: topic for topic in load_topics()}
    misplaced = []
    for file, block in nlu_blocks():
        speaker, name = file.removesuffix(".yml").split("/")
        if speaker == COMMON:
            continue
        # A theme may go on in another file: cahier_de_textes.yml, cahier_de_textes_suite.yml.
        theme = by_id[block["intent"]].theme
        if block["metadata"]["profil"] != speaker or not (name == theme or name.startswith(f"{theme}_")):
            misplaced.append(f"{file} : {block['intent']} ({block['metadata']['profil']})")
    assert not misplaced, "\n".join(misplaced)


def test_every_topic_has_enough_utterances():
    counts = Counter(utterance.intent for utterance in utterances())
    wanted = {topic.id: LEAST_OF_DIALOGUE if topic.is_dialogue else LEAST_BY_TOPIC for topic in load_topics()}
    wanted |= {name: LEAST_BY_EMERGENCY for name in wanted if name.startswith("urgence_")}
    wanted["hors_sujet"] = LEAST_OUT_OF_SCOPE
    assert {name: counts[name] for name, least in wanted.items() if counts[name] < least} == {}


def test_every_voice_has_its_share():
    """Nobody's way of writing is under a fiftieth of it, and none is over a third."""
    counts = Counter(utterance.voice for utterance in utterances())
    shares = {voice: counts[voice] / len(utterances()) for voice in VOICES}
    assert all(0.02 <= share <= 0.34 for share in shares.values()), shares


def test_no_utterance_is_there_twice_nor_under_two_intents():
    seen = defaultdict(list)
    for utterance in utterances():
        seen[" ".join(re.findall(r"\w+|[?!]+", fold(utterance.text)))].append(utterance)
    twice = [
        f"{same[0].text!r} : " + ", ".join(f"{utterance.file} {utterance.intent}" for utterance in same)
        for same in seen.values()
        if len(same) > 1
    ]
    assert not twice, "\n".join(twice)


def test_no_utterance_reads_the_same_under_two_intents():
    """What is left once punctuation and shorthand are gone cannot teach two things."""
    intents = defaultdict(set)
    for utterance in utterances():
        intents[re.sub(r" ?[?!]+", "", normalise(utterance.text))].add((utterance.intent, utterance.file))
    torn = {text: found for text, found in intents.items() if len({intent for intent, _ in found}) > 1}
    assert not torn, "\n".join(f"{text!r} : {sorted(found)}" for text, found in torn.items())


@pytest.mark.skipif(not MEASURING_SET.exists(), reason="le jeu de mesure n’est pas là")
def test_nothing_is_copied_from_the_measuring_set():
    """The lines of the measuring set are named, not shown: whoever mends the training data has not to read them."""
    dialogue = {topic.id for topic in load_topics() if topic.theme == DIALOGUE_THEME}
    measured = [json.loads(line) for line in MEASURING_SET.read_text(encoding="utf-8").splitlines() if line.strip()]
    ours = [_bare(utterance.text) for utterance in utterances()]
    theirs = [_bare(line["text"]) for line in measured]
    likeness = process.cdist(theirs, ours, scorer=fuzz.ratio, score_cutoff=COPY, dtype=np.uint8)
    copies = []
    for row, column in zip(*np.nonzero(likeness), strict=True):
        utterance, short = utterances()[column], min(len(theirs[row].split()), len(ours[column].split())) < FEW_WORDS
        if short and (theirs[row] != ours[column] or {utterance.intent, measured[row]["topic"]} & dialogue):
            continue
        copies.append(
            f"{measured[row]['id']} ({likeness[row, column]}) {utterance.file} {utterance.intent} : {utterance.text}"
        )
    assert not copies, "\n".join(sorted(copies))


def _bare(text: str) -> str:
    return " ".join(re.sub(r"[?!]+", " ", normalise(text)).split())
