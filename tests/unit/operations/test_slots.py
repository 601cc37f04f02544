"""The slots as systemd runs them, where a command stands in for systemctl; and their models. Supervisor's are in test_processes."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from bot.errors import OperationError
from bot.operations.configuration import slot_path
from bot.operations.slots import SupervisorSlots, SystemdSlots, copy_aside, other_slot, put_in_slot, slots_of
from bot.settings import PRODUCTION, ROOT, Settings

SYSTEMCTL = """#!/bin/sh
echo "$@" >> "{calls}"
[ -e "{refusal}" ] && {{ echo "Interactive authentication required." >&2; exit 4; }}
case "$*" in *SubState*) cat "{state}" ;; esac
"""


@pytest.fixture
def systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A systemctl that notes what it is asked: the folder where it does."""
    program = tmp_path / "bin" / "systemctl"
    program.parent.mkdir()
    paths = {name: tmp_path / name for name in ("calls", "refusal", "state")}
    program.write_text(SYSTEMCTL.format(**paths), encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def test_units_are_started_stopped_and_looked_at(systemctl: Path) -> None:
    slots = SystemdSlots()
    assert slots.is_up()
    slots.start("a")
    slots.stop("b")
    states = {"running": True, "start": True, "start-pre": True, "auto-restart": False, "failed": False, "dead": False}
    for state, alive in states.items():
        (systemctl / "state").write_text(f"{state}\n", encoding="utf-8")
        assert slots.is_alive("b") is alive, state
    calls = (systemctl / "calls").read_text(encoding="utf-8").splitlines()
    assert calls[1:3] == [
        "--no-ask-password start assistent-rasa@a.service",
        "--no-ask-password stop assistent-rasa@b.service",
    ]


def test_a_refusal_says_what_systemd_said_and_what_to_do(systemctl: Path) -> None:
    (systemctl / "refusal").touch()
    slots = SystemdSlots()
    assert not slots.is_up()
    with pytest.raises(OperationError, match=r"Interactive authentication required.*50-assistent\.rules"):
        slots.start("b")


def test_without_systemd_it_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not SystemdSlots().is_up()
    with pytest.raises(OperationError, match="systemd ne répond pas"):
        SystemdSlots().stop("a")


def test_the_rule_lets_the_site_start_and_stop_the_engines_and_nothing_else() -> None:
    rule = (ROOT / "deploy" / "polkit" / "50-assistent.rules").read_text(encoding="utf-8")
    (pattern,) = re.findall(r"/(\^.*\$)/\.test", rule)
    units = re.compile(pattern.replace(r"\.", "[.]"))
    assert all(units.match(f"assistent-rasa@{slot}.service") for slot in "ab")
    assert not any(units.match(name) for name in ("assistent-web.service", "ssh.service", "xassistent-rasa@a.service"))
    site = (ROOT / "deploy" / "systemd" / "assistent-web.service").read_text(encoding="utf-8")
    assert re.search(r"^User=(\w+)$", site, re.MULTILINE)[1] in re.search(r'subject.user == "(\w+)"', rule)[1]


def test_each_mode_has_what_runs_its_processes(settings: Settings) -> None:
    assert isinstance(slots_of(settings), SupervisorSlots)
    assert isinstance(slots_of(replace(settings, mode=PRODUCTION)), SystemdSlots)
    assert (other_slot("a"), other_slot("b")) == ("b", "a")


def test_a_slot_keeps_its_model_whatever_becomes_of_the_archive(settings: Settings, tmp_path: Path) -> None:
    archive = tmp_path / "model.tar.gz"
    archive.write_bytes(b"first")
    put_in_slot(settings, "b", copy_aside(settings, "b", archive))
    archive.write_bytes(b"second")
    assert slot_path(settings, "b").read_bytes() == b"first"
    assert [path.name for path in slot_path(settings, "b").parent.iterdir()] == ["b.tar.gz"]
