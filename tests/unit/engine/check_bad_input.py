"""What nobody can understand is admitted by the trained model, in the time of any message (see test_engine.py)."""

from __future__ import annotations

import statistics
import sys
import tarfile
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))

from bot.dialogue import decision as kinds  # noqa: E402
from bot.dialogue.decision import Context, Decision, Ranking, decide  # noqa: E402
from bot.engine.features import Sample  # noqa: E402
from bot.engine.model import TopicModel  # noqa: E402
from bot.language.normalise import clean  # noqa: E402
from bot.topics import load_topics  # noqa: E402

# Offered topics are a doubt that is owned too: what counts is that nothing is said with confidence.
ADMITTED = {kinds.CLARIFY, kinds.SEARCH, kinds.CHOICES, kinds.FOREIGN, kinds.OUT_OF_SCOPE}
PLAIN = ["j'ai oublié mon mot de passe", "où sont les devoirs de ma fille", "comment écrire à la maîtresse"] * 10
BAD = {
    "a letter": ["a", "é", "Q", "?"],
    "digits": ["1", "0612", "3 14 15 92 65 35", "2026"],
    "keys": ["azertyuiop", "qsdf jklm", "hhhhhhhhhhhhhhhhhhhh", "tset tset prout xx"],
    "a thousand characters": ["zgrmpf " * 142, "a" * 1000, "lorem ipsum dolor sit amet consectetur " * 25],
    "upside down": ["ǝssɐd ǝp ʇoɯ uoɯ ǝ́ılqno ıɐ,ɾ", "suıoʌǝp sǝl ʇuos n̗o"],
    "signs": ["!!! ??? ...", "👍🙃🤷", "\u202e\u200f\u200b", "<b></b>", "%s %d {0}"],
}
FOREIGN = {
    "English": ["I forgot my password", "Where can I see my son's homework?", "how do I write to the teacher please"],
    "Arabic": ["نسيت كلمة المرور", "أين واجبات ابني؟"],
    "Chinese": ["我忘记了密码", "在哪里可以看到作业?"],
}


def read_model() -> TopicModel:
    """Return the classifier of the trained model."""
    with tarfile.open(ROOT / "models/assistent.tar.gz") as archive, tempfile.TemporaryDirectory() as name:
        archive.extractall(name, filter="data")
        return TopicModel.load(next(Path(name).glob("components/*TopicClassifier*")))


def decided(model: TopicModel, text: str) -> Decision:
    ranking = Ranking(tuple(model.rank(Sample(clean(text), "parent"))))
    return decide(ranking, clean(text), Context(profile="parent"), topics=load_topics(), thresholds=model.thresholds)


def check_what_means_nothing_is_admitted() -> None:
    model = read_model()
    wrong = {
        text[:40]: (found.kind, found.topic, found.confidence)
        for texts in BAD.values()
        for text in texts
        if (found := decided(model, text)).kind not in ADMITTED
    }
    assert not wrong, wrong


def check_another_language_is_told_so() -> None:
    model = read_model()
    told = {text: decided(model, text).kind for texts in FOREIGN.values() for text in texts}
    assert set(told.values()) == {kinds.FOREIGN}, told


def check_it_takes_no_longer() -> None:
    model = read_model()

    def took(text: str) -> float:
        started = time.process_time()
        decided(model, text)
        return time.process_time() - started

    usual = statistics.median(map(took, PLAIN))
    for name, texts in BAD.items():
        for text in texts:
            # A thousand characters hold twenty times the n-grams of a question.
            bound = (20 if len(text) > 500 else 4) * usual
            assert statistics.median(took(text) for _ in range(5)) < max(bound, 0.012), (name, text[:40])


if __name__ == "__main__":
    globals()[sys.argv[1]]()
