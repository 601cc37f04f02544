"""bot.language.grams counts as scikit-learn does; run by Rasa's environment, where scikit-learn is (see test_engine.py)."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))

from bot.language import grams  # noqa: E402
from bot.language.grams import Grams, GramSettings  # noqa: E402
from bot.language.normalise import normalise  # noqa: E402
from bot.language.sounds import sound  # noqa: E402

TEXTS = [
    "g oublié mon mdp et jariv pa a me co", "Où sont les devoirs de ma fille ?", "a", "é", "?!", "", "  ",
    "mot de passe, mot de passe oublié !!!", "L'ENT ne s'ouvre plus depuis hier soir", "12 3 b1 2m1", "مرحبا", "👍👍",
    "je veux parler à quelqu'un", "prof absent ajd ?", "aaaaaaaaaa bb", "mon fils mon fils mon fils se fait frapper",
] * 16  # fmt: skip
PARTS = {
    "char": ("char_wb", (2, 5), 1.0, False),
    "word": ("word", (1, 2), 0.8, False),
    "sound": ("word", (1, 2), 0.7, True),
    "syllable": ("char_wb", (2, 4), 0.6, True),
}


def vectoriser(analyser: str, ngrams: tuple[int, int], least: int) -> TfidfVectorizer:
    return TfidfVectorizer(
        analyzer=analyser, ngram_range=ngrams, min_df=least, sublinear_tf=True, lowercase=False, dtype=np.float32,
        **({"token_pattern": r"\S+"} if analyser == "word" else {}),
    )  # fmt: skip


def read(text: str, heard: bool) -> str:
    return sound(normalise(text)) if heard else normalise(text)


def check_the_n_grams_are_scikit_learn_s() -> None:
    for analyser, count in (("char_wb", grams.letters), ("word", grams.runs)):
        for ngrams in ((1, 1), (1, 2), (2, 2), (2, 4), (2, 5), (4, 6)):
            theirs = vectoriser(analyser, ngrams, 1).build_analyzer()
            for text in map(normalise, TEXTS):
                assert sorted(theirs(text)) == sorted(count(text, *ngrams)), (text, ngrams)


def check_the_columns_and_values_are_scikit_learn_s() -> None:
    for texts, least in ((TEXTS[:16], 1), (TEXTS[:15] * 16 + ["une seule fois, ce texte"], 2)):
        fitted = Grams.fit(texts, GramSettings(apart_weight=0.0))
        start = 0
        for name, (analyser, ngrams, weight, heard) in PARTS.items():
            theirs = vectoriser(analyser, ngrams, least)
            rows = theirs.fit_transform([read(text, heard) for text in texts]).toarray() * weight
            assert fitted.known[name] == list(theirs.get_feature_names_out()), name
            assert np.allclose(fitted.rarity[name], theirs.idf_, atol=1e-5), name
            for text, row in zip(texts, rows):
                columns, values = fitted.read(text, None)
                ours = np.zeros(fitted.width, dtype=np.float32)
                ours[columns] = values
                assert np.allclose(ours[start : start + len(row)], row, atol=1e-5), (name, text)
            start += rows.shape[1]


def main() -> int:
    checks = {name: check for name, check in globals().items() if name.startswith("check_")}
    for name in sys.argv[1:] or sorted(checks):
        checks[name]()
        print("ok", name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
