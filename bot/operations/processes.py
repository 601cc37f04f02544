"""supervisor itself: started, driven through its socket, ended with all that it runs."""

from __future__ import annotations

import contextlib
import http.client
import socket
import subprocess
import time
import xmlrpc.client
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from bot.errors import OperationError
from bot.operations.configuration import choose_socket_path, remove_socket

if TYPE_CHECKING:
    from bot.settings import Settings

CONTROL_SECONDS = 5

STOP_SECONDS = 20


@dataclass(frozen=True)
class State:
    """What supervisor says of a program: RUNNING, STARTING, BACKOFF, STOPPED, EXITED, FATAL."""

    name: str
    state: str
    pid: int | None
    detail: str


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


def wait_until_up(settings: Settings, process: subprocess.Popen, seconds: float = 30) -> Control:
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
