"""Views of the queue: saved from it, shared with colleagues, renamed, removed and put back, one's start page."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa

from bot.db import Database
from bot.escalation.models import Group, QueueView
from bot.escalation.saved_views import MANY, MAX_VIEWS
from bot.people.accounts import NewGrant
from bot.people.models import AuditEntry
from tests.integration.console import COLLEGE, ECOLE, Browser, Open, Page
from tests.integration.console import ask as open_request
from tests.integration.gateway import ONE_KIND, Api

QUEUE, VIEWS = "/console/demandes", "/console/vues"
TEAM = "agent_n2:academie:Valmont"


async def ask(site: Api, uai: str = COLLEGE, problem: str = "Le blog est vide") -> str:
    return (await open_request(site, uai, problem))[1]["number"]


async def save(browser: Browser, name: str, query: str = "state=ouvertes", team: str = "") -> int:
    """Save a view and return its number."""
    page = await browser.post(f"{VIEWS}?{query}", view_name=name, team=team)
    assert page.status == 303, page.words
    return int(re.search(r"vue=(\d+)", page.location)[1])


def listed(page: Page) -> dict[str, str]:
    """Return the views above the queue, with their counts."""
    menu = re.search('<nav class="views".*?</nav>', page.text, re.S)[0]
    return dict(re.findall(r'vue=\d+"[^>]*>(.*?) <span class="count">([^<]*)<', menu))


async def test_a_view_keeps_filters_search_and_order(site: Api, browser_of: Open, own_database: Database) -> None:
    blog, marks = await ask(site), await ask(site, problem="Les notes ont disparu")
    agent = await browser_of("agent_n2")
    view = await save(agent, "  Les   notes ", "state=nouveau&text=notes&sort=recentes&group=dan&level=2&late=")
    page = await agent.get(f"{QUEUE}?vue={view}")
    assert marks in page.text
    assert blog not in page.text
    assert page.title == "File des demandes : Les notes – Console AssistENT"
    assert '<option value="recentes" selected' in page.text
    assert listed(page) == {"Les notes": "1"}
    assert 'aria-current="page">Les notes' in page.text
    async with own_database.reading() as session:
        kept = await session.scalar(sa.select(QueueView.query))
    assert kept == {"state": "nouveau", "text": "notes", "sort": "recentes", "group": "dan", "level": 2}
    # Filtered further, the view is still named, and can take the new filters.
    page = await agent.get(f"{QUEUE}?vue={view}&state=clos")
    assert marks not in page.text.split("<table")[-1] or "Aucune demande" in page.words
    assert "Enregistrer dans « Les notes »" in page.words
    assert (await agent.post(f"{VIEWS}/{view}/criteres?vue={view}&state=ouvertes")).status == 303
    assert blog in (await agent.get(f"{QUEUE}?vue={view}")).text


async def test_the_count_follows_what_is_done(site: Api, browser_of: Open) -> None:
    first, _ = await ask(site), await ask(site)
    agent = await browser_of("agent_n2")
    await save(agent, "Sans personne", "state=ouvertes&unassigned=True")
    await save(agent, "Les miennes", "state=ouvertes&mine=True")
    assert listed(await agent.get(QUEUE)) == {"Les miennes": "0", "Sans personne": "2"}
    await agent.post(f"{QUEUE}/{first}/prendre")
    assert listed(await agent.get(QUEUE)) == {"Les miennes": "1", "Sans personne": "1"}
    assert MANY == 100


async def test_shared_with_those_who_have_the_same_role_on_the_same_territory(site: Api, browser_of: Open) -> None:
    agent, colleague = await browser_of("agent_n2", name="Noé Agent"), await browser_of("agent_n2")
    elsewhere = await browser_of(grants=[NewGrant("agent_n2", "departement", "Valmont")])
    referent, vendor = await browser_of("referent"), await browser_of("agent_n3")
    shared, mine = await save(agent, "À nous", team=TEAM), await save(agent, "À moi")
    for browser in (agent, colleague):
        assert "À nous" in listed(await browser.get(QUEUE))
        assert (await browser.get(f"{QUEUE}?vue={shared}")).status == 200
    assert "De Noé Agent" in (await colleague.get(VIEWS)).words
    for browser in (elsewhere, referent, vendor):
        assert listed(await browser.get(QUEUE)) == {}
        assert (await browser.get(f"{QUEUE}?vue={shared}")).status == 404
    assert "À moi" not in (await colleague.get(VIEWS)).words
    assert (await colleague.get(f"{QUEUE}?vue={mine}")).status == 404
    # Kept for himself again, nobody else has it.
    assert (await agent.post(f"{VIEWS}/{shared}", name="À moi aussi", team="")).status == 303
    assert listed(await colleague.get(QUEUE)) == {}


async def test_a_view_counts_within_the_reader_s_own_territory(site: Api, browser_of: Open) -> None:
    await ask(site), await ask(site, ECOLE)
    referent, agent = await browser_of("referent"), await browser_of("agent_n2")
    await save(referent, "Tout", "state=")
    await save(agent, "Tout", "state=")
    assert listed(await referent.get(QUEUE)) == {"Tout": "1"}
    assert listed(await agent.get(QUEUE)) == {"Tout": "2"}


async def test_who_may_share_change_and_remove(site: Api, browser_of: Open, own_database: Database) -> None:
    agent, colleague = await browser_of("agent_n2"), await browser_of("agent_n2")
    referent, admin = await browser_of("referent"), await browser_of("administrateur")
    page = await referent.post(f"{VIEWS}?state=", view_name="À tous", team="referent:etablissement:0750002V")
    assert page.status == 422
    assert "Choisissez dans la liste avec qui partager" in page.words
    assert (await agent.post(f"{VIEWS}?state=", view_name="X", team="agent_n3:tout:")).status == 422
    shared, mine = await save(agent, "À nous", team=TEAM), await save(agent, "À moi")
    for browser in (colleague, referent, admin):
        for gesture, fields in (("", {"name": "Autre", "team": ""}), ("/criteres", {})):
            page = await browser.post(f"{VIEWS}/{shared}{gesture}", **fields)
            assert page.status == (403 if browser is admin else 404)
        assert (await browser.post(f"{VIEWS}/{mine}/retirer")).status in (403, 404)
    assert (await colleague.post(f"{VIEWS}/{shared}/retirer")).status == 403
    assert (await referent.post(f"{VIEWS}/{shared}/retirer")).status == 404
    # The administrator reads no request: he sees the shared views' names, and may remove them.
    page = await admin.get(VIEWS)
    assert "À nous" in page.words
    assert "À moi" not in page.words
    assert f"vue={shared}" not in page.text
    assert (await admin.post(f"{VIEWS}/{shared}/retirer")).location == f"{VIEWS}?retiree={shared}"
    assert "À nous" not in listed(await colleague.get(QUEUE))
    assert (await admin.post(f"{VIEWS}/{shared}/remettre")).status == 303
    assert "À nous" in listed(await colleague.get(QUEUE))
    async with own_database.reading() as session:
        found = await session.scalars(sa.select(AuditEntry).where(AuditEntry.kind == "view").order_by(AuditEntry.id))
        told = [(one.action, one.object_id) for one in found]
    assert told == [
        ("view_saved", str(shared)), ("view_saved", str(mine)), ("view_removed", str(shared)),
        ("view_restored", str(shared)),
    ]  # fmt: skip


async def test_removed_it_is_put_back_in_one_gesture(site: Api, browser_of: Open) -> None:
    agent = await browser_of("agent_n2")
    view = await save(agent, "Urgent", "state=nouveau", TEAM)
    page = await agent.get((await agent.post(f"{VIEWS}/{view}/retirer")).location)
    assert "La vue est retirée." in page.words
    assert "Urgent" not in page.words
    assert (await agent.get(f"{QUEUE}?vue={view}")).status == 404
    # Its name is free meanwhile, and nothing is wrong with two of one name afterwards.
    await save(agent, "urgent")
    assert f'action="{VIEWS}/{view}/remettre"' in page.text
    for _ in range(2):
        assert (await agent.post(f"{VIEWS}/{view}/remettre")).status == 303
    assert set(listed(await agent.get(QUEUE))) == {"Urgent", "urgent"}


async def test_what_a_view_names_may_no_longer_exist(site: Api, browser_of: Open, own_database: Database) -> None:
    number = await ask(site)
    async with own_database.transaction() as session:
        session.add(Group(id="passager", name="Passager", level=2))
    agent = await browser_of("agent_n2")
    view = await save(agent, "De passage", "state=ouvertes&group=passager")
    assert listed(await agent.get(QUEUE)) == {"De passage": "0"}
    async with own_database.transaction() as session:
        await session.execute(sa.delete(Group).where(Group.id == "passager"))
    page = await agent.get(f"{QUEUE}?vue={view}")
    assert page.status == 200
    assert "Cette vue filtre sur ce qui n’existe plus : le groupe." in page.words
    assert number in page.text
    assert "Un de ses critères n’existe plus." in (await agent.get(VIEWS)).words
    assert (await agent.post(f"{VIEWS}/{view}/criteres?state=ouvertes")).status == 303
    assert "n’existe plus" not in (await agent.get(f"{QUEUE}?vue={view}")).words


async def test_the_start_page(site: Api, browser_of: Open) -> None:
    agent, colleague = await browser_of("agent_n2"), await browser_of("agent_n2")
    assert (await agent.get("/console/")).location == QUEUE
    view = await save(agent, "Le matin", team=TEAM)
    for browser in (agent, colleague):
        assert (await browser.post(f"{VIEWS}/{view}/accueil", chosen="oui")).status == 303
        assert (await browser.get("/console/")).location == f"{QUEUE}?vue={view}"
    assert "votre page d’accueil" in (await agent.get(VIEWS)).words
    # No longer shared, it is nobody else's start; put back, it is again.
    await agent.post(f"{VIEWS}/{view}", name="Le matin", team="")
    assert (await colleague.get("/console/")).location == QUEUE
    await agent.post(f"{VIEWS}/{view}/retirer")
    assert (await agent.get("/console/")).location == QUEUE
    await agent.post(f"{VIEWS}/{view}/remettre")
    assert (await agent.get("/console/")).location == f"{QUEUE}?vue={view}"
    await agent.post(f"{VIEWS}/{view}/accueil")
    assert (await agent.get("/console/")).location == QUEUE
    assert (await colleague.post(f"{VIEWS}/{view}/accueil", chosen="oui")).status == 404


@pytest.mark.parametrize("name", ["", "   ", "x" * 61, "x" * 200_000])
async def test_a_name_that_cannot_be_taken_is_said_and_loses_no_filter(browser_of: Open, site: Api, name: str) -> None:
    agent = await browser_of("agent_n2")
    page = await agent.post(f"{VIEWS}?state=clos&text=blog", view_name=name)
    assert page.status == 422
    assert "Donnez un nom à la vue" in page.words
    assert 'value="blog"' in page.text
    assert '<option value="clos" selected' in page.text
    view = await save(agent, "Bonne")
    page = await agent.post(f"{VIEWS}/{view}", name=name)
    assert page.status == 422
    assert "Donnez un nom à la vue" in page.words


async def test_a_name_is_taken_once_and_views_are_not_without_end(site: Api, browser_of: Open) -> None:
    agent, colleague = await browser_of("agent_n2"), await browser_of("agent_n2")
    view = await save(agent, "Été")
    assert "Vous avez déjà une vue de ce nom." in (await agent.post(f"{VIEWS}?state=", view_name="ete")).words
    await save(colleague, "Été")
    assert (await agent.post(f"{VIEWS}/{view}", name="ETE")).status == 303
    for number in range(MAX_VIEWS - 1):
        await save(agent, f"Vue {number}")
    page = await agent.post(f"{VIEWS}?state=", view_name="De trop")
    assert page.status == 422
    assert f"Vous avez déjà {MAX_VIEWS} vues" in page.words


@ONE_KIND
async def test_odd_addresses_and_html_are_no_view(site: Api, browser_of: Open) -> None:
    agent = await browser_of("agent_n2")
    for odd in ("0", "-1", "x", "9" * 30, "%00", "%3Cb%3E", "", "1.5", "٣"):
        assert (await agent.get(f"{QUEUE}?vue={odd}")).status == 404
        assert (await agent.get(f"{VIEWS}?retiree={odd}")).status == 200
    for gesture in ("", "/criteres", "/accueil", "/retirer", "/remettre"):
        for odd in ("0", "x", "9" * 30, "99999"):
            assert (await agent.post(f"{VIEWS}/{odd}{gesture}", name="x", chosen="oui")).status == 404
    view = await save(agent, "<script>alert(1)</script>\x00", "state=%00&sort=nulle&level=9&text=%3Cb%3E&page=99")
    page = await agent.get(f"{QUEUE}?vue={view}")
    assert "&lt;script&gt;" in page.text
