"""The demonstration: from an installed project to a page that answers, in the foreground, until Ctrl-C.

The page comes first: it answers in degraded mode while the model is trained and while Rasa, which is slow, starts.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import ipaddress
import json
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from bot.errors import OperationError
from bot.operations import checks, processes, training

if TYPE_CHECKING:
    from bot.settings import Settings

# Rasa was seen to take 8 to 25 seconds on two cores; a cold disk and a busy machine may treble it.
READY_SECONDS = 180
PAGE_SECONDS = 60

# A program that ended this many times before it was up will not come up by itself.
FAILURES_BEFORE_GIVING_UP = 2

HEARTBEAT_SECONDS = 5
POLL_SECONDS = 0.25

# What the database's content is made from, beside what people write in it: unchanged, there is nothing to do.
PREPARED_FROM = ("bot", "deploy", "knowledge", "migrations")

Say = Callable[[str], None]


class Stopped(BaseException):
    """The person asked for the end, by Ctrl-C or a signal."""


def run_demonstration(settings: Settings, say: Say, announce: Callable[[], None] | None = None) -> None:
    """Start everything, tell where it is, and stay until the person ends it.

    `announce` is called once everything is ready, after the addresses were said. OperationError when something cannot
    be done; whatever was started is ended first, however this function is left.
    """
    require_demonstration(settings)
    with contextlib.suppress(Stopped), raising_on_signals():
        if processes.end_orphan(settings):
            say("Un démarrage précédent avait été coupé : ses processus sont arrêtés.")
        checks.require_machine(settings)
        prepare_database(settings, say)
        with supervised(settings, say) as (supervisor, control):
            wait_for_page(settings, control, say)
            control.start(processes.ACTIONS)
            training.train_model(settings, say)
            control.start(processes.RASA_A)
            wait_until_ready(settings, control, say)
            say_addresses(settings, say)
            if announce:
                announce()
            say("Ctrl-C arrête tout.")
            watch(settings, supervisor)


def require_demonstration(settings: Settings) -> None:
    """Refuse anything but the demonstration, on the machine itself."""
    if not settings.is_demonstration:
        raise OperationError(
            "« make run » est la démonstration : des comptes et des écoles inventés. Retirez ASSISTENT_MODE, "
            "ou suivez docs/operations.md pour une installation réelle."
        )
    if not is_loopback(settings.host):
        raise OperationError(
            "La démonstration n’écoute que sur la machine elle-même : "
            f"ASSISTENT_HOST ne peut pas être « {settings.host} »."
        )


def is_loopback(host: str) -> bool:
    """Tell whether an address is reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


# --- The database ---------------------------------------------------------------------------------------------------


def prepare_database(settings: Settings, say: Say) -> None:
    """Migrate the database and load the knowledge, unless nothing changed since this was last done."""
    stamp_path = settings.var_dir / "prepared.json"
    wanted = {"inputs": hash_folders(settings.root, PREPARED_FROM), "database": _digest(settings.storage_url)}
    if _is_prepared(settings, stamp_path, wanted):
        return
    say("Préparation de la base de données")
    run_step(settings, "migrate", "La base de données n’a pas pu être préparée")
    say("Chargement des articles")
    run_step(settings, "load", "Les articles n’ont pas pu être chargés")
    wanted["revision"] = read_revision(sqlite_path(settings.storage_url))
    stamp_path.write_text(json.dumps(wanted, indent=1) + "\n", encoding="utf-8")


