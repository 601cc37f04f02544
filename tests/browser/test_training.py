"""The workshop's training in a real browser: axe, every look, without scripts, and a page that keeps itself up to date."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from bot.clock import SystemClock
from bot.db import Database
from bot.learning import gate, runs
from bot.learning.dataset import Facts
from bot.learning.models import TrainingSchedule
from bot.learning.report import build_report
from tests.browser.test_console import LOOKS, PASSWORD, Console, fits, sign_in
from tests.integration.console import add_account
from tests.integration.gateway import run_apart
from tests.integration.training import Project, judged_row, made, put

TRAINER, ADMIN = "fanny@academie.example", "alix@academie.example"
PATH = "/workshop/apprentissage"
ROWS = [
    *[judged_row(f"r-{number}", "right", "right", profile="eleve") for number in range(40)],
    *[judged_row(f"n-{number}", "right", "right", "evaluation_consulter") for number in range(30)],
    judged_row("w-1", "right", "wrong", candidate=made("wrong", "cdt_devoir_fait")),
    judged_row("w-2", "right", "missed", "urgence_harcelement", profile="eleve"),
    judged_row("b-1", "missed", "right"),
]
WORDS = "".join(
    f'{{"id": "{name}", "text": "{text}"}}\n'
    for name, text in (("w-1", "le travail d’hier soir est-il noté quelque part dans l’application de l’école"),
                       ("w-2", "ils me suivent tous les soirs"), ("b-1", "les lessons svp"))
)  # fmt: skip


class Workshop(Console):
    """The console over the small project, with runs in every state."""

    def __init__(self, folder) -> None:
        self.project = Project(folder / "projet")
        (self.project.root / "benchmarks/eval").mkdir(parents=True)
        (self.project.root / "benchmarks/eval/dev.jsonl").write_text(WORDS, encoding="utf-8")
        super().__init__(folder)

    async def _furnish(self) -> None:
        await super()._furnish()
        self.settings = replace(self.settings, root=self.project.root)
        database, clock = Database(self.settings.storage_url), SystemClock()
        account = await add_account(database, clock, "formateur", login=TRAINER, name="Fanny Forme", password=PASSWORD)
        sets = {"reference": ROWS, "heard": [judged_row("1", "right", "missed"), judged_row("2", "missed", "right")]}
        verdict = gate.judge(True, "", sets, compared=True)
        facts = Facts(
            25_714, 31, 12, 85, ["tablette"], ["Le sujet robot n’est pas appris : il a 1 phrase(s), il en faut 3."]
        )
        name = "assistent-20261122T065012000000Z"
        for ending in ("tar.gz", "inputs.tgz"):
            (self.project.root / "models" / f"{name}.{ending}").write_text("x", encoding="utf-8")
        self.project.serve()
        decided = {
            **made("right"),
            "confidence": 0.93,
            "ranking": [["cdt_consulter_devoirs", 0.93], ["cdt_devoir_fait", 0.04]],
        }
        choice = {**decided, "outcome": "choices", "choices": ["cdt_consulter_devoirs", "cdt_devoir_fait"]}
        self.project.write("answer.json", {"candidate": decided, "served": choice})
        await put(database, author_id=account.id, archive=name, verdict=verdict.to_json(), made_of={**asdict(facts), "digest": "0f" * 32},
                  report=build_report(sets, {"name": "m", "run": None, "trained_at": ""}, ""), log="Apprentissage\n  SmallClassifier")  # fmt: skip
        await put(
            database, state=runs.FAILED, scheduled=True, failure="La mémoire a manqué.\nFermez d’autres programmes."
        )
        self.running = await put(database, seen_at=datetime.now(UTC) + timedelta(hours=1), state=runs.UNDER_WAY, active=1, ended_at=None, author_id=account.id, step="Apprentissage",
                                 log="Copie des données du projet\nApprentissage")  # fmt: skip
        async with database.transaction() as session:
            session.add(TrainingSchedule(id=1, rhythm="semaine", hour=3, weekday=5, next_at=datetime(2027, 1, 2, 2, tzinfo=UTC),
                                         missed="Le dernier apprentissage prévu n’a pas commencé : un autre était en cours.", version=1))  # fmt: skip
        await database.close()


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory):
    """The workshop, with runs."""
    workshop = Workshop(tmp_path_factory.mktemp("atelier"))
    yield workshop
    workshop.gateway.close()


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing_on_any_page_and_none_scrolls_sideways(new_page, axe, workshop: Workshop, look: str) -> None:
    page = new_page(**LOOKS[look])

    def check() -> None:
        axe(page)
        assert fits(page), page.url

    sign_in(page, workshop, ADMIN, PATH)
    for path in ("", "/1", "/2", f"/{workshop.running}", "/1/essai"):
        assert page.goto(f"{workshop.url}{PATH}{path}").status == 200
        for summary in page.locator("summary").all():
            if not summary.evaluate("one => one.parentElement.open"):
                summary.click()
        check()
    page.goto(f"{workshop.url}{PATH}/1")
    page.get_by_role("button", name="Lever le refus").click()
    page.get_by_label("Lever ce refus, parce que").fill("court")
    page.get_by_role("button", name="Lever le refus").click()
    expect(page.get_by_role("alert")).to_contain_text("10 à 500 caractères")
    check()
    page.goto(f"{workshop.url}{PATH}")
    page.get_by_role("button", name="Lancer un apprentissage").click()
    expect(page.get_by_role("alert")).to_contain_text("déjà en cours")
    check()


def test_a_candidate_is_tried_without_scripts(new_page, axe, workshop: Workshop) -> None:
    page = new_page(java_script_enabled=False)
    sign_in(page, workshop, TRAINER, PATH)
    page.get_by_role("link", name="Apprentissage 1", exact=True).click()
    page.get_by_role("link", name="Essayer ce modèle").click()
    page.get_by_label("La phrase").fill("les devoirs de demain")
    page.get_by_label("Qui la tape").select_option("Élève")
    page.get_by_role("button", name="Essayer").click()
    expect(page.get_by_role("row")).to_have_count(3)
    expect(page.get_by_text("Les deux modèles décident autrement.")).to_be_visible()
    expect(page.get_by_label("La phrase")).to_have_value("les devoirs de demain")


def test_the_page_of_a_run_keeps_itself_up_to_date(new_page, workshop: Workshop) -> None:
    page = new_page()
    sign_in(page, workshop, TRAINER, PATH)
    page.get_by_role("link", name=f"Apprentissage {workshop.running}", exact=True).click()
    expect(page.get_by_text("Cette page se tient à jour.")).to_be_visible()

    async def go_on() -> None:
        database = Database(workshop.settings.storage_url)
        async with database.transaction() as session:
            (await runs.find_run(session, workshop.running)).step = "Mesure sur le jeu de référence"
        await database.close()

    run_apart(go_on())
    expect(page.get_by_text("Mesure sur le jeu de référence")).to_be_visible()
    page.get_by_role("button", name="Annuler l’apprentissage").click()
    expect(page.get_by_role("status")).to_contain_text("L’apprentissage s’arrête")
