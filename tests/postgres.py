"""A private PostgreSQL for the tests: started once a session, gone with it, a new database for each test.

It listens on a Unix socket in a folder of its own, in memory where there is room (a new database then takes 60 ms instead of 380),
keeps nothing safe on disk, and runs as the user `postgres` when the tests run as root, which PostgreSQL refuses to be.
"""

from __future__ import annotations

import getpass
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.machine import MEMORY, find_memory, require

PREFIX = "assistent-pg-"

# Nothing here has to survive a power cut.
FAST = (
    "fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=64MB", "max_connections=60", "autovacuum=off",
    "jit=off", "wal_level=minimal", "max_wal_senders=0", "max_wal_size=256MB",
)  # fmt: skip


@dataclass(frozen=True)
class Cluster:
    """A running private server."""

    folder: Path
    programs: Path
    user: str

    def run(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs as the server's owner; a failure carries what it said."""
        command = [str(self.programs / program), *arguments]
        if os.geteuid() == 0:
            command = ["runuser", "-u", self.user, "--", *command]
        done = subprocess.run(command, cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr.strip() or done.stdout.strip()}")

    def url(self, database: str) -> str:
        """Return SQLAlchemy's address of a database."""
        return f"postgresql+asyncpg://{self.user}@/{database}?host={self.folder}"


def find_programs() -> Path | None:
    """Return the folder of the newest server's programs, Debian's or else the PATH's."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if found:
        return max(found, key=lambda path: float(path.parent.name))
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


def start_cluster(programs: Path) -> Cluster:
    """Make an empty server in a folder of its own and start it."""
    remove_leftovers(programs)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=find_memory()))
    user = "postgres" if os.geteuid() == 0 else getpass.getuser()
    (folder / "tests.pid").write_text(str(os.getpid()), encoding="ascii")
    if os.geteuid() == 0:
        shutil.chown(folder, user)
    cluster = Cluster(folder, programs, user)
    data = str(folder / "data")
    cluster.run("initdb", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "-U", user, "-D", data)
    options = " ".join(
        f"-c {setting}" for setting in (*FAST, "listen_addresses=''", f"unix_socket_directories={folder}")
    )
    cluster.run("pg_ctl", "start", "--wait", "-D", data, "-l", str(folder / "server.log"), "-o", options)
    return cluster


def stop_cluster(cluster: Cluster) -> None:
    """Stop the server at once and remove all of it."""
    try:
        cluster.run("pg_ctl", "stop", "--mode=immediate", "--wait", "-D", str(cluster.folder / "data"))
    finally:
        shutil.rmtree(cluster.folder, ignore_errors=True)


def remove_leftovers(programs: Path) -> None:
    """Stop the servers of test sessions that were killed before they could."""
    for folder in itertools.chain.from_iterable(
        parent.glob(f"{PREFIX}*") for parent in (Path(tempfile.gettempdir()), MEMORY)
    ):
        try:
            session = int((folder / "tests.pid").read_text(encoding="ascii"))
            owner = folder.owner()
        except (OSError, ValueError, KeyError):
            continue
        if Path(f"/proc/{session}").exists() or not os.access(folder, os.W_OK):
            continue
        try:
            stop_cluster(Cluster(folder, programs, owner))
        except RuntimeError:
            continue  # it was not running; the folder is gone


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Cluster]:
    """The session's server."""
    programs = find_programs()
    require(programs, "PostgreSQL est absent (sur Debian : apt-get install postgresql).")
    assert programs is not None
    cluster = start_cluster(programs)
    yield cluster
    stop_cluster(cluster)


_numbers = itertools.count(1)


@pytest.fixture
def postgres_url(postgres_cluster: Cluster) -> Iterator[str]:
    """SQLAlchemy's address of a new, empty database, dropped after the test even when connections are still open."""
    name = f"test_{next(_numbers)}"
    host = str(postgres_cluster.folder)
    postgres_cluster.run("createdb", "--host", host, "-U", postgres_cluster.user, "--template=template0", name)
    yield postgres_cluster.url(name)
    postgres_cluster.run("dropdb", "--force", "--host", host, "-U", postgres_cluster.user, name)
