"""A child at half past eleven at night, and whoever reads over its shoulder: numbers first, and those that answer then."""

from __future__ import annotations

import re

import pytest

from bot.chat.markup import to_html
from bot.topics import PROFILES
from tests.content.reading import PUPIL, articles, domain, readings

HARASSMENT = "urgence_harcelement"
HACKED = "urgence_compte_pirate"
REPORT = "messagerie_signaler_contenu"


def numbers(text: str) -> set[str]:
    """The numbers to call that a text gives."""
    return set(re.findall(r"\b(?:3018|3114|119|114|112|17|15)\b(?! ?(?:h\b|jours))", text))


def dialled(text: str) -> set[str]:
    """The numbers that the page makes links of."""
    return set(re.findall(r'href="(?:tel|sms):(\d+)"', to_html(text)))


def before_the_steps(text: str) -> str:
    """What is read before the first numbered step."""
    return re.split(r"^1\. ", text, maxsplit=1, flags=re.MULTILINE)[0]


def of(topic: str, *profiles: str) -> list[str]:
    return [reading.text for reading in readings(topic) if reading.profile in (profiles or PROFILES)]


def test_every_number_is_given_to_everybody_before_any_step():
    for text in of(HARASSMENT):
        assert numbers(before_the_steps(text)) == {"3018", "119", "17", "15", "112", "114", "3114"}


def test_immediate_danger_is_read_first():
    for text in of(HARASSMENT):
        first = text.split("\n\n")[0]
        assert re.search(r"[Dd]anger (?:immédiat|tout de suite)", first)
        assert {"17", "15", "112", "114"} <= numbers(first)
        assert first.startswith("**")


@pytest.mark.parametrize("topic", [HARASSMENT, HACKED, REPORT, "rgpd_droit_image"])
def test_every_number_given_is_a_link_that_a_telephone_dials(topic):
    for text in of(topic):
        assert dialled(text) == numbers(text)


def test_what_is_said_afterwards_can_be_dialled_too():
    for name in ("utter_proteger", "utter_proteger_compte"):
        for variation in domain()["responses"][name]:
            assert dialled(variation["text"]) == numbers(variation["text"])


def test_a_number_that_answers_at_night_is_said_to():
    for text in of(HARASSMENT):
        assert re.search(r"3018\*\* : .*9 h à 23 h", text)
        assert re.search(r"La nuit, .*119", text)
        assert re.search(r"119\*\* : .*(?:jour et nuit|24 h/24)", text)
        assert re.search(r"3114\*\* : .*(?:jour et nuit|24 h/24)", text, re.IGNORECASE)


def test_nothing_of_it_hangs_on_a_value_or_on_a_condition():
    article = articles()[HARASSMENT]
    assert article.variables == set()
    assert all(section.condition is None for section in article.sections)


def test_a_pupil_is_not_alone_and_is_sent_to_an_adult():
    for text in of(HARASSMENT, PUPIL):
        assert text.startswith("**Tu n'es pas seul.")
        assert "gratuit" in text.lower()
        assert "anonyme" in text
        for adult in ("adulte", "enseignant", "direction", "CPE", "infirmière"):
            assert adult in text


def test_staff_follow_the_protocol_promise_no_secret_and_do_not_inquire():
    for text in of(HARASSMENT, "enseignant", "personnel", "intervenant", "directeur"):
        for words in ("pHARe", "protocole", "hiérarchie", "secret", "détails", "nom d'élève"):
            assert words in text, words


@pytest.mark.parametrize("profile", PROFILES)
def test_a_hacked_account_threat_and_help_first_then_the_gestures(profile):
    for text in of(HACKED, profile):
        start = before_the_steps(text)
        assert "17" in numbers(start)
        assert "**17Cyber**" in start
        assert "https://17cyber.gouv.fr" in start
        assert "17" in numbers(text.split("\n\n")[0])
        for gesture in ("mot de passe", "appareil", "bloqu?e", "clique", "répond", "preuve|photo de l'écran"):
            assert re.search(gesture, text), gesture


def test_a_pupil_whose_account_was_stolen_is_not_blamed():
    assert all("n'est pas une faute" in text for text in of(HACKED, PUPIL))
    assert all("pas coupable" in text for text in of(HACKED, "directeur"))
    assert all("pas sa faute" in text for text in of(HACKED, "parent"))


def test_reporting_a_message_says_first_whom_to_call():
    for text in of(REPORT):
        assert {"17", "3018", "119"} <= numbers(before_the_steps(text))


def test_urgent_articles_are_for_all_and_have_no_form_in_the_way():
    for topic in (HARASSMENT, HACKED):
        assert set(articles()[topic].audiences) == set(PROFILES)
        for reading in readings(topic):
            assert "parler à une personne" not in reading.text


def test_what_is_said_afterwards_gives_the_numbers_again():
    for variation in domain()["responses"]["utter_proteger"]:
        assert {"3018", "119", "17", "112"} <= numbers(variation["text"])
    for variation in domain()["responses"]["utter_proteger_compte"]:
        assert "17" in numbers(variation["text"])
