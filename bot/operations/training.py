"""Training: whether the model is stale, how it is made, which ones are kept.

The model is stale when what it was made from changed, by content and not by date: data, configuration, domain, our code
that runs inside Rasa, and Rasa's lock file. The hash is kept beside the model.

    models/assistent.tar.gz                     the model that serves (a hard link to the newest below)
    models/assistent.json                       what it was made from
    models/assistent-20261122T065012Z.tar.gz    the newest models, for going back
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bot.errors import OperationError

if TYPE_CHECKING:
    from bot.settings import Settings

MODEL_NAME = "assistent"

# Enough to go back past a bad evening; a model is 10 to 60 MB.
MODELS_KEPT = 5

# What the model is made from, relative to the root. A folder counts with all its files.
INPUTS = (
    "config.yml",
    "domain.yml",
    "domain",
    "data",
    "bot/engine",
    "bot/language",
    "bot/dialogue",
    "bot/topics.py",
    "knowledge/topics.yml",
    "requirements/rasa.lock",
)

HEARTBEAT_SECONDS = 5
LINES_SHOWN_ON_FAILURE = 15

# Rasa keeps trained components by a fingerprint that knows their own class and not the modules of ours that they
# import (bot/language): after a change there its cache would give back the old ones. Hence --force.
TRAIN_OPTIONS = ("--force",)

# Telemetry off; TensorFlow, which Rasa imports in any case, keeps its start-up notes to itself.
RASA_ENVIRONMENT = {
    "RASA_TELEMETRY_ENABLED": "false",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
}

Say = Callable[[str], None]


@dataclass(frozen=True)
class ModelRecord:
    """What is written beside a model."""

    inputs: str
    trained_at: str
    seconds: float
    size: int


def list_inputs(root: Path) -> list[Path]:
    """Return the files that the model is made from, in a fixed order, without caches and editors' leftovers."""
    found: set[Path] = set()
    for name in INPUTS:
        path = root / name
        if path.is_file():
            found.add(path)
        elif path.is_dir():
            files = (file for file in path.rglob("*") if file.is_file())
            found.update(file for file in files if not _is_leftover(file.relative_to(path)))
    return sorted(found, key=lambda path: path.relative_to(root).as_posix())


def _is_leftover(path: Path) -> bool:
    return (
        any(part.startswith(".") or part == "__pycache__" for part in path.parts)
        or path.suffix in (".pyc", ".swp", ".bak")
        or path.name.endswith("~")
    )


def hash_inputs(root: Path) -> str:
    """Return the SHA-256 of names and contents of what the model is made from."""
    total = hashlib.sha256()
    for path in list_inputs(root):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{path.relative_to(root).as_posix()}\0{content}\n".encode())
    return total.hexdigest()


def model_path(root: Path) -> Path:
    """Where the model that serves is."""
    return root / "models" / f"{MODEL_NAME}.tar.gz"


def record_path(root: Path) -> Path:
    """Where what it was made from is written."""
    return root / "models" / f"{MODEL_NAME}.json"


def read_record(root: Path) -> ModelRecord | None:
    """Return what is written beside the model, None when it is absent, unreadable or of another model."""
    try:
        record = ModelRecord(**json.loads(record_path(root).read_text(encoding="utf-8")))
        return record if model_path(root).stat().st_size == record.size else None
    except (OSError, ValueError, TypeError):
        return None


def explain_staleness(root: Path) -> str | None:
    """Return why a training is needed, in a few words, or None when the model is current."""
    if not model_path(root).exists():
        return "il n’y a pas encore de modèle"
    record = read_record(root)
    if record is None:
        return "on ne sait pas de quoi le modèle a été fait"
    if record.inputs != hash_inputs(root):
        return "les données, la configuration ou le moteur ont changé"
    return None


def is_stale(root: Path) -> bool:
    """Tell whether the model is absent or was made from something else than what is there."""
    return explain_staleness(root) is not None


