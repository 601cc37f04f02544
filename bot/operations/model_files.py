"""The model's files: what it was made from, whether that changed, which ones are kept.

The model is stale when what it was made from changed, by content and not by date: data, configuration, domain, our code
that runs inside Rasa, and Rasa's lock file. The hash is kept beside the model.

    models/assistent.tar.gz                     the newest model (a hard link to the newest below)
    models/assistent.json                       what it was made from
    models/assistent-20261122T065012Z.tar.gz    the newest models, for going back
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

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

# Telemetry off; TensorFlow, which Rasa imports in any case, keeps its start-up notes to itself.
RASA_ENVIRONMENT = {
    "RASA_TELEMETRY_ENABLED": "false",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
}


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
    """Where the newest model is."""
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


def describe_model(model: Path, inputs: str, seconds: float) -> ModelRecord:
    """Return what is to be written beside a model just made."""
    return ModelRecord(inputs, _now().isoformat(), seconds, model.stat().st_size)


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


def _now() -> datetime:
    return datetime.now(UTC)
