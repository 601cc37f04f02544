"""Checking a folder of articles and reading the training utterances: no database in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.errors import KnowledgeError
from bot.knowledge.service import check_files, read_file, read_utterances
from bot.topics import PROFILES, Topic, Topics
from tests.unit.knowledge.drafts import draft

TOPICS = Topics(
    [
        Topic("essai_sujet", "essai", PROFILES, "un essai"),
        Topic("essai_absent", "essai", PROFILES, "un autre"),
        Topic("essai_reserve", "essai", ("parent",), "pour les parents"),
        Topic("salutation", "dialogue", PROFILES, "bonjour"),
    ]
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "essai").mkdir()
    return tmp_path


def write(folder: Path, name: str, source: str | bytes) -> Path:
    path = folder / "essai" / name
    path.write_bytes(source if isinstance(source, bytes) else source.encode())
    return path


def test_a_folder_is_told_all_its_faults_at_once(folder):
    write(folder, "essai_sujet.md", draft())
    write(folder, "essai_reserve.md", draft(topic="essai_reserve"))
    faults = check_files(folder, TOPICS)
    assert faults == {
        "essai/essai_absent.md": "Il manque l’article de ce sujet.",
        "essai/essai_reserve.md": "Les audiences doivent être celles du sujet : parent.",
    }


def test_a_file_bears_the_name_of_its_topic(folder):
    with pytest.raises(KnowledgeError, match=r"Le fichier doit s’appeler essai_sujet\.md"):
        read_file(write(folder, "autre.md", draft()), TOPICS)


@pytest.mark.parametrize("path", ["essai/absent.md", "essai"])
def test_a_file_that_cannot_be_read_is_said_to_be(folder, path):
    with pytest.raises(KnowledgeError, match="Le fichier est illisible"):
        read_file(folder / path, TOPICS)


def test_a_file_in_another_encoding_is_said_to_be(folder):
    with pytest.raises(KnowledgeError, match="Le fichier est illisible"):
        read_file(write(folder, "essai_sujet.md", draft().encode("utf-16")), TOPICS)


def test_a_topic_that_a_trainer_adds_needs_no_line_in_the_topics_file(folder):
    path = write(folder, "essai_nouveau.md", draft(topic="essai_nouveau"))
    assert read_file(path, TOPICS).topic == "essai_nouveau"


def test_utterances_are_gathered_by_intent_from_all_the_files(folder):
    write(
        folder,
        "a.yml",
        "nlu:\n- intent: x\n  examples: |\n    - un\n    -  deux \n- intent: y\n  examples: |\n    - trois\n",
    )
    write(folder, "b.yml", "nlu:\n- intent: x\n  examples: |\n    - quatre\n- intent: vide\n")
    write(folder, "c.yml", "")
    assert read_utterances(folder) == {"x": ["un", "deux", "quatre"], "y": ["trois"], "vide": []}
