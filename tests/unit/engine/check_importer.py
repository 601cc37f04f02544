"""Utterances are cheap to merge and say what Rasa's own messages say; run by Rasa's environment (see test_engine.py)."""

from __future__ import annotations

import copy
import sys
from pathlib import Path

from rasa.shared.nlu.constants import INTENT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))

from bot.engine.importer import Utterance  # noqa: E402

SAID = [("où sont les devoirs", "cdt_consulter_devoirs"), ("mdp perdu", "connexion_mot_de_passe_oublie")]
METADATA = {"profil": "parent", "voix": "sms"}


def made(kind: type[Message]) -> list[Message]:
    return [kind.build(text, intent, [], METADATA) for text, intent in SAID]


def check_it_is_the_message_that_rasa_would_make() -> None:
    ours, theirs = made(Utterance), made(Message)
    assert [one.fingerprint() for one in ours] == [one.fingerprint() for one in theirs]
    assert TrainingData(ours).merge(TrainingData([])).fingerprint() == TrainingData(theirs).fingerprint()


def check_what_is_changed_in_a_copy_is_not_in_the_other() -> None:
    one = made(Utterance)[0]
    before = one.fingerprint()
    other = copy.deepcopy(one)
    assert other == one
    other.set(INTENT, "hors_sujet")
    other.set("text_tokens", ["où"], add_to_output=True)
    other.add_features(None)
    assert (one.get(INTENT), one.get("text_tokens")) == ("cdt_consulter_devoirs", None)
    assert "text_tokens" not in one.output_properties
    assert (one.fingerprint(), other.fingerprint() == before) == (before, False)


def check_the_same_value_again_changes_nothing_and_another_does() -> None:
    one = made(Utterance)[0]
    before = one.fingerprint()
    one.set(INTENT, one.get(INTENT))
    assert one._cached_fingerprint == before
    one.set(INTENT, "salutation")
    assert one.fingerprint() != before


if __name__ == "__main__":
    globals()[sys.argv[1]]()
