"""Accounts and roles: by the administrator's pages, by the command line, and what the audit log keeps of each change."""

from __future__ import annotations

import asyncio
import io
import json
import re
import stat
from datetime import timedelta

import pytest
import sqlalchemy as sa

from bot import cli
from bot.clock import FixedClock
from bot.db import Database
from bot.errors import Conflict, InvalidField, NotFound
from bot.people import accounts, sign_in
from bot.people.accounts import NewGrant
from bot.people.models import Account, AuditEntry, Grant, School
from bot.people.rules import Scope, covers
from bot.people.service import count_schools, covered
from tests.integration.console import PASSWORD, SESSION, Browser, add_account, open_browser, signed_in
from tests.integration.gateway import ONE_KIND

NEW = "trois loutres patientes"


async def last_entries(database: Database, count: int) -> list[tuple]:
    async with database.reading() as session:
        found = await session.scalars(sa.select(AuditEntry).order_by(AuditEntry.id.desc()).limit(count))
        return [(entry.action, entry.account_id, entry.object_id, entry.details) for entry in reversed(found.all())]


async def account_named(database: Database, login: str) -> Account:
    async with database.reading() as session:
        found = await session.scalar(sa.select(Account.id).where(Account.login == login))
    return await accounts.get_account(database, found)


async def test_from_a_new_account_to_its_person_s_first_sign_in(browser: Browser, own_database, clock, admin) -> None:
    await browser.get("/console/comptes/nouveau")
    page = await browser.post(
        "/console/comptes/nouveau", name="  Élodie   Noël ", login="Elodie.Noel@Academie.example", role="agent_n2",
        scope="academie", territory="Valmont",
    )  # fmt: skip
    assert page.status == 200
    link = re.search(r'value="(http[^"]+)"', page.text)[1]
    made = await account_named(own_database, "elodie.noel@academie.example")
    assert (made.name, made.password_hash, made.state) == ("Élodie Noël", None, "active")
    grant = {"role": "agent_n2", "scope": "academie", "territory": "Valmont"}
    assert await last_entries(own_database, 3) == [
        ("account_created", admin.id, made.id, {"login": made.login}),
        ("grant_given", admin.id, made.id, grant),
        ("password_link_made", admin.id, made.id, {}),
    ]
    async with open_browser(browser.base) as person:
        form = await person.get(link)
        assert "Élodie Noël" in form.words
        token = link.partition("lien=")[2]
        for new, again, field in (("court", "court", "password"), (NEW, NEW + "x", "again")):
            refused = await person.post("/console/mot-de-passe", lien=token, password=new, again=again)
            assert refused.status == 422
            assert f'id="{field}-erreur"' in refused.text
        chosen = await person.post("/console/mot-de-passe", lien=token, password=NEW, again=NEW)
        assert "Connectez-vous" in (await person.get(chosen.location)).words
        # Once only.
        assert (await person.get(link)).status == 404
        assert (await person.post("/console/mot-de-passe", lien=token, password=NEW, again=NEW)).status == 404
        assert (await person.sign_in(made.login, NEW)).status == 303
        page = await person.get("/console/mon-compte")
        assert "Agent de niveau 2, académie Valmont" in page.words
        assert "3 écoles et établissements" in page.words


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"login": "pas une adresse"}, "login"),
        ({"login": ""}, "login"),
        ({"name": "   "}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"role": ""}, "role"),
        ({"scope": "academie", "territory": "Ailleurs"}, "territory"),
        ({"scope": "etablissement", "territory": "0750001A"}, "territory"),
        ({"scope": "etablissement", "territory": ""}, "territory"),
        ({"role": "administrateur", "scope": "academie", "territory": "Valmont"}, "scope"),
    ],
)
@ONE_KIND
async def test_what_cannot_be_created_is_refused_at_its_field(browser: Browser, own_database, changes, field) -> None:
    fields = {"name": "Ada", "login": "ada@x.example", "role": "referent", "scope": "tout", "territory": "", **changes}
    page = await browser.post("/console/comptes/nouveau", **fields)
    assert page.status == 422
    assert f'href="#{field}"' in page.text
    assert f'id="{field}-erreur"' in page.text
    async with own_database.reading() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(Account)) == 1


