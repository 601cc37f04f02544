#!/usr/bin/env python3
"""Measure the understanding alone: no server, no Rasa, the figures of benchmarks/eval/score.py.

    .venv-rasa/bin/python benchmarks/understanding.py [dev] [hands] [alone] [--set NAME=VALUE ...] [--json FILE] [--errors]

  dev      train on data/nlu, then decide on each line of benchmarks/eval/dev.jsonl (the default)
  hands    leave one hand out: train without a writer (a speaker, a voice), then decide on what that hand wrote
  alone    without Rasa: what the reader of the web process makes of dev, and of one writer's hand left out (--hand),
           and how emergencies are recognised by the words, by the reader, by both

A decision to search counts as missed here: the search of the knowledge base comes after the engine, in the web
process, and can only turn a miss into an offer. `--set` overrides a setting of the features or of the classifier, as
config.yml would. Nothing of dev.jsonl is ever trained on, and no threshold is chosen on it.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import tarfile
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
# Last: a copy of our code that is to be measured comes first (benchmarks/compare.py).
sys.path.append(str(ROOT))
sys.path.insert(0, str(ROOT / "benchmarks" / "eval"))

import numpy as np  # noqa: E402
import yaml  # noqa: E402
from score import table, verdict  # noqa: E402

from bot.dialogue import decision as kinds  # noqa: E402
from bot.dialogue.decision import Context, Decision, Part, Ranking, Thresholds, decide  # noqa: E402
from bot.dialogue.state import DialogueState  # noqa: E402
from bot.engine.features import FeatureSettings, Sample  # noqa: E402
from bot.engine.model import TopicModel, TrainSettings  # noqa: E402
from bot.language.normalise import clean  # noqa: E402
from bot.language.reader import Reader  # noqa: E402
from bot.language.sentences import sentences_of  # noqa: E402
from bot.language.urgent import UrgentSigns, recognise_urgent  # noqa: E402
from bot.topics import load_topics  # noqa: E402

DEV = ROOT / "benchmarks" / "eval" / "dev.jsonl"
RANKED = 12
# Topics of which the rest of the hands wrote less than this are not asked of the hand left out.
KNOWN_ELSEWHERE = 20
NOISY = ("sms", "fautes", "oral")
_VERDICTS = ("right", "offered", "wrong", "missed")
# What the web process reports for each kind of decision (bot/chat/composer.py).
_OUTCOMES = {
    kinds.ANSWER: "answer", kinds.OTHER_PROFILE: "other_profile", kinds.URGENT: "urgent", kinds.OUT_OF_SCOPE: "out_of_scope",
    kinds.CHOICES: "choices", kinds.SECOND_TRY: "choices", kinds.SEARCH: "clarify", kinds.CLARIFY: "clarify",
    kinds.ASK_PROFILE: "clarify", kinds.FORM: "form",
}  # fmt: skip


@dataclass(frozen=True)
class Utterance:
    """A line of data/nlu: whose words, in which voice, meaning what."""

    text: str
    intent: str
    profile: str | None
    voice: str | None
    speaker: str
    hand: str

    @property
    def sample(self) -> Sample:
        return Sample(clean(self.text), self.profile)


def read_utterances(folder: Path = ROOT / "data" / "nlu") -> list[Utterance]:
    """Read data/nlu; the folder's name is the speaker."""
    found = []
    for path in sorted(folder.rglob("*.yml")):
        for block in yaml.safe_load(path.read_text(encoding="utf-8"))["nlu"]:
            metadata = block.get("metadata") or {}
            found += [
                Utterance(
                    line[2:].strip(),
                    block["intent"],
                    metadata.get("profil"),
                    metadata.get("voix"),
                    path.parent.name,
                    metadata.get("main"),
                )
                for line in block["examples"].splitlines()
                if line.startswith("- ")
            ]
    return found


def read_lines(path: Path = DEV) -> list[dict[str, Any]]:
    """Read labelled lines, as score.py does."""
    return [json.loads(text) for text in path.read_text(encoding="utf-8").splitlines() if text.strip()]


def result_of(decided: Decision) -> dict[str, Any]:
    """Return what the chat API would report of a decision."""
    outcome, topic, choices = _OUTCOMES.get(decided.kind, "dialogue"), decided.topic, list(decided.choices)
    if outcome == "choices":
        topics = load_topics()
        choices = [name for name in choices if name in topics and not topics[name].is_dialogue]
        outcome, topic = ("choices", choices[0]) if choices else ("clarify", None)
    return {"outcome": outcome, "topic": topic, "confidence": decided.confidence, "choices": choices}


