"""The understanding does not fall below its floors: the trained model on the measuring set, without a server."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from bot.settings import ROOT

PYTHON = ROOT / ".venv-rasa" / "bin" / "python"
# « At the very least » of the issue, or what was reached less the noise of another training (one line of 529 is 0.002,
# the standard error 0.012): the nearer of both to what was reached.
AT_LEAST = {
    "right": 0.905, "right_or_offered": 0.95, "urgent_right": 1.0, "hors_sujet_right": 0.80, "noisy_right": 0.89,
    "first": 0.94, "first_three": 0.975,
}  # fmt: skip
AT_MOST = {"wrong": 0.035, "urgent_false": 0.015, "hors_sujet_answered": 0.06, "ece": 0.03, "ms_p50": 12.0}
PLAIN_RIGHT, PLAIN_WRONG, COURTESY = 0.96, 0.02, 0.01


@pytest.mark.engine
def test_the_figures_hold() -> None:
    if not (ROOT / "models" / "assistent.tar.gz").exists() and "CI" not in os.environ:
        pytest.skip("le modèle n’est pas appris : make train")
    done = subprocess.run(
        [PYTHON, ROOT / "benchmarks" / "evaluate.py", "--served-only"], capture_output=True, text=True, timeout=110,
        env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    report = json.loads(done.stdout)
    found, beside = report["served"], report["served_beside"]
    short = {name: found[name] for name, floor in AT_LEAST.items() if found[name] < floor}
    over = {name: found[name] for name, ceiling in AT_MOST.items() if found[name] > ceiling}
    assert (short, over) == ({}, {})
    assert found["standard_right"] - found["noisy_right"] <= 0.06
    # What most people type: few words; a greeting before, a thanks after, which change nothing of what is asked.
    assert beside["plain"]["right"] >= PLAIN_RIGHT
    assert beside["plain"]["wrong"] <= PLAIN_WRONG
    assert beside["bare"]["right"] - beside["courteous"]["right"] <= COURTESY
    assert beside["courteous"]["wrong"] - beside["bare"]["wrong"] <= COURTESY
