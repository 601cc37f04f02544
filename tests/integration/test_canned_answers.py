"""Canned answers: written by a group's agents, chosen on a request, filled, completed, sent."""

from __future__ import annotations

import asyncio
import html
import re

import pytest
import sqlalchemy as sa

from bot.db import Database
from bot.escalation.models import CannedAnswer, Group, TicketEvent
from bot.people.models import AuditEntry
from tests.integration.console import COLLEGE, ECOLE, Browser, Open, Page, ask, heard, path
from tests.integration.gateway import ONE_KIND, Api

ANSWERS = "/console/reponses-types"
TEXT = "Bonjour,\n\nVotre demande {numero} ({ecole}) est réglée : {adresse_ent}.\n\n{signature}"


async def write(browser: Browser, title: str, text: str = TEXT, group: str = "dan", topic: str = "") -> int:
    """Write an answer and return its number."""
    page = await browser.post(f"{ANSWERS}/nouvelle", title=title, text=text, group=group, topic=topic)
    assert page.status == 303, page.words
    listed = await browser.get(f"{ANSWERS}?q={title}")
    return int(re.search(rf'{ANSWERS}/(\d+)">{title}<', listed.text)[1])


def written(page: Page) -> str:
    """Return what is in the reply's field."""
    return html.unescape(re.search(r'<textarea id="text"[^>]*>(.*?)</textarea>', page.text, re.S)[1])


async def test_chosen_on_a_request_it_is_filled_then_edited_then_sent(site: Api, browser_of: Open) -> None:
    chat, ticket = await ask(site)
    agent = await browser_of("agent_n2", name="Noé Agent")
    answer = await write(agent, "Réglé")
    before = await heard(site, chat)
    page = await agent.post(path(ticket, "modele"), canned=str(answer), text="Merci de votre patience.")
    assert page.status == 200
    text = written(page)
    assert text.startswith("Merci de votre patience.\n\nBonjour,")
    assert (
        f"Votre demande {ticket['number']} (Collège Olympe-de-Gouges, Valmont) est réglée : https://ent.valmont.example."
        in text
    )
    assert text.endswith("\n\nNoé Agent, Équipe ENT de l'académie (DAN)")
    assert "Tel que la personne le lira" in page.words
    assert await heard(site, chat) == before
    assert (await agent.post(path(ticket, "resoudre"), text=text)).status == 303
    assert any(ticket["number"] in one["text"] and one["from"] == "agent" for one in await heard(site, chat))


async def test_a_gap_is_shown_and_keeps_the_answer_from_leaving(site: Api, browser_of: Open) -> None:
    chat, ticket = await ask(site)
    agent = await browser_of("agent_n2")
    answer = await write(agent, "Sujet", "À propos de : {sujet}.")
    before = await heard(site, chat)
    page = await agent.post(path(ticket, "modele"), canned=str(answer))
    assert "À compléter avant l’envoi : Sujet de la demande." in page.words
    for gesture in ("repondre", "demander", "resoudre"):
        refused = await agent.post(path(ticket, gesture), text=written(page))
        assert refused.status == 422
        assert "Complétez le texte avant de l’envoyer" in refused.words
        assert written(refused) == written(page)
    assert await heard(site, chat) == before
    assert (await agent.post(path(ticket, "note"), text=written(page))).status == 303


async def test_the_preview_is_what_the_person_reads(site: Api, browser_of: Open) -> None:
    _, ticket = await ask(site)
    agent = await browser_of("agent_n2")
    page = await agent.post(path(ticket, "apercu"), text="**Bonjour** <script>alert(1)</script>")
    assert "<strong>Bonjour</strong>" in page.text
    assert written(page) == "**Bonjour** <script>alert(1)</script>"
    referent = await browser_of("referent")
    assert (await referent.post(path(ticket, "apercu"), text="Bonjour")).status == 200


