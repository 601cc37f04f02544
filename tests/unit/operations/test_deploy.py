from __future__ import annotations

import re

import pytest

from bot.operations import configuration
from bot.settings import PRODUCTION, ROOT, Settings, read_settings

SYSTEMD = ROOT / "deploy" / "systemd"


def read_example(text: str) -> dict[str, str]:
    """The variables of an environment file."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


@pytest.fixture
def example() -> str:
    return (ROOT / "deploy" / "settings.example").read_text(encoding="utf-8")


def test_every_setting_is_in_the_example(example):
    source = (ROOT / "bot" / "settings.py").read_text(encoding="utf-8")
    known = set(re.findall(r'"(ASSISTENT_[A-Z_]+)"', source))
    shown = set(re.findall(r"^#?(ASSISTENT_[A-Z_]+)=", example, re.MULTILINE))
    # The beginning of names that a deployment ends: the example shows one of each.
    families = tuple(name for name in known if name.endswith("_"))

    assert {family for family in families for name in shown if name.startswith(family)} == set(families)
    assert known.difference(families) == {name for name in shown if not name.startswith(families)}


def test_the_example_with_a_key_is_a_production_that_starts(example):
    settings = read_settings({**read_example(example), "ASSISTENT_SECRET_KEY": "0" * 64})

    assert settings.mode == PRODUCTION
    assert settings.visitors
    assert settings.frame_ancestors == ("https://ent.example",)


def test_the_example_as_it_is_has_no_secret(example):
    assert read_example(example)["ASSISTENT_SECRET_KEY"] == ""


@pytest.mark.parametrize("name", ["web", "actions", "rasa@"])
def test_the_units_run_what_supervisor_runs(name):
    unit = (SYSTEMD / f"assistent-{name}.service").read_text(encoding="utf-8")
    (command,) = re.findall(r"^ExecStart=/opt/assistent/(.*)$", unit, re.MULTILINE)
    programs = {program.name: program for program in configuration.list_programs(Settings())}
    program = programs["rasa-a" if name == "rasa@" else name]

    ours = [word.replace("${RASA_PORT}", "5005").replace("%i", "a") for word in command.split()]
    options = [word for word in program.command if not word.endswith("endpoints.yml")]
    assert sorted(word for word in ours if not word.endswith("endpoints.yml")) == sorted(options)
    for variable, value in program.environment.items():
        assert f"{variable}={value}" in unit


def test_both_slots_of_rasa_have_the_ports_of_the_settings():
    settings = Settings()

    for slot, port in (("a", settings.rasa_port), ("b", settings.rasa_b_port)):
        text = (SYSTEMD / f"rasa-{slot}.env").read_text(encoding="utf-8")
        assert read_example(text) == {"RASA_PORT": str(port)}
