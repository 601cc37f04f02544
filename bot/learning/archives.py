"""The archives of models/: which are there, and whether one may serve. Nothing in an archive is run to know it."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import re
import tarfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.dialogue.decision import Thresholds
from bot.errors import InvalidField, ModelError
from bot.language.reader import Reader

SUFFIX = ".tar.gz"
NEWEST = "assistent.tar.gz"
# Rasa reads the models of its own version; requirements/rasa.lock pins it, and a test holds the two together.
RASA_VERSION = "3.6.21"
# What reads a message in a model of ours: another pipeline would answer without what the gateway counts on.
OURS = frozenset(
    {
        "bot.engine.components.topic_classifier.TopicClassifier",
        "bot.engine.components.decision_maker.DecisionMaker",
        "bot.engine.components.rules.IndexedRulePolicy",
    }
)
# An archive names the classes that load it: none but Rasa's and ours.
_KNOWN = re.compile(r"(?:rasa|bot\.engine)\.[\w.]+")
_NAME = re.compile(r"[\w][\w.-]{0,99}\.tar\.gz", re.ASCII)
# What any model that was taught understands. Rasa gives back an untrained component in silence: it would rank these anyhow.
WITNESSES = (
    ("bonjour", "salutation"),
    ("j’ai oublié mon mot de passe", "connexion_mot_de_passe_oublie"),
    ("comment voir les devoirs de ma fille ?", "cdt_consulter_devoirs"),
)
# How far down the ranking a witness may be: how good the model is is not for here to say.
WITNESS_RANK = 3
_PIECE = 1 << 20
# A model is 10 to 60 MB, and unpacks to a few times that: more is not a model, and would fill the memory.
_MAX_UNPACKED = 1_000_000_000


@dataclass(frozen=True)
class Archive:
    """An archive of models/ and what is written beside it; `fault` says why it cannot serve, as far as its outside shows."""

    name: str
    path: Path
    size: int
    trained_at: datetime | None
    fault: str = ""
    # What tells whether two names are one file.
    file: tuple[int, int] = (0, 0)


def list_archives(models: Path) -> list[Archive]:
    """Return the archives, the newest first; the alias of the newest only where it is no other one's."""
    found = []
    for path in models.glob(f"*{SUFFIX}"):
        # A training removes old models while we look.
        with contextlib.suppress(OSError):
            if _NAME.fullmatch(path.name) and path.is_file():
                found.append(describe(path))
    files = {archive.file for archive in found if archive.name != NEWEST}
    kept = [archive for archive in found if archive.name != NEWEST or archive.file not in files]
    return sorted(
        kept, key=lambda archive: (-archive.trained_at.timestamp() if archive.trained_at else 0.0, archive.name)
    )


def find_archive(models: Path, name: str) -> Archive:
    """Return an archive by its name, with or without its suffix; InvalidField when there is none of that name."""
    name = name.strip()
    name = name if name.endswith(SUFFIX) else f"{name}{SUFFIX}"
    absent = InvalidField("model", "Ce modèle n’est pas dans le dossier models/. Choisissez-en un dans la liste.")
    if not _NAME.fullmatch(name):
        raise absent
    try:
        archive = describe(models / name)
    except OSError as error:
        raise absent from error
    if name == NEWEST:
        # Under the name that it keeps once another one is the newest.
        return next((one for one in list_archives(models) if one.file == archive.file), archive)
    return archive


def describe(path: Path) -> Archive:
    """Return what an archive's outside shows; OSError when it is not there."""
    found = path.stat()
    archive = Archive(path.name, path, found.st_size, None, file=(found.st_dev, found.st_ino))
    try:
        record = json.loads(path.with_name(path.name.removesuffix(SUFFIX) + ".json").read_text(encoding="utf-8"))
        archive = replace(archive, trained_at=datetime.fromisoformat(record["trained_at"]).astimezone(UTC))
        size = record["size"]
    except (OSError, ValueError, KeyError, TypeError):
        return replace(archive, fault="Sa fiche (.json) manque ou est illisible : on ne sait pas d’où il vient.")
    if size != archive.size:
        fault = "Il n’a pas la taille que dit sa fiche : il est incomplet, ou a été changé depuis."
        return replace(archive, fault=fault)
    return archive


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_model(path: Path) -> None:
    """Look into an archive; ModelError when it is not whole, not of our Rasa and components, or was not taught."""
    metadata = _read_metadata(path)
    version = metadata.get("rasa_open_source_version")
    if version != RASA_VERSION:
        raise ModelError(
            f"Ce modèle a été appris par Rasa {version or 'inconnu'}, et Rasa {RASA_VERSION} est installé."
        )
    used = set(_uses(metadata))
    if strange := sorted(name for name in used if not _KNOWN.fullmatch(name)):
        raise ModelError(f"Ce modèle demande un composant qui n’est pas d’ici : {strange[0]}.")
    if missing := sorted(OURS - used):
        raise ModelError(
            f"Ce modèle n’a pas été appris avec config.yml : il lui manque {missing[0].rpartition('.')[2]}."
        )
    reader = Reader.load(path)
    try:
        Thresholds(**reader.thresholds)
    except TypeError as error:
        raise ModelError("Les seuils de ce modèle ne sont pas ceux attendus.") from error
    for text, topic in WITNESSES:
        check_witness(text, topic, [name for name, _ in reader.rank(text, None)])


def check_witness(text: str, topic: str, ranked: Iterable[str]) -> None:
    """Hold the ranking of a witness to what any model that was taught makes of it."""
    if topic not in list(ranked)[:WITNESS_RANK]:
        raise ModelError(f"Ce modèle ne comprend pas « {text} » : il n’a pas été appris, ou pas en entier.")


def _read_metadata(path: Path) -> dict[str, Any]:
    """Read an archive to its end, which tells whether it is whole; return what Rasa says of it."""
    metadata = None
    try:
        with gzip.open(path) as unpacked:
            with tarfile.open(fileobj=unpacked, mode="r|") as members:
                for member in members:
                    _refuse_beyond(unpacked.tell() + member.size)
                    if member.name.removeprefix("./") == "metadata.json" and (content := members.extractfile(member)):
                        metadata = json.load(content)
            while unpacked.read(_PIECE):  # to the checksum, at the end
                _refuse_beyond(unpacked.tell())
    except (OSError, EOFError, ValueError, tarfile.TarError, zlib.error) as error:
        raise ModelError("Cette archive est abîmée ou incomplète : apprenez le modèle de nouveau.") from error
    if not isinstance(metadata, dict):
        raise ModelError("Cette archive n’est pas un modèle de Rasa.")
    return metadata


def _refuse_beyond(size: int) -> None:
    if size > _MAX_UNPACKED:
        raise ModelError("Cette archive est trop grande pour être un modèle.")


def _uses(metadata: dict[str, Any]) -> list[str]:
    try:
        return [node["uses"] for node in metadata["predict_schema"]["nodes"].values()]
    except (KeyError, TypeError, AttributeError) as error:
        raise ModelError("Cette archive n’est pas un modèle de Rasa.") from error
