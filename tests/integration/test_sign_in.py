"""Signing in by password, its slowing down, sessions and their ends, and what the audit log keeps of it."""

from __future__ import annotations

import asyncio
import html
import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from bot.clock import FixedClock
from bot.db import Database
from bot.errors import RateLimited, Unauthenticated
from bot.people import accounts, federation, sign_in
from bot.people.models import AuditEntry, SignInFailures, SignInSession
from bot.people.personal_data import AUDIT_LIFE, AccountData
from bot.privacy.service import Retention
from bot.providers import IdentityProvider
from tests.integration.console import PASSWORD, add_account, open_browser
from tests.integration.gateway import ONE_KIND

WRONG = "un pangolin bleu"
NEW = "trois loutres patientes"


async def actions(database: Database) -> list[str]:
    async with database.reading() as session:
        return list((await session.scalars(sa.select(AuditEntry.action).order_by(AuditEntry.id))).all())


async def attempt(database: Database, clock: FixedClock, login: str, password: str, address: str = "192.0.2.1") -> str:
    return await sign_in.sign_in(database, clock, login, password, address=address)


# --- by the pages -----------------------------------------------------------------------------


async def test_signing_in_leads_where_one_wanted_to_go_and_out_again(start, own_database: Database, clock) -> None:
    account = await add_account(own_database, clock, "administrateur", password=PASSWORD)
    site = await start()
    async with open_browser(site.base) as browser:
        asked = await browser.get("/console/journal?who=ada&page=1")
        assert (asked.status, asked.location) == (303, "/console/connexion?suite=/console/journal?who%3Dada%26page%3D1")
        form = await browser.get(asked.location)
        assert form.title == "Connexion – Console AssistENT"
        after = html.unescape(re.search('name="suite" value="([^"]+)"', form.text)[1])
        page = await browser.post("/console/connexion", login=account.login.upper(), password=PASSWORD, suite=after)
        assert (page.status, page.location) == (303, "/console/journal?who=ada&page=1")
        assert (await browser.get("/console/connexion")).location == "/console/"
        journal = await browser.get(page.location)
        assert "Ada Essai" in journal.words
        assert "Connexion" in journal.words
        out = await browser.post("/console/deconnexion")
        assert out.location == "/console/connexion?fait=deconnecte"
        assert "Vous êtes déconnecté." in (await browser.get(out.location)).words
        assert (await browser.get("/console/journal")).status == 303
    assert (await actions(own_database))[-2:] == ["sign_in", "sign_out"]


@pytest.mark.parametrize(
    "after", ["https://ailleurs.example/", "//ailleurs.example/console/", "/console/\\x", "/demo/"]
)
@ONE_KIND
async def test_signing_in_leads_to_no_other_place(start, own_database: Database, clock, after: str) -> None:
    account = await add_account(own_database, clock, password=PASSWORD)
    site = await start()
    async with open_browser(site.base) as browser:
        assert (await browser.sign_in(account.login, suite=after)).location == "/console/"


@ONE_KIND
async def test_what_was_wrong_is_not_told_and_the_password_is_not_shown(start, own_database: Database, clock) -> None:
    account = await add_account(own_database, clock, "referent", password=PASSWORD)
    waiting = await add_account(own_database, clock, "referent")
    gone = await add_account(own_database, clock, "referent", password=PASSWORD)
    await accounts.disable_account(own_database, clock, account.id, gone.id)
    site = await start()
    pages = []
    async with open_browser(site.base) as browser:
        for login, password in ((account.login, WRONG), ("personne@nulle.part", WRONG), (waiting.login, WRONG),
                                (gone.login, PASSWORD), (account.login, ""), ("", ""), ("pas une adresse", WRONG)):  # fmt: skip
            page = await browser.sign_in(login, password)
            assert page.status == 422
            assert WRONG not in page.text
            assert page.title == "Erreur : Connexion – Console AssistENT"
            pages.append(re.sub(r'\s*value="[^"]*"', "", page.text))
    assert len(set(pages)) == 1
    assert 'href="#login"' in pages[0]
    assert 'aria-describedby="login-erreur" aria-invalid="true"' in pages[0]


async def test_ten_failures_slow_the_account_down_whether_it_exists_or_not(start, own_database, clock) -> None:
    account = await add_account(own_database, clock, "referent", password=PASSWORD)
    site = await start()
    told = []
    async with open_browser(site.base) as browser:
        for login in (account.login, "personne@nulle.part"):
            for _ in range(10):
                assert (await browser.sign_in(login, WRONG)).status == 422
            page = await browser.sign_in(login, PASSWORD)
            assert page.status == 429
            assert page.headers["Retry-After"] == "60"
            told.append(re.search("Trop d’essais[^<]*", page.text)[0])
        assert told == ["Trop d’essais ont échoué. Attendez une minute, puis réessayez."] * 2
        clock.advance(timedelta(seconds=60))
        assert (await browser.sign_in(account.login, PASSWORD)).status == 303


