"""Trainings from the workshop: one at a time, in a process of their own, cancelled, killed, judged, overruled, tried."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import tarfile
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
import sqlalchemy as sa
import yaml

from bot.clock import FixedClock, SystemClock
from bot.db import Database
from bot.errors import Conflict
from bot.knowledge.models import AddedTopic
from bot.learning import runs
from bot.learning.models import Swap, TrainingRun, TrainingSchedule
from bot.learning.utterances import add_utterance
from bot.people.models import AuditEntry
from bot.workshop.routes import ROUTES
from bot.workshop.views.training import LAUNCHER, PATH
from tests.integration.console import Browser, Open, Page, add_account, signed_in
from tests.integration.gateway import ONE_KIND, Api
from tests.integration.training import Project, judged_row, made, put, until

DEVOIRS = "cdt_consulter_devoirs"


@pytest.fixture
def clock() -> SystemClock:
    """The process of a run has the machine's clock: the pages have the same."""
    return SystemClock()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "l'école de test")


@pytest.fixture
async def site(start, project: Project, own_url: str, tmp_path: Path) -> Api:
    return await start(root=project.root, learner=project.learner(own_url, tmp_path / "var"))


@pytest.fixture
async def trainer(browser_of: Open) -> Browser:
    """The formateur's browser."""
    return await browser_of("formateur", name="Fanny Forme")


async def run_of(database: Database, number: int = 1) -> TrainingRun:
    async with database.reading() as session:
        return await runs.find_run(session, number)


async def ended(database: Database, number: int = 1) -> TrainingRun:
    async def over():
        run = await run_of(database, number)
        return run if run.active is None else None

    return await until(over)


async def train(browser: Browser, database: Database) -> TrainingRun:
    """Press the button and wait for the end."""
    answer = await browser.post(PATH)
    assert answer.status == 303, answer.words
    return await ended(database, int(answer.location.split("?")[0].rsplit("/", 1)[1]))


async def keep(
    database: Database, topic: str, text: str, origin: str = "formateur", at: datetime | None = None
) -> None:
    async with database.transaction() as session:
        await add_utterance(
            session, at or datetime.now(UTC), topic=topic, text=text, speaker="parent", origin=origin, author_id=None
        )  # fmt: skip


async def audited(database: Database) -> list[tuple]:
    async with database.reading() as session:
        found = await session.scalars(
            sa.select(AuditEntry).where(AuditEntry.kind == "training").order_by(AuditEntry.id)
        )
        return [(one.action, one.object_id) for one in found]


# --- a run ------------------------------------------------------------------------------------


async def test_a_run_learns_what_formateurs_taught_and_keeps_what_it_was_made_of(
    trainer: Browser, own_database: Database, project: Project
) -> None:
    await keep(own_database, DEVOIRS, "où sont les leçons")
    for number in range(3):
        await keep(own_database, "tablette", f"ma tablette {number}", "message")
    async with own_database.transaction() as session:
        session.add(AddedTopic(id="tablette", theme="technique", profiles=["parent"], meaning="La tablette", author="x", at=datetime.now(UTC)))  # fmt: skip
    run = await train(trainer, own_database)

    assert (run.state, run.failure, run.verdict["accepted"]) == (runs.DONE, "", True)
    assert "où sont les leçons" in (project.root / "learnt.yml").read_text(encoding="utf-8")
    assert "tablette" in yaml.safe_load((project.root / "seen/domain.yml").read_text(encoding="utf-8"))["intents"]
    assert "- intent: tablette" in (project.root / "seen/repondre.yml").read_text(encoding="utf-8")
    assert "tablette" not in (project.root / "domain.yml").read_text(encoding="utf-8")
    assert project.models() == [run.archive]
    record = json.loads((project.root / "models" / f"{run.archive}.json").read_text(encoding="utf-8"))
    assert (record["run"], record["digest"]) == (run.id, run.made_of["digest"])
    assert (run.made_of["kept"], run.made_of["heard"], run.made_of["added_topics"]) == (4, 3, ["tablette"])
    with tarfile.open(project.root / "models" / f"{run.archive}.inputs.tgz") as packed:
        assert {"config.yml", "requirements/rasa.lock", "data/nlu/parent/atelier.yml"} <= set(packed.getnames())
    page = await trainer.get(f"{PATH}/{run.id}")
    assert "Ce modèle peut être mis en service" in page.words
    assert f"/workshop/service?modele={run.archive}" in page.text
    assert await audited(own_database) == [("training_asked", str(run.id))]


