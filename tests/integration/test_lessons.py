"""Drafts of articles from resolved requests: which requests teach, to whom, and what a draft holds."""

from __future__ import annotations

import html
import re

import sqlalchemy as sa

from bot.clock import FixedClock
from bot.db import Database
from bot.knowledge.article import parse_article
from bot.learning.drafts import draft_from
from bot.learning.models import TicketLesson
from bot.people.accounts import NewGrant
from bot.people.models import Account
from bot.workshop.views.inbox import LESSONS
from tests.integration.console import COLLEGE, ECOLE, Open, ask, path
from tests.integration.gateway import Api
from tests.integration.workshop import ARTICLES, NEW, NEW_TOPIC, source_of


async def test_a_resolved_request_is_drawn_from_then_taken_out_and_put_back(
    site: Api, own_database: Database, browser_of: Open, clock: FixedClock
) -> None:
    agent, formateur = await browser_of("agent_n2"), await browser_of("formateur")
    assert "Aucune demande résolue n’attend" in (await formateur.get(LESSONS)).words
    _, resolved = await ask(site, problem="Le blog de mon fils Kimberley Dugenou est vide, au 06 12 34 56 78")
    _, waiting = await ask(site, problem="Une autre attend encore", uai=ECOLE)
    await agent.post(path(resolved, "repondre"), text="Bonjour,\nOuvrez le blog. Rechargez la page.")
    for ticket in (resolved, waiting):
        assert (await formateur.get(f"{LESSONS}/{ticket['number']}")).status == 404
    assert (await agent.post(path(resolved, "resoudre"), text="")).status == 303
    page = await formateur.get(LESSONS)
    assert resolved["number"] in page.words
    assert waiting["number"] not in page.words
    # Neither who it was nor how to reach him.
    draft = await formateur.get(f"{LESSONS}/{resolved['number']}")
    for shown in (page, draft):
        assert "Dugenou" not in shown.words
        assert "06 12" not in shown.words
    opened = re.search(r'href="(/workshop/[^"]+[?]demande=[^"]+)"', draft.text)[1]
    assert resolved["number"] in opened
    assert (await formateur.get(html.unescape(opened))).status == 200
    assert "1. Ouvrez le blog. 2. Rechargez la page." in draft.words
    assert (await formateur.post(f"{LESSONS}/{resolved['number']}/ecarter")).status == 303
    page = await formateur.get(f"{LESSONS}?demande={resolved['number']}")
    assert "Aucune demande résolue n’attend" in page.words
    assert (await formateur.post(f"{LESSONS}/{resolved['number']}/remettre")).status == 303
    assert resolved["number"] in (await formateur.get(LESSONS)).words
    # A topic begun from it takes it out of the list too; a number that teaches nothing changes nothing.
    for ticket in (waiting, resolved):
        new = {**NEW, "id": f"blog_{ticket['number'][3:8]}", "demande": ticket["number"]}
        assert (await formateur.post(NEW_TOPIC, **new)).status == 303
    assert "Aucune demande résolue n’attend" in (await formateur.get(LESSONS)).words
    async with own_database.reading() as session:
        assert [lesson.drawn for lesson in await session.scalars(sa.select(TicketLesson))] == [True]


async def test_an_article_completed_from_a_request_takes_it_out_of_the_list(
    site: Api, own_database: Database, browser_of: Open
) -> None:
    agent, formateur = await browser_of("agent_n2"), await browser_of("formateur")
    _, ticket = await ask(site)
    await agent.post(path(ticket, "repondre"), text="Ouvrez le blog.")
    await agent.post(path(ticket, "resoudre"), text="")
    place = f"{ARTICLES}/connexion_mot_de_passe_oublie/modifier"
    assert ticket["number"] in (await formateur.get(f"{place}?demande={ticket['number']}")).text
    version, source = await source_of(own_database, "connexion_mot_de_passe_oublie")
    begun = await formateur.post(
        place, source=source + "\n", base=str(version), reason="Plus clair", demande=ticket["number"]
    )
    assert begun.status == 303
    assert "Aucune demande résolue n’attend" in (await formateur.get(LESSONS)).words


async def test_the_draft_is_the_source_of_an_article(
    site: Api, own_database: Database, browser_of: Open, clock: FixedClock
) -> None:
    agent = await browser_of("agent_n2")
    _, ticket = await ask(site)
    await agent.post(path(ticket, "repondre"), text="Ouvrez le blog.")
    await agent.post(path(ticket, "resoudre"), text="")

    class _Everywhere:
        grants = (NewGrant("formateur", "tout", ""),)
        account = Account(id="x")

    async with own_database.reading() as session:
        draft = await draft_from(session, clock, _Everywhere(), ticket["number"])
    assert parse_article(draft.source).level == 2
    assert draft.utterances


async def test_a_request_of_another_territory_teaches_nobody_here(site: Api, browser_of: Open) -> None:
    agent = await browser_of("agent_n2")
    _, ticket = await ask(site, uai=ECOLE)
    await agent.post(path(ticket, "repondre"), text="Ouvrez le blog.")
    await agent.post(path(ticket, "resoudre"), text="")
    other = await browser_of(grants=[NewGrant("formateur", "etablissement", COLLEGE)])
    assert ticket["number"] not in (await other.get(LESSONS)).words
    for gesture in ("ecarter", "remettre"):
        assert (await other.post(f"{LESSONS}/{ticket['number']}/{gesture}")).status == 404
    assert (await other.get(f"{LESSONS}/{ticket['number']}")).status == 404
    assert (await (await browser_of("administrateur")).get(LESSONS)).status == 403
