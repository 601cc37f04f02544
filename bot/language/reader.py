"""Understand with the engine's trained words alone: what `web` reads with while the engine is out, and for emergencies always.

The weights are taken straight out of Rasa's model archive, as JSON and numbers: nothing in it is run. They stay in half
precision, as they were saved.
"""

from __future__ import annotations

import io
import json
import re
import tarfile
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from bot.errors import ModelError
from bot.language.calibration import Calibration, open_to
from bot.language.grams import Grams, GramSettings, settings_from
from bot.language.urgent import UrgentSigns
from bot.topics import Topics

_FILES = ("features.json", "features.npz", "model.json", "model.npz")
# Where Rasa keeps what the classifier saved: components/train_<class><number>/<file>.
_MEMBER = re.compile(r"(?:\./)?(components/[^/]*\.TopicClassifier[0-9]+)/([^/]+)")

_UNREADABLE = (
    OSError, EOFError, ValueError, TypeError, AttributeError, tarfile.TarError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip

Ranked = list[tuple[str, float]]


class Reader:
    """Ranks intents for a text by what it is written with; `thresholds` and `certain` were chosen for it at training."""

    def __init__(self, labels: list[str], grams: Grams, weights: np.ndarray, bias: np.ndarray, calibration: Calibration,
                 thresholds: Mapping[str, float], certain: float, topics: Topics) -> None:  # fmt: skip
        self.labels = labels
        # Fields of bot.dialogue.decision.Thresholds; `urgent` is the probability above which an emergency is hinted at.
        self.thresholds = thresholds
        self.certain = certain
        # Those that the model was made with: the file's, and what formateurs had added.
        self.topics = topics
        # What a text is written with; the inbox compares messages by it.
        self.grams = grams
        self._weights = weights
        self._bias = bias
        self._calibration = calibration

    @classmethod
    def load(cls, archive: Path) -> Reader:
        """Read a model archive of Rasa's; ModelError says what is missing or does not fit."""
        try:
            return cls._from_files(_extract(archive))
        except KeyError as error:
            raise ModelError(f"Le modèle {archive.name} est incomplet : il manque {error}.") from error
        except _UNREADABLE as error:
            raise ModelError(f"Le modèle {archive.name} est illisible : {error}") from error

    @classmethod
    def _from_files(cls, files: Mapping[str, bytes]) -> Reader:
        features, model = json.loads(files["features.json"]), json.loads(files["model.json"])
        with np.load(io.BytesIO(files["features.npz"]), allow_pickle=False) as rarity:
            grams = Grams(settings_from(GramSettings, features["settings"]), features["grams"], rarity)
        with np.load(io.BytesIO(files["model.npz"]), allow_pickle=False) as arrays:
            weights, bias = arrays["weights"], arrays["bias"]
        labels, alone = list(model["labels"]), model["alone"]
        calibration = Calibration.from_json(alone["calibration"])
        wanted = ((grams.width, len(labels)), (len(labels),))
        if (weights.shape, bias.shape) != wanted or len(calibration.bias) not in (0, len(labels)):
            raise ValueError(f"des poids {weights.shape} et {bias.shape}, où {wanted[0]} et {wanted[1]} sont attendus")
        if weights.dtype != np.float16 or not (np.isfinite(weights).all() and np.isfinite(bias).all()):
            raise ValueError("des poids qui ne sont pas des nombres en demi-précision")
        thresholds = {name: float(value) for name, value in alone["thresholds"].items()}
        topics = Topics.from_json(model["topics"])
        return cls(labels, grams, weights, bias, calibration, thresholds, float(alone["certain"]), topics)

    def rank(self, text: str, profile: str | None) -> Ranked:
        """Return (intent, probability), most likely first."""
        chances = self.weigh(*self.grams.read(text, profile), profile)
        return [(self.labels[place], float(chances[place])) for place in np.argsort(-chances)]

    def weigh(self, columns: np.ndarray, values: np.ndarray, profile: str | None) -> np.ndarray:
        """Return the probability of each of the labels, for what a text is written with."""
        scores = values @ self._weights[columns].astype(np.float32) + self._bias
        return self._calibration.chances(scores, 0.0, open_to(profile, self.labels, self.topics))

    def add_to(self, signs: UrgentSigns, ranking: Ranked) -> UrgentSigns:
        """Return the signs of an emergency that the words of a message give (bot.language.urgent) or its ranking does.

        Either is enough for a hint, and either to be certain; what is certain wins, then what the ranking finds.
        """
        urgent = [(name, chance) for name, chance in ranking if (topic := self.topics.get(name)) and topic.is_urgent]
        topic, chance = max(urgent, key=lambda pair: pair[1], default=(None, 0.0))
        if signs.certain or chance <= self.thresholds["urgent"]:
            return signs
        return UrgentSigns(topic, chance > self.certain, (*signs.reasons, "reader"))


def _extract(archive: Path) -> dict[str, bytes]:
    """Return the classifier's files by name, read in one pass."""
    files: dict[str, bytes] = {}
    folders = set()
    with tarfile.open(archive, "r|gz") as members:
        for member in members:
            found = _MEMBER.fullmatch(member.name)
            if found and found[2] in _FILES and (content := members.extractfile(member)):
                folders.add(found[1])
                files[found[2]] = content.read()
    if len(folders) > 1:
        raise ValueError("il contient plusieurs classifieurs")
    return {name: files[name] for name in _FILES}