async def test_what_is_offered_is_the_group_s_and_everybody_s_those_of_the_topic_first(
    site: Api, browser_of: Open
) -> None:
    chat = await site.open("directeur", COLLEGE)
    await chat.say("créer un compte pour un enseignant")
    ticket = await chat.open_ticket("Impossible de créer un compte")
    admin, agent, vendor = [await browser_of(role) for role in ("administrateur", "agent_n2", "agent_n3")]
    await write(admin, "Zèbre", topic="admin_creer_compte", group="dsi")
    everybody = await write(admin, "Merci", group="")
    await write(admin, "Autre", topic="cdt_consulter_devoirs", group="dsi")
    ours, theirs = await write(agent, "Du DAN", group="dan"), await write(vendor, "De l éditeur", group="editeur")
    page = await agent.get(path(ticket))
    menu = re.search('<select id="canned".*?</select>', page.text, re.S)[0]
    assert re.findall("<optgroup label=\"(.*?)\"|<option[^>]*>(.*?)</option>", menu) == [
        ("", "Choisir…"), ("Sur ce sujet", ""), ("", "Zèbre"), ("Sur tout sujet", ""), ("", "Merci"),
        ("Sur d’autres sujets", ""), ("", "Autre"),
    ]  # fmt: skip
    for wrong in (str(ours), str(theirs), "0", "", "x", "9" * 30):
        refused = await agent.post(path(ticket, "modele"), canned=wrong, text="Déjà écrit")
        assert refused.status == 422
        assert "Choisissez une réponse type dans la liste." in refused.words
        assert written(refused) == "Déjà écrit"
    referent = await browser_of("referent", name="Rémi Référent")
    page = await referent.post(path(ticket, "modele"), canned=str(everybody))
    assert "Rémi Référent, référent" in written(page)
    elsewhere = await ask(site, ECOLE)
    assert (await referent.post(path(elsewhere[1], "modele"), canned=str(everybody))).status == 404
    await admin.post(f"{ANSWERS}/{everybody}/retirer")
    assert "Merci" not in (await agent.get(path(ticket))).words


async def test_who_writes_which(site: Api, browser_of: Open, own_database: Database) -> None:
    admin, agent, vendor = [await browser_of(role) for role in ("administrateur", "agent_n2", "agent_n3")]
    everybody, ours = await write(admin, "De tous", group=""), await write(agent, "Du DAN", group="dan")
    form = {"title": "Autre", "text": "Bonjour", "topic": ""}
    for browser, group in ((agent, ""), (agent, "editeur"), (vendor, "dan"), (admin, "nulle")):
        page = await browser.post(f"{ANSWERS}/nouvelle", **form, group=group)
        assert page.status == 422
        assert "Choisissez dans la liste qui emploie cette réponse." in page.words
    for browser, answer in ((agent, everybody), (vendor, everybody), (vendor, ours)):
        page = await browser.get(f"{ANSWERS}/{answer}")
        assert page.status == 200
        assert "<textarea" not in page.text
        for gesture in ("", "/retirer", "/remettre"):
            assert (await browser.post(f"{ANSWERS}/{answer}{gesture}", **form, group="dan", seen="1")).status == 403
    assert (await agent.post(f"{ANSWERS}/{ours}", **form, group="", seen="1")).status == 422
    assert (await admin.post(f"{ANSWERS}/{ours}", **form, group="dsi", seen="1")).status == 303
    async with own_database.reading() as session:
        found = await session.scalars(sa.select(AuditEntry).where(AuditEntry.kind == "canned").order_by(AuditEntry.id))
        told = [(one.action, one.details) for one in found]
    assert told == [
        ("canned_added", {"name": "De tous"}), ("canned_added", {"name": "Du DAN"}),
        ("canned_changed", {"before": "Du DAN", "after": "Autre"}),
    ]  # fmt: skip


async def test_of_two_who_write_at_once_neither_text_is_lost(site: Api, browser_of: Open, own_database) -> None:
    first, second = await browser_of("agent_n2", name="Ada Essai"), await browser_of("agent_n2", name="Noé Essai")
    answer = await write(first, "À deux", "Bonjour")
    forms = [{"title": "À deux", "text": text, "group": "dan", "seen": "1"} for text in ("Le mien", "Le tien")]
    pages = await asyncio.gather(
        *(one.post(f"{ANSWERS}/{answer}", **form) for one, form in zip((first, second), forms, strict=True))
    )
    assert sorted(page.status for page in pages) == [303, 409]
    late = next(page for page in pages if page.status == 409)
    browser, mine, other = (second, "Le tien", "Le mien") if late is pages[1] else (first, "Le mien", "Le tien")
    assert mine in late.text
    assert f'<p class="said">{other}</p>' in late.text
    assert 'name="seen" value="2"' in late.text
    assert (await browser.post(f"{ANSWERS}/{answer}", title="À deux", text=mine, group="dan", seen="2")).status == 303
    async with own_database.reading() as session:
        kept = await session.get(CannedAnswer, answer)
    assert (kept.text, kept.version) == (mine, 3)


