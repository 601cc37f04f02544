"""The workshop's articles in a real browser: every page in every look, axe finding nothing, written and reviewed by keyboard."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
import yaml
from playwright.sync_api import expect

from bot import migrations
from bot.clock import SystemClock
from bot.db import Database
from bot.knowledge.service import import_articles, set_values
from bot.people.service import save_schools
from bot.settings import ROOT, read_settings
from bot.topics import load_topics
from bot.web.app import create_app
from tests.browser.test_console import LOOKS, fits, sign_in
from tests.integration.console import PASSWORD, add_account
from tests.integration.gateway import GatewayThread, ScriptedEngine, run_apart
from tests.integration.workshop import SAID

WRITER, READER = "plume@academie.example", "relit@academie.example"
TOPIC = "connexion_mot_de_passe_oublie"


class Workshop:
    """A gateway with two formateurs and the project's articles."""

    def __init__(self, folder) -> None:
        settings = read_settings({"ASSISTENT_VAR_DIR": str(folder), "ASSISTENT_RATE_LIMITS": "off"})
        self.settings = replace(settings, database_url=f"sqlite+aiosqlite:///{folder / 'assistent.db'}")
        run_apart(self._furnish())
        self.gateway = GatewayThread(lambda: create_app(self.settings, engine=ScriptedEngine(), utterances={}))
        self.url = str(self.gateway.base).rstrip("/")

    async def _furnish(self) -> None:
        await asyncio.to_thread(migrations.upgrade, ROOT, self.settings.storage_url)
        database, clock = Database(self.settings.storage_url), SystemClock()
        data = yaml.safe_load((ROOT / "deploy" / "demonstration.yml").read_text(encoding="utf-8"))
        async with database.transaction() as session:
            await save_schools(session, data["schools"])
            for layer in data["values"]:
                await set_values(session, layer["scope"], layer["territory"], layer["set"])
        for login, name in ((WRITER, "Camille Plume"), (READER, "Dominique Relit")):
            await add_account(database, clock, "formateur", login=login, name=name, password=PASSWORD)
        await import_articles(database, ROOT / "knowledge", load_topics(), clock, author="essai")
        await database.close()


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory):
    """The workshop, with two formateurs."""
    workshop = Workshop(tmp_path_factory.mktemp("workshop"))
    yield workshop
    workshop.gateway.close()


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing_on_any_page_and_none_scrolls_sideways(new_page, axe, workshop: Workshop, look: str) -> None:
    page = new_page(**LOOKS[look])

    def check() -> None:
        axe(page)
        assert fits(page), page.url

    sign_in(page, workshop, WRITER)
    expect(page.get_by_role("navigation", name="Atelier")).to_be_visible()
    for path in ("/articles", "/articles?text=rien+de+tel", f"/articles/{TOPIC}", f"/articles/{TOPIC}?ecole=0750001U",
                 f"/articles/{TOPIC}/versions/1", "/brouillons", "/entretien", "/sujets/nouveau"):  # fmt: skip
        assert page.goto(f"{workshop.url}/workshop{path}").status == 200
        check()
    page.goto(f"{workshop.url}/workshop/articles/{TOPIC}/modifier")
    check()
    page.get_by_role("button", name="Enregistrer le brouillon").click()
    expect(page.get_by_role("status")).to_be_visible()
    field = page.get_by_label("Texte de l’article")
    field.fill(field.input_value().replace("{adresse_ent}", "{adresse_du_chat}") + f"\nUn mot, {look}.\n")
    page.get_by_role("button", name="Enregistrer et proposer").click()
    expect(page.get_by_role("alert")).to_be_visible()
    check()
    page.get_by_role("button", name="Abandonner ce brouillon").click()
    expect(page.get_by_role("status")).to_be_visible()
    check()


def test_a_topic_is_added_by_one_and_published_by_the_other(new_page, axe, workshop: Workshop) -> None:
    page = new_page()
    sign_in(page, workshop, WRITER)
    expect(page.get_by_role("navigation", name="Atelier")).to_be_visible()
    page.goto(f"{workshop.url}/workshop/articles")
    page.get_by_role("link", name="Ajouter un sujet").click()
    page.get_by_label("Identifiant").fill("salle_de_sport")
    page.get_by_label("Thème").select_option("vie_de_classe")
    page.get_by_label("Enseignant", exact=True).check()
    page.get_by_label("Sens").fill("Réserver le gymnase")
    page.get_by_label("Ce que les gens disent").fill(SAID)
    page.get_by_role("button", name="Écrire son article").click()
    field = page.get_by_label("Texte de l’article")
    field.fill(field.input_value().replace("À écrire", "Réserver le gymnase").replace("…", "demandez à la direction."))
    page.get_by_label("Pourquoi ce changement").fill("Demandé par trois écoles")
    page.get_by_role("button", name="Enregistrer et proposer").click()
    expect(page.get_by_role("status")).to_contain_text("une autre personne doit le relire")
    axe(page)
    place = page.url.partition("?")[0]
    other = new_page()
    sign_in(other, workshop, READER)
    expect(other.get_by_role("navigation", name="Atelier")).to_be_visible()
    other.goto(place)
    axe(other)
    other.get_by_role("button", name="Accepter").click()
    expect(other.get_by_role("status")).to_contain_text("l’assistant le dit dès maintenant")
    axe(other)
    page.goto(f"{workshop.url}/workshop/articles?text=gymnase")
    expect(page.get_by_role("link", name="Réserver le gymnase")).to_be_visible()
