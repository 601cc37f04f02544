"""A model of a few labels in an archive such as Rasa writes: each label weighs what its texts are written with."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from bot.dialogue.decision import Thresholds
from bot.language.calibration import Calibration
from bot.language.grams import Grams, GramSettings
from bot.topics import Topic, load_topics

# What no lexicon knows for an emergency.
UNHEARD = "zblorg vraouf zblorg"
TAUGHT = {
    "salutation": ["bonjour", "coucou", "bonsoir à vous"],
    "cdt_consulter_devoirs": ["où sont les devoirs", "voir les devoirs de mon fils", "le cahier de textes est où"],
    "admin_creer_compte": ["créer un compte pour un élève", "ajouter un nouvel élève", "nouveau compte à créer"],
    "urgence_harcelement": ["on m'embête à la récré", "ils me frappent", "je veux plus vivre", UNHEARD],
    "urgence_compte_pirate": ["quelqu'un est entré dans mon compte", "on a pris mon mot de passe"],
}
FOLDER = "components/train_bot.engine.components.topic_classifier.TopicClassifier0"
Files = dict[str, bytes]


def as_npz(**arrays: np.ndarray) -> bytes:
    """Return what np.savez would write."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def small_model(
    *, hint: float = 0.5, certain: float = 0.9, scale: float = 8.0, taught: Mapping[str, list[str]] = TAUGHT,
    added: Iterable[Topic] = (),
) -> Files:  # fmt: skip
    """Return the files that the classifier saves, by name."""
    labels = sorted(taught)
    settings = GramSettings()
    grams = Grams.fit([text for texts in taught.values() for text in texts], settings)
    weights = np.zeros((grams.width, len(labels)), dtype=np.float16)
    for place, label in enumerate(labels):
        for text in taught[label]:
            columns, values = grams.read(text, None)
            weights[columns, place] += values.astype(np.float16)
    model = {
        "labels": labels,
        "alone": {
            "calibration": asdict(Calibration(written=scale, open_to=1.0, bias=(0.0,) * len(labels))),
            "thresholds": asdict(Thresholds(urgent=hint)),
            "certain": certain,
        },
        "topics": load_topics().joined_by(list(added)).to_json(),
    }
    return {
        "features.json": json.dumps({"settings": asdict(settings), "grams": grams.known}).encode(),
        "features.npz": as_npz(**grams.rarity),
        "model.json": json.dumps(model).encode(),
        "model.npz": as_npz(weights=weights, bias=np.zeros(len(labels), dtype=np.float32)),
    }


def write_archive(path: Path, files: Files, folder: str = FOLDER, metadata: Mapping[str, Any] | None = None) -> Path:
    """Write an archive with `files` beside what is none of ours."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content in {
            "metadata.json": json.dumps(metadata or {}).encode(),
            **{f"{folder}/{name}": data for name, data in files.items()},
        }.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path