async def test_removed_it_is_put_back_in_one_gesture(site: Api, browser_of: Open) -> None:
    agent = await browser_of("agent_n2")
    answer = await write(agent, "Passager")
    page = await agent.get((await agent.post(f"{ANSWERS}/{answer}/retirer")).location)
    assert "La réponse type est retirée." in page.words
    assert "Passager" not in page.words
    assert (await agent.get(f"{ANSWERS}/{answer}")).status == 404
    assert (await agent.post(f"{ANSWERS}/{answer}", title="X", text="Y", group="dan", seen="1")).status == 404
    assert f'action="{ANSWERS}/{answer}/remettre"' in page.text
    assert (await agent.post(f"{ANSWERS}/{answer}/remettre")).status == 303
    assert "Passager" in (await agent.get(ANSWERS)).words


async def test_a_group_s_answers_are_not_lost_with_it(site: Api, browser_of: Open, own_database: Database) -> None:
    async with own_database.transaction() as session:
        session.add(Group(id="passager", name="Passager", level=2))
    admin = await browser_of("administrateur")
    answer = await write(admin, "Passagère", group="passager")
    page = await admin.post("/console/groupes/passager/retirer")
    assert page.status == 409
    assert "Ce groupe a 1 réponse type." in page.words
    await admin.post(f"{ANSWERS}/{answer}/retirer")
    assert (await admin.post("/console/groupes/passager/retirer")).status == 303
    assert (await admin.post(f"{ANSWERS}/{answer}/remettre")).status == 404


async def test_examples_show_what_a_text_gives(site: Api, browser_of: Open) -> None:
    admin = await browser_of("administrateur")
    page = await admin.post(f"{ANSWERS}/nouvelle", title="Essai", text=TEXT, group="", apercu="oui")
    assert page.status == 200
    assert "Votre demande 26-00042-7 (École Les Tilleuls) est réglée" in page.words
    assert 'value="Essai"' in page.text
    answer = await write(admin, "Essai", group="")
    page = await admin.post(f"{ANSWERS}/{answer}", title="Essai", text="{numero} <b>", group="", apercu="oui", seen="1")
    assert "26-00042-7 &lt;b&gt;" in page.text
    assert 'name="seen" value="1"' in page.text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"title": ""}, "Donnez un titre"),
        ({"text": "Bonjour {prenom}"}, "Ces variables n’existent pas : {prenom}."),
        ({"text": "x" * 200_000}, "Écrivez le texte de la réponse"),
        ({"topic": "nulle"}, "Choisissez le sujet dans la liste."),
        ({"title": "\x00\x01", "text": "<script>"}, "Donnez un titre"),
    ],
)
async def test_what_cannot_be_kept_says_what_to_change(site: Api, browser_of: Open, fields: dict, said: str) -> None:
    agent = await browser_of("agent_n2")
    form = {"title": "Un titre", "text": "Bonjour", "group": "dan", "topic": "", **fields}
    page = await agent.post(f"{ANSWERS}/nouvelle", **form)
    assert page.status == 422
    assert said in page.words
    answer = await write(agent, "Bonne")
    assert said in (await agent.post(f"{ANSWERS}/{answer}", **form, seen="1")).words


@ONE_KIND
async def test_odd_addresses(site: Api, browser_of: Open, own_database: Database) -> None:
    agent = await browser_of("agent_n2")
    for odd in ("0", "x", "9" * 30, "%3Cb%3E"):
        assert (await agent.get(f"{ANSWERS}/{odd}")).status == 404
        assert (await agent.get(f"{ANSWERS}?q={odd}&group={odd}&retiree={odd}&page={odd}")).status == 200
        for gesture in ("", "/retirer", "/remettre"):
            assert (await agent.post(f"{ANSWERS}/{odd}{gesture}", title="x", text="y", group="dan")).status == 404
    async with own_database.reading() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(TicketEvent)) == 0
