"""A file between the page that sends it and the page that confirms it: kept here, one an account, for a day at most."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from bot.errors import InvalidField, NotFound, StorageUnavailable

# What nobody confirmed by then is deleted when the next file comes.
_LIFE_S = 24 * 3600


class Uploads:
    """The files that wait in a folder, each under the id of the account that sent it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def keep(self, account_id: str, chunks: AsyncIterator[bytes], *, limit: int) -> None:
        """Keep a file in place of the one before; InvalidField over `limit` bytes, and what was there stays."""
        new = self._folder / f"{account_id}.{secrets.token_hex(8)}.part"
        size = 0
        try:
            await asyncio.to_thread(self._make_room)
            out = await asyncio.to_thread(new.open, "xb")
            try:
                async for chunk in chunks:
                    size += len(chunk)
                    if size > limit:
                        raise InvalidField("file", f"Ce fichier dépasse {limit // 1024**2} Mo. Rien n’a été changé.")
                    await asyncio.to_thread(out.write, chunk)
            finally:
                await asyncio.to_thread(out.close)
            if not size:
                raise InvalidField("file", "Ce fichier est vide. Rien n’a été changé.")
            await asyncio.to_thread(new.replace, self._path(account_id))
        except OSError as error:
            raise StorageUnavailable from error
        finally:
            new.unlink(missing_ok=True)

    def open(self, account_id: str) -> BinaryIO:
        """Open the file that an account sent; NotFound when there is none any more."""
        try:
            return self._path(account_id).open("rb")
        except FileNotFoundError as error:
            raise NotFound("Ce fichier n’est plus là. Envoyez-le de nouveau.") from error

    def drop(self, account_id: str) -> None:
        """Delete it."""
        self._path(account_id).unlink(missing_ok=True)

    def _path(self, account_id: str) -> Path:
        return self._folder / f"{account_id}.csv"

    def _make_room(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for old in self._folder.iterdir():
            with suppress(FileNotFoundError):
                if old.stat().st_mtime < time.time() - _LIFE_S:
                    old.unlink()
