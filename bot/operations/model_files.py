"""The model's files: what it was made from, whether that changed, which ones are kept.

The model is stale when what it was made from changed, by content and not by date: data, configuration, domain, our code
that runs inside Rasa, and Rasa's lock file. The hash is kept beside the model.

    models/assistent.tar.gz                     the newest model (a hard link to the newest below)
    models/assistent.json                       what it was made from
    models/assistent-20261122T065012Z.tar.gz    the newest models, for going back, and those that a run of the workshop made
    models/assistent-20261122T065012Z.json      what each was made from
    models/assistent-20261122T065012Z.inputs.tgz    of a run's: all that it was made from, to make it again
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

MODEL_NAME = "assistent"

# Enough to go back past a bad evening; a model is 10 to 60 MB.
MODELS_KEPT = 5
# All of them together, whatever a model weighs.
BYTES_KEPT = 1_000_000_000

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
    # Of a run of the workshop: its number, when its data was read, the hash of all that it was made from, and what that was.
    # `inputs` is then the project's own: what formateurs add makes no model stale.
    run: int | None = None
    data_at: str | None = None
    digest: str | None = None
    made_of: dict[str, Any] | None = None

    def to_json(self) -> str:
        """Return what is written, without what is not known."""
        known = {name: value for name, value in asdict(self).items() if value is not None}
        return json.dumps(known, ensure_ascii=False, indent=1) + "\n"


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


def read_record(model: Path, path: Path) -> ModelRecord | None:
    """Return what is written of a model in `path`, None when it is absent, unreadable or of another model."""
    try:
        record = ModelRecord(**json.loads(path.read_text(encoding="utf-8")))
        return record if model.stat().st_size == record.size else None
    except (OSError, ValueError, TypeError):
        return None


def explain_staleness(root: Path) -> str | None:
    """Return why a training is needed, in a few words, or None when the model is current."""
    if not model_path(root).exists():
        return "il n’y a pas encore de modèle"
    record = read_record(model_path(root), record_path(root))
    if record is None:
        return "on ne sait pas de quoi le modèle a été fait"
    if record.inputs != hash_inputs(root):
        return "les données, la configuration ou le moteur ont changé"
    return None


def is_stale(root: Path) -> bool:
    """Tell whether the model is absent or was made from something else than what is there."""
    return explain_staleness(root) is not None


def describe_model(model: Path, inputs: str, seconds: float, **made_by_run: Any) -> ModelRecord:
    """Return what is to be written beside a model just made."""
    return ModelRecord(inputs, _now().isoformat(), seconds, model.stat().st_size, **made_by_run)


def keep_model(root: Path, candidate: Path, record: ModelRecord, inputs: Path | None = None) -> str:
    """Add a finished model to those kept, with what it was made from; return its name. It does not serve yet.

    The model goes last: interrupted in between, nothing that could be taken for a model is left.
    """
    models = root / "models"
    name = f"{MODEL_NAME}-{_now():%Y%m%dT%H%M%S%fZ}"
    if inputs is not None:
        os.replace(inputs, models / f"{name}.inputs.tgz")
    (models / f"{name}.json").write_text(record.to_json(), encoding="utf-8")
    os.replace(candidate, models / f"{name}.tar.gz")
    return name


def install_model(root: Path, candidate: Path, record: ModelRecord) -> None:
    """Put a finished model in place in one gesture, and keep the newest ones.

    The record goes last: interrupted in between, the model counts as of unknown making and is made again.
    """
    models = root / "models"
    before = find_served(root)
    name = keep_model(root, candidate, record)
    _replace_by_copy(models / f"{name}.tar.gz", model_path(root))
    _replace_by_copy(models / f"{name}.json", record_path(root))
    prune_models(root, {name, before} - {None})


def find_served(root: Path) -> str | None:
    """Return the name of the kept model that serves; None when none of those kept is the one in place."""
    served = model_path(root)
    for path in kept_models(root):
        try:
            same = path.samefile(served)
            # Where there are no hard links it is a copy, whose record is a copy too.
            same = same or path.with_name(_beside(path)).read_bytes() == record_path(root).read_bytes()
        except OSError:
            continue
        if same:
            return path.name.removesuffix(".tar.gz")
    return None


def kept_models(root: Path) -> list[Path]:
    """Return the models kept, the newest first."""
    return sorted((root / "models").glob(f"{MODEL_NAME}-*.tar.gz"), reverse=True)


def prune_models(root: Path, needed: Collection[str]) -> list[str]:
    """Remove the oldest models past what is kept, by number and by size, but for the `needed` ones; return their names."""
    removed, count, size = [], 0, 0
    for path in sorted(kept_models(root), key=lambda path: path.name.removesuffix(".tar.gz") not in needed):
        name = path.name.removesuffix(".tar.gz")
        count, size = count + 1, size + path.stat().st_size
        if name in needed or (count <= MODELS_KEPT and size <= BYTES_KEPT):
            continue
        # The model first: what is left of one is removed below.
        path.unlink(missing_ok=True)
        removed.append(name)
    names = {path.name.removesuffix(".tar.gz") for path in kept_models(root)}
    for path in (root / "models").glob(f"{MODEL_NAME}-*"):
        if path.name.endswith((".json", ".inputs.tgz")) and path.name.split(".", 1)[0] not in names:
            path.unlink(missing_ok=True)
    return removed


def _beside(model: Path) -> str:
    return model.name.removesuffix(".tar.gz") + ".json"


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
