"""The topics' classifier: two linear experts, one on the words as written and one on their vectors, then a calibration.

The calibration weighs the experts, the bias of each topic and whether the topic is open to the profile; it is fitted
on texts held out by whole blocks (one writer, one topic, one voice), so that confidence is honest for strangers.
No Rasa here: it is trained and measured by itself (benchmarks/understanding.py) as well as inside Rasa's graph.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from scipy.optimize import minimize, minimize_scalar
from sklearn.svm import LinearSVC

from bot.dialogue.decision import Thresholds
from bot.engine.features import Features, FeatureSettings, Featuriser, Sample
from bot.language.calibration import Calibration, open_to, softmax
from bot.language.sentences import sentences_of
from bot.topics import Topics, load_topics

SEED = 20261122
OUT_OF_SCOPE = "hors_sujet"
# A decision costs little to a machine that stops early: the rest of the digits change no rank.
_TOLERANCE = 0.01
_ROUNDS = 1000
# From this many texts on a fit takes seconds, and a second process pays.
_MANY = 2_000
# What is lost, in clicks: choosing among topics offered; being told « je n'ai pas compris »; a wrong answer given with
# confidence, which has to be read, disbelieved and asked again.
_CLICK = 1.0
_MISS = 2.0
_WRONG = 4.0
# How many topics are offered at most, under what chance one of them is not worth a button, and from which share of
# right offers on (over at least so many held-out texts) offering is worth it.
_OFFERED = 4
_LEAST_CHOICE = 0.03
_WORTH_OFFERING = 0.4
_ENOUGH = 20
# Of the messages that are not urgent, how many may be hinted at as such by the words alone (and protected while the
# engine is out), and how many be taken for certain, without the engine being asked.
_FALSE_HINTS = 0.015
_FALSE_CERTAIN = 0.001
# A threshold that no probability passes.
_NEVER = 1.0
# Fewer held-out messages of several sentences than this, and what their sentences are worth is not known.
_SEVERAL = 100
# A sentence taken by itself rules nothing out, and counts for less than its message.
_LEAST_CHANCE = 0.05
_LAST_MOST = 2.0
# Under this confidence nothing is answered in any case: the curves are fitted above it.
_HOPELESS = 0.2


@dataclass(frozen=True)
class TrainSettings:
    """How the experts and the calibration are fitted."""

    regularisation: float = 1.0
    # 0: every utterance weighs the same; 1: every topic does. Topics that were written more about are asked more.
    balance: float = 0.0
    ridge: float = 3.0
    folds: int = 3


@dataclass(frozen=True)
class Alone:
    """How the words as written are read alone, in `web` while the engine is out (bot.language.reader)."""

    calibration: Calibration
    thresholds: Thresholds
    certain: float


@dataclass(frozen=True)
class _Scores:
    """The experts' scores and what the taxonomy says, a row a text and a column a label."""

    written: np.ndarray
    meant: np.ndarray
    open_to: np.ndarray

    def rows(self, chosen: np.ndarray) -> _Scores:
        return _Scores(self.written[chosen], self.meant[chosen], self.open_to[chosen])


@dataclass(frozen=True)
class Reading:
    """What was made of a text: its ranking, and that of each of its sentences when there are several."""

    ranking: list[tuple[str, float]]
    parts: list[tuple[str, list[tuple[str, float]]]]


