"""The administrator's groups and routing table: changed as a whole or not at all, tried, told in the log."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa

from bot.db import Database
from bot.escalation.models import Group, Route, Ticket
from bot.people.models import AuditEntry
from tests.integration.console import Browser, Page
from tests.integration.gateway import ONE_KIND, Api

TABLE, GROUPS = "/console/repartition", "/console/groupes"
# The demonstration's table.
ROWS = [
    {"group": "dan"},
    {"group": "dsi", "subject": "theme:administration"},
    {"group": "dsi", "subject": "topic:connexion_double_authentification"},
]


def fields_of(rows: list[dict[str, str]]) -> dict[str, str]:
    names = ("subject", "profile", "scope", "territory", "group")
    fields = {f"{name}-{place}": row.get(name, "") for place, row in enumerate(rows) for name in names}
    return fields | {f"drop-{place}": "1" for place, row in enumerate(rows) if "drop" in row}


def seen_on(page: Page) -> str:
    return re.search('name="seen" value="([^"]+)"', page.text)[1]


async def save(browser: Browser, rows: list[dict[str, str]], **fields) -> Page:
    seen = seen_on(await browser.get(TABLE))
    return await browser.post(TABLE, **{"seen": seen, **fields_of(rows), **fields})


async def table_of(database: Database) -> list[tuple]:
    async with database.reading() as session:
        found = await session.scalars(sa.select(Route).order_by(Route.id))
        return [(one.group_id, one.topic or one.theme, one.profile, one.scope, one.territory) for one in found]


async def entries(database: Database) -> list[tuple]:
    async with database.reading() as session:
        found = await session.scalars(
            sa.select(AuditEntry).where(AuditEntry.kind.in_(["group", "routing"])).order_by(AuditEntry.id)
        )
        return [(one.action, one.object_id, one.details) for one in found]


# --- groups -----------------------------------------------------------------------------------


async def test_a_group_is_added_renamed_and_removed(browser: Browser, own_database) -> None:
    assert (await browser.post(GROUPS, name="  Équipe  de Lyon ", level="2")).status == 303
    page = await browser.get(GROUPS)
    assert f"{GROUPS}/equipe-de-lyon" in page.text
    assert "Un autre groupe a déjà ce nom" in (await browser.post(GROUPS, name="EQUIPE DE LYON", level="3")).words
    assert (await browser.post(GROUPS, name="Équipe de Lyon !", level="3")).status == 303
    assert f"{GROUPS}/equipe-de-lyon-2" in (await browser.get(GROUPS)).text
    here = f"{GROUPS}/equipe-de-lyon"
    assert (await browser.post(here, name="Lyon", level="3")).status == 303
    assert (await browser.post(f"{here}/retirer")).status == 303
    assert (await browser.get(here)).status == 404
    assert [one for one in await entries(own_database) if one[1] == "equipe-de-lyon"] == [
        ("group_added", "equipe-de-lyon", {"after": {"name": "Équipe de Lyon", "level": 2}}),
        ("group_changed", "equipe-de-lyon",
         {"before": {"name": "Équipe de Lyon", "level": 2}, "after": {"name": "Lyon", "level": 3}}),
        ("group_removed", "equipe-de-lyon", {"before": {"name": "Lyon", "level": 3}, "finished": 0}),
    ]  # fmt: skip


@pytest.mark.parametrize(("name", "level", "field"), [("", "2", "name"), ("x" * 121, "2", "name"), ("A", "4", "level")])
@ONE_KIND
async def test_what_is_no_group_is_refused_at_its_field(browser: Browser, own_database, name, level, field) -> None:
    page = await browser.post(GROUPS, name=name, level=level)
    assert page.status == 422
    assert f'id="{field}-erreur"' in page.text
    assert not await entries(own_database)


async def test_a_group_that_is_of_use_stays_and_the_page_says_what_to_do(
    site: Api, browser: Browser, own_database
) -> None:
    refused = await browser.post(f"{GROUPS}/dsi/retirer")
    assert refused.status == 409
    assert "désignez d’abord un autre groupe à ces lignes" in refused.words
    refused = await browser.post(f"{GROUPS}/dsi", name="DSI", level="3")
    assert refused.status == 409
    chat = await site.open("directeur", "0750002V")
    await chat.say("créer un compte pour un enseignant")
    ticket = await chat.open_ticket("Cela ne marche toujours pas")
    assert (await save(browser, ROWS[:1])).status == 303
    refused = await browser.post(f"{GROUPS}/dsi/retirer")
    assert refused.status == 409
    assert "1 demande en cours" in refused.words
    assert (await browser.post(f"{GROUPS}/dsi", name="Comptes", level="2")).status == 303
    await chat.say("Vous pouvez clore ma demande")
    assert (await browser.post(f"{GROUPS}/dsi/retirer")).status == 303
    async with own_database.reading() as session:
        assert await session.get(Group, "dsi") is None
        kept = await session.scalar(sa.select(Ticket).where(Ticket.number == ticket["number"]))
    assert (kept.state, kept.group_id) == ("clos", None)
    assert (await entries(own_database))[-1][2]["finished"] == 1


# --- routing table ----------------------------------------------------------------------------


async def test_the_table_is_changed_as_a_whole_with_before_and_after_in_the_log(
    browser: Browser, own_database, admin
) -> None:
    rows = [*ROWS[:2], {**ROWS[2], "drop": "1"},
            {"group": "dsi", "profile": "parent", "scope": "academie", "territory": "Valmont"}, {}]  # fmt: skip
    page = await save(browser, rows)
    assert (page.status, page.location) == (303, f"{TABLE}?fait=repartition")
    assert await table_of(own_database) == [
        ("dan", None, None, None, None), ("dsi", "administration", None, None, None),
        ("dsi", None, "parent", "academie", "Valmont"),
    ]  # fmt: skip
    assert await entries(own_database) == [
        ("routing_changed", "table", {
            "before": [{"group": "dsi", "topic": "connexion_double_authentification"}],
            "after": [{"group": "dsi", "profile": "parent", "scope": "academie", "territory": "Valmont"}],
        }),
    ]  # fmt: skip
    assert "sujet : connexion_double_authentification" in (await browser.get("/console/journal")).words
    # Saved again as it is, there is nothing to tell.
    assert (await save(browser, [*rows[:2], rows[3]])).status == 303
    assert len(await entries(own_database)) == 1


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([], "pas de ligne par défaut"),
        (ROWS[1:], "pas de ligne par défaut"),
        ([*ROWS, {"group": "dsi"}], "disent la même chose"),
        ([*ROWS, {"profile": "parent"}], "Ligne 4 : Choisissez le groupe"),
        ([*ROWS, {"group": "nul", "profile": "parent"}], "Ligne 4 : Choisissez le groupe"),
        ([*ROWS, {"group": "dsi", "subject": "topic:nul"}], "Ligne 4 : Choisissez le sujet"),
        ([*ROWS, {"group": "dsi", "subject": "theme:nul"}], "Ligne 4 : Choisissez le sujet"),
        ([*ROWS, {"group": "dsi", "profile": "nul"}], "Ligne 4 : Choisissez le profil"),
        ([*ROWS, {"group": "dsi", "scope": "nul", "territory": "x"}], "Ligne 4 : Choisissez la portée"),
        ([*ROWS, {"group": "dsi", "scope": "academie"}], "Ligne 4 : Une portée et un territoire"),
        ([*ROWS, {"group": "dsi", "scope": "academie", "territory": "Lyon"}], "Ligne 4 : Aucune école n’est dans « Lyon »"),
    ],
)  # fmt: skip
@ONE_KIND
async def test_a_table_that_does_not_hold_is_refused_and_what_was_typed_comes_back(
    browser: Browser, own_database, rows, told
) -> None:
    before = await table_of(own_database)
    page = await save(browser, rows)
    assert page.status == 422
    assert told in page.words
    assert await table_of(own_database) == before
    assert not await entries(own_database)
    assert page.text.count(' value="dsi" selected') == sum(row.get("group") == "dsi" for row in rows)


async def test_of_two_who_change_it_at_once_the_second_is_told(browser: Browser, own_database) -> None:
    old = seen_on(await browser.get(TABLE))
    assert (await save(browser, ROWS[:2])).status == 303
    page = await browser.post(TABLE, seen=old, **fields_of(ROWS))
    assert page.status == 409
    assert "Quelqu’un a changé cette table" in page.words
    assert len(await table_of(own_database)) == 2


@ONE_KIND
async def test_more_rows_are_given_without_losing_those_filled(browser: Browser, own_database) -> None:
    page = await save(browser, [*ROWS, {"group": "dsi", "profile": "eleve"}], more="1")
    assert page.status == 200
    assert 'name="group-9"' in page.text
    assert 'name="group-10"' not in page.text
    assert 'value="eleve" selected' in page.text
    assert len(await table_of(own_database)) == 3


@pytest.mark.parametrize(
    ("topic", "profile", "school", "told"),
    [
        ("", "", "", "Équipe ENT de l'académie (DAN) , niveau 2. La ligne 1 décide : tous les sujets"),
        ("admin_creer_compte", "directeur", "0750002V", "La ligne 2 décide : thème Administration"),
        ("connexion_double_authentification", "", "tilleuls", "La ligne 3 décide"),
        ("", "", "valmont", "donnez l’UAI"),
        ("", "", "nulle", "Aucune école"),
    ],
)
@ONE_KIND
async def test_where_a_request_would_go_is_tried(browser: Browser, topic, profile, school, told) -> None:
    page = await browser.get(TABLE, params={"topic": topic, "profile": profile, "school": school})
    assert told in page.words
