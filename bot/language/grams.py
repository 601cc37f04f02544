"""What a text is written with: n-grams of letters, words and sounds weighed by their rarity, and who says it.

Numpy alone: the engine's model is trained on these columns, and the web process reads with them when the engine is out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

import numpy as np

from bot.language.courtesy import without_courtesy
from bot.language.elsewhere import mark_elsewhere
from bot.language.normalise import normalise
from bot.language.sounds import sound
from bot.topics import PROFILES

# An n-gram of one text alone teaches nothing of others; it is kept when there are fewer texts than this.
_FEW = 200
_LEAST_TEXTS = 2


@dataclass(frozen=True)
class GramSettings:
    """What is counted, and how much each part weighs; a part of weight 0 is not made."""

    char_weight: float = 1.0
    word_weight: float = 0.8
    sound_weight: float = 0.7
    apart_weight: float = 0.9
    syllable_weight: float = 0.6
    profile_weight: float = 0.35
    char_ngrams: tuple[int, int] = (2, 5)
    word_ngrams: tuple[int, int] = (1, 2)
    sound_ngrams: tuple[int, int] = (1, 2)
    syllable_ngrams: tuple[int, int] = (2, 4)
    max_features: int = 60_000


def letters(text: str, shortest: int, longest: int) -> list[str]:
    """Return the runs of letters inside each word, a space standing at both its ends; a short word counts once whole."""
    grams = []
    for word in text.split():
        padded = f" {word} "
        length = len(padded)
        for size in range(shortest, longest + 1):
            if size >= length:
                grams.append(padded)
                break
            grams += [padded[start : start + size] for start in range(length - size + 1)]
    return grams


def runs(text: str, shortest: int, longest: int) -> list[str]:
    """Return the runs of words that follow each other."""
    words = text.split()
    return [
        " ".join(words[start : start + size])
        for size in range(shortest, longest + 1)
        for start in range(len(words) - size + 1)
    ]


def words_apart(text: str) -> list[str]:
    """Return the pairs of words with one or two others between them."""
    words = text.split()
    return [f"{word} .. {other}" for place, word in enumerate(words) for other in words[place + 2 : place + 4]]


# The parts, in the order of their columns: how each is counted, and whether on the words as they sound.
_COUNTED: dict[str, tuple[Callable[..., list[str]], bool]] = {
    "char": (letters, False),
    "word": (runs, False),
    "sound": (runs, True),
    "apart": (words_apart, True),
    "syllable": (letters, True),
}


def _written(text: str) -> str:
    return mark_elsewhere(normalise(without_courtesy(text)))


def _analyser(name: str, settings: GramSettings) -> Callable[[str], list[str]]:
    count = _COUNTED[name][0]
    if count is words_apart:
        return count
    shortest, longest = getattr(settings, f"{name}_ngrams")
    return partial(count, shortest=shortest, longest=longest)


@dataclass(frozen=True)
class _Part:
    """One kind of n-gram: those that are known, with their columns within the part and their rarity."""

    analyse: Callable[[str], list[str]]
    heard: bool
    weight: float
    start: int
    places: dict[str, int]
    rarity: np.ndarray


class Grams:
    """The n-grams known from training texts; gives each text its columns and their values."""

    def __init__(
        self, settings: GramSettings, known: Mapping[str, list[str]], rarity: Mapping[str, np.ndarray]
    ) -> None:
        """Take the n-grams of each part in the order of their columns, and their rarity; ValueError when they do not fit."""
        self._settings = settings
        self._parts: dict[str, _Part] = {}
        start = 0
        for name in _made(settings):
            places = {gram: place for place, gram in enumerate(known[name])}
            if not len(places) == len(known[name]) == len(rarity[name]) or rarity[name].ndim != 1:
                raise ValueError(f"{len(known[name])} n-grams ({name}) do not fit {rarity[name].shape} rarities")
            analyse, weight = _analyser(name, settings), getattr(settings, f"{name}_weight")
            self._parts[name] = _Part(analyse, _COUNTED[name][1], weight, start, places, rarity[name])
            start += len(places)
        self._profiles = start
        self.width = start + len(PROFILES)

    @classmethod
    def fit(cls, texts: Iterable[str], settings: GramSettings) -> Grams:
        """Learn the n-grams of `texts` and their rarity: ln((1 + texts) / (1 + texts that hold it)) + 1."""
        written = [_written(text) for text in texts]
        heard = [sound(text) for text in written]
        least = _LEAST_TEXTS if len(written) >= _FEW else 1
        known: dict[str, list[str]] = {}
        rarity: dict[str, np.ndarray] = {}
        for name in _made(settings):
            analyse = _analyser(name, settings)
            held = Counter[str]()
            for text in heard if _COUNTED[name][1] else written:
                held.update(set(analyse(text)))
            kept = sorted(gram for gram, count in held.items() if count >= least)
            if len(kept) > settings.max_features:
                kept = sorted(sorted(kept, key=lambda gram: -held[gram])[: settings.max_features])
            known[name] = kept
            counts = np.array([held[gram] for gram in kept], dtype=np.float64)
            rarity[name] = (np.log((1 + len(written)) / (1 + counts)) + 1).astype(np.float32)
        return cls(settings, known, rarity)

    def read(self, text: str, profile: str | None) -> tuple[np.ndarray, np.ndarray]:
        """Return the columns of what is known of `text` and their values, each part brought to its own length."""
        written = _written(text)
        heard = sound(written)
        columns, values = [], []
        for part in self._parts.values():
            counts = Counter(map(part.places.get, part.analyse(heard if part.heard else written)))
            counts.pop(None, None)
            if counts:
                known = np.fromiter(counts, dtype=np.int32, count=len(counts))
                often = np.fromiter(counts.values(), dtype=np.float32, count=len(counts))
                row = (1 + np.log(often)) * part.rarity[known]
                columns.append(known + part.start)
                values.append(row * (part.weight / np.sqrt(row @ row)))
        if profile in PROFILES:
            columns.append(np.array([self._profiles + PROFILES.index(profile)], dtype=np.int32))
            values.append(np.array([self._settings.profile_weight], dtype=np.float32))
        if not columns:
            return np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.float32)
        return np.concatenate(columns, dtype=np.int32), np.concatenate(values, dtype=np.float32)

    @property
    def known(self) -> dict[str, list[str]]:
        """The n-grams of each part, in the order of their columns."""
        return {name: list(part.places) for name, part in self._parts.items()}

    @property
    def rarity(self) -> dict[str, np.ndarray]:
        """The rarity of each n-gram of each part."""
        return {name: part.rarity for name, part in self._parts.items()}


def settings_from(kind: type, values: Mapping[str, Any]) -> Any:
    """Build a dataclass of settings from those of `values` that it knows (a model's JSON, config.yml)."""
    names = {item.name for item in fields(kind)}
    return kind(
        **{name: tuple(value) if isinstance(value, list) else value for name, value in values.items() if name in names}
    )


def _made(settings: GramSettings) -> list[str]:
    return [name for name in _COUNTED if getattr(settings, f"{name}_weight")]
