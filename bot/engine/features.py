"""Turn texts into numbers: what they are written with (bot.language.grams), and what their words mean (vectors)."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from scipy import sparse

from bot.engine.vectors import WordVectors, french_vectors
from bot.language.courtesy import without_courtesy
from bot.language.grams import Grams, GramSettings, settings_from
from bot.language.normalise import SHORTHAND
from bot.topics import PROFILES

_WORD = re.compile(r"[^\W_]+")
_ELISION = re.compile(r"\b(?:qu|jusqu|lorsqu|puisqu|[cdjlmnst])['’`´]", re.IGNORECASE)


@dataclass(frozen=True)
class Sample:
    """One text with the profile of who says it (None: unknown)."""

    text: str
    profile: str | None = None


@dataclass(frozen=True)
class FeatureSettings(GramSettings):
    """What goes into the features, and how much each part weighs."""

    vector_weight: float = 1.0


@dataclass(frozen=True)
class Features:
    """A row a text, twice: what it is written with (sparse), and what its words mean (dense)."""

    written: sparse.csr_matrix
    meant: np.ndarray

    def rows(self, chosen: np.ndarray) -> Features:
        """Return some of the rows."""
        return Features(self.written[chosen], self.meant[chosen])


class Featuriser:
    """Fitted on training texts, then gives rows of features."""

    def __init__(
        self, settings: FeatureSettings, grams: Grams, rarity: dict[str, float], vectors: WordVectors | None
    ) -> None:
        self.settings = settings
        self._grams = grams
        # None when the vectors weigh nothing.
        self._means = vectors
        self._rarity = rarity
        self._rarest = max(rarity.values(), default=1.0)

    @classmethod
    def fit(cls, samples: list[Sample], settings: FeatureSettings | None = None) -> Featuriser:
        """Learn the n-grams and the rarity of words."""
        settings = settings or FeatureSettings()
        counts = Counter(word for sample in samples for word in set(vector_words(sample.text)))
        rarity = {word: float(np.log(len(samples) / count) + 1.0) for word, count in counts.items()}
        vectors = french_vectors() if settings.vector_weight else None
        return cls(settings, Grams.fit([sample.text for sample in samples], settings), rarity, vectors)

    def transform(self, samples: list[Sample], *, workers: int = 1) -> Features:
        """Return a row a sample, in single precision; `workers` processes share the work."""
        if workers > 1:
            size = -(-len(samples) // workers)
            parts = Parallel(n_jobs=workers)(
                delayed(self.transform)(samples[start : start + size]) for start in range(0, len(samples), size)
            )
            return Features(
                sparse.vstack([part.written for part in parts], format="csr"),
                np.vstack([part.meant for part in parts]),
            )
        written = self._written(samples)
        if self._means is None:
            return Features(written, np.zeros((len(samples), 0), dtype=np.float32))
        return Features(written, np.hstack([_vectors(self._means, self._weigh, samples), _profiles(samples)]))

    def _weigh(self, word: str) -> float:
        return self._rarity.get(word, self._rarest)

    def _written(self, samples: list[Sample]) -> sparse.csr_matrix:
        columns, values = zip(*(self._grams.read(sample.text, sample.profile) for sample in samples))
        ends = np.cumsum([0, *map(len, columns)])
        return sparse.csr_matrix(
            (np.concatenate(values), np.concatenate(columns), ends), shape=(len(samples), self._grams.width)
        )

    def save(self, folder: Path) -> None:
        """Write what was learnt: JSON for words, numpy for numbers, nothing that runs when read."""
        state = {"settings": asdict(self.settings), "grams": self._grams.known, "rarity": self._rarity}
        (folder / "features.json").write_text(json.dumps(state, ensure_ascii=False), encoding="utf-8")
        np.savez(folder / "features.npz", **self._grams.rarity)
        if self._means is not None:
            self._means.save(folder)

    @classmethod
    def load(cls, folder: Path) -> Featuriser:
        """Read what `save` wrote; whatever is missing or does not fit raises."""
        state = json.loads((folder / "features.json").read_text(encoding="utf-8"))
        settings = settings_from(FeatureSettings, state["settings"])
        with np.load(folder / "features.npz", allow_pickle=False) as rarity:
            vectors = WordVectors.load(folder) if settings.vector_weight else None
            return cls(settings, Grams(settings, state["grams"], rarity), state["rarity"], vectors)


def vector_words(text: str) -> list[str]:
    """Return the words to look up among the vectors: without courtesy, lower case, accents kept, shorthand spelt out."""
    words = _WORD.findall(_ELISION.sub(" ", without_courtesy(text).lower()))
    return [part for word in words for part in SHORTHAND.get(word, word).split()]


def _vectors(means: WordVectors, weigh: Callable[[str], float], samples: list[Sample]) -> np.ndarray:
    rows = np.zeros((len(samples), means.width), dtype=np.float32)
    for row, sample in zip(rows, samples):
        for word in vector_words(sample.text):
            vector = means.get(word)
            if vector is not None:
                row += vector * weigh(word)
        norm = np.linalg.norm(row)
        if norm:
            row /= norm
    return rows


def _profiles(samples: list[Sample]) -> np.ndarray:
    rows = np.zeros((len(samples), len(PROFILES)), dtype=np.float32)
    for row, sample in zip(rows, samples):
        if sample.profile in PROFILES:
            row[PROFILES.index(sample.profile)] = 1.0
    return rows
