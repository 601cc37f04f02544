from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.settings import ROOT
from tools import bootstrap

NOISE = "warning: something else\n"


@pytest.fixture
def layout(tmp_path: Path) -> bootstrap.Layout:
    """An empty project with lock files of its own."""
    (tmp_path / "requirements").mkdir()
    for name in ("web", "dev", "rasa"):
        (tmp_path / "requirements" / f"{name}.lock").write_text(f"{name}==1\n", encoding="utf-8")
    return bootstrap.Layout(tmp_path)


def fill(environment: bootstrap.Environment, lock: str) -> None:
    """Leave an environment as a finished installation of `lock` does."""
    python = environment.path / "bin" / "python"
    python.parent.mkdir(parents=True, exist_ok=True)
    if not python.exists():
        python.symlink_to(sys.executable)
    environment.stamp_path.write_text(json.dumps(environment.stamp(lock)), encoding="utf-8")


def write_program(path: Path, body: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def test_an_environment_is_current_until_its_lock_changes(layout):
    web, _ = bootstrap.list_environments(layout, dev=False)
    assert not web.is_current()

    fill(web, "web.lock")
    assert web.is_current()

    (layout.requirements / "web.lock").write_text("web==2\n", encoding="utf-8")
    assert not web.is_current()


def test_the_tests_environment_is_good_for_running_and_not_the_other_way_round(layout):
    web, _ = bootstrap.list_environments(layout, dev=False)
    dev, _ = bootstrap.list_environments(layout, dev=True)

    fill(web, "web.lock")
    assert not dev.is_current()

    fill(dev, "dev.lock")
    assert web.is_current()
    assert dev.is_current()


@pytest.mark.parametrize("harm", ["stamp", "python", "moved"])
def test_a_damaged_environment_is_not_current(layout, harm):
    web, _ = bootstrap.list_environments(layout, dev=False)
    fill(web, "web.lock")

    if harm == "stamp":
        web.stamp_path.write_text("{", encoding="utf-8")
    elif harm == "python":
        (web.path / "bin" / "python").unlink()
        (web.path / "bin" / "python").symlink_to("/nowhere/python")
    else:
        web.stamp_path.write_text(json.dumps({**web.stamp("web.lock"), "root": "/elsewhere"}), encoding="utf-8")

    assert not web.is_current()


def test_an_interpreter_that_runs_is_described():
    python = bootstrap.probe_python(sys.executable)

    assert python is not None
    assert python.version == sys.version_info[:2]
    assert python.missing == []


@pytest.mark.parametrize("body", ["exit 127", "echo pyenv: no version is active; exit 1", "echo not json"])
def test_a_dead_interpreter_is_passed_over(tmp_path, body):
    assert bootstrap.probe_python(str(write_program(tmp_path / "python3.10", body))) is None


def test_a_dead_shim_on_the_path_does_not_hide_pyenv_s_interpreter(layout, tmp_path, monkeypatch):
    dead = write_program(tmp_path / "shims" / "python3.10", "exit 127")
    alive = write_program(
        tmp_path / "pyenv" / "versions" / "3.10.13" / "bin" / "python3.10", """echo '[[3, 10], "/found", []]'"""
    )
    monkeypatch.setenv("PATH", str(dead.parent))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))

    assert str(alive) in bootstrap.candidate_pythons(layout, (3, 10))
    found = bootstrap.find_python(layout, "/no/uv", ((3, 10),))
    assert found is not None


def test_a_chosen_interpreter_comes_first(layout, tmp_path, monkeypatch):
    chosen = write_program(tmp_path / "mine" / "python", """echo '[[3, 10], "/mine", []]'""")
    monkeypatch.setenv("ASSISTENT_PYTHON310", str(chosen))

    found = bootstrap.find_python(layout, "/no/uv", ((3, 10),))

    assert found is not None
    assert found.path == "/mine"


def test_an_interpreter_without_a_needed_module_is_left_aside_and_told(layout, tmp_path, monkeypatch, capsys):
    chosen = write_program(tmp_path / "python", """echo '[[3, 10], "/mine", ["sqlite3"]]'""")
    monkeypatch.setenv("ASSISTENT_PYTHON310", str(chosen))

    found = bootstrap.find_python(layout, "/no/uv", ((3, 10),))

    assert found is None or found.path != "/mine"
    assert "il lui manque sqlite3" in capsys.readouterr().out


