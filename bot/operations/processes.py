"""The processes of one machine, kept running by supervisor and driven through its socket.

Four programs: `web`, `actions`, `rasa-a` and `rasa-b`. One Rasa serves at a time; the other is started for the time
that a change of model takes. supervisor's configuration is written in var/supervisor/ from the templates of
deploy/supervisor/.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import shlex
import socket
import sqlite3
import stat
import subprocess
import tempfile
import time
import xmlrpc.client
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

import psutil
import yaml

from bot.errors import OperationError
from bot.operations.training import RASA_ENVIRONMENT, model_path

if TYPE_CHECKING:
    from bot.settings import Settings

WEB, ACTIONS, RASA_A, RASA_B = "web", "actions", "rasa-a", "rasa-b"

# A socket's path has 108 bytes on Linux, the closing zero included, 104 on macOS; supervisor first binds it with its
# process number behind the name, up to 8 bytes more.
SOCKET_PATH_LONGEST = 104 - 1 - 8

# What Rasa's server may be sent at once: our longest message is 20,000 characters, with its metadata.
RASA_REQUEST_LARGEST = 65_536

# Rasa answers one message at a time: more threads only fight for the two cores.
RASA_THREADS = 1

# A program that ends before this long was not up: one with a fault in its code or its settings ends by then. Importing
# Rasa and loading a model takes 8 to 25 seconds.
START_SECONDS = 5
RASA_START_SECONDS = 30

# Rasa keeps nothing that its tracker's file does not have after each message: no need to wait long for its farewell.
RASA_STOP_SECONDS = 5

CONTROL_SECONDS = 5
STOP_SECONDS = 20


@dataclass(frozen=True)
class Program:
    """One process that supervisor keeps running."""

    name: str
    command: tuple[str, ...]
    autostart: bool = True
    start_seconds: int = START_SECONDS
    stop_seconds: int = 10
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class State:
    """What supervisor says of a program: RUNNING, STARTING, BACKOFF, STOPPED, EXITED, FATAL."""

    name: str
    state: str
    pid: int | None
    detail: str


def list_programs(settings: Settings, autostart: Iterable[str] = (WEB, ACTIONS, RASA_A)) -> tuple[Program, ...]:
    """Return the four programs; paths are relative to the root, from which supervisor runs."""
    chosen = set(autostart)
    return (
        Program(WEB, (".venv/bin/python", "-m", "bot", "web"), WEB in chosen),
        Program(ACTIONS, (".venv/bin/python", "-m", "bot", "actions"), ACTIONS in chosen),
        rasa_program(settings, RASA_A, settings.rasa_port, RASA_A in chosen),
        rasa_program(settings, RASA_B, settings.rasa_b_port, RASA_B in chosen),
    )


def rasa_program(settings: Settings, name: str, port: int, autostart: bool) -> Program:
    """Return a Rasa server on loopback; its API is off, only our channel answers."""
    model = model_path(settings.root).relative_to(settings.root)
    command = (
        *(".venv-rasa/bin/python", "-m", "rasa", "run", "--model", str(model)),
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
    return Program(name, command, autostart, RASA_START_SECONDS, RASA_STOP_SECONDS, environment)


def endpoints_path(settings: Settings) -> Path:
    """Where Rasa reads the ports and files of this deployment; endpoints.yml at the root has the usual ones."""
    return settings.var_dir / "supervisor" / "endpoints.yml"


def render_endpoints(settings: Settings) -> str:
    """Return Rasa's endpoints: the action server, and its tracker in a SQLite file of its own."""
    endpoints = {
        "action_endpoint": {"url": f"http://127.0.0.1:{settings.actions_port}/webhook"},
        "tracker_store": {"type": "SQL", "dialect": "sqlite", "db": str(settings.var_dir / "rasa-tracker.db")},
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


class Control:
    """Commands to a running supervisor. Each call is short, blocks, and raises OperationError when nobody answers."""

    def __init__(self, socket_path: Path) -> None:
        self._socket_path = socket_path

    @classmethod
    def of(cls, settings: Settings) -> Control:
        """Return the control of the supervisor of this project's folder."""
        return cls(choose_socket_path(settings.var_dir))

    def is_up(self) -> bool:
        """Tell whether supervisor answers."""
        try:
            with self._server() as server:
                return server.supervisor.getState()["statename"] == "RUNNING"
        except OperationError:
            return False

    def supervisor_pid(self) -> int:
        """Return supervisor's own process number."""
        with self._server() as server:
            return int(server.supervisor.getPID())

    def list_states(self) -> dict[str, State]:
        """Return the state of every program, by name."""
        with self._server() as server:
            answers = server.supervisor.getAllProcessInfo()
        return {
            answer["name"]: State(answer["name"], answer["statename"], answer["pid"] or None, answer["description"])
            for answer in answers
        }

    def start(self, name: str) -> None:
        """Ask for a program to be started; nothing when it already is. Does not wait for it to be ready."""
        with self._server() as server, _ignoring("ALREADY_STARTED", name):
            server.supervisor.startProcess(name, False)

    def stop(self, name: str) -> None:
        """Stop a program and wait for its end; nothing when it is not running."""
        with self._server(STOP_SECONDS) as server, _ignoring("NOT_RUNNING", name):
            server.supervisor.stopProcess(name, True)

    def restart(self, name: str) -> None:
        """Stop a program if it runs, and start it."""
        self.stop(name)
        self.start(name)

    def stop_all(self) -> None:
        """Ask every program to end, without waiting for it."""
        with self._server() as server:
            server.supervisor.stopAllProcesses(False)

    def shut_down(self) -> None:
        """Ask supervisor to end every program and itself."""
        with self._server() as server:
            server.supervisor.shutdown()

    @contextlib.contextmanager
    def _server(self, seconds: float = CONTROL_SECONDS) -> Iterator[xmlrpc.client.ServerProxy]:
        transport = _SocketTransport(self._socket_path, seconds)
        # The address is never called: the transport goes to the socket.
        server = xmlrpc.client.ServerProxy("http://localhost", transport=transport)
        try:
            yield server
        except xmlrpc.client.Fault as fault:
            raise OperationError(f"Le superviseur des processus a refusé : {fault.faultString}.") from fault
        except (OSError, http.client.HTTPException, xmlrpc.client.Error) as error:
            raise OperationError("AssistENT ne tourne pas dans ce dossier : lancez « make run ».") from error
        finally:
            transport.close()


class _SocketConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket, with a time limit that supervisor's own client does not have."""

    def __init__(self, path: Path, seconds: float) -> None:
        super().__init__("localhost", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class _SocketTransport(xmlrpc.client.Transport):
    """Sends XML-RPC over a Unix socket."""

    def __init__(self, path: Path, seconds: float) -> None:
        super().__init__()
        self._path = path
        self._seconds = seconds

    def make_connection(self, host: object) -> http.client.HTTPConnection:
        connection = _SocketConnection(self._path, self._seconds)
        self._connection = host, connection  # what close() closes
        return connection


@contextlib.contextmanager
def _ignoring(fault_name: str, program: str) -> Iterator[None]:
    try:
        yield
    except xmlrpc.client.Fault as fault:
        if fault.faultString.startswith("BAD_NAME"):
            raise OperationError(f"Il n’y a pas de processus nommé {program}.") from fault
        if not fault.faultString.startswith(fault_name):
            raise


def start_supervisor(settings: Settings, configuration: Path) -> subprocess.Popen:
    """Start supervisor as our child, deaf to the terminal's Ctrl-C: we end it in order ourselves."""
    command = [
        *("env", f"PYTHONPATH={settings.root}"),
        *(str(settings.root / ".venv" / "bin" / "python"), "-m", "supervisor.supervisord"),
        *("--configuration", str(configuration)),
    ]
    output = (settings.var_dir / "log" / "supervisord.out").open("wb")
    with output:
        return subprocess.Popen(
            command,
            cwd=settings.root,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def wait_until_up(settings: Settings, process: subprocess.Popen, seconds: float = 10) -> Control:
    """Wait for a supervisor just started to answer, and return its control."""
    control = Control.of(settings)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        if control.is_up():
            return control
        time.sleep(0.05)
    log = settings.var_dir / "log" / "supervisord.out"
    raise OperationError(
        f"{show_tail(log)}Le superviseur des processus n’a pas démarré. Détail : {log}, et supervisord.log à côté."
    )


def stop_supervisor(settings: Settings, process: subprocess.Popen, seconds: float = STOP_SECONDS) -> None:
    """End supervisor and all that it runs; what does not end in time is killed. Nothing is left of its socket."""
    if process.poll() is None:
        children = _list_descendants(process.pid)
        # Told to end, supervisor ends its programs one after the other, a second each; asked first, all at once.
        with contextlib.suppress(OperationError):
            Control.of(settings).stop_all()
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for child in children:
            with contextlib.suppress(psutil.Error):
                child.kill()
        psutil.wait_procs(children, timeout=2)
    remove_socket(settings)


def _list_descendants(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []


def end_orphan(settings: Settings) -> bool:
    """End the supervisor that a killed `make run` left; refuse when its `make run` is alive. Return whether one was."""
    control = Control.of(settings)
    if not control.is_up():
        return False
    supervisor = psutil.Process(control.supervisor_pid())
    parent = supervisor.parent()
    if parent is not None and _is_our_start(parent, settings.root):
        raise OperationError(
            f"AssistENT tourne déjà dans ce dossier (processus {parent.pid}) : "
            "arrêtez-le d’abord, par Ctrl-C dans son terminal."
        )
    children = _list_descendants(supervisor.pid)
    control.stop_all()
    control.shut_down()
    psutil.wait_procs([supervisor, *children], timeout=STOP_SECONDS)
    for left in [supervisor, *children]:
        with contextlib.suppress(psutil.Error):
            left.kill()
    return True


def _is_our_start(process: psutil.Process, root: Path) -> bool:
    """Tell whether a process is a start of this project: a Python in its folder, not the init that adopts orphans."""
    try:
        return process.pid != 1 and "python" in process.name() and Path(process.cwd()) == root
    except psutil.Error:
        return False


def show_tail(log: Path, lines: int = 15) -> str:
    """Return the last lines of a log, each behind a mark, or nothing."""
    try:
        with log.open(encoding="utf-8", errors="replace") as file:
            last = deque(file, maxlen=lines)
    except OSError:
        return ""
    return "".join(f"  | {line.rstrip()}\n" for line in last if line.strip())
