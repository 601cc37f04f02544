"""Which archives may serve: whole, of our Rasa and components, taught; the others are refused with what is wrong."""

from __future__ import annotations

import io
import json
import os
import re
from pathlib import Path

import numpy as np
import pytest

from bot.errors import InvalidField, ModelError
from bot.learning.archives import NEWEST, OURS, RASA_VERSION, check_model, describe, find_archive, list_archives
from bot.settings import ROOT
from tests.unit.language.small_model import as_npz, small_model
from tests.unit.learning.models_made import LEARNT, make_model, metadata, write_record


def test_a_model_that_a_training_left_is_taken(tmp_path: Path) -> None:
    path = make_model(tmp_path, "assistent-1")
    assert describe(path).fault == ""
    check_model(path)


def test_the_version_looked_for_is_the_one_installed() -> None:
    lock = (ROOT / "requirements" / "rasa.lock").read_text(encoding="utf-8")
    assert re.search(r"^rasa==([\d.]+)", lock, re.MULTILINE)[1] == RASA_VERSION


@pytest.mark.parametrize("share", [0.0, 0.2, 0.9, 0.999])
def test_a_half_written_archive_is_refused_whatever_its_record_says(tmp_path: Path, share: float) -> None:
    path = make_model(tmp_path, "coupe")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    assert "incomplet" in describe(path).fault
    write_record(path)
    assert describe(path).fault == ""
    with pytest.raises(ModelError):
        check_model(path)


def test_a_changed_byte_is_seen(tmp_path: Path) -> None:
    path = make_model(tmp_path, "abime")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(ModelError):
        check_model(path)


def untaught() -> dict[str, bytes]:
    """The files of a classifier whose weights were never fitted."""
    files = small_model(taught=LEARNT)
    with np.load(io.BytesIO(files["model.npz"])) as arrays:
        zeros = {name: np.zeros_like(arrays[name]) for name in arrays.files}
    return {**files, "model.npz": as_npz(**zeros)}


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"about": metadata("3.5.0")}, "appris par Rasa 3.5.0"),
        ({"about": {"rasa_open_source_version": RASA_VERSION}}, "n’est pas un modèle de Rasa"),
        ({"about": metadata(uses=OURS - {"bot.engine.components.decision_maker.DecisionMaker"})}, "manque DecisionMaker"),
        ({"about": metadata(uses=OURS | {"os.system"})}, "pas d’ici : os.system"),
        ({"files": small_model()}, "ne comprend pas « j’ai oublié mon mot de passe »"),
        ({"files": {"model.json": b"{}"}}, "incomplet"),
        ({"files": {**small_model(taught=LEARNT), "model.json": json.dumps({}).encode()}}, "incomplet"),
        ({"files": untaught()}, "n’a pas été appris"),
    ],
    ids=["other Rasa", "no schema", "component missing", "foreign component", "unknown topics", "no classifier",
         "empty classifier", "untaught"],
)  # fmt: skip
def test_what_is_not_a_model_of_ours_is_refused_with_why(tmp_path: Path, wrong: dict, sentence: str) -> None:
    path = make_model(tmp_path, "faux", **wrong)
    with pytest.raises(ModelError, match=re.escape(sentence)):
        check_model(path)


@pytest.mark.parametrize(
    "record", [None, "", "{}", "[]", '{"size": 3, "trained_at": 7}', '{"size": 1, "trained_at": "hier"}']
)
def test_without_a_record_that_can_be_read_it_is_not_known_where_it_comes_from(
    tmp_path: Path, record: str | None
) -> None:
    path = make_model(tmp_path, "orphelin")
    beside = tmp_path / "orphelin.json"
    beside.unlink() if record is None else beside.write_text(record, "utf-8")
    assert describe(path).fault.startswith("Sa fiche")


def test_archives_are_listed_newest_first_and_the_alias_once(tmp_path: Path) -> None:
    make_model(tmp_path, "assistent-1", trained_at="2026-11-18T08:00:00+00:00")
    newest = make_model(tmp_path, "assistent-2", trained_at="2026-11-19T08:00:00+00:00")
    os.link(newest, tmp_path / NEWEST)
    (tmp_path / ".half.tar.gz").write_bytes(b"x")
    (tmp_path / "a b.tar.gz").write_bytes(b"x")
    assert [one.name for one in list_archives(tmp_path)] == ["assistent-2.tar.gz", "assistent-1.tar.gz"]
    assert find_archive(tmp_path, "assistent").name == "assistent-2.tar.gz"
    assert find_archive(tmp_path, " assistent-1 ").name == "assistent-1.tar.gz"


@pytest.mark.parametrize(
    "name", ["", "absent", "../models/assistent-1", "/etc/passwd", "a\x00b", "x" * 5000, "é", ".."]
)
def test_a_name_that_is_none_of_the_list_is_refused(tmp_path: Path, name: str) -> None:
    make_model(tmp_path / "models", "assistent-1")
    with pytest.raises(InvalidField, match="Choisissez-en un dans la liste"):
        find_archive(tmp_path / "models", name)