def test_without_python_3_10_and_without_network_the_sentence_says_what_to_install(layout, tmp_path):
    uv = write_program(tmp_path / "uv", "echo 'error: error sending request'; exit 2")

    with pytest.raises(bootstrap.SetupError, match=r"Python 3\.10 n’est pas sur cette machine.*ASSISTENT_PYTHON310"):
        bootstrap.fetch_python(layout, str(uv), (3, 10))


@pytest.mark.parametrize(("version", "taken"), [("uv 0.13.9 (x)", True), ("uv 0.1.2", False), ("pyenv: uv", False)])
def test_a_uv_is_taken_when_it_runs_and_is_recent_enough(layout, tmp_path, monkeypatch, version, taken):
    write_program(tmp_path / "bin" / "uv", f"echo '{version}'")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))

    assert (bootstrap.find_uv(layout) is not None) is taken


def test_a_python_without_venv_and_pip_is_told(layout, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(write_program(tmp_path / "python3", "exit 1")))

    with pytest.raises(bootstrap.SetupError, match="n’a ni venv ni pip"):
        bootstrap.install_uv(layout)


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("error: Failed to fetch: x\n  Caused by: dns error", "réseau"),
        ("tcp connect error: Connection refused (os error 111)", "réseau"),
        ("invalid peer certificate: UnknownIssuer", "réseau"),
        ("WARNING: Retrying after connection broken\nERROR: Could not find a version that satisfies uv", "réseau"),
        ("failed to write: No space left on device (os error 28)", "disque est plein"),
        ("Hash mismatch for `uv==1`", "empreinte"),
        ("Permission denied (os error 13)", "écriture a été refusée"),
        ("something unheard of", "something unheard of"),
    ],
)
def test_a_failed_install_becomes_one_sentence_that_says_what_to_do(output, words):
    sentence = bootstrap.explain_failure(NOISE + output, "L’installation de Rasa", Path("x.log"))

    assert sentence.startswith("L’installation de Rasa")
    assert words in sentence
    assert "x.log" in sentence
    assert "elancez" in sentence


def test_a_disk_without_room_is_refused_before_anything_is_fetched(layout):
    with pytest.raises(bootstrap.SetupError, match="Libérez de la place"):
        bootstrap.check_disk(layout.root / "not" / "yet", needed=10**18)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("Downloading tensorflow (558.3MiB)", "téléchargement de tensorflow (558 Mo)"),
        ("Prepared 188 packages in 12.3s", "188 bibliothèques téléchargées et vérifiées"),
        ("Installed 1 package in 3ms", "1 bibliothèques installées"),
        ("Resolved 188 packages in 1s", None),
    ],
)
def test_progress_of_uv_is_told_in_french(line, sentence):
    assert bootstrap.translate_progress(line) == sentence


def test_a_long_command_is_logged_and_its_failure_carries_what_it_said(tmp_path):
    log = tmp_path / "log" / "x.log"

    with pytest.raises(bootstrap.Failed) as failure:
        bootstrap.run_with_progress(["sh", "-c", "echo one; echo two >&2; exit 3"], log)

    assert failure.value.output.split() == ["one", "two"]
    assert log.read_text(encoding="utf-8").split() == ["one", "two"]


def test_a_network_s_own_package_server_is_handed_on_to_uv(monkeypatch):
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", "http://packages.example/simple")

    assert bootstrap.clean_environment()["UV_DEFAULT_INDEX"] == "http://packages.example/simple"


def test_it_is_written_for_python_3_8_and_the_standard_library_alone():
    source = (ROOT / "tools" / "bootstrap.py").read_text(encoding="utf-8")
    tree = ast.parse(source, feature_version=(3, 8))

    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported <= sys.stdlib_module_names


def test_when_nothing_changed_it_is_over_at_once():
    """The environments that run these tests are current: this is the second `make run`."""
    done = subprocess.run(
        [sys.executable, "tools/bootstrap.py", "--dev"],
        cwd=ROOT,
        env={**os.environ, "PATH": "/nonexistent"},
        capture_output=True,
        text=True,
        timeout=10,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "Préparation" not in done.stdout