def judge(model: TopicModel, reader: Reader, lines: list[dict[str, Any]]) -> list[tuple[dict, dict, str, float]]:
    """Decide on each line as a first message; return rows as score.py makes them, with the milliseconds spent."""
    rows = []
    for line in lines:
        started = time.perf_counter()
        text = clean(line["text"])
        read = model.read(Sample(text, line["profil"]))
        ranking, parts = read.ranking[:RANKED], Part.of((part, pairs[:RANKED]) for part, pairs in read.parts)
        spent = (time.perf_counter() - started) * 1000
        signs = reader.add_to(recognise_urgent(text), reader.rank(text, line["profil"]))
        rows.append(row_of(line, ranking, signs, model.thresholds, spent, parts))
    return rows


def judge_alone(reader: Reader, lines: list[dict[str, Any]]) -> list[tuple[dict, dict, str, float]]:
    """The same without the engine: what the web process decides by itself."""
    rows, thresholds = [], Thresholds(**reader.thresholds)
    for line in lines:
        started = time.perf_counter()
        text = clean(line["text"])
        ranking = reader.rank(text, line["profil"])
        signs = reader.add_to(recognise_urgent(text), ranking)
        spent = (time.perf_counter() - started) * 1000
        parts = Part.of((part, reader.rank(part, line["profil"])) for part in sentences_of(text))
        rows.append(row_of(line, ranking, signs, thresholds, spent, parts))
    return rows


def row_of(line: dict[str, Any], ranking: list[tuple[str, float]], signs: UrgentSigns, thresholds: Thresholds, spent: float,
           parts: tuple[Part, ...] = ()) -> tuple[dict, dict, str, float]:  # fmt: skip
    """Decide as the web process and the engine do."""
    if signs.topic and signs.certain:
        decided = Decision(kinds.URGENT, signs.topic, 1.0)
    else:
        context = Context(profile=line["profil"], state=DialogueState(), urgent_hint=signs.topic)
        decided = decide(
            Ranking(tuple(ranking)), clean(line["text"]), context, topics=load_topics(), thresholds=thresholds, parts=parts,
        )  # fmt: skip
    result = {**result_of(decided), "ranking": ranking}
    return line, result, verdict(line, result), spent


def reader_of(model: TopicModel) -> Reader:
    """Return what the web process would read of the model: saved, put into an archive, read from it."""
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder))
        archive = Path(folder) / "model.tar.gz"
        with tarfile.open(archive, "w:gz", compresslevel=1) as members:
            for path in sorted(Path(folder).glob("*.[jn]*")):
                members.add(
                    path, f"components/train_bot.engine.components.topic_classifier.TopicClassifier0/{path.name}"
                )
        return Reader.load(archive)


