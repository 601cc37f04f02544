"""The administrator's pages and the queue's gestures in a real browser: axe, every look, keyboard, without scripts."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
import yaml
from playwright.sync_api import expect

from bot.clock import SystemClock
from bot.conversations.models import Person
from bot.db import Database
from bot.escalation.models import Ticket
from bot.escalation.rules import ticket_number
from bot.escalation.setup import save_routing
from bot.settings import ROOT
from tests.browser.test_console import ADMIN, LOOKS, PASSWORD, Console, fits, sign_in
from tests.integration.console import add_account
from tests.unit.people.test_directory import GOUGES, TILLEULS, text_of

AGENT = "noe@academie.example"
RENAMED = [GOUGES[0], "Collège Olympe de Gouges, au nom bien plus long que les autres", *GOUGES[2:]]
FILE = {"name": "annuaire.csv", "mimeType": "text/csv",
        "buffer": text_of(TILLEULS, RENAMED, ["0750004X", "École du Port", "Ecole", "Portville", "Valmont", "Valmont", ""],
                          ["0750005A", "École Fausse", "Ecole", "Portville", "Valmont", "Valmont", ""]).encode()}  # fmt: skip


class Furnished(Console):
    """The console, with groups, a table, requests and an agent."""

    async def _furnish(self) -> None:
        await super()._furnish()
        database, clock = Database(self.settings.storage_url), SystemClock()
        data = yaml.safe_load((ROOT / "deploy" / "demonstration.yml").read_text(encoding="utf-8"))
        agent = await add_account(database, clock, "agent_n2", login=AGENT, name="Noé Agent", password=PASSWORD)
        async with database.transaction() as session:
            await save_routing(session, data["groups"], data["routes"])
            session.add(Person(id="p", created_at=clock.now()))
            await session.flush()
            for number in range(1, 61):
                opened = clock.now() - timedelta(hours=number)
                session.add(
                    Ticket(
                        id=number,
                        number=ticket_number(number, 2026),
                        message_id=str(uuid.uuid4()),
                        person_id="p",
                        profile="parent",
                        uai="0750002V",
                        school="Collège Olympe-de-Gouges, Valmont",
                        school_checked=True,
                        topic="cdt_consulter_devoirs",
                        level=2,
                        state="nouveau",
                        group_id="dan",
                        since=opened,
                        problem="Les devoirs ne paraissent pas.",
                        context={},
                        opened_at=opened,
                        updated_at=opened,
                        assignee_id=agent.id if number % 3 == 0 else None,
                    )
                )
        await database.close()


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory):
    """The console, furnished."""
    console = Furnished(tmp_path_factory.mktemp("console"))
    yield console
    console.gateway.close()


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing_on_any_page_and_none_scrolls_sideways(new_page, axe, console: Furnished, look: str) -> None:
    page = new_page(**LOOKS[look])

    def check() -> None:
        axe(page)
        assert fits(page), page.url

    def go(path: str, status: int = 200) -> None:
        assert page.goto(console.url + path).status == status
        check()

    def press(name: str) -> None:
        page.get_by_role("button", name=name, exact=True).click()
        expect(page.get_by_role("alert").or_(page.get_by_role("status")).first).to_be_visible()
        check()

    sign_in(page, console, ADMIN)
    expect(page.get_by_role("navigation", name="Console")).to_be_visible()
    for path in ("/console/groupes", "/console/groupes/dan", "/console/repartition", "/console/ecoles",
                 "/console/ecoles?q=college", "/console/ecoles?q=nulle", "/console/ecoles/0750001U",
                 "/console/ecoles/nouvelle", "/console/ecoles/import"):  # fmt: skip
        go(path)
    page.goto(f"{console.url}/console/groupes")
    press("Ajouter le groupe")
    page.goto(f"{console.url}/console/groupes/dan")
    press("Retirer le groupe")
    page.goto(f"{console.url}/console/repartition")
    page.get_by_label("Profil, ligne 4").select_option("Parent")
    press("Enregistrer la répartition")
    page.goto(f"{console.url}/console/repartition")
    press("Essayer")
    page.goto(f"{console.url}/console/ecoles/nouvelle")
    press("Ajouter l’école")
    page.goto(f"{console.url}/console/ecoles/import")
    press("Voir l’aperçu")
    page.get_by_label("Fichier CSV").set_input_files(FILE)
    page.get_by_role("button", name="Voir l’aperçu").click()
    expect(page).to_have_title("Aperçu de l’import – Console AssistENT")
    check()
    page.get_by_role("button", name="Se déconnecter").click()
    sign_in(page, console, AGENT, "/console/demandes")
    go("/console/demandes?group=dan&topic=cdt_consulter_devoirs&level=2&page=2")
    go(f"/console/demandes/{ticket_number(1, 2026)}")
    page.goto(f"{console.url}/console/demandes?sort=recentes")
    press("Clore")
    page.goto(f"{console.url}/console/demandes?sort=recentes")
    page.get_by_label(f"Choisir la demande {ticket_number(60, 2026)}").check()
    press("Prendre")


def test_the_queue_s_gestures_by_keyboard_alone(new_page, console: Furnished) -> None:
    page = new_page()
    sign_in(page, console, AGENT, "/console/demandes?sort=recentes")
    expect(page.get_by_role("heading", name="File des demandes")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    wanted = page.get_by_label(f"Choisir la demande {ticket_number(59, 2026)}")
    for _ in range(40):
        page.keyboard.press("Tab")
        if wanted.evaluate("one => one === document.activeElement"):
            break
    expect(wanted).to_be_focused()
    outline = wanted.evaluate(
        "one => [getComputedStyle(one).outlineStyle, parseFloat(getComputedStyle(one).outlineWidth)]"
    )
    assert outline[0] != "none"
    assert outline[1] >= 2
    page.keyboard.press("Space")
    expect(wanted).to_be_checked()
    take = page.get_by_role("button", name="Prendre", exact=True)
    for _ in range(200):
        page.keyboard.press("Tab")
        if take.evaluate("one => one === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect(page.locator(".notice")).to_have_text("1 demande à vous.")


def test_everything_is_done_without_scripts(new_page, console: Furnished) -> None:
    page = new_page(java_script_enabled=False)
    sign_in(page, console, ADMIN, "/console/groupes")
    page.get_by_label("Nom").fill("Équipe de Portville")
    page.get_by_label("Niveau").select_option("Niveau 2 : académie")
    page.get_by_role("button", name="Ajouter le groupe").click()
    expect(page.get_by_role("status")).to_have_text("Le groupe est ajouté.")
    page.get_by_role("link", name="Répartition", exact=True).first.click()
    page.get_by_label("Sujet ou thème, ligne 4").select_option("Messagerie")
    page.get_by_label("Portée, ligne 4").select_option("Académie")
    page.get_by_label("Territoire, ligne 4").fill("Valmont")
    page.get_by_label("Groupe, ligne 4").select_option("Équipe de Portville")
    page.get_by_role("button", name="Enregistrer la répartition").click()
    expect(page.get_by_role("status")).to_have_text("La répartition est enregistrée.")
    page.get_by_label("Sujet", exact=True).select_option(index=30)
    page.get_by_label("École (UAI ou nom)").fill("0750001U")
    page.get_by_role("button", name="Essayer").click()
    expect(page.get_by_role("status")).to_contain_text("décide")
    page.get_by_role("link", name="Écoles", exact=True).click()
    page.get_by_role("link", name="Importer l’annuaire").click()
    page.get_by_label("Fichier CSV").set_input_files(FILE)
    page.get_by_role("button", name="Voir l’aperçu").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Télécharger les lignes refusées (CSV)").click()
    assert download.value.suggested_filename == "lignes-refusees.csv"
    page.get_by_role("button", name="Importer 2 écoles").click()
    expect(page.get_by_role("status")).to_have_text("1 école ajoutée, 1 modifiée, 1 ligne refusée.")
    page.get_by_role("button", name="Se déconnecter").click()
    sign_in(page, console, AGENT, "/console/demandes?sort=recentes")
    for number in (57, 58):
        page.get_by_label(f"Choisir la demande {ticket_number(number, 2026)}").check()
    page.get_by_label("Changer de groupe").select_option("Équipe de Portville")
    page.get_by_role("button", name="Changer", exact=True).click()
    expect(page.locator(".notice")).to_have_text("2 demandes dans ce groupe.")
    page.get_by_label("Groupe", exact=True).select_option("Équipe de Portville")
    page.get_by_role("button", name="Filtrer").click()
    expect(page.get_by_role("row")).to_have_count(3)
    page.get_by_label(f"Choisir la demande {ticket_number(57, 2026)}").check()
    page.get_by_role("button", name="Clore", exact=True).click()
    expect(page.locator(".notice")).to_have_text("1 demande close.")
