from __future__ import annotations

import json
import threading
import time

import pytest

from bot.errors import OperationError
from bot.operations import model_files, training


def test_without_a_model_training_is_needed(settings):
    assert model_files.is_stale(settings.root)


def test_after_training_the_model_is_current_and_recorded(settings):
    said: list[str] = []

    assert training.train_model(settings, said.append)

    assert not model_files.is_stale(settings.root)
    record = model_files.read_record(model_files.model_path(settings.root), model_files.record_path(settings.root))
    assert record is not None
    assert record.inputs == model_files.hash_inputs(settings.root)
    assert "  SmallClassifier" in said
    assert (settings.root / "train-environment.txt").read_text(encoding="utf-8").strip() == f"false {settings.root}"


def test_a_current_model_is_not_trained_again_unless_forced(settings):
    training.train_model(settings, lambda _: None)

    assert not training.train_model(settings, lambda _: None)
    assert training.train_model(settings, lambda _: None, force=True)


@pytest.mark.parametrize(
    "name",
    [
        "config.yml",
        "domain.yml",
        "data/nlu/a.yml",
        "data/new.yml",
        "bot/engine/x.py",
        "bot/language/y.py",
        "bot/topics.py",
    ],
)
def test_what_the_model_is_made_from_makes_it_stale(settings, name):
    training.train_model(settings, lambda _: None)

    path = settings.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("changed: yes\n", encoding="utf-8")

    assert model_files.is_stale(settings.root)


@pytest.mark.parametrize(
    "name", ["README.md", "bot/chat/x.py", "data/.hidden.yml", "data/a.yml~", "bot/engine/__pycache__/x.pyc"]
)
def test_what_it_is_not_made_from_leaves_it_current(settings, name):
    training.train_model(settings, lambda _: None)

    path = settings.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("anything\n", encoding="utf-8")

    assert not model_files.is_stale(settings.root)


def test_content_counts_and_not_the_date(settings):
    training.train_model(settings, lambda _: None)

    (settings.root / "config.yml").write_text("language: fr\n", encoding="utf-8")

    assert not model_files.is_stale(settings.root)


def test_a_file_renamed_makes_it_stale(settings):
    training.train_model(settings, lambda _: None)

    (settings.root / "data/nlu/a.yml").rename(settings.root / "data/nlu/b.yml")

    assert model_files.is_stale(settings.root)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"inputs": "x"}'])
def test_a_record_that_cannot_be_read_counts_as_stale(settings, content):
    training.train_model(settings, lambda _: None)

    model_files.record_path(settings.root).write_text(content, encoding="utf-8")

    assert model_files.is_stale(settings.root)


def test_a_model_replaced_by_hand_counts_as_stale(settings):
    training.train_model(settings, lambda _: None)
    other = settings.root / "other.tar.gz"
    other.write_bytes(b"another model altogether")

    other.replace(model_files.model_path(settings.root))

    assert model_files.is_stale(settings.root)


def test_a_failed_training_leaves_the_model_in_place_and_says_why(settings):
    training.train_model(settings, lambda _: None)
    before = model_files.model_path(settings.root).read_bytes()
    (settings.root / "config.yml").write_text("language: xx\n", encoding="utf-8")
    (settings.root / "train-fails").touch()

    with pytest.raises(OperationError, match="mal écrit") as failure:
        training.train_model(settings, lambda _: None)

    assert "data/nlu/x.yml line 3" in failure.value.sentence
    assert model_files.model_path(settings.root).read_bytes() == before
    assert model_files.is_stale(settings.root)
    assert not list((settings.root / "models").glob(".training-*"))


def test_only_the_newest_models_are_kept_each_with_its_record(settings):
    for _ in range(model_files.MODELS_KEPT + 2):
        training.train_model(settings, lambda _: None, force=True)

    kept = sorted((settings.root / "models").glob("assistent-*.tar.gz"))
    assert len(kept) == model_files.MODELS_KEPT
    assert len(list((settings.root / "models").glob("assistent-*.json"))) == model_files.MODELS_KEPT
    assert kept[-1].read_bytes() == model_files.model_path(settings.root).read_bytes()


def test_a_second_training_at_the_same_time_is_refused(settings):
    (settings.root / "train-waits").touch()
    first = threading.Thread(target=training.train_model, args=(settings, lambda _: None))
    first.start()
    try:
        while not list((settings.root / "models").glob(".training-*")):
            time.sleep(0.02)
        with pytest.raises(OperationError, match="déjà en cours"):
            training.train_model(settings, lambda _: None)
    finally:
        (settings.root / "train-waits").unlink()
        first.join()
    assert not model_files.is_stale(settings.root)


def test_an_absent_rasa_is_told(settings):
    (settings.root / ".venv-rasa" / "bin" / "python").unlink()

    with pytest.raises(OperationError, match="make install"):
        training.train_model(settings, lambda _: None)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (
            "2026-11-22 07:00:00 INFO     rasa.engine.training.hooks  - Starting to train component 'Decider'.",
            "  Decider",
        ),
        ("Your Rasa model is trained and saved at 'models/x.tar.gz'.", "  écriture du modèle"),
        ("Epochs:  33%|###", None),
        ("", None),
    ],
)
def test_lines_of_rasa_that_matter_are_translated(line, sentence):
    assert training.translate_progress(line) == sentence


def test_a_training_killed_for_memory_is_told_so(tmp_path):
    assert "mémoire" in training.explain_training_failure(-9, [], tmp_path / "train.log")


def test_the_record_is_readable_by_hand(settings):
    training.train_model(settings, lambda _: None)

    content = json.loads(model_files.record_path(settings.root).read_text(encoding="utf-8"))

    assert set(content) == {"inputs", "trained_at", "seconds", "size"}
