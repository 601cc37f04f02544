"""What is said to be polite is taken off, what is asked stays."""

import time

import pytest

from bot.language.courtesy import without_courtesy
from bot.language.normalise import normalise
from bot.language.replies import read_reply


@pytest.mark.parametrize("before", ["", "bjr ", "Bonjour, ", "Bonsoir madame, monsieur : ", "slt ", "Bonjour à tous ! ",
                                    "Excusez-moi de vous déranger, ", "re bonjour "])  # fmt: skip
@pytest.mark.parametrize("after", ["", " merci", " svp", ", merci d'avance !", ". Merci beaucoup pour votre aide.\nCordialement",
                                   " s'il vous plaît", " (merci)", " bonne journée"])  # fmt: skip
@pytest.mark.parametrize("asked", ["jariv pa a me co", "où est le cahier de textes de la classe", "mdp perdu"])
def test_greetings_and_thanks_around_a_question_are_taken_off(before: str, asked: str, after: str) -> None:
    assert normalise(without_courtesy(before + asked + after)) == normalise(asked)


@pytest.mark.parametrize("text", [
    "bonjour", "bonjour, ça va ?", "merci", "non merci", "ok merci", "au revoir et merci", "Bonne journée à vous",
    "merci de me renvoyer le code", "je ne trouve plus le bouton bonjour du matin", "Il y en a plus", "Salutations",
    "hier je n'ai pas pu entrer", "svp", "", "👋",
])  # fmt: skip
def test_what_would_leave_next_to_nothing_stays_whole(text: str) -> None:
    assert without_courtesy(text) == text


@pytest.mark.parametrize(
    ("text", "alone"),
    [("merci", True), ("ok merci beaucoup", True), ("le code du wifi, merci", False), ("le code du wifi", False)],
)
def test_a_thanks_that_ends_a_question_is_not_all_that_is_said(text: str, alone: bool) -> None:
    assert read_reply(text).only_thanks == alone


def test_all_of_many_courtesies_are_taken_off() -> None:
    text = "bonjour " * 200 + "où est le cahier de textes " + "merci ! " * 200
    assert without_courtesy(text) == "où est le cahier de textes"


@pytest.mark.parametrize(
    "piece", [".", " .", "merci ", "bonjour ", "bonjour madame ", "-", "(", "svp,", "et ", "a!?", "m. "]
)
def test_no_message_of_the_greatest_length_takes_long(piece: str) -> None:
    started = time.perf_counter()
    without_courtesy((piece * 4_000)[:4_000] + "où est la salle")
    assert time.perf_counter() - started < 0.1