# --- the rules, on the database ---------------------------------------------------------------


@ONE_KIND
async def test_success_forgets_the_failures_and_a_day_without_any_too(
    own_database: Database, clock: FixedClock
) -> None:
    account = await add_account(own_database, clock, password=PASSWORD)
    for _ in range(2):
        for _ in range(9):
            with pytest.raises(Unauthenticated):
                await attempt(own_database, clock, account.login, WRONG)
        await attempt(own_database, clock, account.login, PASSWORD)
    for _ in range(10):
        with pytest.raises(Unauthenticated):
            await attempt(own_database, clock, account.login, WRONG)
    with pytest.raises(RateLimited):
        await attempt(own_database, clock, account.login, WRONG)
    clock.advance(timedelta(days=1))
    for _ in range(10):
        with pytest.raises(Unauthenticated):
            await attempt(own_database, clock, account.login, WRONG)


async def test_many_guesses_at_once_count_as_many(own_database: Database, clock: FixedClock) -> None:
    account = await add_account(own_database, clock, password=PASSWORD)
    results = await asyncio.gather(
        *(attempt(own_database, clock, account.login, WRONG) for _ in range(16)), return_exceptions=True
    )
    kinds = [type(result) for result in results]
    assert kinds.count(Unauthenticated) == 10
    assert kinds.count(RateLimited) == 6


@ONE_KIND
async def test_one_address_that_guesses_many_logins_is_slowed_down_too(own_database: Database, clock) -> None:
    account = await add_account(own_database, clock, password=PASSWORD)
    async with own_database.transaction() as session:
        key = sign_in.digest_of("address:192.0.2.1")
        session.add(SignInFailures(digest=key, count=99, last_at=clock.now()))
    with pytest.raises(Unauthenticated):
        await attempt(own_database, clock, "a@b.fr", WRONG)
    with pytest.raises(RateLimited):
        await attempt(own_database, clock, account.login, PASSWORD)
    await attempt(own_database, clock, account.login, PASSWORD, address="192.0.2.2")
    clock.advance(timedelta(seconds=15))
    await attempt(own_database, clock, account.login, PASSWORD)


