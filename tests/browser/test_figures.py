"""Indicators, waves and their balance in a real browser: every look, axe, without scripts, and on paper."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
import yaml
from playwright.sync_api import expect

from bot import migrations
from bot.clock import FixedClock
from bot.db import Database
from bot.people.service import save_schools
from bot.rollout.models import Wave, WaveSchool
from bot.settings import ROOT, read_settings
from bot.web.app import create_app
from tests.browser.test_console import LOOKS, fits, sign_in
from tests.integration.conftest import MONDAY
from tests.integration.console import COLLEGE, ECOLE, PASSWORD, add_account
from tests.integration.gateway import GatewayThread, ScriptedEngine, run_apart
from tests.integration.talks import count_all, crowd

TRAINER = "dominique@academie.example"
DAY = timedelta(days=1)
# What is said, by how many, and by whom.
SAID = (
    (24, ("answer", "connexion_mot_de_passe_oublie", True), "parent", COLLEGE),
    (9, ("answer", "connexion_mot_de_passe_oublie", False), "parent", COLLEGE),
    (12, ("answer", "cdt_consulter_devoirs", None, "ecrans"), "eleve", ECOLE),
    (7, ("answer", "admin_creer_compte", True), "directeur", ECOLE),
    (6, ("clarify", None, None, "refus"), "enseignant", ECOLE),
    (3, ("answer", "evaluation_consulter", True), "eleve", ECOLE),
)


class Figures:
    """A gateway where things were asked, with a formateur and an open wave."""

    def __init__(self, folder) -> None:
        settings = read_settings({"ASSISTENT_VAR_DIR": str(folder), "ASSISTENT_RATE_LIMITS": "off"})
        self.settings = replace(settings, database_url=f"sqlite+aiosqlite:///{folder / 'assistent.db'}")
        run_apart(self._furnish())
        clock = FixedClock(MONDAY)
        self.gateway = GatewayThread(
            lambda: create_app(self.settings, engine=ScriptedEngine(), utterances={}, clock=clock)
        )
        self.url = str(self.gateway.base).rstrip("/")

    async def _furnish(self) -> None:
        await asyncio.to_thread(migrations.upgrade, ROOT, self.settings.storage_url)
        database, clock = Database(self.settings.storage_url), FixedClock(MONDAY)
        data = yaml.safe_load((ROOT / "deploy" / "demonstration.yml").read_text(encoding="utf-8"))
        opened = MONDAY - 25 * DAY
        async with database.transaction() as session:
            await save_schools(session, data["schools"])
            wave = Wave(name="vague 2", state="ouverte", starts_on=opened.date(), before="", opened_at=opened)
            following = Wave(name="vague 3", state="prevue", starts_on=(MONDAY + 42 * DAY).date(), before="une lettre")
            session.add_all([wave, following])
            await session.flush()
            session.add_all(WaveSchool(wave_id=wave.id, uai=uai, since=opened - 20 * DAY) for uai in (ECOLE, COLLEGE))
        await add_account(database, clock, "formateur", login=TRAINER, name="Dominique Formateur", password=PASSWORD)
        for place, (count, said, profile, uai) in enumerate(SAID):
            await crowd(database, MONDAY - (5 + place) * DAY, count, said, profile=profile, uai=uai)
        await count_all(database, clock)
        await database.close()


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory):
    """The gateway, with its formateur."""
    figures = Figures(tmp_path_factory.mktemp("figures"))
    yield figures
    figures.gateway.close()


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing_and_nothing_scrolls_sideways(new_page, axe, figures: Figures, look: str, tmp_path) -> None:
    page = new_page(**LOOKS[look])
    sign_in(page, figures, TRAINER)
    for place, (path, status) in enumerate((
        ("/console/indicateurs", 200), ("/console/indicateurs?since=2026-11-30&until=2026-11-01", 422),
        ("/console/indicateurs?uai=0000000A", 200), ("/workshop/vagues", 200), ("/workshop/vagues/nouvelle", 200),
        ("/workshop/vagues/1", 200), ("/workshop/vagues/2", 200), ("/workshop/vagues/1/cloture", 200), ("/workshop/vagues/1/bilan", 200),
    )):  # fmt: skip
        assert page.goto(figures.url + path).status == status
        axe(page)
        assert fits(page), path
        page.screenshot(path=tmp_path / f"{place}.png", full_page=True)


def test_a_list_is_pasted_by_keyboard_and_told_without_scripts(new_page, axe, figures: Figures) -> None:
    page = new_page(java_script_enabled=False)
    sign_in(page, figures, TRAINER)
    page.goto(f"{figures.url}/workshop/vagues/2")
    page.get_by_label("Codes UAI").fill("0750003W\n0750003A\n0750001U")
    page.get_by_role("button", name="Inscrire", exact=True).press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Écoles inscrites")
    expect(page.get_by_role("status")).to_contain_text("Refusées1")
    expect(page.get_by_text("0750001U, de « vague 2 »")).to_be_visible()


def test_on_paper_the_balance_has_its_charts_and_tables_and_no_button(new_page, figures: Figures, tmp_path) -> None:
    page = new_page()
    sign_in(page, figures, TRAINER)
    page.goto(f"{figures.url}/workshop/vagues/1/bilan")
    page.emulate_media(media="print")
    expect(page.get_by_role("heading", name="Questions par sujet", exact=True)).to_be_visible()
    expect(page.locator("svg.chart").first).to_be_visible()
    for hidden in ("nav.menu", ".top", "a.button", "form", ".screen"):
        for one in page.locator(hidden).all():
            expect(one).to_be_hidden()
    page.set_viewport_size({"width": 688, "height": 1000})
    page.screenshot(path=tmp_path / "papier.png", full_page=True)
    paper = page.pdf(path=tmp_path / "bilan.pdf", prefer_css_page_size=True)
    # A4 in points.
    assert b"/MediaBox [0 0 594" in paper or b"/MediaBox [0 0 595" in paper
