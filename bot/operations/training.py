"""Training: `rasa train` in an environment of its own, its progress told, its result put in place when complete."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bot.errors import OperationError
from bot.operations.model_files import RASA_ENVIRONMENT, describe_model, explain_staleness, hash_inputs, install_model

if TYPE_CHECKING:
    from bot.settings import Settings

HEARTBEAT_SECONDS = 5

LINES_SHOWN_ON_FAILURE = 15

# Rasa keeps trained components by a fingerprint that knows their own class and not the modules of ours that they
# import (bot/language): after a change there its cache would give back the old ones. Hence --force.
# Validation reads everything a second time, which is a third of the time; the tests do it.
TRAIN_OPTIONS = ("--force", "--skip-validation")

Say = Callable[[str], None]


def train_model(settings: Settings, say: Say, *, force: bool = False) -> bool:
    """Train when the model is stale, or in any case with `force`; return whether it was trained.

    The model in place is untouched until the new one is complete. OperationError says what went wrong.
    """
    root = settings.root
    with only_training(root):
        reason = explain_staleness(root)
        if reason is None and not force:
            return False
        say(f"Apprentissage du modèle : {reason or 'demandé'} (quelques minutes au plus)")
        inputs = hash_inputs(root)
        started = time.monotonic()
        log = settings.var_dir / "log" / "train.log"
        with training_folder(root) as folder:
            candidate = run_rasa_train(root, folder, log, say)
            seconds = round(time.monotonic() - started, 1)
            record = describe_model(candidate, inputs, seconds)
            install_model(root, candidate, record)
        say(f"Modèle appris en {seconds:.0f} s ({record.size / 1e6:.1f} Mo).")
    return True


def train_command(root: Path, folder: Path, inputs: Path) -> list[str]:
    """Return the command that trains into `folder`, run from `inputs` so that Rasa finds our components there."""
    environment = {**RASA_ENVIRONMENT, "PYTHONPATH": str(inputs), "PYTHONUNBUFFERED": "1"}
    return [
        "env",
        *(f"{name}={value}" for name, value in environment.items()),
        str(root / ".venv-rasa" / "bin" / "python"),
        *("-m", "rasa", "train", "--out", str(folder), "--fixed-model-name", "candidate", *TRAIN_OPTIONS),
    ]


def run_rasa_train(
    root: Path, folder: Path, log: Path, say: Say, *, inputs: Path | None = None, stop: threading.Event | None = None
) -> Path:
    """Run `rasa train` on the project, or on the copy of its files in `inputs`; return the model, made in `folder`.

    Its whole output goes to `log`, the lines that matter to `say`. It is ended when `stop` is set.
    """
    inputs = inputs or root
    if not (root / ".venv-rasa" / "bin" / "python").exists():
        raise OperationError("Rasa n’est pas installé dans .venv-rasa : lancez « make install ».")
    log.parent.mkdir(parents=True, exist_ok=True)
    last: deque[str] = deque(maxlen=LINES_SHOWN_ON_FAILURE)
    with log.open("w", encoding="utf-8") as kept, _Heartbeat(say) as heart:
        process = subprocess.Popen(
            train_command(root, folder, inputs),
            cwd=inputs,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        with _ended_with_us(process), _ended_when(stop, process):
            assert process.stdout is not None
            for raw in process.stdout:
                line = strip_colours(raw).rstrip()
                kept.write(line + "\n")
                if line:
                    last.append(line)
                sentence = translate_progress(line)
                if sentence:
                    heart.speak(sentence)
            status = process.wait()
    if status:
        raise OperationError(explain_training_failure(status, list(last), log))
    candidate = folder / "candidate.tar.gz"
    if not candidate.is_file():
        raise OperationError(f"L’apprentissage s’est terminé sans donner de modèle. Détail : {log}.")
    return candidate


def strip_colours(line: str) -> str:
    """Remove the terminal's colour codes."""
    return re.sub(r"\x1b\[[0-9;]*m", "", line)


def translate_progress(line: str) -> str | None:
    """Turn a line of Rasa's into a French one, or None when it says nothing to the person who waits."""
    found = re.search(r"Starting to train component '(\w+)'", line)
    if found:
        return f"  {found.group(1)}"
    found = re.search(r"Loading (\w+) data|Reading (\w+) files", line)
    if found:
        return "  lecture des données"
    if re.search(r"model is trained and saved", line):
        return "  écriture du modèle"
    return None


def explain_training_failure(status: int, last: list[str], log: Path) -> str:
    """Say in one sentence why the training failed, after the last lines that it wrote."""
    text = "\n".join(last)
    if status in (-9, 137):
        reason = "la mémoire a manqué. Fermez d’autres programmes, puis relancez « make train »."
    elif "No space left on device" in text:
        reason = "le disque est plein. Libérez de la place, puis relancez « make train »."
    elif "YamlException" in text or "YamlSyntaxException" in text or "Failed to read" in text:
        reason = "un fichier de data/, config.yml ou domain.yml est mal écrit. Corrigez-le, puis « make train »."
    else:
        reason = "voyez le message ci-dessus. Corrigez, puis relancez « make train »."
    shown = "".join(f"  | {line}\n" for line in last)
    return f"{shown}L’apprentissage a échoué : {reason} Détail : {log}."


class _Heartbeat:
    """Says the elapsed time every few seconds in which nothing else was said."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._started = self._spoken = time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> _Heartbeat:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def speak(self, sentence: str) -> None:
        self._spoken = time.monotonic()
        self._say(sentence)

    def _beat(self) -> None:
        while not self._over.wait(0.5):
            now = time.monotonic()
            if now - self._spoken >= HEARTBEAT_SECONDS:
                self.speak(f"  … {now - self._started:.0f} s")


@contextlib.contextmanager
def only_training(root: Path) -> Iterator[None]:
    """Keep two trainings of one project apart."""
    models = root / "models"
    models.mkdir(exist_ok=True)
    with (models / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise OperationError("Un apprentissage est déjà en cours : attendez sa fin, puis relancez.") from error
        yield


@contextlib.contextmanager
def training_folder(root: Path) -> Iterator[Path]:
    """Yield a folder of its own beside the models, on the same disk; what an interrupted training left goes first."""
    models = root / "models"
    for left in models.glob(".training-*"):
        shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=".training-", dir=models))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _ended_with_us(process: subprocess.Popen) -> Iterator[None]:
    """End the child and its own children when we are interrupted."""
    try:
        yield
    finally:
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, 15)
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, 9)
                process.wait()
        if process.stdout:
            process.stdout.close()


@contextlib.contextmanager
def _ended_when(stop: threading.Event | None, process: subprocess.Popen) -> Iterator[None]:
    """End the child and its own children as soon as `stop` is set."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.2):
            if stop is not None and stop.is_set():
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, 15)
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
