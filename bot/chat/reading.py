"""The reader of the model in place: what degraded mode understands with, and a second look at every emergency."""

from __future__ import annotations

from pathlib import Path

from bot.dialogue.decision import Thresholds
from bot.errors import ModelError
from bot.language.reader import Reader


class ReaderInService:
    """The reader of the model in place and its thresholds; none before a model is there.

    It is read again when the file is replaced, or another one followed.
    """

    def __init__(self, archive: Path) -> None:
        self.current: Reader | None = None
        self.thresholds = Thresholds()
        self.archive = archive
        self._seen: tuple[int, int, int] | None = None
        # The archive that `current` was read from.
        self._read: Path | None = None

    def follow(self, archive: Path) -> None:
        """Read this archive from the next refresh on."""
        self.archive = archive

    def knows(self, topic: str) -> bool:
        """Tell whether the model that serves was made with a topic; between two of them, until the new one is read, it is not known."""
        return self.current is not None and self._read == self.archive and topic in self.current.topics

    def refresh(self) -> bool:
        """Read the model if it is another one; tell whether it was. ModelError: it is unreadable, the former one stays."""
        archive = self.archive
        try:
            found = archive.stat()
        except OSError:
            return False  # not trained yet, or taken away: what is known stays known
        stamp = (found.st_ino, found.st_size, found.st_mtime_ns)
        if stamp == self._seen:
            return False
        self._seen = stamp
        reader = Reader.load(archive)
        try:
            self.thresholds = Thresholds(**reader.thresholds)
        except TypeError as error:
            raise ModelError(f"Les seuils du modèle {archive.name} ne sont pas ceux attendus : {error}") from error
        self.current, self._read = reader, archive
        return True
