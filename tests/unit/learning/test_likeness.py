"""What is too close to what is said of another topic, and groups that keep their names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.language.grams import Grams, GramSettings
from bot.language.normalise import normalise
from bot.learning.inbox import STRUCK, strike_words
from bot.learning.likeness import CLOSE, Neighbourhood, faces, keep_names, warn

SAID = [
    ("où sont les devoirs de mon fils", "devoirs"),
    ("je ne vois pas les devoirs", "devoirs"),
    ("j'ai perdu mon mot de passe", "passe"),
    ("comment changer le mot de passe", "passe"),
]
GRAMS = Grams.fit([text for text, _ in SAID], GramSettings())
FILES = {normalise(text): topic for text, topic in SAID}


@pytest.fixture
def neighbours() -> Neighbourhood:
    neighbourhood = Neighbourhood(GRAMS)
    neighbourhood.add(SAID[:2])
    neighbourhood.add(SAID[2:])
    return neighbourhood.index()


def test_the_nearest_is_of_another_topic(neighbours: Neighbourhood) -> None:
    found = neighbours.nearest("où sont les devoirs de mon fils ?", besides="passe")
    assert (found.text, found.topic) == SAID[0]
    assert found.likeness > 0.9
    assert neighbours.nearest("où sont les devoirs", besides="devoirs").topic == "passe"
    assert neighbours.nearest("…", besides="passe") is None
    assert Neighbourhood(GRAMS).index().nearest("les devoirs", besides="passe") is None


def test_likeness_is_symmetric_and_whole_with_oneself() -> None:
    for one, _ in SAID:
        for other, _ in SAID:
            there, back = (Neighbourhood(GRAMS) for _ in range(2))
            there.add([(one, "a")])
            back.add([(other, "a")])
            likeness = there.index().nearest(other, "b").likeness
            assert likeness == pytest.approx(back.index().nearest(one, "b").likeness, abs=1e-5)
            assert (one == other) == (likeness == pytest.approx(1, abs=1e-5))


def test_what_is_to_be_known_before_a_sentence_is_kept(neighbours: Neighbourhood) -> None:
    def told(text: str, topic: str, **kept: str):
        return warn(text, topic, files=FILES, kept=kept, neighbours=[neighbours])

    assert told("Je ne vois pas les DEVOIRS", "devoirs").already == "devoirs"
    assert told("Je ne vois pas les DEVOIRS", "devoirs").refused
    contradiction = told("Je ne vois pas les DEVOIRS", "passe")
    assert (contradiction.contradicts, contradiction.refused) == ("devoirs", False)
    assert told("tomate", "passe", tomate="devoirs").refused
    close = told("où sont les devoirs de mon fils aîné", "passe")
    assert close.neighbour.likeness >= CLOSE
    assert not told("où sont les devoirs de mon fils aîné", "devoirs")
    assert not told("la cantine du jeudi", "passe")


@given(st.lists(st.tuples(st.one_of(st.none(), st.integers(1, 6)), st.integers(0, 6)), max_size=40))
def test_a_former_group_names_one_new_group_at_most(lines: list[tuple[int | None, int]]) -> None:
    before, labels = [line[0] for line in lines], [line[1] for line in lines]
    named = keep_names(before, labels)
    assert len(set(named.values())) == len(named)
    for label, name in named.items():
        assert (name, label) in lines


def test_nothing_changes_name_when_nothing_changed() -> None:
    assert keep_names([7, 7, 9, None], [0, 0, 1, 2]) == {0: 7, 1: 9}
    # Split: the greater part keeps the name. Joined: the greater former group gives its own.
    assert keep_names([7, 7, 7], [0, 1, 1]) == {1: 7}
    assert keep_names([7, 9, 9], [0, 0, 0]) == {0: 9}


def test_the_face_is_the_nearest_to_the_middle() -> None:
    assert faces([0, 0, 1, 0], [0.2, 0.9, 0.1, 0.9]) == {0: 1, 1: 2}


@given(st.lists(st.sampled_from(["ma", "fille", "Zoé", STRUCK]), min_size=1, max_size=12), st.sets(st.integers(-2, 15)))
def test_words_that_are_struck_are_gone_and_the_others_stay(words: list[str], places: set[int]) -> None:
    struck = strike_words(" ".join(words), places).split()
    kept = [word for place, word in enumerate(words) if place not in places]
    assert [word for word in struck if word != STRUCK] == [word for word in kept if word != STRUCK]
    assert (STRUCK in struck) == (STRUCK in kept or any(0 <= place < len(words) for place in places))
