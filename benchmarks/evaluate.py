#!/usr/bin/env python3
"""`make evaluate`: the figures of benchmarks/eval/score.py without a server, and a page in French for formateurs.

    .venv-rasa/bin/python benchmarks/evaluate.py [--page FILE] [--json FILE] [--served-only]

Two models are judged: the one in service (models/assistent.tar.gz) and a candidate learnt here and now from data/nlu.
The page shows both on the measuring set, by topic, profile and voice; what the candidate confuses on texts held out by
whole blocks, with the utterances behind each confusion; and what changes, line by line, if it replaces the other.
`--served-only` judges the model in service alone, in seconds: tests hold its figures above their floors.
"""

from __future__ import annotations

import argparse
import datetime
import itertools
import json
import sys
import tarfile
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
# Last: a copy of our code that is to be measured comes first (benchmarks/compare.py).
sys.path.append(str(ROOT))
sys.path.insert(0, str(ROOT / "benchmarks"))

import jinja2  # noqa: E402
import numpy as np  # noqa: E402
from understanding import (  # noqa: E402
    Utterance,
    accepted,
    figures,
    judge,
    read_lines,
    read_utterances,
    reader_of,
    train,
)  # fmt: skip

from bot.engine.features import FeatureSettings  # noqa: E402
from bot.engine.model import TopicModel, TrainSettings  # noqa: E402
from bot.language.reader import Reader  # noqa: E402
from bot.topics import PROFILE_NAMES, load_topics  # noqa: E402

SERVED = ROOT / "models" / "assistent.tar.gz"
# The plainest messages of every topic: few words, no story, as most people type them. Never for training.
PLAIN = ROOT / "benchmarks" / "evaluation" / "plain.jsonl"
# What is said around a question, in turn, one pair a line.
COURTESIES = (
    ("bjr ", ""), ("", " merci"), ("Bonjour, ", ""), ("", " merci d'avance"), ("slt ", " svp"), ("Bonsoir madame, ", " Cordialement"),
    ("Bonjour. ", " Merci pour votre aide."), ("coucou ", " mrc"), ("", ", s'il vous plaît"), ("Excusez-moi, ", " bonne journée"),
)  # fmt: skip
PAGE = ROOT / "var" / "evaluation.html"
CLASSIFIER = "TopicClassifier"
# What is shown of what is long.
CONFUSIONS, BEHIND = 40, 8
VOICES = {
    "standard": "correctement écrit", "indirect": "une situation, sans question", "sms": "abrégé", "fautes": "avec des fautes",
    "mots_cles": "mots-clés", "long": "long", "emotion": "sous l’émotion", "oral": "dicté", "autre_profil": "ce n’est pas son rôle",
}  # fmt: skip
VERDICTS = {"right": "juste", "offered": "proposé", "wrong": "faux", "missed": "manqué"}
NAMES = {
    "right": "Juste", "right_or_offered": "Juste ou proposé parmi les choix", "wrong": "Faux, dit avec assurance",
    "missed": "Manqué : « je n’ai pas compris »", "urgent_right": "Urgences reconnues", "urgent_false": "Fausses alertes",
    "hors_sujet_right": "Hors sujet reconnu", "hors_sujet_answered": "Hors sujet pris pour une question",
    "noisy_right": "Juste, sur le français abrégé, fautif ou dicté", "standard_right": "Juste, sur le français soigné",
    "first": "Bon sujet au premier rang", "first_three": "Bon sujet dans les trois premiers",
    "ece": "Écart entre la confiance et la réalité",
}  # fmt: skip


@dataclass(frozen=True)
class Confusion:
    """A topic taken for another on held-out texts, with some of the texts."""

    topic: str
    taken_for: str
    count: int
    texts: list[str]


def load_served(archive: Path) -> TopicModel:
    """Read our classifier out of Rasa's archive."""
    with tempfile.TemporaryDirectory() as name, tarfile.open(archive) as tar:
        for member in tar.getmembers():
            path = Path(member.name)
            if member.isfile() and CLASSIFIER in path.parent.name:
                (Path(name) / path.name).write_bytes(tar.extractfile(member).read())
        return TopicModel.load(Path(name))


def beside(model: TopicModel, reader: Reader, rows: list[tuple]) -> dict[str, dict[str, float]]:
    """Return the figures on plain messages, and on those of the judged `rows` that ask something, bare and with courtesies around."""
    topics = load_topics()
    bare = [row for row in rows if not topics[row[0]["topic"]].is_dialogue]
    courteous = [
        {**line, "text": before + line["text"] + after}
        for (line, *_), (before, after) in zip(bare, itertools.cycle(COURTESIES))
    ]
    sets = {
        "plain": judge(model, reader, read_lines(PLAIN)), "bare": bare, "courteous": judge(model, reader, courteous),
    }  # fmt: skip
    found = {name: Counter(kind for *_, kind, _ in some) for name, some in sets.items()}
    return {
        name: {"n": len(sets[name]), **{kind: round(counts[kind] / len(sets[name]), 4) for kind in VERDICTS}}
        for name, counts in found.items()
    }


