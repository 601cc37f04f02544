"""What a machine must have before AssistENT starts, each lack told as a sentence that says what to do."""

from __future__ import annotations

import errno
import shutil
import socket
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from bot.errors import OperationError

if TYPE_CHECKING:
    from bot.settings import Settings

# Two models while one replaces the other (2 × 60 MB), the rotated logs (4 × 60 MB), the database and its journal.
DISK_NEEDED = 1_000_000_000

WEB_PYTHON_OLDEST = (3, 11)
RASA_PYTHON = (3, 10)

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `sentence` says what is right, or what to do."""

    name: str
    good: bool
    sentence: str


@dataclass(frozen=True)
class Port:
    """A port that one of the processes listens on, and the variable that moves it."""

    role: str
    variable: str
    host: str
    number: int


def list_ports(settings: Settings) -> tuple[Port, ...]:
    """Return the ports that the processes of this machine take."""
    return (
        Port("le site", "ASSISTENT_PORT", settings.host, settings.port),
        Port("le moteur Rasa", "ASSISTENT_RASA_PORT", LOOPBACK, settings.rasa_port),
        Port("le second moteur Rasa", "ASSISTENT_RASA_B_PORT", LOOPBACK, settings.rasa_b_port),
        Port("les actions", "ASSISTENT_ACTIONS_PORT", LOOPBACK, settings.actions_port),
    )


def find_same_ports(ports: Iterable[Port]) -> str | None:
    """Return a sentence when two processes were given one port."""
    seen: dict[int, Port] = {}
    for port in ports:
        other = seen.setdefault(port.number, port)
        if other is not port:
            return (
                f"{other.variable} et {port.variable} donnent le même port, {port.number} : "
                "choisissez-en un différent pour chacun."
            )
    return None


def check_port(port: Port) -> Finding:
    """Try to listen on a port, and say who has it when that fails."""
    name = f"port {port.number}"
    try:
        family = socket.getaddrinfo(port.host, port.number, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as attempt:
            attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            attempt.bind((port.host, port.number))
            # Two sockets may be bound with SO_REUSEADDR while none listens; only one may listen.
            attempt.listen(1)
    except OSError as error:
        return Finding(name, False, explain_port(port, error))
    return Finding(name, True, f"Le port {port.number} est libre pour {port.role}.")


def explain_port(port: Port, error: OSError) -> str:
    """Turn the refusal of a port into a sentence."""
    if error.errno == errno.EADDRINUSE:
        return (
            f"Le port {port.number}, prévu pour {port.role}, est déjà pris{_name_holder(port.number)}. "
            f"Arrêtez ce programme, ou choisissez un autre port dans {port.variable}."
        )
    if error.errno == errno.EACCES:
        return (
            f"Le port {port.number}, prévu pour {port.role}, est réservé à l’administrateur de la machine. "
            f"Choisissez un port au-dessus de 1023 dans {port.variable}."
        )
    if error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
        return f"L’adresse {port.host} n’est pas une adresse de cette machine : corrigez ASSISTENT_HOST."
    return (
        f"Le port {port.number}, prévu pour {port.role}, ne peut pas être ouvert ({error.strerror}). "
        f"Choisissez-en un autre dans {port.variable}."
    )


def _name_holder(number: int) -> str:
    """Return « par le programme … », or nothing where the system does not tell."""
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == number and connection.pid:
                return f" par le programme {psutil.Process(connection.pid).name()} (processus {connection.pid})"
    except (psutil.Error, OSError):
        pass
    return ""


def check_disk(folder: Path, needed: int = DISK_NEEDED) -> Finding:
    """Look at the room left on the disk of `folder`."""
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < needed:
        return Finding(
            "disque",
            False,
            f"Il reste {free / 1e9:.1f} Go sur le disque de {folder} : il en faut {needed / 1e9:.1f}. "
            "Libérez de la place, puis relancez.",
        )
    return Finding("disque", True, f"Il reste {free / 1e9:.0f} Go sur le disque de {folder}.")


def check_python(path: Path, exact: tuple[int, int] | None, oldest: tuple[int, int]) -> Finding:
    """Run an environment's interpreter and compare its version; `exact` wins over `oldest`."""
    name = path.parent.parent.name
    wanted = f"{exact[0]}.{exact[1]}" if exact else f"{oldest[0]}.{oldest[1]} ou plus récent"
    repair = f"Supprimez le dossier {name}, puis relancez « make install »."
    try:
        answer = subprocess.run(
            [path, "-c", "import sys; print(*sys.version_info[:2])"],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        ).stdout.split()
        version = (int(answer[0]), int(answer[1]))
    except FileNotFoundError:
        return Finding(name, False, f"L’environnement {name} est absent : lancez « make install ».")
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return Finding(name, False, f"Le Python de {name} ne s’exécute pas. {repair}")
    if version != exact if exact else version < oldest:
        return Finding(name, False, f"{name} est en Python {version[0]}.{version[1]} : il faut {wanted}. {repair}")
    return Finding(name, True, f"{name} est en Python {version[0]}.{version[1]}.")


def check_writable(folder: Path) -> Finding:
    """Make the folder of what is written at run time, and write in it."""
    probe = folder / ".write-test"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"x" * 4096)
        probe.unlink()
    except OSError as error:
        reason = "le disque est plein" if error.errno in (errno.ENOSPC, errno.EDQUOT) else (error.strerror or "refus")
        return Finding(
            "écriture",
            False,
            f"Rien ne peut être écrit dans {folder} ({reason}). Vérifiez que ce dossier est à vous et que le disque "
            "a de la place, puis relancez.",
        )
    return Finding("écriture", True, f"Le dossier {folder} est inscriptible.")


def check_machine(settings: Settings) -> list[str]:
    """Return a sentence for each thing that a start needs and that is not there."""
    return [finding.sentence for finding in inspect_machine(settings) if not finding.good]


def inspect_machine(settings: Settings) -> list[Finding]:
    """Look at all that a start needs, the cheapest first."""
    return [
        check_writable(settings.var_dir),
        check_disk(settings.var_dir),
        check_python(settings.root / ".venv" / "bin" / "python", None, WEB_PYTHON_OLDEST),
        check_python(settings.root / ".venv-rasa" / "bin" / "python", RASA_PYTHON, RASA_PYTHON),
        *check_ports(settings),
    ]


def check_ports(settings: Settings) -> list[Finding]:
    """Look at every port; one finding alone when two of them are the same."""
    wanted = list_ports(settings)
    same = find_same_ports(wanted)
    if same:
        return [Finding("ports", False, same)]
    return [check_port(port) for port in wanted]


def require_machine(settings: Settings) -> None:
    """Raise OperationError with every sentence of what is missing."""
    sentences = check_machine(settings)
    if sentences:
        raise OperationError("\n".join(sentences))
