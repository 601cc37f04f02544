"""What formateurs teach, added to a copy of the files: read back by the very reader of the files, whatever was typed."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.errors import KnowledgeError
from bot.knowledge.models import AddedTopic
from bot.knowledge.service import read_utterances
from bot.learning.dataset import LEAST, Taught, plain, write_taught
from bot.learning.models import Utterance
from bot.topics import read_topics

TOPICS = """topics:
  - {id: blog, theme: vie_de_classe, profils: tous, sens: "Le blog"}
  - {id: notes, theme: vie_de_classe, profils: [parent], sens: "Les notes"}
"""
NLU = 'version: "3.1"\nnlu:\n- intent: blog\n  metadata: {voix: standard, main: a}\n  examples: |\n    - le blog\n    - un billet\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "knowledge").mkdir()
    (tmp_path / "data" / "nlu" / "parent").mkdir(parents=True)
    (tmp_path / "knowledge" / "topics.yml").write_text(TOPICS, encoding="utf-8")
    (tmp_path / "domain.yml").write_text('version: "3.1"\nintents:\n  # tous\n  - blog\n  - notes\n', encoding="utf-8")
    (tmp_path / "data" / "nlu" / "parent" / "a.yml").write_text(NLU, encoding="utf-8")
    return tmp_path


def kept(number: int, topic: str, text: str, origin: str = "formateur", speaker: str = "parent") -> Utterance:
    return Utterance(id=number, topic=topic, text=text, form=text, speaker=speaker, origin=origin)


def added(topic: str) -> AddedTopic:
    return AddedTopic(
        id=topic, theme="technique", profiles=["parent"], meaning="La tablette", limits="", neighbours=[], author="x"
    )


def blocks(folder: Path, speaker: str) -> list[dict]:
    path = folder / "data" / "nlu" / speaker / "atelier.yml"
    return yaml.safe_load(path.read_text(encoding="utf-8"))["nlu"]


def test_what_is_kept_is_learnt_beside_the_files(folder: Path) -> None:
    facts = write_taught(folder, Taught((kept(1, "blog", "les photos"), kept(2, "notes", "sa moyenne", "message"))))
    assert read_utterances(folder / "data" / "nlu") == {"blog": ["le blog", "un billet", "les photos"], "notes": ["sa moyenne"]}  # fmt: skip
    assert (facts.from_files, facts.kept, facts.heard, facts.topics, facts.left_out) == (2, 2, 1, 2, [])


def test_each_message_is_a_writer_of_its_own_marked_to_be_held_out(folder: Path) -> None:
    write_taught(
        folder, Taught((kept(7, "blog", "a", "message"), kept(8, "blog", "b"), kept(9, "blog", "c", speaker="commun")))
    )
    heard, written = blocks(folder, "parent")
    assert heard["metadata"] == {"profil": "parent", "voix": "atelier", "main": "atelier-7", "garde": 7}
    assert written["metadata"] == {"profil": "parent", "voix": "atelier", "main": "atelier"}
    assert blocks(folder, "commun")[0]["metadata"] == {"voix": "atelier", "main": "atelier"}


def test_an_added_topic_with_enough_said_of_it_is_in_the_topics_and_the_domain(folder: Path) -> None:
    said = tuple(kept(number, "tablette", f"tablette {number}") for number in range(LEAST))
    facts = write_taught(folder, Taught(said, (added("tablette"),)))
    assert facts.added_topics == ["tablette"]
    topic = read_topics(folder / "knowledge" / "topics.yml")["tablette"]
    assert (topic.profiles, topic.meaning, topic.theme) == (("parent",), "La tablette", "technique")
    assert yaml.safe_load((folder / "domain.yml").read_text(encoding="utf-8"))["intents"] == [
        "tablette",
        "blog",
        "notes",
    ]


def test_a_topic_of_too_few_utterances_would_spoil_the_others_and_is_left_out(folder: Path) -> None:
    facts = write_taught(folder, Taught((kept(1, "tablette", "tablette"),), (added("tablette"),)))
    assert (facts.added_topics, facts.kept) == ([], 0)
    assert facts.left_out == ["Le sujet tablette n’est pas appris : il a 1 phrase(s), il en faut 3."]
    assert "tablette" not in (folder / "domain.yml").read_text(encoding="utf-8")


def test_what_belongs_to_no_topic_is_told(folder: Path) -> None:
    facts = write_taught(folder, Taught((kept(1, "parti", "bof"), kept(2, "parti", "hum"))))
    assert facts.left_out == ["2 phrase(s) du sujet parti ne sont pas apprises : ce sujet n’existe pas."]


def test_a_file_that_cannot_be_read_is_named(folder: Path) -> None:
    (folder / "data" / "nlu" / "parent" / "b.yml").write_text("nlu: [{", encoding="utf-8")
    with pytest.raises(KnowledgeError, match=r"data/nlu/parent/b\.yml"):
        write_taught(folder, Taught())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(st.text(max_size=60))
def test_whatever_was_typed_is_one_utterance_that_marks_no_entity(folder: Path, text: str) -> None:
    (folder / "data" / "nlu" / "parent" / "atelier.yml").unlink(missing_ok=True)
    write_taught(folder, Taught((kept(1, "notes", text),)))
    found = read_utterances(folder / "data" / "nlu").get("notes", [])
    assert found == ([plain(text)] if plain(text) else [])
    assert "](" not in plain(text)
    assert "]{" not in plain(text)


def test_nothing_taught_changes_nothing(folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    write_taught(folder, Taught())
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