async def test_same_data_same_digest_and_other_data_another(trainer: Browser, own_database: Database) -> None:
    await keep(own_database, DEVOIRS, "où sont les leçons")
    first, second = await train(trainer, own_database), await train(trainer, own_database)
    await keep(own_database, DEVOIRS, "le travail à faire")
    third = await train(trainer, own_database)
    assert first.made_of["digest"] == second.made_of["digest"] != third.made_of["digest"]


async def test_the_messages_measured_are_those_that_the_model_in_service_has_not_learnt(
    trainer: Browser, own_database: Database, project: Project
) -> None:
    await keep(own_database, DEVOIRS, "vieux message", "message", datetime(2026, 1, 1, tzinfo=UTC))
    await keep(own_database, DEVOIRS, "écrit par un formateur")
    first = await train(trainer, own_database)
    heard = lambda: [json.loads(line)["text"] for line in (project.root / "heard.jsonl").read_text().splitlines()]  # noqa: E731
    # Nothing serves, or a model of the files alone: no message was learnt.
    assert heard() == ["vieux message"]
    for ending in ("tar.gz", "json"):
        (project.root / "models" / f"assistent.{ending}").hardlink_to(project.root / "models" / f"{first.archive}.{ending}")  # fmt: skip
    await keep(own_database, DEVOIRS, "nouveau message", "message")
    second = await train(trainer, own_database)
    assert heard() == ["nouveau message"]
    assert (second.report["against"]["run"], second.report["against"]["name"]) == (first.id, first.archive)


async def test_a_second_one_waits_for_the_first(
    trainer: Browser, browser: Browser, own_database: Database, project: Project
) -> None:
    (project.root / "train-waits").touch()
    assert (await trainer.post(PATH)).status == 303
    refused = await browser.post(PATH)
    assert refused.status == 409
    assert "Un apprentissage est déjà en cours" in refused.words
    (project.root / "train-waits").unlink()
    assert (await ended(own_database)).state == runs.DONE
    assert (await train(browser, own_database)).state == runs.DONE


async def test_the_page_tells_how_far_it_is(trainer: Browser, own_database: Database, project: Project) -> None:
    (project.root / "train-waits").touch()
    location = (await trainer.post(PATH)).location

    async def far() -> Page | None:
        page = await trainer.get(location)
        return page if "SmallClassifier" in page.text else None

    page = await until(far)
    assert 'data-every="3"' in page.text
    assert "Annuler l’apprentissage" in page.words
    (project.root / "train-waits").unlink()
    await ended(own_database)
    page = await trainer.get(location)
    assert "data-every" not in page.text
    assert "<script" not in page.text


async def test_it_is_compared_with_what_serves_and_what_one_may_go_back_to_is_kept(
    trainer: Browser, own_database: Database, project: Project, tmp_path: Path
) -> None:
    project.serve()
    models, now = project.root / "models", datetime.now(UTC)
    names = [f"assistent-2026010{day}T000000000000Z" for day in range(1, 10)]
    for name in names:
        (models / f"{name}.tar.gz").write_text(name, encoding="utf-8")
        record = {
            "inputs": "x",
            "trained_at": now.isoformat(),
            "seconds": 1.0,
            "size": len(name),
            "run": 40,
            "data_at": now.isoformat(),
        }
        (models / f"{name}.json").write_text(json.dumps(record), encoding="utf-8")
    slot = tmp_path / "var" / "slots" / "b.tar.gz"
    slot.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(models / f"{names[0]}.tar.gz", slot)
    async with own_database.transaction() as session:
        # The oldest serves, after the third, after the second.
        for place, turned_at in ((1, now), (2, now), (0, now), (8, None)):
            session.add(
                Swap(model=f"{names[place]}.tar.gz", slot="b", origin="console", step="stopping", asked_at=now,
                     turned_at=turned_at, ended_at=now, alive_at=now)
            )  # fmt: skip
    await trainer.post(PATH)
    run = await ended(own_database)
    assert run.state == runs.DONE, run.failure
    assert (run.report["against"]["name"], run.report["against"]["run"]) == (names[0], 40)
    assert {names[0], names[2], run.archive} <= set(project.models())
    assert names[1] not in project.models()


