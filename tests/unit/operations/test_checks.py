from __future__ import annotations

import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from bot.errors import OperationError
from bot.operations import checks


@pytest.fixture
def taken_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_taken_port_is_told_with_its_number_and_the_variable_that_moves_it(taken_port):
    finding = checks.check_port(checks.Port("le site", "ASSISTENT_PORT", "127.0.0.1", taken_port))

    assert not finding.good
    assert str(taken_port) in finding.sentence
    assert "ASSISTENT_PORT" in finding.sentence
    assert f"processus {os.getpid()}" in finding.sentence


def test_a_free_port_is_good_and_stays_free(settings):
    port = checks.list_ports(settings)[0]

    assert checks.check_port(port).good
    assert checks.check_port(port).good


def test_an_address_of_another_machine_is_told():
    finding = checks.check_port(checks.Port("le site", "ASSISTENT_PORT", "192.0.2.1", 8000))

    assert not finding.good
    assert "ASSISTENT_HOST" in finding.sentence


def test_one_port_given_twice_is_told_once(settings):
    same = replace(settings, port=8000, rasa_port=8000)

    (finding,) = checks.check_ports(same)

    assert not finding.good
    assert "ASSISTENT_PORT et ASSISTENT_RASA_PORT" in finding.sentence


def test_a_disk_without_room_is_told_with_what_is_left_and_what_is_needed(tmp_path):
    finding = checks.check_disk(tmp_path / "not" / "yet", needed=10**18)

    assert not finding.good
    assert "Libérez de la place" in finding.sentence


def test_a_disk_with_room_is_good(tmp_path):
    assert checks.check_disk(tmp_path, needed=1).good


def write_python(path: Path, body: str) -> Path:
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("echo 3 9", "il faut 3.10"),
        ("echo 3 11", "il faut 3.10"),
        ("exit 127", "ne s’exécute pas"),
        ("echo nonsense", "ne s’exécute pas"),
    ],
)
def test_a_python_that_does_not_fit_is_told_with_the_repair(tmp_path, body, words):
    finding = checks.check_python(write_python(tmp_path / ".venv-rasa" / "bin" / "python", body), (3, 10), (3, 10))

    assert not finding.good
    assert words in finding.sentence
    assert "make install" in finding.sentence


def test_an_absent_environment_is_told(tmp_path):
    finding = checks.check_python(tmp_path / ".venv" / "bin" / "python", None, (3, 11))

    assert finding.sentence == "L’environnement .venv est absent : lancez « make install »."


def test_a_newer_python_than_the_oldest_is_good(tmp_path):
    assert checks.check_python(write_python(tmp_path / "v" / "bin" / "python", "echo 3 13"), None, (3, 11)).good


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "var").write_text("a file where the folder should be", encoding="utf-8")

    assert not checks.check_writable(tmp_path / "var").good


def test_a_full_machine_of_good_findings_is_let_through(settings):
    assert checks.check_machine(settings) == []
    checks.require_machine(settings)


def test_all_that_is_missing_is_in_the_error(settings, taken_port):
    (settings.root / ".venv-rasa" / "bin" / "python").unlink()
    lacking = replace(settings, port=taken_port)

    with pytest.raises(OperationError) as refusal:
        checks.require_machine(lacking)

    first, second = refusal.value.sentence.splitlines()
    assert ".venv-rasa" in first
    assert str(taken_port) in second
