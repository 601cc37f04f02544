"""The engine's own checks, each run by Rasa's environment: scikit-learn and spaCy are not in this one."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from bot.settings import ROOT

PYTHON = ROOT / ".venv-rasa" / "bin" / "python"
SCRIPTS = sorted(Path(__file__).parent.glob("check_*.py"))
CHECKS = [
    pytest.param(script, name, id=name)
    for script in SCRIPTS
    for name in re.findall(r"^def (check_\w+)", script.read_text(encoding="utf-8"), re.MULTILINE)
]


@pytest.mark.engine
@pytest.mark.parametrize(("script", "name"), CHECKS)
def test_contract(script: Path, name: str) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "RASA_TELEMETRY_ENABLED": "false", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [PYTHON, script, name], capture_output=True, text=True, timeout=110, env=environment, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
