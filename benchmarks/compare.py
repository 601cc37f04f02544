#!/usr/bin/env python3
"""Judge a candidate beside the model in service, with the code and the topics that the candidate was made with.

    .venv-rasa/bin/python benchmarks/compare.py --inputs FOLDER|FILE.inputs.tgz --candidate FILE [--served FILE]
        [--heard FILE.jsonl] --json FILE       judge both on benchmarks/eval/dev.jsonl, and on messages heard
        --ask                                  answer questions on standard input, a line of JSON each, until it closes

Of the messages heard (`{"id", "profil", "text", "topic"}`), which the candidate has learnt, it is judged by cross-validation: by what models of
the same training that had not seen a message made of it (`held_out.json` in its archive). The model in service never saw them.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
# Asked nothing for so long, it ends: two models are 500 MB of memory.
IDLE_S = 300.0


def take_inputs(inputs: Path, folder: Path) -> None:
    """Let our code and the topics be those of `inputs`, a folder or a kept archive of one."""
    if inputs.is_file():
        with tarfile.open(inputs) as members:
            members.extractall(folder, filter="data")
        inputs = folder
    sys.path[:0] = [str(inputs)]
    sys.path[1:1] = [str(ROOT / "benchmarks")]


class Model:
    """One model, as the engine and the web process read it."""

    def __init__(self, archive: Path) -> None:
        from evaluate import load_served

        from bot.language.reader import Reader

        self.topics = load_served(archive)
        self.reader = Reader.load(archive)

    def judge(self, lines: list[dict[str, Any]]) -> list[tuple]:
        """Return rows as score.py makes them."""
        from understanding import judge

        return judge(self.topics, self.reader, lines)

    def judge_unseen(self, lines: list[dict[str, Any]], held_out: dict[str, list]) -> list[tuple]:
        """The same from what models that had not seen the lines made of them; the reader has, and says nothing."""
        from understanding import row_of

        from bot.language.normalise import clean
        from bot.language.urgent import recognise_urgent

        return [
            row_of(line, [tuple(pair) for pair in held_out[line["id"]]], recognise_urgent(clean(line["text"])),
                   self.topics.thresholds, 0.0)
            for line in lines
        ]  # fmt: skip


def load(archive: Path) -> tuple[Model | None, str]:
    """Read a model; or say why it cannot be."""
    try:
        return Model(archive), ""
    # Whatever is wrong in a file of unknown making is its fault: that is what is to be told.
    except Exception as error:
        return None, f"{type(error).__name__}: {error}"


def read_held_out(archive: Path) -> dict[str, list]:
    """Return what was made of messages that were held out, by their ids."""
    with tarfile.open(archive) as members:
        for member in members:
            if member.name.endswith("/held_out.json"):
                return json.load(members.extractfile(member))
    return {}


def as_judged(row: tuple) -> dict[str, Any]:
    """Return what is kept of a judged row."""
    _, result, kind, _ = row
    return {
        "verdict": kind, "outcome": result["outcome"], "topic": result["topic"],
        "confidence": round(float(result["confidence"]), 4), "choices": result["choices"],
    }  # fmt: skip


def compare(lines: list[dict[str, Any]], candidate: list[tuple], served: list[tuple] | None) -> list[dict[str, Any]]:
    """Return a row a line, with what each model made of it; the words stay where they are."""
    return [
        {
            "id": line["id"], "topic": line["topic"], "ok": line.get("ok", []), "profile": line["profil"],
            "candidate": as_judged(new), "served": as_judged(old) if old else None,
        }
        for line, new, old in zip(lines, candidate, served or [None] * len(lines))
    ]  # fmt: skip


def as_lines(heard: Path, known: set[str]) -> list[dict[str, Any]]:
    """Return messages heard as lines of the measuring set, those that the candidate held out."""
    from bot.topics import load_topics

    topics, lines = load_topics(), []
    for text in heard.read_text(encoding="utf-8").splitlines():
        line = json.loads(text)
        topic = topics.get(line["topic"])
        style = "message" if topic is None or topic.allows(line["profil"]) else "autre_profil"
        if line["id"] in known:
            lines.append({**line, "style": style, "ok": []})
    return lines


def write_judgement(options: argparse.Namespace) -> None:
    from understanding import read_lines

    candidate, why = load(options.candidate)
    served, served_why = load(options.served) if options.served else (None, "")
    found: dict[str, Any] = {"loads": candidate is not None, "why": why, "served_why": served_why, "sets": {}}
    if candidate is not None:
        lines = read_lines()
        found["sets"]["reference"] = compare(lines, candidate.judge(lines), served and served.judge(lines))
        held_out = read_held_out(options.candidate)
        lines = as_lines(options.heard, set(held_out)) if options.heard else []
        found["sets"]["heard"] = compare(
            lines, candidate.judge_unseen(lines, held_out), served.judge(lines) if served else None
        )
    options.json.write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8")


def answer(options: argparse.Namespace) -> None:
    """Answer until nobody asks any more; the first line says whether the models were read."""
    models = {"candidate": load(options.candidate)} | ({"served": load(options.served)} if options.served else {})
    say({name: why for name, (_, why) in models.items()})
    kept = b""
    while select.select([0], [], [], IDLE_S)[0]:
        piece = os.read(0, 65_536)
        if not piece:
            return
        *asked, kept = (kept + piece).split(b"\n")
        for question in asked:
            line = {"topic": "", "style": "", "ok": [], **json.loads(question)}
            said = {}
            for name, (model, _) in models.items():
                if model is not None:
                    [row] = model.judge([line])
                    said[name] = {
                        **as_judged(row),
                        "ranking": [[name, round(p, 4)] for name, p in row[1]["ranking"][:3]],
                    }
            say(said)


def say(content: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(content, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=Path, required=True)
    parser.add_argument("--candidate", type=Path, required=True)
    parser.add_argument("--served", type=Path)
    parser.add_argument("--heard", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--ask", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        take_inputs(options.inputs, Path(folder))
        (answer if options.ask else write_judgement)(options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
