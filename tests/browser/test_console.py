"""The console's shell in a real browser: by keyboard alone, without scripts, in every look, axe finding nothing."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

import pytest
import yaml
from playwright.sync_api import expect

from bot import migrations
from bot.clock import SystemClock
from bot.console.routes import ROUTES as CONSOLE_ROUTES
from bot.db import Database
from bot.people import accounts
from bot.people.service import save_schools
from bot.settings import ROOT, read_settings
from bot.web.app import create_app
from bot.workshop.routes import ROUTES as WORKSHOP_ROUTES
from tests.integration.console import PASSWORD, add_account
from tests.integration.gateway import GatewayThread, ScriptedEngine, run_apart

ADMIN, REFERENT = "alix@academie.example", "camille@college.example"
LOOKS = {
    "desktop": {},
    "dark": {"color_scheme": "dark"},
    "phone": {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True},
    "zoom 400 %": {"viewport": {"width": 320, "height": 256}},
    "forced colours": {"forced_colors": "active"},
}


class Console:
    """A gateway with a few accounts, and a browser's way into it."""

    def __init__(self, folder) -> None:
        settings = read_settings({"ASSISTENT_VAR_DIR": str(folder), "ASSISTENT_RATE_LIMITS": "off"})
        self.settings = replace(settings, database_url=f"sqlite+aiosqlite:///{folder / 'assistent.db'}")
        self.ids: dict[str, str] = {}
        self.link = ""
        run_apart(self._furnish())
        self.gateway = GatewayThread(lambda: create_app(self.settings, engine=ScriptedEngine(), utterances={}))
        self.url = str(self.gateway.base).rstrip("/")

    async def _furnish(self) -> None:
        await asyncio.to_thread(migrations.upgrade, ROOT, self.settings.storage_url)
        database, clock = Database(self.settings.storage_url), SystemClock()
        data = yaml.safe_load((ROOT / "deploy" / "demonstration.yml").read_text(encoding="utf-8"))
        async with database.transaction() as session:
            await save_schools(session, data["schools"])
        for login, name, role in ((ADMIN, "Alix Chef", "administrateur"), (REFERENT, "Camille Référent", "referent")):
            made = await add_account(database, clock, role, login=login, name=name, password=PASSWORD)
            self.ids[login] = made.id
        for number in range(60):
            await add_account(database, clock, "agent_n2", name=f"Personne au nom assez long {number}")
        self.link = await accounts.make_password_link(database, clock, self.ids[ADMIN], self.ids[REFERENT])
        await database.close()


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory):
    """The console, with its administrator and a référent."""
    console = Console(tmp_path_factory.mktemp("console"))
    yield console
    console.gateway.close()


def sign_in(page, console: Console, login: str, after: str = "") -> None:
    page.goto(f"{console.url}/console/connexion?suite={after}")
    page.get_by_label("Adresse e-mail").fill(login)
    page.get_by_label("Mot de passe").fill(PASSWORD)
    page.get_by_role("button", name="Se connecter").click()


