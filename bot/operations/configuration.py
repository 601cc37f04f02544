"""What supervisor is told to run on one machine, and where its socket is.

Four programs: `web`, `actions`, `rasa-a` and `rasa-b`. One Rasa serves at a time; the other is started for the time
that a change of model takes. supervisor's configuration is written in var/supervisor/ from the templates of
deploy/supervisor/.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shlex
import sqlite3
import stat
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

import yaml

from bot.errors import OperationError
from bot.operations.model_files import RASA_ENVIRONMENT

if TYPE_CHECKING:
    from bot.settings import Settings

WEB, ACTIONS, RASA_A, RASA_B = "web", "actions", "rasa-a", "rasa-b"

# A slot is an engine with its port and its model; the program that runs it bears its letter.
SLOTS = ("a", "b")
RASA_PROGRAMS = {"a": RASA_A, "b": RASA_B}

# A socket's path has 108 bytes on Linux, the closing zero included, 104 on macOS; supervisor first binds it with its
# process number behind the name, up to 8 bytes more.
SOCKET_PATH_LONGEST = 104 - 1 - 8

# What Rasa's server may be sent at once: our longest message is 20,000 characters, with its metadata.
RASA_REQUEST_LARGEST = 65_536

# Rasa answers one message at a time: more threads only fight for the two cores.
RASA_THREADS = 1

# A program that ends before this long was not up: one with a fault in its code or its settings ends by then. Importing
# Rasa and loading a model takes 15 seconds on two free cores.
START_SECONDS = 5

RASA_START_SECONDS = 30

# Rasa keeps nothing that its tracker's file does not have after each message: no need to wait long for its farewell.
RASA_STOP_SECONDS = 5


@dataclass(frozen=True)
class Program:
    """One process that supervisor keeps running."""

    name: str
    command: tuple[str, ...]
    autostart: bool = True
    start_seconds: int = START_SECONDS
    stop_seconds: int = 10
    environment: dict[str, str] = field(default_factory=dict)


def list_programs(settings: Settings, autostart: Iterable[str] = (WEB, ACTIONS, RASA_A)) -> tuple[Program, ...]:
    """Return the four programs; paths are relative to the root, from which supervisor runs."""
    chosen = set(autostart)
    return (
        Program(WEB, (".venv/bin/python", "-m", "bot", "web"), WEB in chosen),
        Program(ACTIONS, (".venv/bin/python", "-m", "bot", "actions"), ACTIONS in chosen),
        rasa_program(settings, "a", settings.rasa_port, RASA_A in chosen),
        rasa_program(settings, "b", settings.rasa_b_port, RASA_B in chosen),
    )


def slot_path(settings: Settings, slot: str) -> Path:
    """Where the model that a slot loads is."""
    return settings.var_dir / "slots" / f"{slot}.tar.gz"


def rasa_program(settings: Settings, slot: str, port: int, autostart: bool) -> Program:
    """Return a Rasa server on loopback; its API is off, only our channel answers."""
    model = _shorten(slot_path(settings, slot), settings.root)
    command = (
        *(".venv-rasa/bin/python", "-m", "rasa", "run", "--model", model),
        *("--interface", "127.0.0.1", "--port", str(port)),
        *("--endpoints", str(endpoints_path(settings)), "--credentials", "credentials.yml"),
    )
    environment = {
        **RASA_ENVIRONMENT,
        "SANIC_REQUEST_MAX_SIZE": str(RASA_REQUEST_LARGEST),
        "OMP_NUM_THREADS": str(RASA_THREADS),
        "OPENBLAS_NUM_THREADS": str(RASA_THREADS),
        "PYTHONUNBUFFERED": "1",
    }
    return Program(RASA_PROGRAMS[slot], command, autostart, RASA_START_SECONDS, RASA_STOP_SECONDS, environment)


def endpoints_path(settings: Settings) -> Path:
    """Where Rasa reads the ports and files of this deployment; endpoints.yml at the root has the usual ones."""
    return settings.var_dir / "supervisor" / "endpoints.yml"


def render_endpoints(settings: Settings) -> str:
    """Return Rasa's endpoints: the action server, and its tracker in a SQLite file of its own."""
    endpoints = {
        "action_endpoint": {"url": f"http://127.0.0.1:{settings.actions_port}/webhook"},
        "tracker_store": {
            "type": "bot.engine.tracker_store.RecentTrackerStore",
            "dialect": "sqlite",
            "db": str(settings.var_dir / "rasa-tracker.db"),
        },
    }
    return yaml.safe_dump(endpoints, sort_keys=False)