async def test_a_session_ends_by_itself(own_database: Database, clock: FixedClock) -> None:
    account = await add_account(own_database, clock, "referent", password=PASSWORD)
    used = await attempt(own_database, clock, account.login, PASSWORD)
    idle = await attempt(own_database, clock, account.login, PASSWORD)
    for _ in range(7 * 24 // 4 - 1):
        clock.advance(timedelta(hours=4))
        caller = await sign_in.find_caller(own_database, clock, used)
        assert caller is not None
        assert caller.account.id == account.id
        assert [grant.role for grant in caller.grants] == ["referent"]
    assert await sign_in.find_caller(own_database, clock, idle) is None
    clock.advance(timedelta(hours=4))
    assert await sign_in.find_caller(own_database, clock, used) is None
    assert await sign_in.list_sessions(own_database, clock, account.id) == []


async def test_a_session_idle_for_eight_hours_is_over_and_a_minute_before_it_is_not(own_database, clock) -> None:
    account = await add_account(own_database, clock, password=PASSWORD)
    token = await attempt(own_database, clock, account.login, PASSWORD)
    clock.advance(timedelta(hours=8) - timedelta(minutes=1))
    assert await sign_in.find_caller(own_database, clock, token)
    clock.advance(timedelta(hours=8))
    assert await sign_in.find_caller(own_database, clock, token) is None


async def test_neither_the_token_nor_the_password_is_in_the_database(own_database: Database, clock) -> None:
    account = await add_account(own_database, clock, password=PASSWORD)
    token = await attempt(own_database, clock, account.login, PASSWORD)
    link = await accounts.make_password_link(own_database, clock, account.id, account.id)
    async with own_database.reading() as session:
        names = ("accounts", "sign_in_sessions", "password_links", "audit_entries", "sign_in_failures")
        everything = [str((await session.execute(sa.text(f"SELECT * FROM {name}"))).all()) for name in names]
    for secret in (token, link, PASSWORD):
        assert secret not in "".join(everything)


# --- one's own account ------------------------------------------------------------------------


async def test_a_person_sees_his_sessions_and_closes_another(start, own_database: Database, clock) -> None:
    account = await add_account(own_database, clock, "referent", password=PASSWORD)
    site = await start()
    async with open_browser(site.base) as here, open_browser(site.base) as there:
        await here.sign_in(account.login)
        there.headers = {"User-Agent": "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0"}
        await there.sign_in(account.login)
        page = await here.get("/console/mon-compte")
        assert "Firefox, Windows" in page.words
        assert "Référent, école ou établissement 0750002V" in page.words
        other = re.search(r"/console/mon-compte/sessions/(\d+)/fermer", page.text)[1]
        assert (await here.post(f"/console/mon-compte/sessions/{other}/fermer")).status == 303
        assert (await there.get("/console/mon-compte")).status == 303
        assert (await here.get("/console/mon-compte")).status == 200
        assert (await here.post(f"/console/mon-compte/sessions/{other}/fermer")).status == 404
    assert "session_revoked" in await actions(own_database)


async def test_nobody_closes_the_session_of_another(start, own_database: Database, clock) -> None:
    mine, his = [await add_account(own_database, clock, password=PASSWORD) for _ in range(2)]
    token = await attempt(own_database, clock, his.login, PASSWORD)
    caller = await sign_in.find_caller(own_database, clock, token)
    site = await start()
    async with open_browser(site.base) as browser:
        await browser.sign_in(mine.login)
        await browser.get("/console/mon-compte")
        assert (await browser.post(f"/console/mon-compte/sessions/{caller.session_id}/fermer")).status == 404
    assert await sign_in.find_caller(own_database, clock, token)


async def test_changing_the_password_closes_the_other_sessions(start, own_database: Database, clock) -> None:
    account = await add_account(own_database, clock, password=PASSWORD)
    other = await attempt(own_database, clock, account.login, PASSWORD)
    site = await start()
    async with open_browser(site.base) as browser:
        await browser.sign_in(account.login)
        await browser.get("/console/mon-compte")
        path = "/console/mon-compte/mot-de-passe"
        for current, new, again, field in ((WRONG, NEW, NEW, "current"), (PASSWORD, "court", "court", "password"),
                                           (PASSWORD, NEW, NEW + "x", "again")):  # fmt: skip
            page = await browser.post(path, current=current, password=new, again=again)
            assert page.status == 422
            assert f'id="{field}-erreur"' in page.text
            assert new not in page.text
        assert await sign_in.find_caller(own_database, clock, other)
        page = await browser.post(path, current=PASSWORD, password=NEW, again=NEW)
        assert page.status == 303
        assert "Vos autres sessions sont fermées." in (await browser.get(page.location)).words
    assert await sign_in.find_caller(own_database, clock, other) is None
    with pytest.raises(Unauthenticated):
        await attempt(own_database, clock, account.login, PASSWORD)
    await attempt(own_database, clock, account.login, NEW)


@ONE_KIND
async def test_guessing_the_current_password_is_slowed_down(start, own_database: Database, clock) -> None:
    account = await add_account(own_database, clock, password=PASSWORD)
    site = await start()
    async with open_browser(site.base) as browser:
        await browser.sign_in(account.login)
        await browser.get("/console/mon-compte")
        path = "/console/mon-compte/mot-de-passe"
        for _ in range(10):
            assert (await browser.post(path, current=WRONG, password=NEW, again=NEW)).status == 422
        page = await browser.post(path, current=PASSWORD, password=NEW, again=NEW)
        assert page.status == 429
        assert "Trop d’essais" in page.words


# --- what is kept -----------------------------------------------------------------------------


async def test_the_audit_log_cannot_be_changed(own_database: Database, clock: FixedClock) -> None:
    await add_account(own_database, clock, "referent")
    with pytest.raises(sa.exc.DBAPIError, match="audit log is not changed"):
        async with own_database.transaction() as session:
            await session.execute(sa.update(AuditEntry).values(action="sign_in"))
    assert await actions(own_database) == ["account_created", "grant_given"]


async def test_what_is_over_is_purged_and_the_log_after_a_year(own_database: Database, clock: FixedClock) -> None:
    account = await add_account(own_database, clock, password=PASSWORD)
    await attempt(own_database, clock, account.login, PASSWORD)
    with pytest.raises(Unauthenticated):
        await attempt(own_database, clock, account.login, WRONG)
    await accounts.make_password_link(own_database, clock, account.id, account.id)
    provider = IdentityProvider("academie", "Académie", "cas", "https://cas.example")
    await federation.begin_attempt(own_database, clock, provider, "visite", "/console/")

    async def purge() -> dict[str, int]:
        async with own_database.transaction() as session:
            return await AccountData().purge(session, clock.now(), Retention())

    assert not any((await purge()).values())
    clock.advance(timedelta(days=1))
    assert await purge() == {
        "sign_in_sessions": 1, "sign_in_attempts": 1, "password_links": 1, "sign_in_failures": 2, "audit_entries": 0,
    }  # fmt: skip
    clock.advance(AUDIT_LIFE)
    assert (await purge())["audit_entries"] == 4
    async with own_database.reading() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(SignInSession)) == 0
