from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import psutil
import pytest

from bot.errors import OperationError
from bot.operations import model_files, preparation, run
from bot.operations.processes import State
from bot.settings import PRODUCTION, ROOT, Settings

DRIVER = """
import pathlib, sys
from bot.errors import OperationError
from bot.operations.run import run_demonstration
from bot.settings import Settings

root, *ports = sys.argv[1:]
port, rasa_port, rasa_b_port, actions_port = map(int, ports)
settings = Settings(
    root=pathlib.Path(root),
    var_dir=pathlib.Path(root, "var"),
    port=port,
    rasa_port=rasa_port,
    rasa_b_port=rasa_b_port,
    actions_port=actions_port,
)
try:
    run_demonstration(settings, lambda line: print(line, flush=True), lambda: print("announced", flush=True))
except OperationError as error:
    print("ERROR", error.sentence, flush=True)
    sys.exit(1)
"""


class Demonstration:
    """A `run_demonstration` in a process of its own, as `make run` starts it."""

    def __init__(self, settings: Settings) -> None:
        ports = (settings.port, settings.rasa_port, settings.rasa_b_port, settings.actions_port)
        self.settings = settings
        self.lines: list[str] = []
        driver = settings.root.parent / "driver.py"
        driver.write_text(DRIVER, encoding="utf-8")
        self.process = subprocess.Popen(
            [sys.executable, str(driver), str(settings.root), *map(str, ports)],
            cwd=settings.root,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def wait_for(self, condition: Callable[[], bool], seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, self.text
            time.sleep(0.05)

    def wait_for_line(self, words: str) -> None:
        self.wait_for(lambda: words in self.text)

    def end(self, number: int = signal.SIGINT) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(60)
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status


@pytest.fixture
def start(settings):
    started: list[Demonstration] = []

    def begin() -> Demonstration:
        started.append(Demonstration(settings))
        return started[-1]

    yield begin
    for each in started:
        each.end()


def listens(port: int) -> bool:
    with socket.socket() as attempt:
        return attempt.connect_ex(("127.0.0.1", port)) == 0


def all_gone(processes: list[psutil.Process]) -> bool:
    """Tell whether every one has ended, the time for the system to take note of it included."""
    return not psutil.wait_procs(processes, timeout=5)[1]


def test_from_nothing_to_the_addresses_and_back(settings, start):
    demonstration = start()
    demonstration.wait_for_line("announced")

    text = demonstration.text
    steps = [
        "Préparation de la base",
        "Chargement des articles",
        "La page répond",
        "Apprentissage",
        "AssistENT est prêt",
    ]
    assert sorted(steps, key=text.index) == steps
    assert f"http://127.0.0.1:{settings.port}/demo/" in text
    assert f"http://127.0.0.1:{settings.port}/console/" in text
    passwords = json.loads((settings.var_dir / preparation.PASSWORDS).read_text(encoding="utf-8"))
    assert len(passwords) == 5
    for login, password in passwords.items():
        assert re.search(rf"{re.escape(login)} +{password}$", text, re.M)
    children = psutil.Process(demonstration.process.pid).children(recursive=True)
    assert len(children) >= 4

    assert demonstration.end(signal.SIGINT) == 0
    assert all_gone(children)
    assert not listens(settings.port)
    assert "Tout est arrêté." in demonstration.text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_other_ways_of_asking_for_the_end_are_honoured(start, number):
    demonstration = start()
    demonstration.wait_for_line("La page répond")

    assert demonstration.end(number) == 0
    assert "Tout est arrêté." in demonstration.text


def test_an_end_in_the_middle_of_training_ends_the_training(settings, start):
    (settings.root / "train-waits").touch()
    demonstration = start()
    demonstration.wait_for_line("SmallClassifier")
    children = psutil.Process(demonstration.process.pid).children(recursive=True)

    assert demonstration.end() == 0
    assert all_gone(children)
    assert not model_files.model_path(settings.root).exists()


def test_a_second_start_neither_trains_nor_is_refused(settings, start):
    first = start()
    first.wait_for_line("announced")
    first.end()

    second = start()
    second.wait_for_line("announced")

    assert "Apprentissage" not in second.text


def test_two_at_once_are_refused_with_a_sentence(start):
    first = start()
    first.wait_for_line("announced")

    second = start()

    assert second.process.wait(60) == 1
    second.wait_for_line("AssistENT tourne déjà dans ce dossier")


def test_what_a_killed_start_left_is_ended_by_the_next(settings, start):
    first = start()
    first.wait_for_line("announced")
    left = psutil.Process(first.process.pid).children(recursive=True)
    first.process.kill()
    first.process.wait()

    second = start()
    second.wait_for_line("announced")

    assert "processus sont arrêtés" in second.text
    assert all_gone(left)


def test_a_taken_port_is_told_before_anything_starts(settings, start):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", settings.port))
        listener.listen()
        demonstration = start()
        assert demonstration.process.wait(60) == 1

    demonstration.wait_for_line("ASSISTENT_PORT")
    assert not (settings.root / "steps.txt").exists()


def test_a_failing_step_ends_everything_with_its_last_words(settings, start):
    (settings.root / "step-status.txt").write_text("L’article x est mal écrit.", encoding="utf-8")
    demonstration = start()

    assert demonstration.process.wait(60) == 1
    demonstration.wait_for_line("ERROR")
    assert "L’article x est mal écrit." in demonstration.text
    assert not listens(settings.port)


def test_a_program_that_cannot_start_is_told_with_its_log(settings, start):
    main = settings.root / "bot" / "__main__.py"
    main.write_text(
        main.read_text(encoding="utf-8").replace(
            'print("listening', 'command == "web" and sys.exit("web is broken")\nprint("listening'
        )
    )
    demonstration = start()

    assert demonstration.process.wait(60) == 1
    demonstration.wait_for_line("Le processus web ne démarre pas")
    assert "web is broken" in demonstration.text
    assert "Tout est arrêté." in demonstration.text


def test_production_and_other_addresses_are_refused(settings):
    with pytest.raises(OperationError, match=r"docs/operations\.md"):
        run.require_demonstration(Settings(root=settings.root, mode=PRODUCTION))
    with pytest.raises(OperationError, match="ASSISTENT_HOST"):
        run.require_demonstration(Settings(root=settings.root, host="0.0.0.0"))


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("x", False)],
)
def test_loopback_is_recognised(host, loopback):
    assert run.is_loopback(host) is loopback