def train_model(settings: Settings, say: Say, *, force: bool = False) -> bool:
    """Train when the model is stale, or in any case with `force`; return whether it was trained.

    The model in place is untouched until the new one is complete. OperationError says what went wrong.
    """
    root = settings.root
    with _only_training(root):
        reason = explain_staleness(root)
        if reason is None and not force:
            return False
        say(f"Apprentissage du modèle : {reason or 'demandé'} (quelques minutes au plus)")
        inputs = hash_inputs(root)
        started = time.monotonic()
        log = settings.var_dir / "log" / "train.log"
        with _training_folder(root) as folder:
            _run_rasa_train(root, folder, log, say)
            candidate = folder / "candidate.tar.gz"
            if not candidate.is_file():
                raise OperationError(f"L’apprentissage s’est terminé sans donner de modèle. Détail : {log}.")
            seconds = round(time.monotonic() - started, 1)
            record = ModelRecord(inputs, _now().isoformat(), seconds, candidate.stat().st_size)
            install_model(root, candidate, record)
        say(f"Modèle appris en {seconds:.0f} s ({record.size / 1e6:.1f} Mo).")
    return True


def install_model(root: Path, candidate: Path, record: ModelRecord) -> None:
    """Put a finished model in place in one gesture, and keep the newest ones.

    The record goes last: interrupted in between, the model counts as of unknown making and is made again.
    """
    models = root / "models"
    name = f"{MODEL_NAME}-{_now():%Y%m%dT%H%M%S%fZ}"
    kept, kept_record = models / f"{name}.tar.gz", models / f"{name}.json"
    os.replace(candidate, kept)
    content = json.dumps(asdict(record), indent=1) + "\n"
    kept_record.write_text(content, encoding="utf-8")
    _replace_by_copy(kept, model_path(root))
    _replace_by_copy(kept_record, record_path(root))
    for old in sorted(models.glob(f"{MODEL_NAME}-*.tar.gz"), reverse=True)[MODELS_KEPT:]:
        old.unlink(missing_ok=True)
        old.with_name(old.name.removesuffix(".tar.gz") + ".json").unlink(missing_ok=True)


def _replace_by_copy(source: Path, target: Path) -> None:
    """Make `target` the same file as `source`, at once; a copy where the file system knows no hard link."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    try:
        os.link(source, temporary)
    except OSError:
        shutil.copyfile(source, temporary)
    os.replace(temporary, target)


def train_command(root: Path, folder: Path) -> list[str]:
    """Return the command that trains into `folder`, run from the root so that Rasa finds our components."""
    environment = {**RASA_ENVIRONMENT, "PYTHONPATH": str(root), "PYTHONUNBUFFERED": "1"}
    return [
        "env",
        *(f"{name}={value}" for name, value in environment.items()),
        str(root / ".venv-rasa" / "bin" / "python"),
        *("-m", "rasa", "train", "--out", str(folder), "--fixed-model-name", "candidate", *TRAIN_OPTIONS),
    ]


def _run_rasa_train(root: Path, folder: Path, log: Path, say: Say) -> None:
    """Run `rasa train` into `folder`, its whole output in `log`, the lines that matter handed to `say`."""
    if not (root / ".venv-rasa" / "bin" / "python").exists():
        raise OperationError("Rasa n’est pas installé dans .venv-rasa : lancez « make install ».")
    log.parent.mkdir(parents=True, exist_ok=True)
    last: deque[str] = deque(maxlen=LINES_SHOWN_ON_FAILURE)
    with log.open("w", encoding="utf-8") as kept, _Heartbeat(say) as heart:
        process = subprocess.Popen(
            train_command(root, folder),
            cwd=root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        with _ended_with_us(process):
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
def _only_training(root: Path) -> Iterator[None]:
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
def _training_folder(root: Path) -> Iterator[Path]:
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


def _now() -> datetime:
    return datetime.now(UTC)
