"""What a text is written with. That it counts as scikit-learn does is checked in tests/unit/engine/check_grams.py."""

from __future__ import annotations

import numpy as np
import pytest

from bot.language.grams import Grams, GramSettings, letters, runs, settings_from, words_apart
from bot.topics import PROFILES

TEXTS = ["mon mot de passe", "mot de passe oublié", "les devoirs de ma fille"]


def test_letters_stay_inside_words_and_a_short_word_counts_once_whole() -> None:
    assert letters("ab", 2, 5) == [" a", "ab", "b ", " ab", "ab ", " ab "]
    assert letters("a b", 3, 5) == [" a ", " b "]
    assert letters("", 2, 5) == []


def test_words_follow_each_other_or_stand_apart() -> None:
    assert runs("mot de passe", 1, 2) == ["mot", "de", "passe", "mot de", "de passe"]
    assert words_apart("a b c d e") == ["a .. c", "a .. d", "b .. d", "b .. e", "c .. e"]


def test_each_part_has_the_length_of_its_weight() -> None:
    grams = Grams.fit(TEXTS, GramSettings(char_weight=0.0, sound_weight=0.0, apart_weight=0.0, syllable_weight=0.0))
    columns, values = grams.read("le mot de passe", None)
    assert np.sqrt(values @ values) == pytest.approx(0.8)
    assert sorted(columns) == sorted(set(columns))
    assert (columns.dtype, values.dtype) == (np.int32, np.float32)


def test_what_is_rare_weighs_more() -> None:
    rarity = Grams.fit(TEXTS, GramSettings()).rarity["word"]
    words = Grams.fit(TEXTS, GramSettings()).known["word"]
    assert rarity[words.index("oublie")] > rarity[words.index("de")]
    assert rarity[words.index("de")] == pytest.approx(1.0)


def test_who_says_it_is_a_column_of_its_own() -> None:
    grams = Grams.fit(TEXTS, GramSettings())
    columns, values = grams.read("", "eleve")
    assert list(columns) == [grams.width - len(PROFILES) + PROFILES.index("eleve")]
    assert values == pytest.approx([0.35])
    for stranger in (None, "inconnu"):
        assert len(grams.read("", stranger)[0]) == 0


def test_of_many_texts_what_one_alone_says_is_dropped_and_the_most_widespread_kept() -> None:
    settings = GramSettings(max_features=3)
    known = Grams.fit(["mot de passe"] * 200 + ["mot de code"] * 2 + ["un autre"], settings).known
    assert known["word"] == ["de", "mot", "mot de"]
    assert "autre" not in Grams.fit(["mot"] * 200 + ["un autre"], GramSettings()).known["word"]


def test_texts_without_a_word_are_read_all_the_same() -> None:
    grams = Grams.fit(["", "👍"], GramSettings())
    assert grams.width == len(PROFILES)
    assert len(grams.read("bonjour", None)[0]) == 0


@pytest.mark.parametrize("rarity", [np.ones(3), np.ones((2, 1))])
def test_what_does_not_fit_is_refused(rarity: np.ndarray) -> None:
    settings = GramSettings(char_weight=0.0, sound_weight=0.0, apart_weight=0.0, syllable_weight=0.0)
    with pytest.raises(ValueError, match="do not fit"):
        Grams(settings, {"word": ["mot", "passe"]}, {"word": rarity})
    with pytest.raises(ValueError, match="do not fit"):
        Grams(settings, {"word": ["mot", "mot"]}, {"word": np.ones(2)})


def test_settings_are_read_beside_others() -> None:
    assert settings_from(GramSettings, {"char_ngrams": [1, 3], "ridge": 3.0}) == GramSettings(char_ngrams=(1, 3))