def states(**names: str) -> dict[str, State]:
    return {name: State(name, state, 1, "") for name, state in names.items()}


@pytest.mark.parametrize(
    ("seen", "hopeless"),
    [
        (["STARTING", "RUNNING"], None),
        (["STARTING", "BACKOFF", "BACKOFF", "STARTING", "RUNNING"], None),
        (["STARTING", "BACKOFF", "STARTING", "BACKOFF"], "web"),
        (["STARTING", "FATAL"], "web"),
    ],
)
def test_a_program_that_keeps_ending_is_given_up(seen, hopeless):
    failures = run.FailureCount()

    for state in seen:
        failures.see(states(web=state, actions="RUNNING"))

    assert failures.find_hopeless() == hopeless


def migrate(settings: Settings, revision: str) -> None:
    settings.var_dir.mkdir(exist_ok=True)
    with sqlite3.connect(settings.var_dir / "assistent.db") as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES (?)", (revision,))
    connection.close()


def steps_of(settings: Settings) -> list[str]:
    path = settings.root / "steps.txt"
    return path.read_text(encoding="utf-8").split() if path.exists() else []


def test_a_database_already_prepared_is_left_alone(settings):
    migrate(settings, "one")
    preparation.prepare_database(settings, lambda _: None)
    preparation.prepare_database(settings, lambda _: None)

    assert steps_of(settings) == ["migrate", "load"]


@pytest.mark.parametrize("change", ["article", "database", "revision"])
def test_a_change_of_articles_or_database_prepares_it_again(settings, change):
    migrate(settings, "one")
    preparation.prepare_database(settings, lambda _: None)

    if change == "article":
        (settings.root / "knowledge").mkdir()
        (settings.root / "knowledge" / "x.md").write_text("x", encoding="utf-8")
    else:
        (settings.var_dir / "assistent.db").unlink()
        if change == "revision":
            migrate(settings, "zero")
    preparation.prepare_database(settings, lambda _: None)

    assert steps_of(settings) == ["migrate", "load"] * 2


def test_the_made_up_passwords_are_kept_for_their_owner_alone(settings):
    made = preparation.read_or_make_passwords(settings)
    path = settings.var_dir / preparation.PASSWORDS

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert preparation.read_or_make_passwords(settings) == made
    path.write_text("{", encoding="utf-8")
    with pytest.raises(OperationError, match="supprimez-le"):
        preparation.read_or_make_passwords(settings)


def test_new_passwords_are_loaded(settings):
    migrate(settings, "one")
    preparation.prepare_database(settings, lambda _: None)
    (settings.var_dir / preparation.PASSWORDS).unlink()
    preparation.prepare_database(settings, lambda _: None)

    assert steps_of(settings) == ["migrate", "load"] * 2


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite+aiosqlite:////srv/var/a.db", "/srv/var/a.db"),
        ("sqlite+aiosqlite:///var/a.db?timeout=5", "var/a.db"),
        ("postgresql+asyncpg://user@host/name", None),
        ("sqlite+aiosqlite://", None),
    ],
)
def test_the_file_of_a_sqlite_address_is_found(url, path):
    found = preparation.sqlite_path(url)

    assert (str(found) if found else None) == path
