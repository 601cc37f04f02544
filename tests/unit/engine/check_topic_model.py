"""Contract of TopicModel, run by Rasa's environment (see test_engine.py): each `check_` either returns or raises."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))

from bot.dialogue.decision import Thresholds  # noqa: E402
from bot.engine.features import FeatureSettings, Featuriser, Sample  # noqa: E402
from bot.engine.model import (  # noqa: E402
    TopicModel,
    TrainSettings,
    _read_alone,
    _weigh_last,
    choose_thresholds,
    with_last,
)  # fmt: skip
from bot.language.calibration import Calibration  # noqa: E402
from bot.topics import Topic, load_topics  # noqa: E402

TOPICS = load_topics()

WORDS = {
    "connexion_adresse": "adresse du site, lien de la page, où se trouve l'accueil, quelle url taper, portail de l'école",
    "visio": "classe virtuelle, lancer une visio, la caméra en réunion, inviter à la visioconférence, salon vidéo",
    "cantine_periscolaire": "réserver la cantine, annuler un repas, inscrire à la garderie, menu du self, payer le repas",
    "salutation": "bonjour, salut, bonsoir à vous, coucou, hello",
    "hors_sujet": "recette de crêpes, météo de demain, match de foot, film à regarder, changer un pneu",
}
LEADS = ("", "je veux ", "comment faire pour ", "svp ", "j'arrive pas à ")
# A message is read in milliseconds; a shared machine is given a wide margin.
READ_SECONDS = 0.5


def small_set() -> tuple[list[Sample], list[str], list[str]]:
    samples, labels, hands = [], [], []
    for label, phrases in WORDS.items():
        for phrase in phrases.split(", "):
            for number, lead in enumerate(LEADS):
                samples.append(Sample(lead + phrase, ("parent", "enseignant", None)[number % 3]))
                labels.append(label)
                hands.append(phrase)
    return samples, labels, hands


def train() -> TopicModel:
    samples, labels, hands = small_set()
    return TopicModel.train(samples, labels, hands=hands)


def refuses(folder: Path) -> None:
    try:
        TopicModel.load(folder)
    except Exception:
        return
    raise AssertionError("a damaged model was loaded")


def check_it_learns_and_is_the_same_every_time(model: TopicModel) -> None:
    assert model.rank(Sample("la visio avec la caméra", "enseignant"))[0][0] == "visio"
    assert model.rank(Sample("inscrire à la cantine", "parent"))[0][0] == "cantine_periscolaire"
    again = train()
    sample = Sample("je cherche le lien", "parent")
    assert again.rank(sample) == model.rank(sample)
    assert again.thresholds == model.thresholds


def check_saved_and_loaded_it_ranks_the_same(model: TopicModel) -> None:
    with tempfile.TemporaryDirectory() as name:
        model.save(Path(name))
        loaded = TopicModel.load(Path(name))
        assert {path.suffix for path in Path(name).iterdir()} == {".json", ".npz"}
    for text in ("bonjour", "le lien de la page svp", "visio", "zzz"):
        for profile in ("parent", None):
            before, after = model.rank(Sample(text, profile)), loaded.rank(Sample(text, profile))
            assert [pair[0] for pair in before] == [pair[0] for pair in after]
            assert np.allclose([pair[1] for pair in before], [pair[1] for pair in after], atol=1e-6)
    assert loaded.thresholds == model.thresholds
    assert loaded.alone == model.alone


def check_a_missing_or_damaged_file_is_not_loaded(model: TopicModel) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model.save(folder)
        for path in sorted(folder.iterdir()):
            whole = path.read_bytes()
            path.unlink()
            refuses(folder)
            path.write_bytes(whole[: len(whole) // 2])
            refuses(folder)
            path.write_bytes(whole)
        state = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        (folder / "model.json").write_text(json.dumps({**state, "labels": state["labels"][:-1]}), encoding="utf-8")
        refuses(folder)
        (folder / "model.json").write_text(json.dumps(state), encoding="utf-8")
        with np.load(folder / "model.npz") as arrays:
            damaged = {key: arrays[key].copy() for key in arrays}
        damaged["bias"][0] = np.nan
        np.savez(folder / "model.npz", **damaged)
        refuses(folder)


def check_whatever_is_typed_is_ranked_in_bounded_time(model: TopicModel) -> None:
    texts = (
        "", " ", "a", "?", "0612345678", "12 12 12", "…", "مرحبا كيف يمكنني الدخول", "你好,怎么登录", "uʍop ǝpᴉsdn",
        "👍👍👍", "a" * 1000, "pas " * 250, "où est le lien de la page " * 38, "\u200b\u200b", "l'" * 400, "é" * 1000,
        "Ligne une.\nLigne deux ?\n" * 40,
    )  # fmt: skip
    model.rank(Sample("bonjour"))
    for text in texts:
        for profile in ("parent", None, "inconnu"):
            started = time.perf_counter()
            ranking = model.rank(Sample(text, profile))
            assert time.perf_counter() - started < READ_SECONDS, text[:20]
            probabilities = [probability for _, probability in ranking]
            assert len(ranking) == len(WORDS)
            assert abs(sum(probabilities) - 1.0) < 1e-4, text[:20]
            assert all(0.0 <= probability <= 1.0 for probability in probabilities)
            assert probabilities == sorted(probabilities, reverse=True)


def check_a_message_is_read_by_its_sentences_too(model: TopicModel) -> None:
    whole = model.read(Sample("inscrire à la cantine", "parent"))
    assert whole.parts == []
    several = model.read(Sample("Je veux inscrire à la cantine. Puis lancer une visio, la caméra", "parent"))
    assert [ranking[0][0] for _, ranking in several.parts] == ["cantine_periscolaire", "visio"]
    model.last_weight = 5.0
    assert (
        model.read(Sample("Je veux inscrire à la cantine. Puis lancer une visio, la caméra", "parent")).ranking[0][0]
        == "visio"
    )
    with tempfile.TemporaryDirectory() as name:
        model.save(Path(name))
        assert TopicModel.load(Path(name)).last_weight == model.last_weight


def check_what_the_last_sentence_is_worth_is_learnt(_: TopicModel) -> None:
    draw, targets = np.random.default_rng(1), np.random.default_rng(2).integers(0, 3, 300)
    whole = draw.dirichlet(np.ones(3), 300)
    telling, silent = np.eye(3)[targets] * 0.8 + 0.2 / 3, draw.dirichlet(np.ones(3), 300)
    weight = _weigh_last(whole, telling, targets)
    mixed = with_last(whole, telling, weight)
    assert np.allclose(mixed.sum(axis=1), 1.0)
    assert (mixed.argmax(axis=1) == targets).mean() > (whole.argmax(axis=1) == targets).mean() + 0.3
    assert _weigh_last(whole, silent, targets) < 0.3 < weight
    assert _weigh_last(whole[:20], telling[:20], targets[:20]) == 0.0


def check_one_intent_is_refused_and_two_are_enough(_: TopicModel) -> None:
    try:
        TopicModel.train([Sample("bonjour"), Sample("salut")], ["salutation", "salutation"])
    except ValueError:
        pass
    else:
        raise AssertionError("a classifier of one intent was trained")
    texts = ["bonjour", "salut", "bonsoir", "la visio", "une visio", "visio svp"]
    two = TopicModel.train([Sample(text) for text in texts], ["salutation"] * 3 + ["visio"] * 3)
    assert two.rank(Sample("visio"))[0][0] == "visio"
    alone = TopicModel.train([Sample("bonjour"), Sample("la visio")], ["salutation", "visio"])
    assert abs(sum(probability for _, probability in alone.rank(Sample("visio"))) - 1.0) < 1e-4


def check_a_part_may_be_left_out(_: TopicModel) -> None:
    samples, labels, hands = small_set()
    settings = FeatureSettings(vector_weight=0.0, sound_weight=0.0, apart_weight=0.0, syllable_weight=0.0)
    model = TopicModel.train(samples, labels, settings, TrainSettings(folds=2), hands=hands)
    with tempfile.TemporaryDirectory() as name:
        model.save(Path(name))
        assert TopicModel.load(Path(name)).rank(Sample("visio"))[0][0] == "visio"
    rows = Featuriser.fit(samples, settings).transform(samples[:2])
    assert rows.written.shape[0] == 2
    assert rows.meant.shape == (2, 0)


def check_thresholds_grow_with_doubt(_: TopicModel) -> None:
    sure = np.full((100, 3), 0.15)
    sure[:, 0] = 0.70
    labels = ["connexion_adresse", "visio", "hors_sujet"]
    right = choose_thresholds(sure, np.zeros(100, dtype=int), labels, TOPICS)
    mistaken = choose_thresholds(sure, np.arange(100) % 2, labels, TOPICS)  # right one time in two
    assert isinstance(right, Thresholds)
    assert right.answer < mistaken.answer


def check_the_topics_of_its_making_travel_with_it(model: TopicModel) -> None:
    added = Topic("tablette", "technique", ("parent",), "La tablette prêtée")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model.topics = TOPICS.joined_by([added])
        model.save(folder)
        model.topics = TOPICS
        loaded = TopicModel.load(folder)
        assert loaded.topics["tablette"] == added
        assert list(loaded.topics) == [*TOPICS, added]


def check_few_calm_messages_are_hinted_at_and_fewer_are_certain(model: TopicModel) -> None:
    labels = ["connexion_adresse", "urgence_compte_pirate", "urgence_harcelement"]
    chances = np.zeros((1100, 3))
    chances[:1000, 1] = np.arange(1000) / 1000 / 2
    chances[1000:, 2] = 0.9
    chances[:, 0] = 1 - chances.sum(axis=1)
    targets = np.repeat([0, 2], [1000, 100])
    alone = _read_alone(chances, targets, labels, TOPICS, Calibration())
    calm = chances[:1000, 1:].max(axis=1)
    assert 0.010 <= (calm > alone.thresholds.urgent).mean() <= 0.015
    assert (calm > alone.certain).mean() <= 0.001
    assert alone.thresholds.urgent < alone.certain < 0.9
    # Where nothing is urgent, nothing is ever taken for it.
    assert model.alone.thresholds.urgent == model.alone.certain == 1.0
    assert model.alone.calibration.meant == 0.0


def main() -> int:
    model = train()
    checks = {name: check for name, check in globals().items() if name.startswith("check_")}
    chosen = sys.argv[1:] or sorted(checks)
    for name in chosen:
        checks[name](model)
        print("ok", name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