def _is_prepared(settings: Settings, stamp_path: Path, wanted: dict[str, str]) -> bool:
    """Tell whether the database is the one that was prepared; of a server's database nothing is assumed."""
    try:
        stamp = json.loads(stamp_path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    revision = read_revision(sqlite_path(settings.storage_url))
    return revision is not None and stamp == {**wanted, "revision": revision}


def sqlite_path(url: str) -> Path | None:
    """Return the file of a SQLite address of SQLAlchemy's, None for another database."""
    scheme, _, path = url.partition(":///")
    return Path(path.partition("?")[0]) if scheme.startswith("sqlite") and path else None


def read_revision(database: Path | None) -> str | None:
    """Return the migration that a SQLite database is at, None when there is none to be read."""
    if database is None or not database.is_file():
        return None
    try:
        with contextlib.closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error:
        return None
    return row[0] if row else None


def hash_folders(root: Path, names: tuple[str, ...]) -> str:
    """Return the SHA-256 of the names and contents of all files in these folders, caches apart."""
    total = hashlib.sha256()
    for name in names:
        for path in sorted((root / name).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                total.update(f"{path.relative_to(root).as_posix()}\0{hash_bytes(path.read_bytes())}\n".encode())
    return total.hexdigest()


def hash_bytes(content: bytes) -> str:
    """Return the SHA-256 of some bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def _digest(text: str) -> str:
    return hash_bytes(text.encode())


def run_step(settings: Settings, command: str, failure: str) -> None:
    """Run one of our own commands to its end; its last lines come with the sentence when it fails."""
    done = subprocess.run(
        [settings.root / ".venv" / "bin" / "python", "-m", "bot", command],
        cwd=settings.root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode:
        lines = [line for line in done.stdout.splitlines() if line.strip()][-15:]
        shown = "".join(f"  | {line}\n" for line in lines)
        raise OperationError(f"{shown}{failure} : voyez le message ci-dessus, corrigez, puis relancez « make run ».")


# --- The processes --------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def supervised(settings: Settings, say: Say) -> Iterator[tuple[subprocess.Popen, processes.Control]]:
    """Run supervisor for the time of the block, with the page alone: Rasa's start would take the processor from it."""
    programs = processes.list_programs(settings, autostart=(processes.WEB,))
    configuration = processes.write_configuration(settings, programs)
    supervisor = processes.start_supervisor(settings, configuration)
    try:
        yield supervisor, processes.wait_until_up(settings, supervisor)
    finally:
        with ignoring_signals():
            say("Arrêt…")
            processes.stop_supervisor(settings, supervisor)
            say("Tout est arrêté.")


@contextlib.contextmanager
def raising_on_signals() -> Iterator[None]:
    """Turn Ctrl-C, SIGTERM and a closed terminal into Stopped."""

    def stop(*_: object) -> None:
        raise Stopped

    with _handling(stop):
        yield


@contextlib.contextmanager
def ignoring_signals() -> Iterator[None]:
    """Let an orderly end come to its end, however impatient the person is: it is bounded in time."""
    with _handling(signal.SIG_IGN):
        yield


@contextlib.contextmanager
def _handling(handler: Callable[..., None] | signal.Handlers) -> Iterator[None]:
    previous = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, old in previous.items():
            signal.signal(number, old)


def wait_for_page(settings: Settings, control: processes.Control, say: Say) -> None:
    """Wait for the page to answer, with or without its engine."""
    _wait(settings, control, say, "/healthz", PAGE_SECONDS, "Démarrage de la page")
    say(f"La page répond : {base_url(settings)}/demo/ (réponses de secours tant que le moteur démarre)")


def wait_until_ready(settings: Settings, control: processes.Control, say: Say) -> None:
    """Wait for everything to be ready, Rasa included."""
    _wait(settings, control, say, "/readyz", READY_SECONDS, "Démarrage du moteur")


def _wait(settings: Settings, control: processes.Control, say: Say, path: str, seconds: float, title: str) -> None:
    started = spoken = time.monotonic()
    failures = FailureCount()
    while True:
        status, body = fetch(settings, path)
        if status == 200:
            return
        now = time.monotonic()
        failures.see(control.list_states())
        _raise_when_hopeless(settings, failures)
        if now - started > seconds:
            raise OperationError(
                f"{title} : rien n’est prêt après {seconds:.0f} s ({body[:200] or 'pas de réponse'}). "
                f"Les journaux sont dans {settings.var_dir / 'log'}."
            )
        if now - spoken >= HEARTBEAT_SECONDS:
            spoken = now
            say(f"{title}… {now - started:.0f} s")
        time.sleep(POLL_SECONDS)


class FailureCount:
    """Counts how often each program ended before it was up, from what supervisor says of it time after time."""

    def __init__(self) -> None:
        self._last: dict[str, str] = {}
        self._counts: Counter[str] = Counter()

    def see(self, states: Mapping[str, processes.State]) -> None:
        """Take note of the programs' states."""
        for name, state in states.items():
            if state.state != self._last.get(name):
                self._last[name] = state.state
                self._counts[name] += state.state == "BACKOFF"

    def find_hopeless(self) -> str | None:
        """Return a program that will not come up, if there is one."""
        for name, state in self._last.items():
            if state == "FATAL" or self._counts[name] >= FAILURES_BEFORE_GIVING_UP:
                return name
        return None


def _raise_when_hopeless(settings: Settings, failures: FailureCount) -> None:
    name = failures.find_hopeless()
    if name:
        log = settings.var_dir / "log" / f"{name}.log"
        raise OperationError(
            f"{processes.show_tail(log)}Le processus {name} ne démarre pas : voyez le message ci-dessus, "
            f"corrigez, puis relancez « make run ». Détail : {log}."
        )


def fetch(settings: Settings, path: str) -> tuple[int, str]:
    """Ask our own web process; status 0 when it does not answer."""
    connection = http.client.HTTPConnection(settings.host, settings.port, timeout=3)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read(2000).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException):
        return 0, ""
    finally:
        connection.close()


def base_url(settings: Settings) -> str:
    """Return the address to open in a browser of this machine."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{settings.port}"


def say_addresses(settings: Settings, say: Say) -> None:
    """Say where things are."""
    url = base_url(settings)
    say("")
    say("AssistENT est prêt.")
    say(f"  Page d’ENT de démonstration   {url}/demo/")
    say(f"  L’assistant seul              {url}/")
    say(f"  État de chaque partie         {url}/readyz")
    say(f"  Journaux                      {settings.var_dir / 'log'}")


def watch(settings: Settings, supervisor: subprocess.Popen) -> None:
    """Stay until supervisor ends, which it only does when somebody ended it from outside."""
    supervisor.wait()
    log = settings.var_dir / "log" / "supervisord.log"
    raise OperationError(
        "Le superviseur des processus a été arrêté de l’extérieur : tout est arrêté. Relancez « make run ». "
        f"Détail : {log}."
    )