def emergencies(reader: Reader, model: TopicModel, lines: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Return, for each way of recognising emergencies, the share recognised as what they are, and of the others."""
    words = [recognise_urgent(clean(line["text"])) for line in lines]
    rankings = [reader.rank(clean(line["text"]), line["profil"]) for line in lines]
    read = [reader.add_to(UrgentSigns(), ranking) for ranking in rankings]
    both = [reader.add_to(signs, ranking) for signs, ranking in zip(words, rankings)]
    alone, engine = Thresholds(**reader.thresholds), model.thresholds
    heard = [model.rank(Sample(clean(line["text"]), line["profil"]))[:RANKED] for line in lines]

    def decided(rankings: list, signs: list[UrgentSigns], thresholds: Thresholds) -> list[UrgentSigns]:
        results = [row_of(*row, thresholds, 0.0)[1] for row in zip(lines, rankings, signs)]
        return [UrgentSigns(one["topic"] if one["outcome"] == "urgent" else None) for one in results]

    ways = {
        "words, hint": words,
        "words, certain": [signs if signs.certain else UrgentSigns() for signs in words],
        "reader, hint": read,
        "reader, certain": [signs if signs.certain else UrgentSigns() for signs in read],
        "both, hint": both,
        "both, certain": [signs if signs.certain else UrgentSigns() for signs in both],
        "without the engine": decided(rankings, both, alone),
        "engine, words": decided(heard, words, engine),
        "engine, both": decided(heard, both, engine),
    }
    urgent = [place for place, line in enumerate(lines) if line["topic"].startswith("urgence_")]
    calm = [
        place for place, line in enumerate(lines) if not any(name.startswith("urgence_") for name in accepted(line))
    ]
    return {
        name: {
            "right": round(
                sum(found[place].topic in accepted(lines[place]) for place in urgent) / max(1, len(urgent)), 4
            ),
            "false": round(sum(found[place].topic is not None for place in calm) / max(1, len(calm)), 4),
        }
        for name, found in ways.items()
    }


def figures(rows: list[tuple[dict, dict, str, float]]) -> dict[str, float]:
    """Return the figures of score.py, how often the first rank holds the label, and the calibration error."""
    counts = Counter(kind for *_, kind, _ in rows)
    share = lambda kind, of: sum(k == kind for *_, k, _ in of) / max(1, len(of))  # noqa: E731
    urgent = [row for row in rows if row[0]["topic"].startswith("urgence_")]
    calm = [row for row in rows if not any(t.startswith("urgence_") for t in (row[0]["topic"], *row[0].get("ok", [])))]
    off = [row for row in rows if row[0]["topic"] == "hors_sujet"]
    noisy = [row for row in rows if row[0].get("style") in NOISY]
    plain = [row for row in rows if row[0].get("style") == "standard"]
    first = np.array([row[1]["ranking"][0][0] in accepted(row[0]) for row in rows], dtype=float)
    sure = np.array([row[1]["ranking"][0][1] for row in rows])
    third = [bool(accepted(row[0]) & {name for name, _ in row[1]["ranking"][:3]}) for row in rows]
    return {
        "n": len(rows),
        **{kind: round(counts[kind] / max(1, len(rows)), 4) for kind in _VERDICTS},
        "right_or_offered": round((counts["right"] + counts["offered"]) / max(1, len(rows)), 4),
        "urgent_right": round(share("right", urgent), 4),
        "urgent_false": round(sum(row[1]["outcome"] == "urgent" for row in calm) / max(1, len(calm)), 4),
        "hors_sujet_right": round(share("right", off), 4),
        "hors_sujet_answered": round(share("wrong", off), 4),
        "noisy_right": round(share("right", noisy), 4),
        "standard_right": round(share("right", plain), 4),
        "first": round(float(first.mean()), 4),
        "first_three": round(statistics.mean(third), 4),
        "ece": round(calibration_error(sure, first), 4),
        "ms_p50": round(statistics.median(row[3] for row in rows), 2),
    }


def accepted(line: dict[str, Any]) -> set[str]:
    """Return the topics that a fair judge takes."""
    return {line["topic"], *line.get("ok", [])}


def calibration_error(sure: np.ndarray, right: np.ndarray, bins: int = 10) -> float:
    """Return the expected calibration error: how far confidence is from the share of right answers, on average."""
    places = np.minimum((sure * bins).astype(int), bins - 1)
    gaps = [
        (places == place).mean() * abs(sure[places == place].mean() - right[places == place].mean())
        for place in range(bins)
        if (places == place).any()
    ]
    return float(sum(gaps))


def train(utterances: list[Utterance], features: FeatureSettings, settings: TrainSettings) -> tuple[TopicModel, float]:
    """Train, and tell in how many seconds."""
    started = time.perf_counter()
    model = TopicModel.train(
        [one.sample for one in utterances], [one.intent for one in utterances], features, settings,
        hands=[f"{one.hand} {one.voice}" for one in utterances],
    )  # fmt: skip
    return model, time.perf_counter() - started


def size_of(model: TopicModel) -> float:
    """Return the model's size on disk in MB."""
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder))
        return sum(path.stat().st_size for path in Path(folder).iterdir()) / 1e6


def as_line(one: Utterance) -> dict[str, Any]:
    """Return an utterance as a line of the measuring set."""
    allowed = (topic := load_topics().get(one.intent)) is None or topic.allows(one.profile)
    return {
        "profil": one.profile, "text": one.text, "topic": one.intent, "ok": [],
        "style": one.voice if allowed else "autre_profil",
    }  # fmt: skip


def left_out(utterances: list[Utterance], key: str, hand: str) -> tuple[list[Utterance], list[Utterance]]:
    """Return (what the other hands wrote, what this hand wrote on topics that the others know)."""
    others = [one for one in utterances if getattr(one, key) != hand]
    known = Counter(one.intent for one in others)
    topics = load_topics()
    asked = [
        one
        for one in utterances
        if getattr(one, key) == hand and known[one.intent] >= KNOWN_ELSEWHERE and one.intent in topics
    ]
    return others, asked