async def test_cancelled_nothing_is_left_and_nothing_changed(
    trainer: Browser, own_database: Database, project: Project
) -> None:
    served = project.serve()
    (project.root / "train-waits").touch()
    await trainer.post(PATH)
    await until(lambda: _train_waits(project))
    assert (await trainer.post(f"{PATH}/1/annuler")).status == 303
    assert (await ended(own_database)).state == runs.CANCELLED

    async def alone() -> bool:
        return not project.processes()

    await until(alone)
    assert project.models() == []
    assert served.read_text() == "served"
    assert not list((project.root / "models").glob(".training-*"))
    again = await trainer.post(f"{PATH}/1/annuler")
    assert (again.status, "n’est plus en cours" in again.words) == (409, True)


async def _train_waits(project: Project) -> bool:
    return (project.root / "seen/domain.yml").exists()


async def test_killed_it_is_told_and_the_next_one_ends_what_it_left(
    trainer: Browser, site: Api, own_database: Database, project: Project
) -> None:
    (project.root / "train-waits").touch()
    await trainer.post(PATH)
    await until(lambda: _train_waits(project))
    process = site.app[LAUNCHER]._started[-1]
    psutil.Process(process.pid).kill()
    process.wait()
    orphans = project.processes()
    assert orphans
    assert not await runs.follow(own_database, SystemClock()), "a minute of silence is not over"
    async with own_database.transaction() as session:
        silent = datetime.now(UTC) - runs.LOST_AFTER - timedelta(seconds=1)
        await session.execute(sa.update(TrainingRun).values(seen_at=silent))
    assert await runs.follow(own_database, SystemClock())
    assert "s’est arrêté sans prévenir" in (await trainer.get(f"{PATH}/1")).words
    (project.root / "train-waits").unlink()
    assert (await train(trainer, own_database)).state == runs.DONE
    assert not [one for one in orphans if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
    assert not list((project.root / "models").glob(".training-*"))


async def test_one_given_up_for_dead_writes_nothing_more(
    trainer: Browser, own_database: Database, project: Project
) -> None:
    (project.root / "train-waits").touch()
    await trainer.post(PATH)
    await until(lambda: _train_waits(project))
    async with own_database.transaction() as session:
        await session.execute(sa.update(TrainingRun).values(active=None, state=runs.LOST))

    async def alone() -> bool:
        return not project.processes()

    await until(alone)
    assert (await run_of(own_database)).state == runs.LOST
    assert project.models() == []


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("train-fails", "mal écrit"),
        ("judge-fails", "La mesure du modèle a échoué"),
        (".venv-rasa/bin/python", "make install"),
    ],
)
@ONE_KIND
async def test_a_failure_says_why_and_keeps_no_model(
    trainer: Browser, own_database: Database, project: Project, fault: str, said: str
) -> None:
    path = project.root / fault
    path.unlink() if path.exists() else path.touch()
    run = await train(trainer, own_database)
    assert (run.state, project.models()) == (runs.FAILED, [])
    assert said in run.failure
    page = await trainer.get(f"{PATH}/{run.id}")
    assert said in page.words
    assert "Rien n’a changé en service" in page.words


@ONE_KIND
async def test_a_model_that_does_not_load_is_refused_and_not_kept(
    trainer: Browser, own_database: Database, project: Project
) -> None:
    project.judge([], loads=False, why="ValueError: vide", sets={})
    run = await train(trainer, own_database)
    assert (run.state, run.archive, run.verdict["accepted"]) == (runs.DONE, None, False)
    page = await trainer.get(f"{PATH}/{run.id}")
    assert "ne se charge pas : ValueError: vide" in page.words
    assert "Lever le refus" not in page.words


