"""The queue's filters and its gestures on several requests at once; whom a request may be given to."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa

from bot.db import Database
from bot.escalation import desk
from bot.escalation.desk import COLUMNS
from bot.escalation.models import Group, Ticket, TicketEvent
from bot.people.accounts import NewGrant
from bot.people.models import Account, AuditEntry
from tests.integration.console import COLLEGE, ECOLE, Browser, Open, Page, add_account
from tests.integration.gateway import ONE_KIND, Api

QUEUE = "/console/demandes"


async def ask(site: Api, uai: str = COLLEGE, problem: str = "Le blog est vide", question: str = "") -> str:
    chat = await site.open("directeur" if question else "parent", uai)
    if question:
        await chat.say(question)
    return (await chat.open_ticket(problem))["number"]


async def do(browser: Browser, gesture: str, *numbers: str, query: str = "", **fields) -> Page:
    """Tick requests and press a button."""
    data = [("csrf", browser.csrf), ("gesture", gesture), *(("number", one) for one in numbers), *fields.items()]
    return await browser.call("POST", QUEUE + query, data=data, headers={"Origin": str(browser.base.origin())})


async def kept(database: Database, number: str) -> Ticket:
    async with database.reading() as session:
        return await session.scalar(sa.select(Ticket).where(Ticket.number == number))


async def history(database: Database, number: str) -> list[tuple]:
    async with database.reading() as session:
        found = await session.scalars(
            sa.select(TicketEvent).join(Ticket).where(Ticket.number == number).order_by(TicketEvent.id)
        )
        return [(one.kind, one.author, one.data.get("to")) for one in found]


async def test_filters_combine(site: Api, browser_of: Open) -> None:
    blog = await ask(site)
    account = await ask(site, question="créer un compte pour un enseignant")
    browser = await browser_of("agent_n2")

    async def shown(query: str) -> set[str]:
        page = await browser.get(f"{QUEUE}?{query}")
        return {one for one in (blog, account) if one in page.text}

    assert await shown("group=dsi") == {account}
    assert await shown("group=dan") == {blog}
    assert await shown("topic=admin_creer_compte") == {account}
    assert await shown("group=dsi&topic=admin_creer_compte&profile=directeur&level=2") == {account}
    # Every word, in the number, the problem or the school, in capitals or not, within a word too; what a pattern would read is left out.
    rank = blog.split("-")[1]
    assert await shown(f"text={rank}") == {blog}
    assert (
        await shown(f"text=VALMONT+{rank}")
        == await shown(f"text=almon+{rank}%25")
        == await shown(f"text={rank}%5C")
        == {blog}
    )
    assert await shown(f"text={rank}+absent") == set()
    assert await shown("text=valmont") == {blog, account}
    assert await shown("group=dsi&profile=parent") == set()
    assert await shown("group=%3Cb%3E&topic=%00") == set()
    page = await browser.get(f"{QUEUE}?group=dsi&topic=admin_creer_compte")
    assert '<option value="dsi" selected' in page.text
    assert '<option value="admin_creer_compte" selected' in page.text


@pytest.mark.parametrize("most", [desk.MANY, 2], ids=["rare", "frequent"])
@pytest.mark.parametrize("state", ["ouvertes", ""])
async def test_what_is_searched_comes_in_order_and_by_pages_however_many_there_are(
    site: Api, browser_of: Open, monkeypatch: pytest.MonkeyPatch, most: int, state: str
) -> None:
    asked = [await ask(site, problem=problem) for problem in ("Le blog est vide", "Le blog est lent", "Un son manque")]
    monkeypatch.setattr(desk, "PAGE", 1)
    monkeypatch.setattr(desk, "MANY", most)
    browser = await browser_of("agent_n2")

    async def shown(page: int, text: str = "blog") -> list[str]:
        found = await browser.get(f"{QUEUE}?state={state}&text={text}&sort=recentes&page={page}")
        return re.findall(r'<a href="/console/demandes/([\d-]+)"', found.text)

    assert [await shown(1), await shown(2)] == [[asked[1]], [asked[0]]]
    assert await shown(1, "son+manque") == [asked[2]]
    assert await shown(1, "absent") == []
    if most > 2:
        assert await shown(9) == [asked[0]], "a page that is no longer there is the last one"


async def test_several_are_taken_at_once_and_each_refusal_says_why(site: Api, browser_of: Open, own_database) -> None:
    first, second, third = [await ask(site) for _ in range(3)]
    agent, colleague = await browser_of("agent_n2", name="Noé Agent"), await browser_of("agent_n2", name="Zoé Agent")
    await colleague.post(f"{QUEUE}/{third}/prendre")
    page = await do(agent, "prendre", first, second, third, first, "26-99999-9")
    assert page.status == 200
    assert "2 demandes à vous, 2 refusées." in page.words
    assert f"{third} : Une autre personne a déjà pris cette demande" in page.words
    assert "26-99999-9 : Cette demande n’existe pas" in page.words
    assert "(à Zoé Agent)" in page.words
    assert [(await kept(own_database, one)).state for one in (first, second)] == ["en_cours", "en_cours"]
    assert (await history(own_database, first))[-1] == ("pris", "Noé Agent", None)


async def test_requests_are_given_to_an_agent_who_covers_them(site: Api, browser_of: Open, own_database, clock) -> None:
    college, ecole = await ask(site), await ask(site, ECOLE)
    near = NewGrant("agent_n2", "etablissement", COLLEGE)
    other = await add_account(own_database, clock, name="Élie Collège", grants=[near])
    vendor = await add_account(own_database, clock, "agent_n3", name="Max Éditeur")
    referent = await add_account(own_database, clock, "referent", name="Rémi Référent")
    agent = await browser_of("agent_n2", name="Noé Agent")
    listed = (await agent.get(QUEUE)).words
    assert "Élie Collège" in listed
    assert "Max Éditeur" not in listed
    assert "Rémi Référent" not in listed
    page = await do(agent, "affecter", college, ecole, assignee=other.id)
    assert "1 demande affectée, 1 refusée." in page.words
    assert f"{ecole} : Élie Collège ne peut pas recevoir cette demande" in page.words
    assert (await kept(own_database, college)).assignee_id == other.id
    assert (await history(own_database, college))[-1] == ("affecte", "Noé Agent", "Élie Collège")
    assert "Affectation , Noé Agent" in (await agent.get(f"{QUEUE}/{college}")).words
    for wrong in (vendor.id, referent.id, "nulle", ""):
        page = await do(agent, "affecter", ecole, assignee=wrong)
        assert "0 demande affectée, 1 refusée." in page.words
        assert (await agent.post(f"{QUEUE}/{ecole}/affecter", assignee=wrong)).status == 422
    assert (await kept(own_database, ecole)).assignee_id is None
    async with own_database.transaction() as session:
        (await session.get(Account, other.id)).state = "disabled"
    assert (await agent.post(f"{QUEUE}/{college}/remettre")).status == 303
    assert (await agent.post(f"{QUEUE}/{college}/affecter", assignee=other.id)).status == 422
    async with own_database.reading() as session:
        found = await session.scalars(sa.select(AuditEntry).where(AuditEntry.kind == "ticket").order_by(AuditEntry.id))
        assert found.first().details == {"gesture": "affecte", "to": "Élie Collège"}


async def test_requests_change_group_and_wait_in_its_queue(site: Api, browser_of: Open, own_database) -> None:
    first, second = await ask(site), await ask(site, question="créer un compte pour un enseignant")
    agent = await browser_of("agent_n2", name="Noé Agent")
    await agent.post(f"{QUEUE}/{first}/prendre")
    page = await do(agent, "groupe", first, second, group="dsi")
    assert "1 demande dans ce groupe, 1 refusée." in page.words
    assert f"{second} : Cette demande est déjà dans ce groupe" in page.words
    ticket = await kept(own_database, first)
    assert (ticket.group_id, ticket.assignee_id, ticket.state) == ("dsi", None, "nouveau")
    async with own_database.reading() as session:
        name = (await session.get(Group, "dsi")).name
    assert (await history(own_database, first))[-1] == ("affecte", "Noé Agent", name)
    assert "niveau 3" in (await do(agent, "groupe", first, group="editeur")).words
    assert (await agent.post(f"{QUEUE}/{first}/groupe", group="")).status == 422
    assert (await agent.post(f"{QUEUE}/{first}/groupe", group="dan")).status == 303
    assert (await kept(own_database, first)).group_id == "dan"


async def test_a_referent_closes_several_and_does_no_more(site: Api, browser_of: Open, own_database) -> None:
    mine, also, other = await ask(site), await ask(site), await ask(site, ECOLE)
    referent = await browser_of("referent")
    page = await referent.get(QUEUE)
    assert 'value="clore"' in page.text
    for gesture in ("prendre", "affecter", "groupe"):
        assert f'value="{gesture}"' not in page.text
        assert "0 demande" in (await do(referent, gesture, mine, group="dsi", assignee="x")).words
    page = await do(referent, "clore", mine, also, other, query="?profile=parent&state=ouvertes")
    assert "2 demandes closes, 1 refusée." in page.words
    assert f"{other} : Cette demande n’existe pas, ou n’est pas dans votre territoire" in page.words
    assert "selected>Parent" in page.text
    assert [(await kept(own_database, one)).state for one in (mine, also, other)] == ["clos", "clos", "nouveau"]


async def test_each_column_sorts_both_ways_and_says_so(site: Api, browser_of: Open) -> None:
    college, ecole = await ask(site), await ask(site, ECOLE)
    other = await ask(site, question="créer un compte pour un enseignant")
    agent = await browser_of("agent_n2")
    await agent.post(f"{QUEUE}/{ecole}/prendre")
    await agent.post(f"{QUEUE}/{other}/escalader", reason="Il faut l’éditeur")

    async def order(sort: str) -> list[str]:
        page = await agent.get(f"{QUEUE}?state=&sort={sort}")
        assert f'value="{sort}" selected' in page.text
        headings = re.findall(r'<th scope="col"( aria-sort="\w+")?><a href="([^"]*)"', page.text)
        assert len(headings) == len(COLUMNS)
        [(told, back)] = [one for one in headings if one[0]]
        assert told == f' aria-sort="{"descending" if sort.startswith("-") else "ascending"}"'
        assert f"sort={sort[1:] if sort.startswith('-') else '-' + sort}" in re.split(
            "[?&]", back.replace("&amp;", "&")
        )
        return re.findall(r'<a href="/console/demandes/([\d-]+)"', page.text)

    assert await order("numero") == await order("ouverture") == [college, ecole, other]
    assert await order("ecole") == [college, other, ecole]
    assert await order("profil") == [other, college, ecole]
    assert await order("etat") == [college, other, ecole]
    assert await order("niveau") == [college, ecole, other]
    for column in COLUMNS:
        assert await order(f"-{column}") == [*reversed(await order(column))]
    for plain in ("echeance", "recentes", "activite", "nulle", "--ecole"):
        assert "aria-sort" not in (await agent.get(f"{QUEUE}?sort={plain}")).text


@ONE_KIND
async def test_the_page_of_shortcuts_tells_those_there_are(site: Api, browser_of: Open) -> None:
    number = await ask(site)
    agent = await browser_of("agent_n2")
    told = re.findall(
        r'<kbd>(.)</kbd></td><td data-label="Où">(.*?)</td>', (await agent.get("/console/raccourcis")).text
    )
    for place, path in (("File des demandes", QUEUE), ("Une demande", f"{QUEUE}/{number}")):
        page = await agent.get(path)
        there = {key for key, where in told if where in (place, "Partout")}
        assert set(re.findall(r'accesskey="(.)"', page.text)) == there
        for target in re.findall(r'class="skip" href="#([^"]*)"', page.text):
            assert re.search(rf'<(?:\w+)[^>]* id="{target}"', page.text), target


@ONE_KIND
async def test_nothing_ticked_and_no_such_gesture(site: Api, browser_of: Open, own_database) -> None:
    number = await ask(site)
    agent = await browser_of("agent_n2")
    page = await do(agent, "clore")
    assert page.status == 422
    assert "Cochez d’abord les demandes" in page.words
    assert (await do(agent, "repondre", number)).status == 404
    assert (await do(agent, "", number)).status == 404
    assert (await kept(own_database, number)).state == "nouveau"
