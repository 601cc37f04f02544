"""The reader of a trained model: it ranks, it hints at emergencies, and a model that is not whole is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bot.errors import ModelError
from bot.language.reader import Reader
from bot.language.urgent import HACKED, HARASSMENT, UrgentSigns
from bot.topics import Topic
from tests.unit.language.small_model import FOLDER, TAUGHT, as_npz, small_model, write_archive


def load(folder: Path, files: dict[str, bytes]) -> Reader:
    return Reader.load(write_archive(folder / "assistent.tar.gz", files))


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    return load(tmp_path_factory.mktemp("model"), small_model())


# --- ranking --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "topic"), [
    ("Bonjour !", "salutation"), ("les DEVOIRS svp", "cdt_consulter_devoirs"), ("ils m'on frapé", "urgence_harcelement"),
])  # fmt: skip
def test_what_was_taught_comes_first(reader: Reader, text: str, topic: str) -> None:
    ranking = reader.rank(text, "eleve")
    assert ranking[0][0] == topic
    assert {name for name, _ in ranking} == set(TAUGHT)
    assert sum(chance for _, chance in ranking) == pytest.approx(1.0, abs=1e-5)
    assert [chance for _, chance in ranking] == sorted((chance for _, chance in ranking), reverse=True)


def test_what_the_taxonomy_opens_to_a_profile_is_likelier_for_it(reader: Reader) -> None:
    assert (
        dict(reader.rank("un compte", "directeur"))["admin_creer_compte"]
        > (dict(reader.rank("un compte", "eleve"))["admin_creer_compte"])
    )


def test_it_knows_the_topics_that_its_model_was_made_with(tmp_path: Path, reader: Reader) -> None:
    pool = Topic("piscine", "vie_de_classe", ("parent",), "Aller à la piscine")
    taught = {**TAUGHT, "piscine": ["la piscine de mardi", "le bonnet de bain"]}
    other = load(tmp_path, small_model(taught=taught, added=[pool]))
    assert other.topics["piscine"] == pool
    assert "piscine" not in reader.topics
    # And by them, whom a topic is open to.
    assert dict(other.rank("la piscine", "parent"))["piscine"] > dict(other.rank("la piscine", "eleve"))["piscine"]


@pytest.mark.parametrize("text", ["", " ", "?!", "👍", "مرحبا", "a" * 20_000, "pas " * 5_000])
def test_whatever_is_typed_is_ranked(reader: Reader, text: str) -> None:
    assert sum(chance for _, chance in reader.rank(text, None)) == pytest.approx(1.0, abs=1e-5)


# --- emergencies ----------------------------------------------------------------------------------

WORDS = UrgentSigns(HARASSMENT, False, ("TAP",))
SURE = UrgentSigns(HARASSMENT, True, ("HIT",))


@pytest.mark.parametrize(("signs", "ranking", "expected"), [
    (UrgentSigns(), [("salutation", 0.9), (HARASSMENT, 0.1)], UrgentSigns()),
    (UrgentSigns(), [("salutation", 0.4), (HACKED, 0.6)], UrgentSigns(HACKED, False, ("reader",))),
    (UrgentSigns(), [(HACKED, 0.95), (HARASSMENT, 0.05)], UrgentSigns(HACKED, True, ("reader",))),
    (WORDS, [("salutation", 0.9), (HARASSMENT, 0.1)], WORDS),
    (WORDS, [(HARASSMENT, 0.95)], UrgentSigns(HARASSMENT, True, ("TAP", "reader"))),
    (WORDS, [(HACKED, 0.6), (HARASSMENT, 0.3)], UrgentSigns(HACKED, False, ("TAP", "reader"))),
    (SURE, [(HACKED, 0.95)], SURE),
    (SURE, [("salutation", 0.99)], SURE),
    (UrgentSigns(), [("salutation", 1.0)], UrgentSigns()),
    (UrgentSigns(), [], UrgentSigns()),
])  # fmt: skip
def test_words_or_ranking_are_enough(reader: Reader, signs: UrgentSigns, ranking: list, expected: UrgentSigns) -> None:
    assert reader.add_to(signs, ranking) == expected


# --- loading --------------------------------------------------------------------------------------


def test_a_model_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="illisible"):
        Reader.load(tmp_path / "assistent.tar.gz")


@pytest.mark.parametrize("name", sorted(small_model()))
def test_a_missing_or_cut_file_is_refused(tmp_path: Path, name: str) -> None:
    files = small_model()
    with pytest.raises(ModelError, match="incomplet"):
        load(tmp_path, {other: data for other, data in files.items() if other != name})
    for size in (0, 10, len(files[name]) // 2, len(files[name]) - 30):
        with pytest.raises(ModelError):
            load(tmp_path, {**files, name: files[name][:size]})


@pytest.mark.parametrize("part", [0, 0.01, 0.5, 0.9])
def test_a_cut_archive_is_refused(tmp_path: Path, part: float) -> None:
    path = write_archive(tmp_path / "assistent.tar.gz", small_model())
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * part)])
    with pytest.raises(ModelError):
        Reader.load(path)


def test_a_model_of_another_pipeline_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="incomplet"):
        Reader.load(write_archive(tmp_path / "a.tar.gz", small_model(), "components/train_DIETClassifier3"))


def changed(name: str, **values) -> dict[str, bytes]:
    files = small_model()
    return {**files, name: json.dumps({**json.loads(files[name]), **values}).encode()}


def with_arrays(kind: type = np.float16, **arrays: np.ndarray) -> dict[str, bytes]:
    files = small_model()
    width = sum(len(grams) for grams in json.loads(files["features.json"])["grams"].values()) + 6
    whole = {"weights": np.zeros((width, len(TAUGHT)), dtype=kind), "bias": np.zeros(len(TAUGHT))}
    return {**files, "model.npz": as_npz(**{**whole, **arrays})}


@pytest.mark.parametrize("files", [
    changed("model.json", labels=sorted(TAUGHT)[1:]),
    changed("model.json", alone={}),
    changed("model.json", alone=None),
    changed("model.json", alone={**json.loads(small_model()["model.json"])["alone"], "thresholds": ["urgent"]}),
    changed("model.json", alone={**json.loads(small_model()["model.json"])["alone"], "certain": "beaucoup"}),
    changed("features.json", grams={}),
    changed("features.json", settings={"word_ngrams": 3}),
    with_arrays(weights=np.zeros((3, len(TAUGHT)), dtype=np.float16)),
    with_arrays(bias=np.full(len(TAUGHT), np.nan)),
    with_arrays(bias=np.zeros(2)),
    {**small_model(), "model.json": b"[]"},
    {**small_model(), "features.npz": b"PK\x03\x04 not a zip"},
])  # fmt: skip
def test_what_does_not_fit_is_refused(tmp_path: Path, files: dict[str, bytes]) -> None:
    with pytest.raises(ModelError):
        load(tmp_path, files)


def test_weights_in_half_precision_alone_are_taken(tmp_path: Path) -> None:
    assert load(tmp_path, with_arrays(np.float16)).rank("bonjour", None)
    for kind in (np.float32, np.int8):
        with pytest.raises(ModelError, match="demi-précision"):
            load(tmp_path, with_arrays(kind))


def test_objects_are_never_unpickled(tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        load(tmp_path, {**small_model(), "model.npz": as_npz(weights=np.array([{}], dtype=object), bias=np.zeros(1))})


def test_two_classifiers_in_one_archive_are_refused(tmp_path: Path) -> None:
    files = small_model()
    both = {f"{FOLDER}/{name}": data for name, data in files.items()}
    other = {f"{FOLDER[:-1]}1/{name}": data for name, data in files.items()}
    with pytest.raises(ModelError, match="plusieurs"):
        Reader.load(write_archive(tmp_path / "a.tar.gz", {**both, **other}, "."))
