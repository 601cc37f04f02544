"""A training of the workshop, on a copy of the project's files: made, measured, kept beside the model that serves.

All that the model is made from (data, configuration, our code inside Rasa, lock file) is in one folder of its own, kept as an
archive: whatever changes afterwards, the same model can be made again.
"""

from __future__ import annotations

import contextlib
import gzip
import shutil
import tarfile
import threading
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from bot.errors import OperationError
from bot.operations.configuration import slot_path
from bot.operations.model_files import (
    MODEL_NAME,
    describe_model,
    find_served,
    hash_inputs,
    keep_model,
    list_inputs,
    model_path,
    prune_models,
    read_record,
)
from bot.operations.rasa_files import write_rasa_files
from bot.operations.training import Say, only_training, run_rasa_train, training_folder
from bot.topics import read_topics

if TYPE_CHECKING:
    from bot.settings import Settings

# What our code inside Rasa needs beside what the model is made from.
_ALSO = ("bot/__init__.py", "bot/errors.py")
LOGS_KEPT = 20


@dataclass(frozen=True)
class Served:
    """The model in service: its file, the run that made it if one did, and until when its data went."""

    archive: Path
    name: str | None
    run: int | None
    trained_at: str
    data_at: str | None


class Bench:
    """One training: `inputs` is the copy that it learns from, to be added to before `train`."""

    def __init__(self, settings: Settings, folder: Path, log: Path) -> None:
        self._settings = settings
        self._root = settings.root
        self._folder = folder
        self.log = log
        self._project = hash_inputs(settings.root)
        self.candidate = folder / "candidate.tar.gz"
        self._seconds = 0.0
        self.inputs = folder / "inputs"
        self.digest = ""

    def train(self, say: Say, stop: threading.Event) -> None:
        """Train on `inputs`, whose digest is then known."""
        write_rasa_files(self.inputs, read_topics(self.inputs / "knowledge" / "topics.yml"))
        self.digest = hash_inputs(self.inputs)
        started = time.monotonic()
        run_rasa_train(self._root, self._folder, self.log, say, inputs=self.inputs, stop=stop)
        self._seconds = round(time.monotonic() - started, 1)

    def served(self, slot: str | None, name: str | None) -> Served | None:
        """Return the model in service, if there is one: the slot's, or the newest where none was ever put in service."""
        archive = slot_path(self._settings, slot) if slot else model_path(self._root)
        if not archive.exists():
            archive, name = model_path(self._root), None
        if not archive.exists():
            return None
        name = name or find_served(self._root)
        record = read_record(archive, self._root / "models" / f"{name or MODEL_NAME}.json")
        if record is None:
            return Served(archive, name, None, "", None)
        return Served(archive, name, record.run, record.trained_at, record.data_at)

    def keep(self, *, run: int, data_at: str, made_of: dict[str, Any], needed: Collection[str] = ()) -> str:
        """Keep the model among the others, `needed` ones in any case, with all that it was made from; return its name."""
        packed = self._folder / "inputs.tgz"
        pack_inputs(self.inputs, packed)
        record = describe_model(
            self.candidate, self._project, self._seconds, run=run, data_at=data_at, digest=self.digest, made_of=made_of
        )
        name = keep_model(self._root, self.candidate, record, packed)
        prune_models(self._root, {name, *needed, find_served(self._root)} - {None})
        return name


@contextlib.contextmanager
def open_bench(settings: Settings, run: int) -> Iterator[Bench]:
    """Make the folder of a training, alone in the project; nothing is left of it afterwards but what was kept."""
    root = settings.root
    log = training_log(settings, run)
    log.parent.mkdir(parents=True, exist_ok=True)
    for old in sorted(log.parent.glob("training-*.log"), key=lambda path: path.stat().st_mtime)[:-LOGS_KEPT]:
        old.unlink(missing_ok=True)
    log.unlink(missing_ok=True)
    with only_training(root):
        _end_orphans(root)
        with training_folder(root) as folder:
            bench = Bench(settings, folder, log)
            copy_inputs(root, bench.inputs)
            yield bench


def training_log(settings: Settings, run: int) -> Path:
    """Where all that a training wrote is."""
    return settings.var_dir / "log" / f"training-{run}.log"


def copy_inputs(root: Path, folder: Path) -> None:
    """Copy all that a model is made from."""
    for path in (*list_inputs(root), *(root / name for name in _ALSO)):
        target = folder / path.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def pack_inputs(folder: Path, archive: Path) -> None:
    """Pack what a model was made from; the same files give the same bytes."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    with (
        archive.open("wb") as raw,
        gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as members,
    ):
        for path in files:
            member = tarfile.TarInfo(path.relative_to(folder).as_posix())
            member.size = path.stat().st_size
            with path.open("rb") as content:
                members.addfile(member, content)


def remake_model(settings: Settings, name: str, say: Say) -> Path:
    """Make a kept model again from what it was made from; return the new file, beside the logs: it serves nowhere."""
    root = settings.root
    packed = root / "models" / f"{Path(name).name}.inputs.tgz"
    if not packed.is_file():
        raise OperationError(f"Il n’y a pas de {packed.name} dans models/ : ce modèle ne peut pas être refait.")
    made = settings.var_dir / "remade" / f"{Path(name).name}.tar.gz"
    made.parent.mkdir(parents=True, exist_ok=True)
    with only_training(root), training_folder(root) as folder:
        inputs = folder / "inputs"
        try:
            with tarfile.open(packed) as members:
                members.extractall(inputs, filter="data")
        except (OSError, EOFError, tarfile.TarError) as error:
            raise OperationError(f"{packed.name} est illisible : {error}") from error
        run_rasa_train(root, folder, settings.var_dir / "log" / "remake.log", say, inputs=inputs)
        shutil.move(folder / "candidate.tar.gz", made)
    return made


def _end_orphans(root: Path) -> None:
    """End what a training that was killed left running: nothing else has a folder of ours on its command line."""
    mark = str(root / "models" / ".training-")
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if any(part.startswith(mark) for part in process.cmdline()):
                process.kill()