def fits(page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing_on_any_page_and_none_scrolls_sideways(new_page, axe, console: Console, look: str) -> None:
    page = new_page(**LOOKS[look])

    def check(status: int = 200) -> None:
        axe(page)
        assert fits(page), page.url

    def go(path: str, status: int = 200) -> None:
        assert page.goto(console.url + path).status == status
        check()

    go("/console/connexion")
    go(f"/console/mot-de-passe?lien={console.link}")
    go("/console/mot-de-passe?lien=perdu", 404)
    page.goto(f"{console.url}/console/connexion")
    page.get_by_role("button", name="Se connecter").click()
    expect(page.get_by_role("alert")).to_be_visible()
    check()
    sign_in(page, console, REFERENT)
    go("/console/comptes", 403)
    for path in ("/console/demandes", "/console/incidents", "/console/incidents/nouveau"):
        go(path)
    page.get_by_role("button", name="Se déconnecter").click()
    expect(page.get_by_role("status")).to_have_text("Vous êtes déconnecté.")
    check()
    sign_in(page, console, ADMIN)
    expect(page.get_by_role("navigation", name="Console")).to_be_visible()
    for route in (*CONSOLE_ROUTES, *WORKSHOP_ROUTES):
        if route.method == "GET" and route.nav and page.request.get(console.url + route.path).status == 200:
            go(route.path)
    for path in ("/console/mon-compte", "/console/comptes/nouveau", f"/console/comptes/{console.ids[ADMIN]}",
                 f"/console/comptes/{console.ids[REFERENT]}", "/console/comptes?q=personne&page=2",
                 "/console/comptes?q=nulle", "/console/journal?who=nulle", "/console/calendriers/tous"):  # fmt: skip
        go(path)
    go("/console/nulle-part", 404)
    page.goto(f"{console.url}/console/comptes/nouveau")
    page.get_by_role("button", name="Créer le compte").click()
    expect(page.get_by_role("alert")).to_be_visible()
    check()
    page.goto(f"{console.url}/console/mon-compte")
    page.get_by_role("button", name="Changer le mot de passe").click()
    expect(page.get_by_role("alert")).to_be_visible()
    check()


def test_signing_in_by_keyboard_alone(new_page, console: Console) -> None:
    page = new_page()
    page.goto(f"{console.url}/console/journal")
    expect(page).to_have_title("Connexion – Console AssistENT")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Aller au contenu")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_label("Adresse e-mail")).to_be_focused()
    page.keyboard.type(ADMIN)
    page.keyboard.press("Tab")
    page.keyboard.type("un mauvais mot de passe")
    page.keyboard.press("Enter")
    # What is wrong is read first, and leads to its field; the address is still there.
    alert = page.get_by_role("alert")
    expect(alert).to_be_focused()
    expect(page).to_have_title("Erreur : Connexion – Console AssistENT")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    field = page.get_by_label("Adresse e-mail")
    expect(field).to_be_focused()
    expect(field).to_have_value(ADMIN)
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Mot de passe")).to_have_value("")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_title("Journal – Console AssistENT")
    expect(page.get_by_role("link", name="Journal", exact=True)).to_have_attribute("aria-current", "page")
    for name in ("Aller au contenu", "AssistENT Console", "Alix Chef : mon compte"):
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name=name)).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("Vous êtes déconnecté.")
    page.goto(f"{console.url}/console/journal")
    expect(page).to_have_title("Connexion – Console AssistENT")


def test_what_has_the_focus_is_seen_to_have_it(new_page, console: Console) -> None:
    page = new_page()
    sign_in(page, console, ADMIN)
    page.wait_for_url(re.compile("/console/(?!connexion)"))
    page.goto(f"{console.url}/console/comptes/{console.ids[REFERENT]}")
    seen = 0
    for _ in range(40):
        page.keyboard.press("Tab")
        outline = page.evaluate(
            "() => { const one = document.activeElement; const style = getComputedStyle(one);"
            " return one === document.body ? null : [style.outlineStyle, parseFloat(style.outlineWidth)]; }"
        )
        if outline is None:
            break
        seen += 1
        assert outline[0] != "none"
        assert outline[1] >= 2
    assert seen > 10


def test_every_gesture_works_without_scripts(new_page, console: Console) -> None:
    page = new_page(java_script_enabled=False)
    sign_in(page, console, ADMIN, "/console/comptes/nouveau")
    page.get_by_label("Nom").fill("Élodie Noël")
    page.get_by_label("Adresse e-mail").fill("elodie@academie.example")
    page.get_by_label("Rôle").select_option("Agent de niveau 2")
    page.get_by_label("Portée").select_option("Académie")
    page.get_by_label("Territoire").fill("Valmont")
    page.get_by_role("button", name="Créer le compte").click()
    link = page.get_by_label("Lien à transmettre").input_value()
    page.get_by_role("link", name="Élodie Noël").click()
    page.get_by_role("button", name="Retirer le rôle Agent de niveau 2, académie Valmont").click()
    expect(page.get_by_role("status")).to_have_text("Le rôle est retiré.")
    page.get_by_role("button", name="Désactiver le compte").click()
    page.get_by_role("button", name="Réactiver le compte").click()
    page.get_by_role("button", name="Créer un lien de mot de passe").click()
    link = page.get_by_label("Lien à transmettre").input_value()
    page.get_by_role("link", name="Comptes").click()
    page.get_by_label("Nom ou adresse e-mail").fill("elodie")
    page.get_by_role("button", name="Chercher").click()
    expect(page.get_by_role("row")).to_have_count(2)
    page.get_by_role("button", name="Se déconnecter").click()
    page.goto(link)
    page.get_by_label("Nouveau mot de passe").fill("trois loutres patientes")
    page.get_by_label("Le même, une seconde fois").fill("trois loutres patientes")
    page.get_by_role("button", name="Enregistrer le mot de passe").click()
    page.get_by_label("Adresse e-mail").fill("elodie@academie.example")
    page.get_by_label("Mot de passe").fill("trois loutres patientes")
    page.get_by_role("button", name="Se connecter").click()
    expect(page).to_have_title("Mon compte – Console AssistENT")
