"""The administrator's pages of delays and calendars."""

from __future__ import annotations

import sqlalchemy as sa

from bot.db import Database
from bot.escalation.models import CalendarRow, DelayRow
from bot.people.models import AuditEntry
from tests.integration.console import Open
from tests.integration.gateway import Api

DELAYS, CALENDARS = "/console/delais", "/console/calendriers"
WEEK = {f"hours_{weekday}": "8 h 30 - 12 h, 13 h 30 - 17 h" for weekday in range(5)}


async def count(database: Database, table: type) -> int:
    async with database.reading() as session:
        return await session.scalar(sa.select(sa.func.count()).select_from(table))


async def test_delays_are_shown_changed_and_kept_in_the_log(browser_of: Open, own_database: Database) -> None:
    browser = await browser_of("administrateur")
    page = await browser.get(DELAYS)
    assert 'value="22,5"' in page.text
    saved = await browser.post(DELAYS, first_2_toutes="4,5", solution_2_toutes="20")
    assert saved.status == 303
    async with own_database.reading() as session:
        [row] = (await session.scalars(sa.select(DelayRow))).all()
        log = await session.scalar(sa.select(AuditEntry).where(AuditEntry.action == "delays_changed"))
    assert (row.level, row.priority, row.first_answer_minutes, row.solution_minutes) == (2, None, 270, 1200)
    assert "niveau 2, toutes : 270 min, 1200 min" in log.details["after"]
    assert 'value="4,5"' in (await browser.get(DELAYS)).text


async def test_delays_that_make_no_sense_change_nothing(browser_of: Open, own_database: Database) -> None:
    browser = await browser_of("administrateur")
    before = await count(own_database, DelayRow)
    for first, solution in (
        ("bientôt", "3"),
        ("5", "3"),
        ("-1", "3"),
        ("1", ""),
        ("nan", "1"),
        ("1e9", "1e9"),
        ("inf", "inf"),
    ):
        page = await browser.post(DELAYS, first_2_toutes=first, solution_2_toutes=solution)
        assert page.status == 422, (first, solution)
        assert "À corriger" in page.words
    assert await count(own_database, DelayRow) == before


async def test_a_calendar_is_written_as_it_is_read(browser_of: Open, own_database: Database) -> None:
    browser = await browser_of("administrateur")
    address = f"{CALENDARS}/Valmont"
    assert (await browser.get(address)).status == 200
    closure = {"name_0": "Noël", "first_0": "2026-12-19", "last_0": "2027-01-03", "zone_0": "C", "closures": "0"}
    assert (await browser.post(address, **WEEK, **closure, closes_for="C")).status == 303
    page = await browser.get(address)
    assert 'value="8 h 30 - 12 h, 13 h 30 - 17 h"' in page.text
    assert 'value="Noël"' in page.text
    assert 'value="2027-01-03"' in page.text
    assert await count(own_database, CalendarRow) == 2
    assert (await browser.post(f"{address}/retirer")).status == 303
    assert await count(own_database, CalendarRow) == 1
    assert (await browser.post(f"{CALENDARS}/tous/retirer")).status == 400


async def test_a_calendar_that_makes_no_sense_is_shown_again(browser_of: Open, own_database: Database) -> None:
    browser = await browser_of("administrateur")
    address = f"{CALENDARS}/Valmont"
    for bad in (
        {"hours_0": "le matin"}, {"hours_0": "12 h - 8 h"}, {"hours_0": "2 h 30 - 5 h"}, {},
        {**WEEK, "first_0": "2026-12-19", "closures": "0"}, {**WEEK, "closes_for": "Z"},
        {**WEEK, "first_0": "2026-12-19", "last_0": "2026-12-01", "closures": "0"},
    ):  # fmt: skip
        page = await browser.post(address, **bad)
        assert page.status == 422, bad
        assert "À corriger" in page.words
    assert await count(own_database, CalendarRow) == 1
    assert (await browser.get(f"{CALENDARS}/Ailleurs")).status == 404


async def test_what_is_promised_changes_with_them(site: Api, browser_of: Open, own_database: Database) -> None:
    administrator = await browser_of("administrateur")
    await administrator.post(DELAYS, first_2_toutes="1", solution_2_toutes="2")
    chat = await site.open("parent", "0750002V")
    await chat.say("je veux parler à quelqu'un")
    asked = (await chat.say("Le blog reste vide"))["messages"][0]["text"]
    assert "aujourd’hui, au plus tard à" in asked


async def test_nobody_else_comes_in(browser_of: Open) -> None:
    for role in ("referent", "agent_n2", "formateur"):
        browser = await browser_of(role)
        assert (await browser.get(DELAYS)).status == 403
        assert (await browser.post(DELAYS, first_2_toutes="1", solution_2_toutes="2")).status == 403
