"""The database of the demonstration, migrated and loaded when that has not been done yet."""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.errors import OperationError

if TYPE_CHECKING:
    from bot.settings import Settings

Say = Callable[[str], None]

# What the database's content is made from, beside what people write in it: unchanged, there is nothing to do.
PREPARED_FROM = ("bot", "deploy", "knowledge", "migrations")

PASSWORDS = "demonstration-accounts.json"
# Letters and digits that nobody takes for another when copying them.
_SIGNS = "abcdefghjkmnpqrstuvwxyz23456789"


def prepare_database(settings: Settings, say: Say) -> None:
    """Migrate the database and load the knowledge, unless nothing changed since this was last done."""
    stamp_path = settings.var_dir / "prepared.json"
    wanted = {
        "inputs": hash_folders(settings.root, PREPARED_FROM),
        "database": _digest(settings.storage_url),
        "passwords": _digest(json.dumps(read_or_make_passwords(settings))),
    }
    if _is_prepared(settings, stamp_path, wanted):
        return
    say("Préparation de la base de données")
    run_step(settings, "migrate", "La base de données n’a pas pu être préparée")
    say("Chargement des articles")
    run_step(settings, "load", "Les articles n’ont pas pu être chargés")
    wanted["revision"] = read_revision(sqlite_path(settings.storage_url))
    stamp_path.write_text(json.dumps(wanted, indent=1) + "\n", encoding="utf-8")


def read_or_make_passwords(settings: Settings) -> dict[str, str]:
    """Return the password of each of the demonstration's accounts, by e-mail address; made up the first time.

    They are kept in a file that the person who started alone can read, and printed at each start.
    """
    path = settings.var_dir / PASSWORDS
    kept = {}
    if path.is_file():
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise OperationError(f"{path} est illisible : supprimez-le, puis relancez « make run ».") from error
    logins = [entry["login"] for entry in read_demonstration(settings)["accounts"]]
    passwords = {login: kept.get(login) or _make_password() for login in logins}
    if passwords != kept:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(0o600)
        path.chmod(0o600)
        path.write_text(json.dumps(passwords, indent=1) + "\n", encoding="utf-8")
    return passwords


def read_demonstration(settings: Settings) -> dict[str, Any]:
    """Return the demonstration's made-up territory: schools, values, accounts."""
    import yaml  # the start of everything else must not wait for it

    return yaml.safe_load((settings.root / "deploy" / "demonstration.yml").read_text(encoding="utf-8"))


def _make_password() -> str:
    groups = ("".join(secrets.choice(_SIGNS) for _ in range(4)) for _ in range(4))
    return "-".join(groups)


def _is_prepared(settings: Settings, stamp_path: Path, wanted: dict[str, str]) -> bool:
    """Tell whether the database is the one that was prepared; of a server's database nothing is assumed."""
    try:
        stamp = json.loads(stamp_path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    revision = read_revision(sqlite_path(settings.storage_url))
    return revision is not None and stamp == {**wanted, "revision": revision}


def sqlite_path(url: str) -> Path | None:
    """Return the file of a SQLite address of SQLAlchemy's, None for another database."""
    scheme, _, path = url.partition(":///")
    return Path(path.partition("?")[0]) if scheme.startswith("sqlite") and path else None


def read_revision(database: Path | None) -> str | None:
    """Return the migration that a SQLite database is at, None when there is none to be read."""
    if database is None or not database.is_file():
        return None
    try:
        with contextlib.closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error:
        return None
    return row[0] if row else None


def hash_folders(root: Path, names: tuple[str, ...]) -> str:
    """Return the SHA-256 of the names and contents of all files in these folders, caches apart."""
    total = hashlib.sha256()
    for name in names:
        for path in sorted((root / name).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                total.update(f"{path.relative_to(root).as_posix()}\0{hash_bytes(path.read_bytes())}\n".encode())
    return total.hexdigest()


def hash_bytes(content: bytes) -> str:
    """Return the SHA-256 of some bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def _digest(text: str) -> str:
    return hash_bytes(text.encode())


def run_step(settings: Settings, command: str, failure: str) -> None:
    """Run one of our own commands to its end; its last lines come with the sentence when it fails."""
    done = subprocess.run(
        [settings.root / ".venv" / "bin" / "python", "-m", "bot", command],
        cwd=settings.root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode:
        lines = [line for line in done.stdout.splitlines() if line.strip()][-15:]
        shown = "".join(f"  | {line}\n" for line in lines)
        raise OperationError(f"{shown}{failure} : voyez le message ci-dessus, corrigez, puis relancez « make run ».")