def confusions_of(model: TopicModel, utterances: list[Utterance]) -> list[Confusion]:
    """Return what held-out texts are taken for, the most frequent first."""
    behind: dict[tuple[str, str], list[str]] = defaultdict(list)
    for utterance, row in zip(utterances, model.held_out):
        guess = model.labels[int(np.argmax(row))]
        if guess != utterance.intent:
            behind[utterance.intent, guess].append(utterance.text)
    ranked = sorted(behind.items(), key=lambda item: -len(item[1]))
    return [Confusion(*pair, len(texts), texts[:BEHIND]) for pair, texts in ranked[:CONFUSIONS]]


def by(rows: list[tuple], key: str) -> dict[str, Counter]:
    """Count the verdicts by what `key` says of a line."""
    counts: dict[str, Counter] = defaultdict(Counter)
    for line, _, kind, _ in rows:
        counts[line[key] or "inconnu"][kind] += 1
    return dict(sorted(counts.items()))


def changes(before: list[tuple], after: list[tuple]) -> dict[str, list[dict[str, Any]]]:
    """Return the lines that the candidate judges better, and worse."""
    order = ("wrong", "missed", "offered", "right")
    found: dict[str, list[dict[str, Any]]] = {"mieux": [], "moins bien": []}
    for (line, old, was, _), (_, new, now, _) in zip(before, after):
        if was != now:
            found["mieux" if order.index(now) > order.index(was) else "moins bien"].append(
                {"line": line, "was": was, "now": now, "old": old["topic"], "new": new["topic"]}
            )
    return found


def margin(share: float, count: int) -> float:
    """Return half the width of the 95 % interval of a share."""
    return 1.96 * (share * (1 - share) / max(1, count)) ** 0.5


def render(context: dict[str, Any]) -> str:
    """Return the page."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROOT / "benchmarks" / "evaluation"), autoescape=True, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["percent"] = lambda share: f"{100 * share:.1f} %".replace(".", ",")
    return environment.get_template("page.html").render(context)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--page", type=Path, default=PAGE)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--served-only", action="store_true")
    options = parser.parse_args()
    started = time.monotonic()
    lines, topics = read_lines(), load_topics()
    served = None
    if SERVED.exists():
        try:
            in_service = load_served(SERVED)
        except (KeyError, ValueError, OSError) as error:
            print(f"Le modèle en service n’est pas lisible ({error}) : il est d’une autre version.", file=sys.stderr)
        else:
            reader = reader_of(in_service)
            served = judge(in_service, reader, lines)
    report: dict[str, Any] = {"served": figures(served) if served else None}
    if served:
        report["served_beside"] = beside(in_service, reader, served)
    if not options.served_only:
        utterances = read_utterances()
        model, seconds = train(utterances, FeatureSettings(), TrainSettings())
        reader = reader_of(model)
        candidate = judge(model, reader, lines)
        report |= {
            "candidate": figures(candidate),
            "candidate_beside": beside(model, reader, candidate),
            "train_s": round(seconds, 1),
            "utterances": len(utterances),
        }
        held_out = [model.labels[int(np.argmax(row))] == one.intent for one, row in zip(utterances, model.held_out)]
        report["held_out_first"] = round(float(np.mean(held_out)), 4)
        page = render(
            {
                "report": report, "names": NAMES, "verdicts": VERDICTS, "lines": len(lines), "margin": margin,
                "at": datetime.datetime.now().astimezone().strftime("%d/%m/%Y à %H h %M"),
                "tables": {
                    "Par profil": (by(candidate, "profil"), PROFILE_NAMES),
                    "Par façon d’écrire": (by(candidate, "style"), VOICES),
                    "Par sujet": (by(candidate, "topic"), {topic.id: topic.meaning for topic in topics}),
                },
                "errors": [row for row in candidate if row[2] != "right"], "accepted": accepted,
                "confusions": confusions_of(model, utterances),
                "changes": changes(served, candidate) if served else None,
            }
        )  # fmt: skip
        options.page.parent.mkdir(parents=True, exist_ok=True)
        options.page.write_text(page, encoding="utf-8")
    report["seconds"] = round(time.monotonic() - started, 1)
    print(json.dumps(report, ensure_ascii=False, indent=1))
    if options.json:
        options.json.write_text(json.dumps(report), encoding="utf-8")
    if not options.served_only:
        print(f"Page : {options.page.relative_to(ROOT) if options.page.is_relative_to(ROOT) else options.page}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
