"""The two slots of Rasa, « a » and « b »: where the model of each is, and how each is started and stopped.

A slot has a copy of its own of the model that it loads, so that neither a training, nor the removal of old models, nor somebody
who writes over an archive changes what serves: `models/` is where one chooses, `var/slots/` is what runs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Protocol

from bot.errors import OperationError
from bot.operations.configuration import RASA_PROGRAMS, SLOTS, slot_path
from bot.operations.processes import Control
from bot.settings import Settings

# What supervisor says of a program that is there or on its way; BACKOFF, EXITED and FATAL are ends.
_ALIVE = frozenset({"STARTING", "RUNNING"})
# The same for systemd: « auto-restart » is an end that it is about to undo.
_ALIVE_UNITS = frozenset({"start-pre", "start", "start-post", "running"})
_SYSTEMCTL_SECONDS = 30


class Slots(Protocol):
    """Starts and stops the engine of a slot. Each call is short, blocks, and raises OperationError when it is refused."""

    # Whether whoever runs the processes leaves it to the site to start the engine with itself.
    started_by_the_site: bool

    def is_up(self) -> bool:
        """Tell whether whoever runs the processes answers."""

    def start(self, slot: str) -> None:
        """Ask for a slot's engine; nothing when it runs. Does not wait for it to be ready."""

    def stop(self, slot: str) -> None:
        """Stop a slot's engine and wait for its end; nothing when it does not run."""

    def is_alive(self, slot: str) -> bool:
        """Tell whether a slot's engine runs or is starting, and has not just ended by itself."""


class SupervisorSlots:
    """The slots as supervisor runs them, for the demonstration."""

    # `make run` starts the engine itself, after the model is trained.
    started_by_the_site = False

    def __init__(self, settings: Settings) -> None:
        self._control = Control.of(settings)

    def is_up(self) -> bool:
        """Tell whether supervisor answers."""
        return self._control.is_up()

    def start(self, slot: str) -> None:
        """Start the program of a slot."""
        self._control.start(RASA_PROGRAMS[slot])

    def stop(self, slot: str) -> None:
        """Stop the program of a slot."""
        self._control.stop(RASA_PROGRAMS[slot])

    def is_alive(self, slot: str) -> bool:
        """Tell whether the program of a slot runs or starts."""
        return self._control.list_states()[RASA_PROGRAMS[slot]].state in _ALIVE


class SystemdSlots:
    """The slots as systemd runs them, in production: the units assistent-rasa@a and assistent-rasa@b."""

    started_by_the_site = True

    def is_up(self) -> bool:
        """Tell whether systemd answers."""
        try:
            self._call("show", "--property=Version")
        except OperationError:
            return False
        return True

    def start(self, slot: str) -> None:
        """Start the unit of a slot."""
        self._call("start", _unit(slot))

    def stop(self, slot: str) -> None:
        """Stop the unit of a slot."""
        self._call("stop", _unit(slot))

    def is_alive(self, slot: str) -> bool:
        """Tell whether the unit of a slot runs or starts."""
        return self._call("show", "--property=SubState", "--value", _unit(slot)).strip() in _ALIVE_UNITS

    def _call(self, *words: str) -> str:
        try:
            done = subprocess.run(
                ["systemctl", "--no-ask-password", *words], stdin=subprocess.DEVNULL, capture_output=True,
                encoding="utf-8", errors="replace", timeout=_SYSTEMCTL_SECONDS, check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            raise OperationError(f"systemd ne répond pas ({error}).") from error
        if done.returncode:
            said = done.stderr.strip().splitlines()
            raise OperationError(
                f"systemd a refusé « systemctl {' '.join(words)} »{f' : {said[-1]}' if said else ''}. "
                "La règle deploy/polkit/50-assistent.rules est-elle installée ?"
            )
        return done.stdout


def _unit(slot: str) -> str:
    return f"assistent-rasa@{slot}.service"


def slots_of(settings: Settings) -> Slots:
    """Return what runs the engine's processes: supervisor in the demonstration, systemd in production."""
    return SupervisorSlots(settings) if settings.is_demonstration else SystemdSlots()


def other_slot(slot: str) -> str:
    """Return the slot that is not this one."""
    return SLOTS[1 - SLOTS.index(slot)]


def copy_aside(settings: Settings, slot: str, archive: Path) -> Path:
    """Copy an archive beside the slot's own, where it can be looked at without anybody changing it; return the copy."""
    target = slot_path(settings, slot)
    target.parent.mkdir(parents=True, exist_ok=True)
    copy = target.with_name(f".{target.name}.new")
    shutil.copyfile(archive, copy)
    return copy


def put_in_slot(settings: Settings, slot: str, copy: Path) -> None:
    """Make a copy the model of a slot, at once."""
    os.replace(copy, slot_path(settings, slot))
