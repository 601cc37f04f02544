"""The topics' classifier: a linear machine on the features, its scores calibrated into probabilities.

No Rasa here: it is trained and measured by itself (benchmarks) as well as inside Rasa's graph.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import LinearSVC

from bot.dialogue.decision import Thresholds
from bot.engine.features import FeatureSettings, Featuriser, Sample

FOLDS = 4
SEED = 20261122
# The share of answers that may be wrong on held-out folds when the threshold to answer is chosen. The folds share
# their authors with the rest, so that this flatters: the share is set below what is wanted of strangers.
WRONG_ANSWERS = 0.02
_TEMPERATURES = np.geomspace(1.0, 30.0, 60)


class TopicModel:
    """Ranks intents for a text: probabilities that mean what they say, and the thresholds chosen with them."""

    def __init__(self, featuriser: Featuriser, labels: list[str], weights: np.ndarray, bias: np.ndarray,
                 temperature: float, thresholds: Thresholds) -> None:  # fmt: skip
        self.featuriser = featuriser
        self.labels = labels
        self.weights = weights
        self.bias = bias
        self.temperature = temperature
        self.thresholds = thresholds

    @classmethod
    def train(cls, samples: list[Sample], labels: list[str], settings: FeatureSettings | None = None, *,
              regularisation: float = 0.5) -> TopicModel:  # fmt: skip
        """Fit on labelled samples; ValueError when there are fewer than two labels."""
        featuriser = Featuriser(settings).fit(samples)
        names = sorted(set(labels))
        if len(names) < 2:
            raise ValueError("a classifier needs at least two intents")
        matrix = featuriser.transform(samples)
        targets = np.array([names.index(label) for label in labels])
        folds = min(FOLDS, int(np.bincount(targets).min()))
        temperature, thresholds = 8.0, Thresholds()
        if folds >= 2:
            scores = np.zeros((len(targets), len(names)), dtype=np.float32)
            for train, held_out in StratifiedKFold(folds, shuffle=True, random_state=SEED).split(matrix, targets):
                weights, bias = _fit(matrix[train], targets[train], len(names), regularisation)
                scores[held_out] = matrix[held_out] @ weights.T + bias
            temperature = _best_temperature(scores, targets)
            thresholds = choose_thresholds(_softmax(scores * temperature), targets, names)
        weights, bias = _fit(matrix, targets, len(names), regularisation)
        return cls(featuriser, names, weights, bias, temperature, thresholds)

    def probabilities(self, samples: list[Sample]) -> np.ndarray:
        """Return one row a sample, one column a label; each row sums to 1."""
        scores = self.featuriser.transform(samples) @ self.weights.T + self.bias
        return _softmax(scores * self.temperature)

    def rank(self, sample: Sample) -> list[tuple[str, float]]:
        """Return (label, probability), most likely first."""
        row = self.probabilities([sample])[0]
        return [(self.labels[index], float(row[index])) for index in np.argsort(-row)]

    def save(self, folder: Path) -> None:
        """Write the model: JSON and numpy only, so that reading it never runs anything."""
        self.featuriser.save(folder)
        np.savez(folder / "model.npz", weights=self.weights, bias=self.bias)
        state = {"labels": self.labels, "temperature": self.temperature, "thresholds": asdict(self.thresholds)}
        (folder / "model.json").write_text(json.dumps(state), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> TopicModel:
        """Read what `save` wrote; it fails loudly on anything missing or of the wrong shape."""
        state = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        arrays = np.load(folder / "model.npz", allow_pickle=False)
        featuriser = Featuriser.load(folder)
        weights, bias = arrays["weights"], arrays["bias"]
        width = featuriser.transform([Sample("")]).shape[1]
        if weights.shape != (len(state["labels"]), width) or bias.shape != (len(state["labels"]),):
            raise ValueError(f"the model's weights {weights.shape} do not fit its {width} features")
        return cls(featuriser, state["labels"], weights, bias, state["temperature"], Thresholds(**state["thresholds"]))


def _fit(matrix, targets: np.ndarray, size: int, regularisation: float) -> tuple[np.ndarray, np.ndarray]:
    machine = LinearSVC(C=regularisation, class_weight="balanced", random_state=SEED, max_iter=2000)
    machine.fit(matrix, targets)
    weights = np.zeros((size, matrix.shape[1]), dtype=np.float32)
    bias = np.full(size, -1.0, dtype=np.float32)
    if len(machine.classes_) == 2:
        weights[machine.classes_] = np.vstack([-machine.coef_[0], machine.coef_[0]])
        bias[machine.classes_] = [-machine.intercept_[0], machine.intercept_[0]]
    else:
        weights[machine.classes_] = machine.coef_
        bias[machine.classes_] = machine.intercept_
    return weights, bias


def _softmax(scores: np.ndarray) -> np.ndarray:
    exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def _best_temperature(scores: np.ndarray, targets: np.ndarray) -> float:
    """Return the sharpness under which the held-out labels are the least surprising."""
    rows = np.arange(len(targets))
    losses = [-np.log(_softmax(scores * t)[rows, targets] + 1e-12).mean() for t in _TEMPERATURES]
    return float(_TEMPERATURES[int(np.argmin(losses))])


def choose_thresholds(probabilities: np.ndarray, targets: np.ndarray, labels: list[str]) -> Thresholds:
    """Choose on held-out probabilities: the lowest threshold to answer under which few answers are wrong."""
    best = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == targets
    answer = 0.9
    for threshold in np.arange(0.30, 0.90, 0.02):
        if (~right & (best >= threshold)).mean() <= WRONG_ANSWERS:
            answer = float(threshold)
            break
    top = np.sort(probabilities, axis=1)[:, -4:].sum(axis=1)
    # Offering costs a click: it is worth it as long as one offer in two holds the right topic.
    unsure = best < answer
    offer = 0.3
    rank_of_target = (probabilities > probabilities[np.arange(len(targets)), targets][:, None]).sum(axis=1)
    for threshold in np.arange(0.20, 0.80, 0.02):
        taken = unsure & (top >= threshold)
        if taken.any() and (rank_of_target[taken] < 4).mean() >= 0.5:
            offer = float(threshold)
            break
    return Thresholds(answer=round(answer, 2), offer=round(offer, 2), out_of_scope=round(max(0.4, answer - 0.05), 2))