def show(rows: list[tuple[dict, dict, str, float]], options: argparse.Namespace) -> None:
    """Print the lines that were not right, and the verdicts by kind of line, where asked."""
    if options.errors:
        for line, result, kind, _ in rows:
            if kind != "right":
                best = " ".join(f"{name}:{p:.2f}" for name, p in result["ranking"][:4])
                print(
                    f"{kind:8}{line['profil']:11}{line['style']:10}{line['topic']} <- {result['outcome']} {best} | {line['text'][:160]}"
                )
    if options.tables:
        for key in ("style", "profil", "topic"):
            for name, row in table(rows, key).items():
                print(f"{key}={name!s:34} {row}")


def measure_dev(
    utterances: list[Utterance], features: FeatureSettings, settings: TrainSettings, options: argparse.Namespace
) -> dict:
    model, seconds = train(utterances, features, settings)
    rows = judge(model, reader_of(model), read_lines(options.file))
    found = {
        **figures(rows), "train_s": round(seconds, 1), "mb": round(size_of(model), 1),
        "rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }  # fmt: skip
    show(rows, options)
    print("thresholds", model.thresholds)
    return found


def measure_hands(
    utterances: list[Utterance], features: FeatureSettings, settings: TrainSettings, options: argparse.Namespace
) -> dict:
    rows, by_hand = [], {}
    for key in ("hand", "speaker", "voice"):
        for hand in sorted({getattr(one, key) for one in utterances if getattr(one, key)}):
            others, asked = left_out(utterances, key, hand)
            if options.sample and len(asked) > options.sample:
                picked = np.random.default_rng(20261122).choice(len(asked), options.sample, replace=False)
                asked = [asked[index] for index in picked]
            if len(asked) < 50:
                continue
            model, _ = train(others, features, settings)
            judged = judge(model, reader_of(model), [as_line(one) for one in asked])
            rows += judged
            by_hand[f"{key}:{hand}"] = figures(judged)
            print(f"{key}:{hand:12}", by_hand[f"{key}:{hand}"], flush=True)
    return {**figures(rows), "by_hand": by_hand}


def measure_alone(
    utterances: list[Utterance], features: FeatureSettings, settings: TrainSettings, options: argparse.Namespace
) -> dict:
    others, asked = left_out(utterances, "hand", options.hand)
    sets = {
        "dev": (utterances, read_lines(options.file)),
        f"hand {options.hand}": (others, [as_line(one) for one in asked]),
    }
    found = {}
    for name, (taught, lines) in sets.items():
        model, _ = train(taught, features, settings)
        reader = reader_of(model)
        rows = judge_alone(reader, lines)
        show(rows, options)
        print(name, "thresholds", reader.thresholds, "certain", reader.certain)
        found[name] = {
            "alone": figures(rows), "engine": figures(judge(model, reader, lines)),
            "emergencies": emergencies(reader, model, lines),
        }  # fmt: skip
        print(name, json.dumps(found[name], indent=1), flush=True)
    return found


def overridden(settings: Any, pairs: list[str]) -> tuple[Any, set[str]]:
    """Return the settings with `NAME=VALUE` applied, and the names that were known."""
    known = {item.name for item in fields(settings)}
    values = {name: yaml.safe_load(value) for name, _, value in (pair.partition("=") for pair in pairs)}
    mine = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items() if name in known}
    return replace(settings, **mine), set(mine)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="*", metavar="dev|hands|alone", default=["dev"])
    parser.add_argument("--file", type=Path, default=DEV)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="pairs")
    parser.add_argument("--sample", type=int, default=0, help="judge at most this many utterances a hand")
    parser.add_argument("--hand", default="c", help="the writer whose hand `alone` leaves out")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--errors", action="store_true", help="print each line that was not right")
    parser.add_argument("--tables", action="store_true", help="print the verdicts by style, profile and topic")
    options = parser.parse_args()
    features, taken = overridden(FeatureSettings(), options.pairs)
    settings, also = overridden(TrainSettings(), options.pairs)
    unknown = {pair.partition("=")[0] for pair in options.pairs} - taken - also
    if unknown:
        parser.error(f"unknown settings: {', '.join(sorted(unknown))}")
    utterances = read_utterances()
    report = {"utterances": len(utterances), "topics": len({one.intent for one in utterances})}
    if "dev" in options.what:
        report["dev"] = measure_dev(utterances, features, settings, options)
        print(json.dumps(report["dev"]))
    if "hands" in options.what:
        report["hands"] = measure_hands(utterances, features, settings, options)
        print(json.dumps({name: value for name, value in report["hands"].items() if name != "by_hand"}))
    if "alone" in options.what:
        report["alone"] = measure_alone(utterances, features, settings, options)
    if options.json:
        options.json.write_text(json.dumps(report, ensure_ascii=False, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