def choose_socket_path(var_dir: Path, temporary: Path | None = None) -> Path:
    """Return where supervisor's socket is: in var/, or in a short folder of this person's own when that is too long.

    The answer depends on var/ alone, so that every process of the project finds the same.
    """
    path = var_dir / "supervisor" / "supervisor.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_LONGEST:
        return path
    digest = hashlib.sha256(os.fsencode(var_dir)).hexdigest()[:12]
    base = temporary or Path(tempfile.gettempdir())
    return base / f"assistent-{os.getuid()}-{digest}" / "supervisor.sock"


def render_configuration(settings: Settings, programs: Iterable[Program]) -> str:
    """Return supervisor's configuration."""
    templates = settings.root / "deploy" / "supervisor"
    shared = {
        "socket": _quote_value(str(choose_socket_path(settings.var_dir))),
        "var_folder": _quote_value(_shorten(settings.var_dir, settings.root)),
        "log_folder": _quote_value(_shorten(settings.var_dir / "log", settings.root)),
        # Without this line supervisor warns at each start that it is root, which in a container is as it should be.
        "user_line": "user=root" if os.getuid() == 0 else "",
    }
    program = Template((templates / "program.conf.template").read_text(encoding="utf-8"))
    head = Template((templates / "supervisord.conf.template").read_text(encoding="utf-8"))
    return head.substitute(shared) + "".join(program.substitute(shared, **_program_values(each)) for each in programs)


def _program_values(program: Program) -> dict[str, str]:
    return {
        "name": program.name,
        "command": _quote_value(shlex.join(program.command)),
        "environment": ",".join(f'{name}="{_quote_value(value)}"' for name, value in program.environment.items()),
        "autostart": str(program.autostart).lower(),
        "start_seconds": str(program.start_seconds),
        "stop_seconds": str(program.stop_seconds),
    }


def _shorten(path: Path, root: Path) -> str:
    """Return `path` relative to the root where it is under it: fewer characters that need care."""
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def _quote_value(text: str) -> str:
    """Return `text` as supervisor reads it back; what its format cannot carry is refused."""
    if any(mark in text for mark in (" ;", " #", "\t;", "\t#", "\n", "\r")):
        raise OperationError(
            f"Le chemin ou la valeur « {text} » contient un caractère ( ; ou # après une espace, ou un saut de ligne) "
            "que le superviseur des processus ne sait pas lire. Renommez le dossier, puis relancez."
        )
    return text.replace("%", "%%")


def write_configuration(settings: Settings, programs: Iterable[Program]) -> Path:
    """Write supervisor's configuration and make the folders that it names; return its path."""
    folder = settings.var_dir / "supervisor"
    folder.mkdir(parents=True, exist_ok=True)
    (settings.var_dir / "log").mkdir(parents=True, exist_ok=True)
    make_private_folder(choose_socket_path(settings.var_dir).parent)
    endpoints_path(settings).write_text(render_endpoints(settings), encoding="utf-8")
    use_write_ahead_log(settings.var_dir / "rasa-tracker.db")
    path = folder / "supervisord.conf"
    temporary = path.with_suffix(".new")
    temporary.write_text(render_configuration(settings, programs), encoding="utf-8")
    os.replace(temporary, path)
    return path


def use_write_ahead_log(database: Path) -> None:
    """Put Rasa's tracker in write-ahead mode, which the file keeps: Rasa does not, and we erase in it beside it."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")


def make_private_folder(folder: Path) -> None:
    """Make the socket's folder for its owner alone; a folder prepared there by somebody else is refused."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise OperationError(f"Le dossier {folder} n’est pas à vous : supprimez-le, puis relancez.")
    folder.chmod(0o700)


def remove_socket(settings: Settings) -> None:
    """Remove what an ended supervisor left of its socket, the short folder included."""
    path = choose_socket_path(settings.var_dir)
    path.unlink(missing_ok=True)
    if not path.is_relative_to(settings.var_dir):
        with contextlib.suppress(OSError):
            path.parent.rmdir()
