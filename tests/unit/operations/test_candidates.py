"""What is kept of models, and what each is made again from."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from bot.errors import OperationError
from bot.operations import model_files, training
from bot.operations.candidates import copy_inputs, open_bench, pack_inputs, remake_model
from bot.operations.model_files import find_served, kept_models, prune_models
from bot.settings import Settings


@pytest.fixture
def project(settings: Settings) -> Settings:
    """The small project, with what a run's copy needs."""
    for name, text in (
        ("bot/errors.py", ""),
        ("knowledge/topics.yml", "topics:\n  - {id: blog, theme: x, profils: tous, sens: y}\n"),
        ("data/stories/demande.yml", "version: '3.1'\n"),
    ):
        path = settings.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return settings


def add_model(root: Path, day: int, size: int = 10) -> str:
    name = f"assistent-202611{day:02}T000000000000Z"
    (root / "models").mkdir(exist_ok=True)
    for ending in ("tar.gz", "json", "inputs.tgz"):
        (root / "models" / f"{name}.{ending}").write_bytes(f"{day:02}{ending}".encode().ljust(size))
    return name


def serve(root: Path, name: str, *, link: bool = True) -> None:
    for ending in ("tar.gz", "json"):
        source, target = root / "models" / f"{name}.{ending}", root / "models" / f"assistent.{ending}"
        target.unlink(missing_ok=True)
        os.link(source, target) if link else target.write_bytes(source.read_bytes())


def names(root: Path) -> list[str]:
    return [path.name.removesuffix(".tar.gz") for path in reversed(kept_models(root))]


@pytest.mark.parametrize("link", [True, False])
def test_the_model_in_service_is_known_among_those_kept(tmp_path: Path, link: bool):
    first, second = add_model(tmp_path, 1), add_model(tmp_path, 2)
    assert find_served(tmp_path) is None
    serve(tmp_path, first, link=link)
    assert find_served(tmp_path) == first
    serve(tmp_path, second, link=link)
    assert find_served(tmp_path) == second


def test_what_is_needed_is_never_removed_and_nothing_is_left_of_what_is(tmp_path: Path):
    made = [add_model(tmp_path, day) for day in range(1, 10)]
    assert set(prune_models(tmp_path, {made[0], made[3]})) == {*made[1:3], *made[4:6]}
    assert names(tmp_path) == [made[0], made[3], *made[6:]]
    assert {path.name.split(".")[0] for path in (tmp_path / "models").iterdir()} == set(names(tmp_path))


def test_all_together_they_stay_under_a_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(model_files, "BYTES_KEPT", 250)
    made = [add_model(tmp_path, day, 100) for day in range(1, 6)]
    prune_models(tmp_path, {made[0]})
    assert names(tmp_path) == [made[0], made[4]]


def test_make_train_keeps_the_model_that_served_before(project: Settings):
    training.train_model(project, lambda _: None)
    first = find_served(project.root)
    for day in range(20, 30):
        add_model(project.root, day + 70)  # dates to come: candidates that never served
    training.train_model(project, lambda _: None, force=True)
    assert first in names(project.root)


def test_the_same_files_are_packed_into_the_same_bytes(project: Settings, tmp_path: Path):
    for folder in ("one", "two"):
        copy_inputs(project.root, tmp_path / folder)
        os.utime(tmp_path / folder / "config.yml", (1, len(folder)))
        pack_inputs(tmp_path / folder, tmp_path / f"{folder}.tgz")
    assert (tmp_path / "one.tgz").read_bytes() == (tmp_path / "two.tgz").read_bytes()


def test_a_kept_model_is_made_again_from_what_it_was_made_from(project: Settings):
    with open_bench(project, 7) as bench:
        (bench.inputs / "data/nlu/more.yml").write_text("version: '3.1'\n", encoding="utf-8")
        bench.train(lambda _: None, threading.Event())
        name = bench.keep(run=7, data_at="2026-11-22T00:00:00+00:00", made_of={"kept": 1})
        digest = bench.digest
    record = model_files.ModelRecord(**json.loads((project.root / f"models/{name}.json").read_text()))
    assert (record.run, record.digest, record.made_of) == (7, digest, {"kept": 1})
    assert record.inputs == model_files.hash_inputs(project.root) != digest
    assert not list((project.root / "models").glob(".training-*"))
    assert remake_model(project, name, lambda _: None).is_file()


def test_a_served_candidate_is_not_stale_for_what_formateurs_added(project: Settings):
    with open_bench(project, 7) as bench:
        (bench.inputs / "data/nlu/more.yml").write_text("version: '3.1'\n", encoding="utf-8")
        bench.train(lambda _: None, threading.Event())
        name = bench.keep(run=7, data_at="2026-11-22T00:00:00+00:00", made_of={})
    serve(project.root, name)
    assert not model_files.is_stale(project.root)
    (project.root / "config.yml").write_text("changed: yes\n", encoding="utf-8")
    assert model_files.is_stale(project.root)


@pytest.mark.parametrize("name", ["nothing", "../config", ""])
def test_a_model_without_what_it_was_made_from_cannot_be_made_again(project: Settings, name: str):
    with pytest.raises(OperationError, match="ne peut pas être refait"):
        remake_model(project, name, lambda _: None)


def test_a_damaged_copy_is_told(project: Settings):
    (project.root / "models").mkdir()
    (project.root / "models" / "assistent-x.inputs.tgz").write_bytes(b"\x1f\x8bcut")
    with pytest.raises(OperationError, match="illisible"):
        remake_model(project, "assistent-x", lambda _: None)


def test_two_trainings_exclude_each_other(project: Settings):
    with open_bench(project, 7), pytest.raises(OperationError, match="déjà en cours"):
        training.train_model(project, lambda _: None)
