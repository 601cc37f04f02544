"""A small project to train in: the real process of a run, the real files; only what stands for Rasa is small."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from bot.db import Database
from bot.learning import runs
from bot.learning.models import TrainingRun
from bot.settings import ROOT

# `rasa train` writes a model; the judge gives back judged.json, or answers each question with answer.json.
SMALL_RASA = """\
#!/bin/sh
root=$(cd "$(dirname "$0")/../.." && pwd)
case "$*" in
  *"rasa train"*)
    echo "INFO rasa.engine.training.hooks - Starting to train component 'SmallClassifier'."
    cat data/nlu/*/*.yml > "$root/learnt.yml"; cp domain.yml data/stories/repondre.yml "$root/seen/"
    if [ -e "$root/train-fails" ]; then echo "YamlException: data/nlu/x.yml line 3"; exit 1; fi
    while [ -e "$root/train-waits" ]; do sleep 0.1; done
    while [ $# -gt 0 ]; do [ "$1" = --out ] && out=$2; shift; done
    date +%N > "$out/candidate.tar.gz" ;;
  *--ask*) cat "$root/hello.json"; while read -r line; do echo "$line" >> "$root/asked.txt"; cat "$root/answer.json"; done ;;
  *compare.py*)
    if [ -e "$root/judge-fails" ]; then echo "MemoryError"; exit 1; fi
    while [ $# -gt 0 ]; do [ "$1" = --json ] && out=$2; [ "$1" = --heard ] && cp "$2" "$root/heard.jsonl"; shift; done
    cp "$root/judged.json" "$out" ;;
esac
"""
NLU = 'version: "3.1"\nnlu:\n- intent: cdt_consulter_devoirs\n  metadata: {profil: parent, voix: standard, main: a}\n  examples: |\n    - les devoirs\n'


def made(verdict: str, topic: str = "cdt_consulter_devoirs") -> dict[str, Any]:
    return {"verdict": verdict, "topic": topic, "outcome": "answer", "confidence": 0.8, "choices": []}


def judged_row(
    identifier: str, was: str, now: str, topic: str = "cdt_consulter_devoirs", **changes: Any
) -> dict[str, Any]:
    """A line that both models were asked."""
    row = {"id": identifier, "topic": topic, "ok": [], "profile": "parent"}
    return {**row, "served": made(was, topic), "candidate": made(now, topic), **changes}


class Project:
    """The small project's folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in (
            "bot/__init__.py",
            "bot/errors.py",
            "bot/topics.py",
            "knowledge/topics.yml",
            "domain.yml",
            "config.yml",
        ):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, root / name)
        for name in ("data/nlu/parent", "data/stories", "models", "seen", "requirements"):
            (root / name).mkdir(parents=True)
        shutil.copy(ROOT / "data/stories/repondre.yml", root / "data/stories")
        (root / "data/nlu/parent/a.yml").write_text(NLU, encoding="utf-8")
        (root / "requirements/rasa.lock").write_text("rasa==3.6.21\n", encoding="utf-8")
        rasa = root / ".venv-rasa" / "bin" / "python"
        rasa.parent.mkdir(parents=True)
        rasa.write_text(SMALL_RASA, encoding="utf-8")
        rasa.chmod(0o755)
        self.judge([judged_row("x-1", "right", "right")])
        self.write("hello.json", {"candidate": "", "served": ""})

    def write(self, name: str, content: Any) -> None:
        """Write a file of JSON on a line."""
        (self.root / name).write_text(json.dumps(content) + "\n", encoding="utf-8")

    def judge(self, reference: list, heard: list = (), **changes: Any) -> None:
        """Say what the judge will find."""
        found = {"loads": True, "why": "", "served_why": "", "sets": {"reference": reference, "heard": list(heard)}}
        self.write("judged.json", {**found, **changes})

    def serve(self) -> Path:
        """Put a model in place that `make train` made."""
        path = self.root / "models" / "assistent.tar.gz"
        path.write_text("served", encoding="utf-8")
        record = {"inputs": "x", "trained_at": "2026-11-01T00:00:00+00:00", "seconds": 1.0, "size": path.stat().st_size}
        (self.root / "models" / "assistent.json").write_text(json.dumps(record), encoding="utf-8")
        return path

    def learner(self, url: str, var_dir: Path) -> tuple[str, ...]:
        """The command of a run's process: the project's own, on this folder and that database."""
        given = {
            "ASSISTENT_ROOT": self.root,
            "ASSISTENT_VAR_DIR": var_dir,
            "ASSISTENT_DATABASE_URL": url,
            "PYTHONPATH": ROOT,
        }
        return ("env", "-C", str(ROOT), *(f"{name}={value}" for name, value in given.items()), sys.executable, "-m", "bot", "learn")  # fmt: skip

    def models(self) -> list[str]:
        """The kept models."""
        return sorted(path.name.removesuffix(".tar.gz") for path in (self.root / "models").glob("assistent-*.tar.gz"))

    def processes(self) -> list[psutil.Process]:
        """What runs in this folder still."""
        found = []
        for process in psutil.process_iter():
            try:
                if any(part.startswith(str(self.root)) for part in process.cmdline()) and process.status() != "zombie":
                    found.append(process)
            except psutil.Error:
                continue
        return found


async def until(condition: Callable[[], Awaitable[Any]], seconds: float = 90) -> Any:
    """Wait for something to hold; return it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := await condition():
            return found
        await asyncio.sleep(0.1)
    raise AssertionError("it did not come about")


async def put(database: Database, **values) -> int:
    """Put a run into the table as its process would have left it."""
    now = datetime.now(UTC)
    run = TrainingRun(**{"state": runs.DONE, "scheduled": False, "asked_at": now, "seen_at": now, "ended_at": now, "step": "Terminé",
                         "log": "", "failure": "", **values})  # fmt: skip
    async with database.transaction() as session:
        session.add(run)
        await session.flush()
        return run.id