class TopicModel:
    """Ranks intents for a text: probabilities that mean what they say, and the thresholds chosen with them."""

    def __init__(self, featuriser: Featuriser, labels: list[str], written: tuple[np.ndarray, np.ndarray],
                 meant: np.ndarray, calibration: Calibration, thresholds: Thresholds, alone: Alone, topics: Topics,
                 last_weight: float = 0.0) -> None:  # fmt: skip
        self.featuriser = featuriser
        self.labels = labels
        self.written = written
        self.meant = meant
        self.calibration = calibration
        self.thresholds = thresholds
        self.alone = alone
        # What the last sentence counts for, beside the whole, where there are several.
        self.last_weight = last_weight
        # Those that it was made with: what it decides by, whatever the topics' file says where it is loaded.
        self.topics = topics
        # Right after training: what models that had not seen each text made of it. Not saved.
        self.held_out: np.ndarray | None = None

    @classmethod
    def train(cls, samples: list[Sample], labels: list[str], features: FeatureSettings | None = None,
              settings: TrainSettings | None = None, *, hands: list[str] | None = None) -> TopicModel:  # fmt: skip
        """Fit on labelled samples, `hands` naming the writer of each; ValueError when there are fewer than two labels."""
        settings = settings or TrainSettings()
        names = sorted(set(labels))
        if len(names) < 2:
            raise ValueError("a classifier needs at least two intents")
        topics = load_topics()
        featuriser = Featuriser.fit(samples, features)
        # Rows and folds are made side by side where there is enough to do, and so are the two calibrations; each has
        # one thread.
        cores = (os.cpu_count() or 1) if len(samples) > _MANY else 1
        rows = featuriser.transform(samples, workers=cores)
        targets = np.array([names.index(label) for label in labels])
        folds = _folds(targets, samples, hands, settings.folds)
        everything = np.arange(len(targets))
        rests = [everything, *(np.setdiff1d(everything, fold) for fold in folds)]
        workers = min(cores, len(rests))
        (written, meant), *fitted = Parallel(n_jobs=workers, max_nbytes=None)(
            delayed(_fit)(rows.rows(rest), targets[rest], len(names), settings) for rest in rests
        )
        if not folds:
            unknown = Alone(Calibration(), Thresholds(urgent=_NEVER), _NEVER)
            return cls(featuriser, names, written, meant, Calibration(), Thresholds(), unknown, topics)
        held_out = _held_out(rows, samples, names, topics, folds, fitted)
        both, alone = Parallel(n_jobs=workers, max_nbytes=None)(
            delayed(_calibrate)(held_out, targets, by_meaning=by_meaning) for by_meaning in (True, False)
        )
        chances = _probabilities(held_out, both)
        several, last = _last_held_out(featuriser, samples, names, topics, folds, fitted, both)
        last_weight = _weigh_last(chances[several], last, targets[several])
        chances[several] = with_last(chances[several], last, last_weight)
        thresholds = choose_thresholds(chances, targets, names, topics)
        read = _read_alone(_probabilities(held_out, alone), targets, names, topics, alone)
        model = cls(featuriser, names, written, meant, both, thresholds, read, topics, last_weight)
        model.held_out = chances
        return model

    def probabilities(self, samples: list[Sample]) -> np.ndarray:
        """Return one row a sample, read whole, and one column a label; each row sums to 1."""
        rows = self.featuriser.transform(samples)
        weights, bias = self.written
        scores = _Scores(
            rows.written @ weights + bias, _with_one(rows.meant) @ self.meant,
            _open_to(samples, self.labels, self.topics),
        )  # fmt: skip
        return _probabilities(scores, self.calibration)

    def read(self, sample: Sample) -> Reading:
        """Return what is made of a text by its sentences as well as whole."""
        pieces = sentences_of(sample.text)
        whole, *parts = self.probabilities([sample, *(Sample(piece, sample.profile) for piece in pieces)])
        if parts:
            whole = with_last(whole, parts[-1], self.last_weight)
        return Reading(self._ranked(whole), [(piece, self._ranked(row)) for piece, row in zip(pieces, parts)])

    def rank(self, sample: Sample) -> list[tuple[str, float]]:
        """Return (label, probability), most likely first."""
        return self.read(sample).ranking

    def _ranked(self, row: np.ndarray) -> list[tuple[str, float]]:
        return [(self.labels[index], float(row[index])) for index in np.argsort(-row)]

    def save(self, folder: Path) -> None:
        """Write the model: JSON and numpy only, so that reading it never runs anything."""
        self.featuriser.save(folder)
        np.savez(
            folder / "model.npz", weights=self.written[0].astype(np.float16), bias=self.written[1], meant=self.meant
        )
        state = {
            "labels": self.labels, "calibration": asdict(self.calibration), "thresholds": asdict(self.thresholds),
            "alone": asdict(self.alone), "topics": self.topics.to_json(), "last_weight": self.last_weight,
        }  # fmt: skip
        (folder / "model.json").write_text(json.dumps(state), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> TopicModel:
        """Read what `save` wrote; it fails loudly on anything missing or of the wrong shape."""
        state = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        with np.load(folder / "model.npz", allow_pickle=False) as arrays:
            weights, bias, meant = arrays["weights"].astype(np.float32), arrays["bias"], arrays["meant"]
        featuriser = Featuriser.load(folder)
        rows = featuriser.transform([Sample("")])
        size = len(state["labels"])
        shapes = (weights.shape, bias.shape, meant.shape)
        if shapes != ((rows.written.shape[1], size), (size,), (rows.meant.shape[1] + 1, size)):
            raise ValueError(f"the model's weights {shapes} do not fit its features and labels")
        if not all(np.isfinite(array).all() for array in (weights, bias, meant)):
            raise ValueError("the model's weights are not all numbers")
        alone = Alone(
            Calibration.from_json(state["alone"]["calibration"]), Thresholds(**state["alone"]["thresholds"]),
            state["alone"]["certain"],
        )  # fmt: skip
        topics = Topics.from_json(state["topics"])
        return cls(
            featuriser, state["labels"], (weights, bias), meant, Calibration.from_json(state["calibration"]),
            Thresholds(**state["thresholds"]), alone, topics, float(state["last_weight"]),
        )  # fmt: skip


def _fit(rows: Features, targets: np.ndarray, size: int, settings: TrainSettings
         ) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:  # fmt: skip
    """Fit both experts; their weights have a row a feature, so that a text of few n-grams touches few rows."""
    counts = np.bincount(targets, minlength=size)
    present = np.flatnonzero(counts)
    weight_of = {int(label): (counts[present].mean() / counts[label]) ** settings.balance for label in present}
    machine = LinearSVC(
        C=settings.regularisation, class_weight=weight_of, random_state=SEED, max_iter=_ROUNDS, tol=_TOLERANCE
    ).fit(rows.written, targets)
    weights = np.zeros((rows.written.shape[1], size), dtype=np.float32)
    bias = np.full(size, -1.0, dtype=np.float32)
    if len(machine.classes_) == 2:
        weights[:, machine.classes_] = np.vstack([-machine.coef_[0], machine.coef_[0]]).T
        bias[machine.classes_] = [-machine.intercept_[0], machine.intercept_[0]]
    else:
        weights[:, machine.classes_] = machine.coef_.T
        bias[machine.classes_] = machine.intercept_
    dense = _with_one(rows.meant).astype(np.float64)
    wanted = np.eye(size)[targets]
    meant = np.linalg.solve(dense.T @ dense + settings.ridge * np.eye(dense.shape[1]), dense.T @ wanted)
    # Rounded to what is saved: half precision makes the model half as large.
    return (weights.astype(np.float16).astype(np.float32), bias), meant.astype(np.float32)


def _with_one(rows: np.ndarray) -> np.ndarray:
    return np.hstack([rows, np.ones((len(rows), 1), dtype=np.float32)])


def _folds(targets: np.ndarray, samples: list[Sample], hands: list[str] | None, wanted: int) -> list[np.ndarray]:
    """Part the samples so that no block (topic, writer, profile) is in two folds and every topic is in each."""
    count = min(wanted, int(np.bincount(targets).min()))
    if count < 2:
        return []
    writers = hands or [""] * len(samples)
    blocks: dict[tuple, list[int]] = {}
    for index, (target, sample, writer) in enumerate(zip(targets, samples, writers)):
        blocks.setdefault((int(target), writer, sample.profile), []).append(index)
    several = np.bincount([key[0] for key in blocks])
    for key in [key for key in blocks if several[key[0]] < count]:
        # Too few blocks of this topic to part: its texts are dealt out one by one.
        blocks.update({(*key, index): [index] for index in blocks.pop(key)})
    order = np.random.default_rng(SEED).permutation(len(blocks))
    ordered = sorted(blocks, key=str)
    keys = [ordered[index] for index in order]
    loads: dict[int, np.ndarray] = {}
    folds: list[list[int]] = [[] for _ in range(count)]
    for key in sorted(keys, key=lambda key: -len(blocks[key])):
        load = loads.setdefault(key[0], np.zeros(count, dtype=int))
        place = int(load.argmin())
        load[place] += len(blocks[key])
        folds[place] += blocks[key]
    return [np.array(sorted(fold)) for fold in folds if fold]


def _held_out(rows: Features, samples: list[Sample], labels: list[str], topics: Topics, folds: list[np.ndarray],
              fitted: list[tuple]) -> _Scores:  # fmt: skip
    """Score each sample with experts that saw nothing of its block."""
    written = np.zeros((len(samples), len(labels)), dtype=np.float32)
    meant = np.zeros_like(written)
    for fold, ((weights, bias), dense) in zip(folds, fitted):
        written[fold] = rows.written[fold] @ weights + bias
        meant[fold] = _with_one(rows.meant[fold]) @ dense
    return _Scores(written, meant, _open_to(samples, labels, topics))


def _open_to(samples: list[Sample], labels: list[str], topics: Topics) -> np.ndarray:
    by_profile = {profile: open_to(profile, labels, topics) for profile in {sample.profile for sample in samples}}
    return np.array([by_profile[sample.profile] for sample in samples], dtype=np.float32).reshape(-1, len(labels))


def _probabilities(scores: _Scores, calibration: Calibration) -> np.ndarray:
    return calibration.chances(scores.written, scores.meant, scores.open_to)


def _calibrate(scores: _Scores, targets: np.ndarray, *, by_meaning: bool) -> Calibration:
    """Return the weights under which the held-out labels are the least surprising; without `by_meaning`, of the words alone."""
    rows, size = np.arange(len(targets)), scores.written.shape[1]
    parts = (scores.written, scores.meant, scores.open_to)
    stay_near = 20.0  # how much a bias costs: a topic has few held-out texts

    def loss(values: np.ndarray) -> tuple[float, np.ndarray]:
        mixed = sum(value * part for value, part in zip(values[:3], parts)) + values[3:]
        chances = softmax(mixed)
        surprise = -np.log(chances[rows, targets] + 1e-12).mean()
        chances[rows, targets] -= 1.0
        slopes = [float((chances * part).sum()) / len(rows) for part in parts]
        return (
            float(surprise + stay_near * (values[3:] ** 2).sum() / len(rows)),
            np.concatenate([slopes, chances.sum(axis=0) / len(rows) + 2 * stay_near * values[3:] / len(rows)]),
        )

    start = np.concatenate([[6.0, 3.0 * by_meaning, 0.0], np.zeros(size)])
    limits = [(0.1, 60.0), (0.0, 60.0 * by_meaning), (0.0, 10.0)] + [(-3.0, 3.0)] * size
    found = minimize(loss, start, jac=True, bounds=limits, method="L-BFGS-B", options={"maxiter": 200}).x
    return Calibration(*map(float, found[:3]), bias=tuple(round(float(value), 5) for value in found[3:]))


def _last_held_out(featuriser: Featuriser, samples: list[Sample], labels: list[str], topics: Topics,
                   folds: list[np.ndarray], fitted: list[tuple], calibration: Calibration) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Return which samples have several sentences, and what experts that saw nothing of their block make of the last one."""
    places: list[int] = []
    chances = [np.zeros((0, len(labels)), dtype=np.float32)]
    for fold, ((weights, bias), dense) in zip(folds, fitted):
        last = {int(index): pieces[-1] for index in fold if (pieces := sentences_of(samples[index].text))}
        if not last:
            continue
        texts = [Sample(text, samples[index].profile) for index, text in last.items()]
        rows = featuriser.transform(texts)
        scores = _Scores(rows.written @ weights + bias, _with_one(rows.meant) @ dense, _open_to(texts, labels, topics))
        places += last
        chances.append(_probabilities(scores, calibration))
    return np.array(places, dtype=int), np.vstack(chances)


def with_last(whole: np.ndarray, last: np.ndarray, weight: float) -> np.ndarray:
    """Return the probabilities of messages of several sentences, the last of which counts for itself: people tell, then ask."""
    # In double precision, for the weight is found by small steps.
    return softmax(np.log(whole.astype(np.float64) + 1e-9) + weight * np.log(last.astype(np.float64) + _LEAST_CHANCE))


def _weigh_last(whole: np.ndarray, last: np.ndarray, targets: np.ndarray) -> float:
    """Return the weight under which the labels of messages of several sentences are the least surprising."""
    if len(targets) < _SEVERAL:
        return 0.0
    rows = np.arange(len(targets))
    found = minimize_scalar(
        lambda weight: -np.log(with_last(whole, last, weight)[rows, targets] + 1e-12).mean(),
        bounds=(0.0, _LAST_MOST), method="bounded",
    )  # fmt: skip
    return round(float(found.x), 4)


def choose_thresholds(probabilities: np.ndarray, targets: np.ndarray, labels: list[str], topics: Topics) -> Thresholds:
    """Choose on held-out probabilities, by what each mistake costs the person, in clicks.

    Topics, dialogue and « hors sujet » have thresholds of their own: what is done instead of answering differs.
    """
    rows = np.arange(len(targets))
    first, best = probabilities.argmax(axis=1), probabilities.max(axis=1)
    right = first == targets
    place = (probabilities > probabilities[rows, targets][:, None]).sum(axis=1)
    offers = np.array([(topic := topics.get(label)) is not None and not topic.is_dialogue for label in labels])
    talks = np.array([not offered and label != OUT_OF_SCOPE for offered, label in zip(offers, labels)])
    held = offers[targets] & (place < _OFFERED)
    # What it costs not to answer: a click when the right topic is among those offered, a miss when there is none to
    # offer, both when those offered are not it.
    instead = np.where(held, _CLICK, np.where(offers[targets], _CLICK + _MISS, _MISS))

    def cheapest(family: np.ndarray, lowest: float, highest: float) -> float:
        """Return the confidence from which answering costs less; both costs are smoothed, the folds being small."""
        chosen = family[first] & (best > _HOPELESS)
        if chosen.sum() < _ENOUGH:
            return highest
        known, steps = best[chosen], np.arange(lowest, highest, 0.01)
        mistaken = _smoothed(known, (~right[chosen]).astype(float), steps)
        saved = _smoothed(known, instead[chosen] / (_CLICK + _MISS), steps) * (_CLICK + _MISS)
        worth = np.flatnonzero(_WRONG * mistaken <= saved)
        return round(float(steps[worth[0]]) if len(worth) else highest, 2)

    answer = cheapest(offers, 0.40, 0.90)
    unsure = offers[first] & (best < answer)
    top = np.sort(np.where(offers, probabilities, 0.0), axis=1)[:, -_OFFERED:].sum(axis=1)
    offer = 0.25
    for step in np.arange(0.10, 0.60, 0.05):
        near = unsure & (top >= step) & (top < step + 0.10)
        if near.sum() >= _ENOUGH and held[near].mean() >= _WORTH_OFFERING:
            offer = float(step)
            break
    return Thresholds(
        answer=answer, offer=round(offer, 2), out_of_scope=cheapest(labels_are(labels, OUT_OF_SCOPE), 0.40, 0.90),
        dialogue=cheapest(talks, 0.35, 0.80), least_choice=_LEAST_CHOICE,
    )  # fmt: skip


def _read_alone(probabilities: np.ndarray, targets: np.ndarray, labels: list[str], topics: Topics,
                calibration: Calibration) -> Alone:  # fmt: skip
    """Choose on held-out probabilities; what is urgent, by how many of the other messages would be taken for it."""
    urgent = np.array([(topic := topics.get(label)) is not None and topic.is_urgent for label in labels])
    calm = ~urgent[targets]
    if not urgent.any() or not calm.any():
        hint = certain = _NEVER
    else:
        chances = np.where(urgent, probabilities, 0.0).max(axis=1)[calm]
        hint, certain = (
            float(np.ceil(np.quantile(chances, 1 - share, method="higher") * 1e4) / 1e4)
            for share in (_FALSE_HINTS, _FALSE_CERTAIN)
        )
    thresholds = replace(choose_thresholds(probabilities, targets, labels, topics), urgent=hint)
    return Alone(calibration, thresholds, certain)


def _smoothed(known: np.ndarray, values: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Return, at each step of confidence, the mean of `values` (0 to 1) as a logistic curve of the log-odds."""
    odds = lambda p: np.log(np.clip(p, 1e-4, 1 - 1e-4) / (1 - np.clip(p, 1e-4, 1 - 1e-4)))  # noqa: E731
    rows = np.stack([odds(known), np.ones(len(known))], axis=1)

    def loss(slope: np.ndarray) -> tuple[float, np.ndarray]:
        mixed = rows @ slope
        return (
            float((np.logaddexp(0, mixed) - values * mixed).sum() + 0.5 * slope[0] ** 2),
            rows.T @ (1 / (1 + np.exp(-mixed)) - values) + np.array([slope[0], 0.0]),
        )

    slope = minimize(loss, np.zeros(2), jac=True, method="L-BFGS-B").x
    return 1 / (1 + np.exp(-(slope[0] * odds(steps) + slope[1])))


def labels_are(labels: list[str], name: str) -> np.ndarray:
    """Return which label is `name`."""
    return np.array([label == name for label in labels])
