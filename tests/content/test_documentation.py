"""What the documents tell people to type exists, and so does what they point at."""

from __future__ import annotations

import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.cli import build_parser
from bot.settings import ROOT

DOCUMENTS = [
    ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "knowledge" / "README.md",
    ROOT / "benchmarks" / "eval" / "README.md",
]  # fmt: skip
BLOCK = re.compile(r"^```(?:sh|bash)?\n(.*?)^```$|((?:^(?: {4}|\t)[^\n]*\n(?:\n(?= {4}))?)+)", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
OURS = re.compile(r"(?:make|\.venv/bin/python|\.venv-rasa/bin/python|python -m bot)(?: |$)")
# What stands for a word of the reader's own: an identifier, a path of his.
WORD = "mot"
FOLDERS = ("actions", "benchmarks", "bot", "data", "deploy", "docs", "knowledge", "migrations", "tests", "tools")


@dataclass(frozen=True)
class Command:
    """A command that a document gives."""

    document: str
    text: str

    def __str__(self) -> str:
        return f"{self.document}: {self.text}"

    @property
    def words(self) -> list[str]:
        """Its words, without the variables set before them."""
        words = shlex.split(self.text, comments=True)
        while words and re.fullmatch(r"\w+=.*", words[0]):
            words.pop(0)
        return words


def blocks(path: Path) -> list[str]:
    """The blocks of code of a document."""
    return [fenced or indented for fenced, indented in BLOCK.findall(path.read_text(encoding="utf-8"))]


def commands() -> list[Command]:
    """Every command of ours, in blocks and in sentences."""
    found: dict[Command, None] = {}
    for path in DOCUMENTS:
        lines = [line for block in blocks(path) for line in re.split(r"\n| && |; ", block)]
        spans = [span for line in SPAN.findall(path.read_text(encoding="utf-8")) for span in line.split(" && ")]
        for text in [*lines, *spans]:
            text = re.sub(r"^(?:\s*sudo -u \w+|\s*sh -c '[^']*?;)?\s*", "", text).rstrip(" '…")
            bare = re.sub(r"^(?:\w+=\S+ )+", "", text)
            if OURS.match(bare):
                found[Command(path.relative_to(ROOT).as_posix(), text)] = None
    return list(found)


COMMANDS = commands()


def those(start: str) -> list[Command]:
    return [command for command in COMMANDS if " ".join(command.words).startswith(start)]


def test_documents_give_commands():
    assert {command.document for command in COMMANDS} >= {"README.md", "docs/operations.md", "docs/benchmarks.md"}


@pytest.mark.parametrize("command", those("make"), ids=str)
def test_make_has_the_target(command):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = {target for target in command.words[1:] if "=" not in target and target.isascii()}
    assert targets <= set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    for variable in re.findall(r"\b([A-Z]+)=", " ".join(command.words[1:])):
        assert f"$({variable})" in makefile


def test_make_help_tells_every_target():
    told = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^([a-z-]+):", makefile, re.MULTILINE):
        assert re.search(rf"^  {target} ", told, re.MULTILINE), target


@pytest.mark.parametrize("command", [*those(".venv/bin/python -m bot"), *those("python -m bot")], ids=str)
def test_the_command_line_takes_it(command):
    words = command.words[command.words.index("bot") + 1 :]
    if words and words[0] != "COMMANDE":
        build_parser().parse_args([WORD if word.isupper() else word for word in words])


SCRIPTS = [
    command for command in [*those(".venv/bin/python"), *those(".venv-rasa/bin/python")] if command.words[1] != "-m"
]


@pytest.mark.parametrize("command", SCRIPTS, ids=str)
def test_the_script_has_the_options(command):
    python, script, *words = command.words
    told = subprocess.run([python, script, "--help"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert told.returncode == 0, told.stderr
    for word in words:
        name, _, _ = word.partition("=")
        if name.startswith("--"):
            assert re.search(rf"{name}\b", told.stdout), f"{name} is not an option"
        elif "/" in word:
            assert (ROOT / word).exists(), word


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_what_a_document_points_at_is_there(path):
    text = path.read_text(encoding="utf-8")
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", prose):
        if "://" not in target:
            assert (path.parent / target).exists(), target
    for anchor in re.findall(r"\]\(#([^)]+)\)", prose):
        headings = re.findall(r"^#+ (.*)$", prose, re.MULTILINE)
        assert anchor in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}, anchor
    for named in SPAN.findall(prose):
        if re.fullmatch(rf"(?:{'|'.join(FOLDERS)})/[\w./*-]*", named):
            assert list(ROOT.glob(named.rstrip("/"))), named
        for file, name in re.findall(r"^([\w/]+\.py):(\w+)$", named):
            assert re.search(rf"(?:def|class) {name}\b", (ROOT / file).read_text(encoding="utf-8")), named


def test_every_variable_is_one_that_something_reads():
    readers = [
        ROOT / "Makefile", *ROOT.glob("bot/**/*.py"), *ROOT.glob("tools/*.py"), *ROOT.glob("tests/*.py"),
        *ROOT.glob("benchmarks/**/*.py"),
    ]  # fmt: skip
    read = set().union(*(re.findall(r"ASSISTENT_[A-Z0-9_]*[A-Z0-9]", file.read_text("utf-8")) for file in readers))
    for path in DOCUMENTS:
        named = set(re.findall(r"ASSISTENT_[A-Z0-9_]*[A-Z0-9]", path.read_text(encoding="utf-8")))
        assert named <= read, path.name


def test_the_units_that_are_started_exist():
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    units = {path.name.removesuffix(".service") for path in (ROOT / "deploy" / "systemd").glob("*.service")}
    named = re.findall(r"\b(assistent-(?:[a-z]+@?))", " ".join(re.findall(r"systemctl [^`\n]*", text)))
    assert set(named) == units


def test_blocks_of_the_installation_are_shell():
    for block in blocks(ROOT / "docs" / "operations.md"):
        done = subprocess.run(["sh", "-n"], input=block, capture_output=True, text=True)
        assert done.returncode == 0, f"{block}\n{done.stderr}"


def failures() -> list[str]:
    """How the sentences of failure begin, as the document lists them."""
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    listed = text[text.index("## Les messages d’échec") :]
    return re.findall(r"^\| `([^`]+)` \|", listed, re.MULTILINE)


@pytest.mark.parametrize("sentence", failures())
def test_a_sentence_of_failure_is_one_that_is_said(sentence):
    said = "\n".join(
        # A sentence may go on from a line of code to the next one.
        re.sub(r"\"\s*\n\s*f?\"", "", path.read_text(encoding="utf-8"))
        for path in [ROOT / "Makefile", *ROOT.glob("bot/**/*.py"), *ROOT.glob("tools/*.py")]
    )
    for part in re.split(r"\s*(?:\(…\)|« … »|…|:)\s*", sentence):
        assert part.strip(" :.") in said, part