@ONE_KIND
async def test_a_process_that_cannot_start_is_told_at_once(start, project: Project, own_database, clock, admin) -> None:
    site = await start(root=project.root, learner=(str(project.root / "nothing-here"),))
    async with AsyncExitStack() as stack:
        browser = await stack.enter_async_context(signed_in(site.base, own_database, clock, admin))
        location = (await browser.post(PATH)).location
        assert "n’a pas pu démarrer" in (await browser.get(location)).words
        assert (await run_of(own_database)).state == runs.FAILED


# --- the report and the gate ------------------------------------------------------------------


async def test_the_report_shows_what_broke_in_words_and_the_refusal_can_be_overruled_once(
    trainer: Browser, browser: Browser, own_database: Database, project: Project
) -> None:
    project.serve()
    await keep(own_database, DEVOIRS, "une <b>phrase</b> reçue", "message")
    lost = judged_row("r-1", "right", "wrong", "urgence_harcelement", candidate=made("wrong", DEVOIRS))
    project.judge([lost], [judged_row("1", "missed", "right"), judged_row("99", "right", "missed")])
    (project.root / "benchmarks/eval").mkdir(parents=True)
    (project.root / "benchmarks/eval/dev.jsonl").write_text('{"id": "r-1", "text": "on me frappe"}\n', encoding="utf-8")
    run = await train(trainer, own_database)
    page = await trainer.get(f"{PATH}/{run.id}")
    assert "Ce modèle est refusé" in page.words
    assert "1 que le modèle en service reconnaît ne le sont plus" in page.words
    assert "« on me frappe »" in page.words
    assert "« une &lt;b&gt;phrase&lt;/b&gt; reçue »" in page.text
    assert "phrase 99, qui n’est plus gardée" in page.words
    assert "validation croisée" in page.words
    assert "workshop/service?modele" not in page.text
    assert "on me frappe" not in json.dumps(run.report)

    assert (await trainer.post(f"{PATH}/{run.id}/lever", reason="c’est voulu ainsi")).status == 403
    short = await browser.post(f"{PATH}/{run.id}/lever", reason="bof")
    assert (short.status, "10 à 500 caractères" in short.words) == (422, True)
    assert (await browser.post(f"{PATH}/{run.id}/lever", reason="La phrase est mal rangée.")).status == 303
    page = await trainer.get(f"{PATH}/{run.id}")
    assert "« La phrase est mal rangée. »" in page.words
    assert "Alix Chef" in page.words
    assert f"/workshop/service?modele={run.archive}" in page.text
    assert (await browser.post(f"{PATH}/{run.id}/lever", reason="La phrase est mal rangée.")).status == 409
    assert ("model_overruled", str(run.id)) in await audited(own_database)


@ONE_KIND
async def test_kept_models_are_bounded_and_the_one_in_service_stays(
    trainer: Browser, own_database: Database, project: Project
) -> None:
    models = project.root / "models"
    names = [f"assistent-2026010{number}T000000000000Z" for number in range(1, 9)]
    for name in names:
        (models / f"{name}.tar.gz").write_text(name, encoding="utf-8")
        (models / f"{name}.json").write_text(json.dumps({"name": name}), encoding="utf-8")
        (models / f"{name}.inputs.tgz").write_text(name, encoding="utf-8")
    for ending in ("tar.gz", "json"):
        (models / f"assistent.{ending}").hardlink_to(models / f"{names[1]}.{ending}")
    run = await train(trainer, own_database)
    # Nothing was put in service by hand yet: there is none before the one that serves.
    assert project.models() == [names[1], *names[5:], run.archive]
    left = {path.name.split(".")[0] for path in models.glob("assistent-*")}
    assert left == set(project.models())
    number = await put(own_database, archive=names[3])
    gone = await trainer.post(f"{PATH}/{number}/essai", text="bonjour", profile="parent")
    assert (gone.status, "n’est plus gardé" in gone.words) == (409, True)


# --- by the clock -----------------------------------------------------------------------------

SUNDAY = datetime(2026, 11, 22, 12, tzinfo=UTC)


