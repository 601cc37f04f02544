"""The reader in service: there once a model is, replaced when the file is, kept when the new one is unreadable."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bot.chat.reading import ReaderInService
from bot.errors import ModelError
from bot.topics import Topic
from tests.unit.language.small_model import small_model, write_archive


def replace(target: Path, **options) -> None:
    """Put another model in place in one gesture, as a training does."""
    new = target.with_name("new")
    write_archive(new, small_model(**options))
    os.replace(new, target)


def test_there_is_none_before_the_first_model_and_one_after(tmp_path: Path) -> None:
    reader = ReaderInService(tmp_path / "assistent.tar.gz")
    assert reader.refresh() is False
    assert reader.current is None
    replace(tmp_path / "assistent.tar.gz", hint=0.25)
    assert reader.refresh() is True
    assert reader.thresholds.urgent == 0.25
    assert reader.refresh() is False


def test_a_new_model_takes_the_place_of_the_former(tmp_path: Path) -> None:
    path = tmp_path / "assistent.tar.gz"
    replace(path)
    reader = ReaderInService(path)
    reader.refresh()
    former = reader.current
    replace(path, hint=0.75)
    assert reader.refresh() is True
    assert reader.current is not former
    assert reader.thresholds.urgent == 0.75


def test_between_two_models_no_added_topic_is_known_until_the_one_that_serves_is_read(tmp_path: Path) -> None:
    pool = Topic("piscine", "vie_de_classe", ("parent",), "Aller à la piscine")
    new, former = tmp_path / "a.tar.gz", tmp_path / "b.tar.gz"
    replace(new, added=[pool])
    replace(former)
    reader = ReaderInService(new)
    assert not reader.knows("piscine")
    reader.refresh()
    assert reader.knows("piscine")
    reader.follow(former)
    assert not reader.knows("piscine")
    reader.refresh()
    assert not reader.knows("piscine")
    reader.follow(new)
    assert not reader.knows("piscine")
    reader.refresh()
    assert reader.knows("piscine")


def test_an_unreadable_model_is_told_once_and_the_former_stays(tmp_path: Path) -> None:
    path = tmp_path / "assistent.tar.gz"
    replace(path)
    reader = ReaderInService(path)
    reader.refresh()
    former = reader.current
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ModelError):
        reader.refresh()
    assert reader.refresh() is False
    path.unlink()
    assert reader.refresh() is False
    assert reader.current is former


def test_thresholds_of_another_making_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "assistent.tar.gz"
    files = small_model()
    files["model.json"] = files["model.json"].replace(b'"second"', b'"third"')
    reader = ReaderInService(write_archive(path, files))
    with pytest.raises(ModelError, match="seuils"):
        reader.refresh()
    assert reader.current is None