async def test_an_address_has_one_account(browser: Browser, own_database, clock) -> None:
    fields = {"name": "Ada", "login": "ada@x.example", "role": "referent", "scope": "tout"}
    assert (await browser.post("/console/comptes/nouveau", **fields)).status == 200
    page = await browser.post("/console/comptes/nouveau", **{**fields, "login": " ADA@x.example"})
    assert page.status == 422
    assert "Un compte a déjà cette adresse e-mail." in page.words


async def test_a_role_given_and_withdrawn_holds_from_the_next_page_on(
    browser: Browser, own_database: Database, clock, admin
) -> None:
    person = await add_account(own_database, clock)
    path = f"/console/comptes/{person.id}"
    async with signed_in(browser.base, own_database, clock, person) as his:
        assert (await his.get("/console/journal")).status == 403
        assert (await browser.post(f"{path}/roles", role="administrateur", scope="tout")).status == 303
        assert (await his.get("/console/journal")).status == 200
        assert (await browser.post(f"{path}/roles", role="administrateur", scope="tout")).status == 409
        page = await browser.post(f"{path}/roles", role="referent", scope="etablissement", territory=" 0750002v ")
        assert page.status == 303
        page = await browser.get(path)
        assert "Référent, école ou établissement 0750002V" in page.words
        first = (await accounts.get_account(own_database, person.id)).grants[0]
        assert (await browser.post(f"{path}/roles/{first.id}/retirer")).status == 303
        assert (await his.get("/console/journal")).status == 403
        assert (await browser.post(f"{path}/roles/{first.id}/retirer")).status == 404
        # By another account's address neither.
        second = (await accounts.get_account(own_database, person.id)).grants[0]
        assert (await browser.post(f"/console/comptes/{admin.id}/roles/{second.id}/retirer")).status == 404
    assert (await last_entries(own_database, 1))[0] == (
        "grant_withdrawn", admin.id, person.id, {"role": "administrateur", "scope": "tout", "territory": ""},
    )  # fmt: skip


async def test_a_disabled_account_is_out_at_once_and_may_come_back(
    browser: Browser, own_database, clock, admin
) -> None:
    person = await add_account(own_database, clock, "referent", password=PASSWORD)
    path = f"/console/comptes/{person.id}"
    link = await accounts.make_password_link(own_database, clock, admin.id, person.id)
    async with signed_in(browser.base, own_database, clock, person) as his:
        assert (await browser.post(f"{path}/desactiver")).status == 303
        assert (await his.get("/console/mon-compte")).status == 303
        assert (await his.sign_in(person.login)).status == 422
        assert (await his.get(f"/console/mot-de-passe?lien={link}")).status == 404
        assert (await browser.post(f"{path}/lien")).status == 409
        assert (await browser.post(f"{path}/desactiver")).status == 409
        assert "Désactivé" in (await browser.get("/console/comptes")).words
        assert (await browser.post(f"{path}/reactiver")).status == 303
        assert (await his.sign_in(person.login)).status == 303


async def test_the_last_administrator_stays(browser: Browser, own_database: Database, clock, admin: Account) -> None:
    mine = admin.grants[0]
    path = f"/console/comptes/{admin.id}"
    assert (await browser.post(f"{path}/desactiver")).status == 409
    assert (await browser.post(f"{path}/roles/{mine.id}/retirer")).status == 409
    other = await add_account(own_database, clock, "administrateur")
    assert (await browser.post(f"{path}/desactiver")).status == 409  # his own
    assert (await browser.post(f"{path}/roles/{mine.id}/retirer")).status == 303
    with pytest.raises(Conflict):
        await accounts.disable_account(own_database, clock, admin.id, other.id)


async def test_two_administrators_do_not_disable_each_other(own_database: Database, clock: FixedClock) -> None:
    one, two = [await add_account(own_database, clock, "administrateur") for _ in range(2)]
    results = await asyncio.gather(
        accounts.disable_account(own_database, clock, one.id, two.id),
        accounts.disable_account(own_database, clock, two.id, one.id),
        return_exceptions=True,
    )
    assert sum(isinstance(result, Conflict) for result in results) == 1


