"""What comes along when the web process is imported: in an interpreter of its own, as nothing else has been there."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from bot.settings import ROOT

LIST = (
    "import json, sys; import {module}; print(json.dumps(sorted({{name.partition('.')[0] for name in sys.modules}})))"
)
# Rasa and what it stands on live in another environment; rasa_sdk belongs to the action server.
ELSEWHERE = {"rasa", "rasa_sdk", "tensorflow", "keras", "spacy", "sklearn", "sanic", "torch"}


def imported_by(module: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", LIST.format(module=module)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("module", ["bot.web.app", "bot.cli"])
def test_neither_rasa_nor_tensorflow_comes_along(module: str) -> None:
    assert not imported_by(module) & ELSEWHERE


def test_the_web_process_does_not_bring_the_engine_or_the_actions() -> None:
    code = (
        "import sys, bot.web.app; print([name for name in sys.modules if name.startswith(('bot.engine', 'actions'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_nothing_happens_at_import() -> None:
    """No connection, no file, no thread: rasa-sdk imports every module of actions/ and tests import everything."""
    code = (
        "import sys, threading\n"
        "opened = []\n"
        "def watch(event, values):\n"
        "    writes = event == 'open' and isinstance(values[1], str) and set(values[1]) & set('wax+')\n"
        "    if writes or event in ('socket.connect', 'socket.bind', 'subprocess.Popen', 'sqlite3.connect'):\n"
        "        opened.append((event, str(values[0])))\n"
        "sys.dont_write_bytecode = True\n"
        "sys.addaudithook(watch)\n"
        "import bot.web.app, bot.cli\n"
        "print(opened, threading.active_count())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] 1"
