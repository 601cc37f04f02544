"""What the tests use of the machine, and what becomes of a test whose machine lacks it.

On a person's machine the test is skipped, with the reason. In CI (CI=true) it fails: a missing package must not pass
for a test that went well.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

MEMORY = Path("/dev/shm")
# What the tests of two workers write at most, several times over.
ROOM_BYTES = 4 * 2**30
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def in_ci() -> bool:
    """Tell whether the tests run in continuous integration."""
    return os.environ.get("CI", "").lower() in ("1", "true")


def require(present: object, reason: str) -> None:
    """Go on when `present`; otherwise skip the test with the reason, or fail it in CI."""
    if present:
        return
    if in_ci():
        pytest.fail(f"{reason} Dans l’intégration continue, c’est un échec.", pytrace=False)
    pytest.skip(reason)


def find_memory() -> Path | None:
    """Return a folder that is in memory and has room: a disk that others keep busy stops a writer for seconds."""
    return MEMORY if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ROOM_BYTES else None


def pytest_configure() -> None:
    """Have pytest make the tests' folders in memory where there is room, unless it was told where."""
    if memory := find_memory():
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(memory))


def find_chromium() -> str | None:
    """Return the path of a Chromium that Playwright can drive."""
    return next((path for path in map(shutil.which, CHROMIUM_NAMES) if path), None)


@pytest.fixture(scope="session")
def axe_source() -> str:
    """axe-core's script, to be injected into the page under test."""
    path = Path(__file__).parent / "browser" / "node_modules" / "axe-core" / "axe.min.js"
    require(path.exists(), "axe-core est absent (npm manque, ou n’a pas pu le recevoir).")
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the browser that the browser tests drive: `executable_path` of Playwright's launch."""
    path = find_chromium()
    require(path, "Chromium est absent (sur Debian : apt-get install chromium).")
    assert path is not None
    return path
