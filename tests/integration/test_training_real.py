"""A training with Rasa itself, on few utterances: made, measured, made again the same, tried."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.db import Database
from bot.errors import EngineTimeout
from bot.knowledge.models import AddedTopic
from bot.knowledge.service import read_utterances
from bot.language.reader import Reader
from bot.learning import runs
from bot.learning.judging import Trials, judge_models
from bot.learning.report import read_reference
from bot.learning.utterances import add_utterance
from bot.operations.candidates import remake_model
from bot.settings import ROOT, Settings
from tests.integration.gateway import ONE_KIND
from tests.integration.training import Project

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

LABELS = ("cdt_consulter_devoirs", "connexion_mot_de_passe_oublie", "urgence_harcelement", "salutation", "hors_sujet")
EACH = 24
TABLET = (
    "la tablette du petit ne s'allume plus",
    "tablette de l'école cassée",
    "rendre la tablette prêtée",
    "tablette perdue",
)
ASKED = ("où sont les devoirs", "mot de passe perdu", "on me tape à la récré", "bonjour", "la tablette est cassée")


class RealProject(Project):
    """The small project, with Rasa's own environment and few of the real utterances."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        for name in ("bot/engine", "bot/language", "bot/dialogue", "data/stories"):
            shutil.copytree(ROOT / name, root / name, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.rmtree(root / ".venv-rasa")
        (root / ".venv-rasa").symlink_to(ROOT / ".venv-rasa")
        (root / "benchmarks").symlink_to(ROOT / "benchmarks")
        said = read_utterances(ROOT / "data" / "nlu")
        blocks = [
            f"- intent: {label}\n  metadata: {{profil: parent, voix: v{number % 4}, main: a}}\n  examples: |\n    - {text}\n"
            for label in LABELS
            for number, text in enumerate(said[label][:EACH])
        ]
        (root / "data/nlu/parent/a.yml").write_text('version: "3.1"\nnlu:\n' + "".join(blocks), encoding="utf-8")


def member(archive: Path, name: str) -> bytes:
    with tarfile.open(archive) as members:
        return next(members.extractfile(one).read() for one in members if one.name.endswith(name))


async def ask(trials: Trials, archive: str, text: str) -> dict:
    """Ask until the models are read, as the page tells a person to: a busy machine takes its time."""
    for _ in range(5):
        try:
            return await trials.ask(archive, text, "parent")
        except EngineTimeout:
            continue
    raise AssertionError("the models were not read")


@ONE_KIND
async def test_a_model_is_made_measured_made_again_and_tried(
    own_database: Database, own_url: str, tmp_path: Path
) -> None:
    project = RealProject(tmp_path / "projet")
    async with own_database.transaction() as session:
        session.add(AddedTopic(id="tablette", theme="technique", profiles=["parent"], meaning="La tablette prêtée", author="x", at=datetime.now(UTC)))  # fmt: skip
        for text in TABLET:
            await add_utterance(session, datetime.now(UTC), topic="tablette", text=text, speaker="parent", origin="message", author_id=None)  # fmt: skip
        number = await runs.ask_run(session, datetime.now(UTC), None)
    done = subprocess.run(
        [*project.learner(own_url, tmp_path / "var"), str(number)], capture_output=True, text=True, check=False
    )
    async with own_database.reading() as session:
        run = await runs.find_run(session, number)
    log = tmp_path / "var" / "log" / f"training-{number}.log"
    assert run.state == runs.DONE, f"{run.failure}\n{run.log}\n{done.stderr[-3000:]}\n{log.read_text()[-3000:]}"
    assert (run.verdict["accepted"], run.made_of["added_topics"]) == (True, ["tablette"])
    assert run.report["sets"]["reference"]["count"] == len(read_reference(ROOT))
    assert run.report["sets"]["heard"]["count"] == len(TABLET)

    archive = project.root / "models" / f"{run.archive}.tar.gz"
    settings = Settings(root=project.root, var_dir=tmp_path / "var")
    again = remake_model(settings, run.archive, lambda _: None)
    first, second = Reader.load(archive), Reader.load(again)
    assert first.topics["tablette"].profiles == ("parent",)
    for text in ASKED:
        assert first.rank(text, "parent") == second.rank(text, "parent")
    # Both views of the text, and the calibration, are in what was held out.
    assert json.loads(member(archive, "held_out.json")) == json.loads(member(again, "held_out.json"))

    shutil.copy(archive, project.root / "models" / "assistent.tar.gz")
    trials = Trials(project.root, lambda: project.root / "models" / "assistent.tar.gz")
    try:
        for text in ASKED:
            said = await ask(trials, run.archive, text)
            assert said["candidate"] == said["served"]
            assert said["failed"] == {}
        assert said["candidate"]["ranking"][0][0] == "tablette"
    finally:
        await trials.stop()


@ONE_KIND
@pytest.mark.parametrize("content", [b"", b"not an archive", b"\x1f\x8b\x08\x00cut"])
def test_a_bad_archive_does_not_load_and_is_told(tmp_path: Path, content: bytes, store) -> None:
    project = RealProject(tmp_path / "projet")
    candidate = project.root / "models" / "candidate.tar.gz"
    candidate.write_bytes(content)
    judged = judge_models(project.root, project.root, candidate, None, [], tmp_path / "log", threading.Event())
    assert judged["loads"] is False
    assert judged["why"]
    assert judged["sets"] == {}