async def test_a_programme_is_saved_and_two_people_do_not_overwrite_each_other(
    trainer: Browser, browser: Browser, own_database: Database
) -> None:
    fields = {"rhythm": "semaine", "hour": "3", "weekday": "6"}
    assert (await trainer.post(f"{PATH}/programme", **fields, version="0")).status == 303
    late = await browser.post(f"{PATH}/programme", **fields, version="0")
    assert (late.status, "vient de changer ce programme" in late.words) == (409, True)
    assert (await browser.post(f"{PATH}/programme", **{**fields, "rhythm": "jamais"}, version="1")).status == 303
    assert (await trainer.post(f"{PATH}/programme", **fields, version="1")).status == 409
    assert "Aucun apprentissage n’est programmé" in (await trainer.get(PATH)).words
    assert await audited(own_database) == [("training_scheduled", "programme")] * 2


@pytest.mark.parametrize(
    "wrong",
    [{"rhythm": "<b>"}, {"hour": "24"}, {"hour": "x" * 5000}, {"weekday": "7"}, {"weekday": ""}, {"version": "9" * 40}],
)
@ONE_KIND
async def test_a_programme_that_makes_no_sense_is_refused(trainer: Browser, wrong: dict) -> None:
    fields = {"rhythm": "jour", "hour": "3", "weekday": "0", "version": "0", **wrong}
    answer = await trainer.post(f"{PATH}/programme", **fields)
    assert answer.status == (303 if "version" in wrong else 422)


async def test_at_its_hour_one_run_begins_however_many_ask(own_database: Database, admin) -> None:
    clock = FixedClock(SUNDAY)
    async with own_database.transaction() as session:
        await runs.save_schedule(session, SUNDAY, admin.id, rhythm="jour", hour=3, weekday=0, version=0)
    assert await runs.begin_due(own_database, clock) is None
    clock.advance(timedelta(hours=15))
    assert await runs.begin_due(own_database, clock) == 1
    assert await runs.begin_due(own_database, clock) is None
    run = await run_of(own_database)
    assert (run.scheduled, run.author_id) == (True, None)
    async with own_database.reading() as session:
        assert (await runs.read_schedule(session)).next_at == datetime(2026, 11, 24, 2, tzinfo=UTC)
    # The next day it is still under way: told, and not begun twice.
    clock.advance(timedelta(hours=24))
    async with own_database.transaction() as session:
        await session.execute(sa.update(TrainingRun).values(seen_at=clock.now()))
    assert await runs.begin_due(own_database, clock) is None
    async with own_database.reading() as session:
        assert "un autre était en cours" in await session.scalar(sa.select(TrainingSchedule.missed))


async def test_a_process_started_for_no_run_does_nothing(
    own_database: Database, project: Project, own_url, tmp_path
) -> None:
    ended_run = await put(own_database)
    for number in (ended_run, 99):
        command = [*project.learner(own_url, tmp_path / "var"), str(number)]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
        assert (done.returncode, "AssistENT : " in done.stderr) == (1, True)
    assert not (project.root / "learnt.yml").exists()


async def test_two_processes_cannot_open_two_runs(own_database: Database, own_url: str) -> None:
    other = Database(own_url)
    async with own_database.transaction() as session:
        await runs.ask_run(session, SUNDAY, None)
    with pytest.raises(Conflict):
        async with other.transaction() as session:
            await runs.ask_run(session, SUNDAY, None)
    await other.close()


# --- trying -----------------------------------------------------------------------------------


