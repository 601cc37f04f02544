"""Rasa's own checks, as any Rasa user would run them from the root."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bot.settings import ROOT

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

ENVIRONMENT = ("env", "RASA_TELEMETRY_ENABLED=false", "TF_CPP_MIN_LOG_LEVEL=3", f"PYTHONPATH={ROOT}")


def rasa(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run Rasa in its environment."""
    command = [*ENVIRONMENT, str(ROOT / ".venv-rasa/bin/python"), "-m", "rasa", *arguments]
    return subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def test_the_data_is_valid_without_a_warning() -> None:
    done = rasa("data", "validate", "--fail-on-warnings", "--max-history", "3")
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]


def test_conversations_go_as_written(tmp_path: Path) -> None:
    done = rasa(
        *("test", "core", "--stories", "tests/conversations", "--model", "models/assistent.tar.gz"),
        *("--out", str(tmp_path), "--fail-on-prediction-errors", "--no-plot"),
    )  # fmt: skip
    failed = tmp_path / "failed_test_stories.yml"
    story = failed.read_text(encoding="utf-8") if failed.exists() else ""
    assert done.returncode == 0, story[-3000:] + done.stderr[-1500:]


def test_the_shell_answers() -> None:
    command = [*ENVIRONMENT, str(ROOT / ".venv-rasa/bin/python"), "-m", "rasa", "shell", "nlu", "--model", "models"]
    done = subprocess.run(
        command, cwd=ROOT, input="comment voir les devoirs de ma fille ?\n", capture_output=True, text=True, check=False
    )
    assert "cdt_consulter_devoirs" in done.stdout, (done.stdout + done.stderr)[-2000:]