async def test_a_link_is_good_for_a_day_and_a_new_one_replaces_it(own_database: Database, clock, admin) -> None:
    person = await add_account(own_database, clock, password=PASSWORD)
    first = await accounts.make_password_link(own_database, clock, admin.id, person.id)
    second = await accounts.make_password_link(own_database, clock, admin.id, person.id)
    with pytest.raises(NotFound):
        await accounts.choose_password(own_database, clock, first, NEW)
    # The password in place stays good meanwhile.
    await sign_in.sign_in(own_database, clock, person.login, PASSWORD, address="192.0.2.1")
    clock.advance(timedelta(hours=24))
    with pytest.raises(NotFound):
        await accounts.choose_password(own_database, clock, second, NEW)
    third = await accounts.make_password_link(own_database, clock, admin.id, person.id)
    results = await asyncio.gather(
        *(accounts.choose_password(own_database, clock, third, f"{NEW} {number}") for number in range(2)),
        return_exceptions=True,
    )
    assert sorted(type(result) for result in results if result) == [NotFound]


@ONE_KIND
async def test_accounts_are_found_by_part_of_a_name_or_an_address(browser: Browser, own_database, clock) -> None:
    for number in range(55):
        await add_account(own_database, clock, login=f"p{number:02}@ecole.example", name=f"Personne {number:02}")
    await add_account(own_database, clock, login="zoe@ailleurs.example", name="Zoé Ünal")
    first = await browser.get("/console/comptes")
    assert "Page suivante" in first.words
    assert first.text.count('data-label="Nom"') == 50
    second = await browser.get("/console/comptes?page=2")
    assert second.text.count('data-label="Nom"') == 7
    for search in ("zoe", "ÜNAL", "ailleurs"):
        page = await browser.get(f"/console/comptes?q={search}")
        assert page.text.count('data-label="Nom"') == 1
        assert "Zoé Ünal" in page.words
    assert "Aucun compte ne contient « % »" in (await browser.get("/console/comptes?q=%25")).words


@ONE_KIND
async def test_the_log_is_searched_by_who_what_and_when(start, own_database: Database, clock, admin) -> None:
    site = await start()
    person = await add_account(own_database, clock, name="Zoé Ünal")
    clock.advance(timedelta(days=2))
    for _ in range(30):
        await accounts.disable_account(own_database, clock, admin.id, person.id)
        await accounts.enable_account(own_database, clock, admin.id, person.id)

    async def rows(query: str) -> int:
        async with open_browser(site.base) as browser:
            browser.headers = {"Cookie": f"{SESSION}={token}"}
            return (await browser.get(f"/console/journal?{query}")).text.count('data-label="Quand"')

    async with own_database.transaction() as session:
        token = await sign_in.open_session(session, clock.now(), await session.get(Account, admin.id), "")
    assert await rows("") == 50
    assert await rows("page=2") == 14
    assert await rows("action=account_disabled") == 30
    assert await rows(f"what={person.id}") == 50
    assert await rows("what=unal") == 50
    assert await rows("what=unal&page=2") == 11
    assert await rows("who=alix") == 50
    assert await rows("who=unal") == 0
    assert await rows("since=2026-11-23&until=2026-11-23") == 3
    assert await rows("since=2026-11-24&until=2026-11-24") == 0
    assert await rows("since=2026-11-25&page=2") == 11
    assert await rows("since=n’importe") == 50


async def test_the_condition_on_schools_says_what_the_rule_says(own_database: Database) -> None:
    async with own_database.reading() as session:
        schools = (await session.scalars(sa.select(School))).all()
    places = {
        Scope.TOUT: [""],
        Scope.ETABLISSEMENT: [school.uai for school in schools] + ["", "9999999Z"],
        Scope.CIRCONSCRIPTION: ["Valmont Nord", "valmont nord", ""],
        Scope.DEPARTEMENT: ["Valmont", "Ailleurs", ""],
        Scope.ACADEMIE: ["Valmont", "Ailleurs", ""],
    }
    single = [[Grant(role="referent", scope=scope, territory=place)] for scope in places for place in places[scope]]
    for grants in (*single, [], single[1] + single[2], single[1] + single[-1]):
        async with own_database.reading() as session:
            found = set(await session.scalars(sa.select(School.uai).where(covered(grants))))
        assert found == {school.uai for school in schools if any(covers(grant, school) for grant in grants)}
        assert await count_schools(own_database, grants) == len(found)


