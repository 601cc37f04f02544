"""What agents keep for themselves, in a real browser: views, canned answers, exchanges; by keyboard, without scripts, axe."""

from __future__ import annotations

import re
import uuid

import aiohttp
import pytest
import sqlalchemy as sa
import yaml
from playwright.sync_api import expect

from bot.clock import SystemClock
from bot.connectors.models import Connector, Exchange, ExchangeStep
from bot.connectors.rules import DEAD
from bot.db import Database
from bot.escalation.models import CannedAnswer, QueueView, Ticket
from bot.escalation.setup import save_routing
from bot.settings import ROOT
from tests.browser.test_console import LOOKS, Console, fits, sign_in
from tests.integration.console import COLLEGE, ECOLE, PASSWORD, add_account
from tests.integration.gateway import Api, run_apart

AGENT = "noe@academie.example"
TEXT = "Bonjour,\n\nVotre demande **{numero}** ({ecole}) est réglée. Sujet : {sujet}.\n\n{signature}"


class Desk(Console):
    """The same, with an agent, requests, a view, a canned answer, and an exchange that was given up."""

    numbers: list[str]

    def __init__(self, folder) -> None:
        super().__init__(folder)
        self.numbers = []
        run_apart(self._fill())

    async def _fill(self) -> None:
        database, clock = Database(self.settings.storage_url), SystemClock()
        data = yaml.safe_load((ROOT / "deploy" / "demonstration.yml").read_text(encoding="utf-8"))
        async with database.transaction() as session:
            await save_routing(session, data["groups"], data["routes"])
        agent = await add_account(database, clock, "agent_n2", login=AGENT, name="Noé Agent", password=PASSWORD)
        async with aiohttp.ClientSession() as http:
            for uai in (COLLEGE, ECOLE, COLLEGE):
                chat = await Api(http, self.gateway.base).open("parent", uai)
                self.numbers.append((await chat.open_ticket("Le blog de la classe est vide"))["number"])
        now = clock.now()
        async with database.transaction() as session:
            session.add(
                Connector(
                    group_id="dan",
                    kind="webhook",
                    address="https://x.example",
                    secrets={"signing": "ABSENT"},
                    options={},
                )
            )
            for name, query in (("À prendre", {"unassigned": True}), ("Un groupe retiré", {"group": "passager"})):
                view = QueueView(owner_id=agent.id, name=name, query=query, at=now)
                view.role, view.scope, view.territory = "agent_n2", "academie", "Valmont"
                session.add(view)
            session.add(CannedAnswer(title="Réglé", text=TEXT, version=1, author="Alix Chef", updated_at=now))
            ticket = await session.scalar(sa.select(Ticket).where(Ticket.number == self.numbers[0]))
            exchange = Exchange(ticket_id=ticket.id, group_id="dan", key=str(uuid.uuid4()))
            session.add(exchange)
            await session.flush()
            session.add(
                ExchangeStep(
                    exchange_id=exchange.id, key=exchange.key, kind="creation", content="", state=DEAD, attempts=3,
                    next_at=now, at=now, error="L’outil a refusé ce qui lui a été envoyé (réponse 422).",
                )
            )  # fmt: skip
        await database.close()


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory):
    """The console with its agent."""
    desk = Desk(tmp_path_factory.mktemp("desk"))
    yield desk
    desk.gateway.close()


def enter(page, desk: Desk) -> None:
    sign_in(page, desk, AGENT)
    page.wait_for_url(re.compile("/console/demandes"))


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing_and_nothing_scrolls_sideways(new_page, axe, desk: Desk, look: str) -> None:
    page = new_page(**LOOKS[look])
    enter(page, desk)
    for path in ("/console/demandes", "/console/demandes?sort=-ecole&state=", "/console/demandes?vue=1&state=clos",
                 "/console/demandes?vue=2", "/console/vues", "/console/vues?retiree=9", "/console/reponses-types",
                 "/console/reponses-types/nouvelle", "/console/reponses-types/1", "/console/echanges",
                 "/console/echanges/renvoyer?group=dan", "/console/raccourcis",
                 f"/console/demandes/{desk.numbers[0]}"):  # fmt: skip
        assert page.goto(desk.url + path).status == 200
        for summary in page.locator("main summary").all():
            summary.click()
        axe(page)
        assert fits(page), path
    page.get_by_label("Réponse type").select_option("Réglé")
    page.get_by_role("button", name="Mettre dans le texte").click()
    expect(page.get_by_role("heading", name="Tel que la personne le lira")).to_be_visible()
    axe(page)
    assert fits(page)


def test_the_queue_and_a_request_by_keyboard(new_page, desk: Desk) -> None:
    page = new_page()
    enter(page, desk)
    page.goto(f"{desk.url}/console/demandes")
    for name in ("Aller au contenu", "Aller à la liste des demandes"):
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name=name)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#file")).to_be_focused()
    page.keyboard.press("Tab")
    heading = page.get_by_role("link", name="Trier par Numéro (ordre croissant)")
    expect(heading).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("sort=numero"))
    expect(page.get_by_role("columnheader", name="Numéro")).to_have_attribute("aria-sort", "ascending")
    # Access keys are the browser's own: Playwright's keyboard does not reach them (tests/integration/test_queue.py).
    page.goto(f"{desk.url}/console/demandes/{desk.numbers[0]}")
    for name, target in (
        ("la réponse", "#text"),
        ("la conversation", "#conversation"),
        ("l’historique", "#historique"),
    ):
        link = page.get_by_role("link", name=f"Aller à {name}")
        link.focus()
        page.keyboard.press("Enter")
        expect(page.locator(target)).to_be_focused()


def test_a_view_and_a_canned_answer_without_scripts(new_page, desk: Desk) -> None:
    page = new_page(java_script_enabled=False)
    enter(page, desk)
    page.goto(f"{desk.url}/console/demandes?state=&text=blog")
    page.get_by_text("Enregistrer ces critères").click()
    page.get_by_label("Nom de la vue").fill("Les blogs")
    page.get_by_role("button", name="Enregistrer une vue").click()
    expect(page.get_by_role("status").first).to_have_text("La vue est enregistrée.")
    expect(page.get_by_role("link", name=re.compile("Les blogs"))).to_have_attribute("aria-current", "page")
    page.get_by_role("link", name="Gérer les vues").click()
    page.get_by_role("button", name="Retirer la vue Les blogs").click()
    page.get_by_role("button", name="La remettre").click()
    page.get_by_role("link", name="Les blogs").click()
    page.get_by_role("link", name=desk.numbers[1], exact=True).click()
    page.get_by_label("Votre texte").fill("Merci.")
    page.get_by_label("Réponse type").select_option("Réglé")
    page.get_by_role("button", name="Mettre dans le texte").click()
    text = page.get_by_label("Votre texte").input_value()
    assert text.startswith(f"Merci.\n\nBonjour,\n\nVotre demande **{desk.numbers[1]}** (École Les Tilleuls, Valmont)")
    page.get_by_role("button", name="Répondre à l’usager").click()
    expect(page.get_by_text("Complétez le texte avant de l’envoyer").first).to_be_visible()
    page.get_by_label("Votre texte").fill(re.sub(r"\[.*?\]", "le blog", text))
    page.get_by_role("button", name="Répondre à l’usager").click()
    expect(page.get_by_role("status").first).to_have_text("La réponse est envoyée dans la conversation.")
