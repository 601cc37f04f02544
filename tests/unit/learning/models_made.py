"""Archives of models as a training leaves them in models/, small, and every way in which one can be wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot.learning.archives import OURS, RASA_VERSION, WITNESSES
from tests.unit.language.small_model import TAUGHT, Files, small_model, write_archive

# What every model that was taught knows, beside what the small one does.
LEARNT = {**TAUGHT, **{topic: [text, *TAUGHT.get(topic, ())] for text, topic in WITNESSES}}


def metadata(version: str = RASA_VERSION, uses: frozenset[str] = OURS) -> dict[str, Any]:
    """What Rasa writes of a model, as far as it is read."""
    nodes = {str(number): {"uses": name} for number, name in enumerate(sorted(uses))}
    return {"rasa_open_source_version": version, "predict_schema": {"nodes": nodes}}


def make_model(
    models: Path, name: str, *, files: Files | None = None, about: Mapping[str, Any] | None = None,
    trained_at: str = "2026-11-20T08:00:00+00:00", hint: float = 0.5,
) -> Path:  # fmt: skip
    """Put a model in models/ with its record; `hint` tells two of them apart."""
    models.mkdir(parents=True, exist_ok=True)
    path = models / f"{name}.tar.gz"
    write_archive(path, files or small_model(taught=LEARNT, hint=hint), metadata=about or metadata())
    write_record(path, trained_at=trained_at)
    return path


def write_record(path: Path, **changes: Any) -> None:
    """Write beside an archive what a training does."""
    record = {
        "inputs": "0" * 64,
        "trained_at": "2026-11-20T08:00:00+00:00",
        "seconds": 1.0,
        "size": path.stat().st_size,
    }
    path.with_name(path.name.replace(".tar.gz", ".json")).write_text(json.dumps({**record, **changes}), "utf-8")
