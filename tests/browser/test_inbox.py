"""The formateurs' inbox in a real browser: every page in every look, axe finding nothing, by keyboard, undone."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
import yaml
from playwright.sync_api import expect

from bot import migrations
from bot.clock import SystemClock
from bot.conversations.models import Conversation, Message, Person
from bot.db import Database
from bot.escalation.models import Ticket, TicketEvent
from bot.learning.collecting import DECLINED, ESCALATED, LOST, OPEN, UNHELPFUL
from bot.learning.models import InboxGroup, InboxLine
from bot.people.service import save_schools
from bot.settings import ROOT, read_settings
from bot.web.app import create_app
from bot.workshop.views.inbox import GESTURES, LESSONS, PATH
from tests.browser.test_console import LOOKS, fits, sign_in
from tests.integration.console import ECOLE, PASSWORD, add_account
from tests.integration.gateway import GatewayThread, ScriptedEngine, run_apart

FORMATEUR, NUMBER = "noor@academie.example", "ENT-2026-000042"
SAID = (
    ("la fiche de la cantine n'est plus là", LOST), ("ou est la fiche de cantine", DECLINED),
    ("la fiche cantine de ma fille [nom] ne s'ouvre pas sur le téléphone alors que les autres s'ouvrent", UNHELPFUL),
    ("fiche de cantine introuvable", ESCALATED),
)  # fmt: skip


class Workshop:
    """A gateway with a formateur and messages that wait."""

    def __init__(self, folder) -> None:
        settings = read_settings({"ASSISTENT_VAR_DIR": str(folder), "ASSISTENT_RATE_LIMITS": "off"})
        self.settings = replace(settings, database_url=f"sqlite+aiosqlite:///{folder / 'assistent.db'}")
        self.group = self.line = 0
        run_apart(self._furnish())
        self.gateway = GatewayThread(lambda: create_app(self.settings, engine=ScriptedEngine(), utterances={}))
        self.url = str(self.gateway.base).rstrip("/")

    async def _furnish(self) -> None:
        await asyncio.to_thread(migrations.upgrade, ROOT, self.settings.storage_url)
        database, clock = Database(self.settings.storage_url), SystemClock()
        data = yaml.safe_load((ROOT / "deploy" / "demonstration.yml").read_text(encoding="utf-8"))
        now = clock.now()
        async with database.transaction() as session:
            await save_schools(session, data["schools"])
            session.add(Person(id="p", created_at=now))
            await session.flush()
            session.add(Conversation(id="c", person_id="p", profile="parent", state={}, opened_at=now, last_at=now))
            groups = [InboxGroup(face_id=1), InboxGroup(face_id=0)]
            session.add_all(groups)
            await session.flush()
            for place, (text, kind) in enumerate(SAID * 4):
                session.add(
                    Message(id=f"m{place}", conversation_id="c", position=place, sender="user", text=text, at=now)
                )
                await session.flush()
                session.add(
                    InboxLine(
                        message_id=f"m{place}", conversation_id="c", kind=kind, state=OPEN, text=text, form=text,
                        profile="parent", uai=ECOLE, at=now, group_id=groups[place % 5 == 4].id,
                        ranking=[["cdt_consulter_devoirs", 0.31], ["hors_sujet", 0.22]],
                    )
                )  # fmt: skip
            ticket = Ticket(
                number=NUMBER, message_id="m0", person_id="p", profile="parent", uai=ECOLE, school="École", school_checked=True,
                level=2, state="resolu", problem="La fiche de la cantine n'est plus là", context={}, opened_at=now,
                updated_at=now, resolved_at=now + timedelta(hours=1),
            )  # fmt: skip
            session.add(ticket)
            await session.flush()
            session.add(
                TicketEvent(ticket_id=ticket.id, kind="repondu", author="Dan", at=now,
                            data={"text": "Bonjour,\nOuvrez « Documents ». Choisissez « Cantine ».\nCordialement"})
            )  # fmt: skip
            self.group = groups[0].id
            self.line = await session.scalar(sa.select(sa.func.min(InboxLine.id)))
        await add_account(database, clock, "formateur", login=FORMATEUR, name="Noor Formatrice", password=PASSWORD)
        await database.close()


@pytest.fixture
def workshop(tmp_path):
    """The workshop, of the test's own: what is done in it changes it."""
    workshop = Workshop(tmp_path)
    yield workshop
    workshop.gateway.close()


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing_on_any_page_and_none_scrolls_sideways(new_page, axe, workshop: Workshop, look: str) -> None:
    page = new_page(**LOOKS[look])

    def check() -> None:
        axe(page)
        assert fits(page), page.url

    def go(path: str) -> None:
        assert page.goto(workshop.url + path).status == 200
        check()

    sign_in(page, workshop, FORMATEUR)
    group = f"{PATH}/groupes/{workshop.group}"
    for path in (PATH, f"{PATH}?kind=demande&profile=eleve", group, f"{group}?page=9", f"{PATH}/lignes/{workshop.line}",
                 GESTURES, LESSONS, f"{LESSONS}/{NUMBER}"):  # fmt: skip
        go(path)
    page.goto(workshop.url + group)
    page.get_by_role("button", name="Donner", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Choisissez un sujet")
    check()
    page.get_by_label("Donner au sujet").select_option("cdt_consulter_devoirs")
    page.get_by_role("button", name="Donner", exact=True).click()
    expect(page.get_by_role("status").first).to_contain_text("Les messages sont donnés au sujet")
    check()
    page.get_by_role("button", name="Annuler ce geste").click()
    expect(page.get_by_role("status")).to_contain_text("Le geste est annulé")
    check()
    page.goto(workshop.url + group)
    expect(page.get_by_role("checkbox")).to_have_count(len(SAID))
