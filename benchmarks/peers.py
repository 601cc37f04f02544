#!/usr/bin/env python3
"""Measure what the peers' pipelines make of dev, beside ours, each taught the same sample of data/nlu.

    OMP_NUM_THREADS=1 .venv-rasa/bin/python benchmarks/peers.py ours|peers [--epochs N] [--sample 971]

  ours    our pipeline, told the profile as it always is
  peers   benchmarks/peer/config.yml, trained once and read twice: with its own bar and with that of Rasa's stock pipeline, the
          same tokenizer, featurizers and DIET (default_config.yml of Rasa 3.6)

DIET takes a quarter of a minute of processor an epoch for 971 utterances, and far longer on all of them. A peer's fallback counts as missed; what
it says of who may not be answered, and of what is urgent, is what the taxonomy says of its first intent: more than it does by itself.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import yaml  # noqa: E402
from sampling import sample  # noqa: E402
from understanding import (  # noqa: E402
    RANKED,
    Utterance,
    figures,
    judge,
    read_lines,
    read_utterances,
    reader_of,
    size_of,
    train,
    verdict,
)  # fmt: skip

from bot.engine.features import FeatureSettings  # noqa: E402
from bot.engine.model import TrainSettings  # noqa: E402
from bot.topics import load_topics  # noqa: E402

# Under these confidences they say that they did not understand; beside that the two pipelines are the same where nothing but intents is taught.
FALLBACKS = {"peer": 0.6, "stock": 0.3}
AMBIGUITY = 0.1


def chosen(count: int) -> list[Utterance]:
    """Return the `count` utterances that bench.py takes."""
    by_intent: dict[str, list[Utterance]] = defaultdict(list)
    for one in read_utterances():
        by_intent[one.intent].append(one)
    return [one for _, one in sample(by_intent, count)]


def ours(utterances: list[Utterance]) -> dict:
    started = time.process_time()
    model, _ = train(utterances, FeatureSettings(), TrainSettings())
    spent = time.process_time() - started
    return {
        "pipeline": "ours",
        "train_cpu_s": round(spent, 1),
        "mb": round(size_of(model), 1),
        **figures(judge(model, reader_of(model), read_lines())),
    }


def theirs(utterances: list[Utterance], epochs: int | None) -> list[dict]:
    from rasa.core.agent import Agent
    from rasa.model_training import train_nlu

    pipeline = yaml.safe_load((ROOT / "benchmarks/peer/config.yml").read_text(encoding="utf-8"))["pipeline"]
    # The bar is put afterwards.
    pipeline = [part for part in pipeline if part["name"] != "FallbackClassifier"]
    if epochs:
        pipeline = [{**part, "epochs": epochs} if part["name"] == "DIETClassifier" else part for part in pipeline]
    by_intent = defaultdict(list)
    for one in utterances:
        by_intent[one.intent].append(f"- {one.text}\n")
    nlu = [{"intent": intent, "examples": "".join(texts)} for intent, texts in by_intent.items()]
    with tempfile.TemporaryDirectory() as folder:
        config, data = Path(folder) / "config.yml", Path(folder) / "nlu.yml"
        recipe = {"recipe": "default.v1", "assistant_id": "peer", "language": "fr", "pipeline": pipeline}
        config.write_text(yaml.safe_dump(recipe), encoding="utf-8")
        data.write_text(yaml.safe_dump({"version": "3.1", "nlu": nlu}, allow_unicode=True), encoding="utf-8")
        started = time.process_time()
        path = train_nlu(str(config), str(data), folder, fixed_model_name="peer")
        found = {"train_cpu_s": round(time.process_time() - started, 1), "mb": round(os.path.getsize(path) / 1e6, 1)}
        read = asyncio.run(ask(Agent.load(path)))
    return [
        {"pipeline": name, **found, **figures([row_of(*each, bar) for each in read])} for name, bar in FALLBACKS.items()
    ]


async def ask(agent: Any) -> list[tuple]:
    """Return (line, ranking, milliseconds) of each line of dev."""
    rows = []
    await agent.parse_message("bonjour")
    for line in read_lines():
        started = time.perf_counter()
        read = await agent.parse_message(line["text"])
        spent = (time.perf_counter() - started) * 1000
        rows.append((line, [(one["name"], one["confidence"]) for one in read["intent_ranking"]][:RANKED], spent))
    return rows


def row_of(line: dict, ranking: list[tuple[str, float]], spent: float, bar: float) -> tuple:
    """Return a row as `judge` does, with what a FallbackClassifier of this bar leaves."""
    (name, best), (_, next_best) = ranking[:2]
    topic = load_topics().get(name)
    if best < bar or best - next_best < AMBIGUITY:
        outcome = "clarify"
    elif name == "hors_sujet":
        outcome = "out_of_scope"
    elif topic is None or topic.is_dialogue:
        outcome = "dialogue"
    elif topic.is_urgent:
        outcome = "urgent"
    else:
        outcome = "answer" if topic.allows(line["profil"]) else "other_profile"
    result = {"outcome": outcome, "topic": None if outcome == "clarify" else name, "choices": [], "ranking": ranking}
    return line, result, verdict(line, result), spent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["ours", "peers"])
    parser.add_argument("--epochs", type=int, help="of DIET, instead of the configuration's")
    parser.add_argument("--sample", type=int, default=971)
    options = parser.parse_args()
    utterances = chosen(options.sample)
    found = [ours(utterances)] if options.what == "ours" else theirs(utterances, options.epochs)
    print(*map(json.dumps, found), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