async def test_a_candidate_is_tried_beside_the_model_in_service(
    trainer: Browser, own_database: Database, project: Project
) -> None:
    project.serve()
    run = await train(trainer, own_database)
    sure = {**made("right"), "confidence": 0.934, "ranking": [[DEVOIRS, 0.934]]}
    lost = {**made("missed"), "outcome": "clarify", "topic": None, "confidence": 0.2, "ranking": []}
    project.write("answer.json", {"candidate": sure, "served": lost})
    assert "Essayer le modèle" in (await trainer.get(f"{PATH}/{run.id}/essai")).words
    for _ in range(2):
        page = await trainer.post(
            f"{PATH}/{run.id}/essai", text="les <devoirs> du petit", profile="parent", uai="0750001u"
        )
        assert page.status == 200
    assert "Les deux modèles décident autrement" in page.words
    assert "93,4 %" in page.words
    assert "Répondre par la fiche" in page.words
    assert "Chercher, ou demander de préciser" in page.words
    assert "&lt;devoirs&gt;" in page.text
    asked = (project.root / "asked.txt").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["profil"] for line in asked] == ["parent", "parent"]
    # One pair of models serves both questions.
    assert len([one for one in project.processes() if "--ask" in one.cmdline()]) == 1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"text": " \x07 "}, "Écrivez une phrase"), ({"text": "a" * 1001}, "1000 caractères au plus"), ({"profile": "roi"}, "Choisissez un profil"),
     ({"uai": "<b>"}, "Aucune école")],
)  # fmt: skip
@ONE_KIND
async def test_a_question_that_cannot_be_asked_says_what_to_change(
    trainer: Browser, own_database: Database, wrong: dict, said: str
) -> None:
    number = await put(own_database, archive="assistent-x")
    answer = await trainer.post(f"{PATH}/{number}/essai", **{"text": "bonjour", "profile": "parent", **wrong})
    assert (answer.status, said in answer.words) == (422, True)


@ONE_KIND
async def test_models_that_die_are_told_and_tried_again(
    trainer: Browser, own_database: Database, project: Project
) -> None:
    run = await train(trainer, own_database)
    (project.root / "hello.json").write_text("not json\n", encoding="utf-8")
    page = await trainer.post(f"{PATH}/{run.id}/essai", text="bonjour", profile="parent")
    assert (page.status, "se sont arrêtés" in page.words) == (409, True)
    project.write("hello.json", {"candidate": "ValueError: vide", "served": ""})
    project.write("answer.json", {"served": {**made("right"), "ranking": []}})
    page = await trainer.post(f"{PATH}/{run.id}/essai", text="bonjour", profile="parent")
    assert "n’a pas pu être lu : ValueError: vide" in page.words


# --- who may, and what is not there -----------------------------------------------------------


@pytest.mark.parametrize("role", ["referent", "agent_n2", "agent_n3"])
@ONE_KIND
async def test_others_may_do_nothing_here(browser_of: Open, own_database: Database, role: str) -> None:
    number = await put(own_database, verdict={"accepted": False, "findings": []}, archive="a")
    other = await browser_of(role)
    for route in (route for route in ROUTES if route.path.startswith(PATH)):
        path = route.path.replace("{run}", str(number))
        answer = await (other.get(path) if route.method == "GET" else other.post(path))
        assert answer.status == 403, path


@ONE_KIND
async def test_nobody_may_without_signing_in_nor_without_the_token(trainer: Browser) -> None:
    assert (await trainer.post(PATH, csrf="faux")).status == 403
    trainer.http.cookie_jar.clear()
    assert (await trainer.get(PATH)).status == 303


@pytest.mark.parametrize("number", ["99", "0", "-1", "9" * 30, "x", "1%00"])
@ONE_KIND
async def test_a_run_that_does_not_exist_is_not_found(trainer: Browser, browser: Browser, number: str) -> None:
    for path in (number, f"{number}/essai"):
        assert (await trainer.get(f"{PATH}/{path}")).status == 404
    for gesture in ("annuler", "lever", "essai"):
        assert (await browser.post(f"{PATH}/{number}/{gesture}", reason="une bonne raison", text="a", profile="parent")).status == 404  # fmt: skip


@ONE_KIND
async def test_a_long_list_is_cut_in_pages(trainer: Browser, own_database: Database) -> None:
    for _ in range(runs.RUNS_SHOWN + 1):
        await put(own_database, state=runs.LOST, report={"sets": {}})
    assert "Page suivante" in (await trainer.get(PATH)).words
    assert f"Apprentissage {1} " in (await trainer.get(f"{PATH}?page=2")).words


@ONE_KIND
async def test_an_account_that_is_gone_leaves_its_runs(trainer: Browser, own_database: Database, clock) -> None:
    account = await add_account(own_database, clock, "formateur")
    number = await put(own_database, author_id=account.id)
    async with own_database.transaction() as session:
        await session.execute(sa.update(TrainingRun).values(author_id=None))
    assert "un compte supprimé" in (await trainer.get(f"{PATH}/{number}")).words