# --- the command line -------------------------------------------------------------------------


def run(arguments: list[str], monkeypatch, url: str, var_dir, typed: str = "") -> int:
    monkeypatch.setenv("ASSISTENT_DATABASE_URL", url)
    monkeypatch.setenv("ASSISTENT_VAR_DIR", str(var_dir))
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    return cli.main(arguments)


async def test_the_first_administrator_is_created_from_the_command_line(
    own_url: str, own_database: Database, clock, monkeypatch, tmp_path, capsys
) -> None:
    def create(email: str, typed: str) -> int:
        return run(["create-admin", email, "--name", "Alix Chef"], monkeypatch, own_url, tmp_path, typed)

    assert await asyncio.to_thread(create, "Alix@Academie.example", f"{PASSWORD}\n") == 0
    made = await account_named(own_database, "alix@academie.example")
    assert [(grant.role, grant.scope) for grant in made.grants] == [("administrateur", "tout")]
    await sign_in.sign_in(own_database, clock, made.login, PASSWORD, address="192.0.2.1")
    assert await asyncio.to_thread(create, "alix@academie.example", f"{PASSWORD}\n") == 1
    assert "Un compte a déjà cette adresse e-mail." in capsys.readouterr().err
    assert await asyncio.to_thread(create, "autre@academie.example", "court\n") == 1
    assert (await last_entries(own_database, 3))[:2] == [
        ("account_created", None, made.id, {"login": made.login}),
        ("grant_given", None, made.id, {"role": "administrateur", "scope": "tout", "territory": ""}),
    ]


@ONE_KIND
async def test_at_a_terminal_the_password_is_asked_twice(own_url, own_database, monkeypatch, tmp_path, capsys) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    typed = [PASSWORD, NEW, PASSWORD, PASSWORD]
    monkeypatch.setattr("getpass.getpass", lambda prompt: typed.pop(0))

    def create() -> int:
        monkeypatch.setenv("ASSISTENT_DATABASE_URL", own_url)
        monkeypatch.setenv("ASSISTENT_VAR_DIR", str(tmp_path))
        monkeypatch.setattr("sys.stdin", Terminal())
        return cli.main(["create-admin", "alix@academie.example", "--name", "Alix Chef"])

    assert await asyncio.to_thread(create) == 1
    assert "ne sont pas les mêmes" in capsys.readouterr().err
    assert await asyncio.to_thread(create) == 0
    assert (await account_named(own_database, "alix@academie.example")).password_hash


@ONE_KIND
async def test_the_demonstration_s_accounts_open_with_the_passwords_that_are_kept(
    own_url: str, own_database: Database, clock, monkeypatch, tmp_path
) -> None:
    def load() -> int:
        return run(["load"], monkeypatch, own_url, tmp_path)

    assert await asyncio.to_thread(load) == 0
    kept = tmp_path / "demonstration-accounts.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    passwords = json.loads(kept.read_text(encoding="utf-8"))
    assert len(set(passwords.values())) == 5
    roles = set()
    for login, password in passwords.items():
        await sign_in.sign_in(own_database, clock, login, password, address="192.0.2.1")
        roles |= {grant.role for grant in (await account_named(own_database, login)).grants}
    assert roles == {"referent", "agent_n2", "agent_n3", "formateur", "administrateur"}
    # A password changed since is given back as it is printed.
    login, password = next(iter(passwords.items()))
    link = await accounts.make_password_link(own_database, clock, None, (await account_named(own_database, login)).id)
    await accounts.choose_password(own_database, clock, link, NEW)
    assert await asyncio.to_thread(load) == 0
    assert json.loads(kept.read_text(encoding="utf-8")) == passwords
    await sign_in.sign_in(own_database, clock, login, password, address="192.0.2.1")


async def test_a_grant_on_nothing_creates_no_account(own_database: Database, clock: FixedClock) -> None:
    with pytest.raises(InvalidField):
        await add_account(own_database, clock, grants=[NewGrant("referent", "academie", "Ailleurs")])
    async with own_database.reading() as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(Account)) == 0
