"""The schools' pages: find, add, correct, and import the ministry's directory, seen before it is done."""

from __future__ import annotations

import csv
import io
import re

import aiohttp
import pytest
import sqlalchemy as sa

from bot.console.views.schools import MAX_BODY
from bot.db import Database
from bot.people import directory
from bot.people.accounts import NewGrant
from bot.people.models import AuditEntry, School
from tests.integration.console import Browser, Page, add_account, signed_in
from tests.integration.gateway import ONE_KIND, Api
from tests.unit.people.test_directory import GOUGES, HEADER, TILLEULS, text_of

IMPORT = "/console/ecoles/import"
NEW = ["0750004X", "École du Port", "Ecole", "Portville", "Valmont", "Valmont", "Valmont Sud"]
WRONG = ["0750005A", "École Fausse", "Ecole", "Portville", "Valmont", "Valmont", ""]
FIELDS = {"uai": "0750004X", "name": "École du Port", "commune": "Portville", "degree": "1er", "circonscription": "Valmont Sud",
          "departement": "Valmont", "academie": "Valmont"}  # fmt: skip


async def send(browser: Browser, content: bytes | str, csrf: str | None = None, name: str = "annuaire.csv") -> Page:
    """Send a file as the page's form does."""
    form = aiohttp.FormData()
    form.add_field("csrf", browser.csrf if csrf is None else csrf)
    data = content.encode() if isinstance(content, str) else content
    form.add_field("file", data, filename=name, content_type="text/csv")
    return await browser.call("POST", IMPORT, data=form, headers={"Origin": str(browser.base.origin())})


async def confirm(browser: Browser, preview: Page) -> Page:
    """Send the form of the preview."""
    digest = re.search('name="digest" value="([^"]+)"', preview.text)[1]
    return await browser.post(f"{IMPORT}/confirmer", digest=digest)


async def schools_of(database: Database) -> dict[str, tuple]:
    async with database.reading() as session:
        found = await session.scalars(sa.select(School))
        return {one.uai: tuple(getattr(one, name) for name in directory.FIELDS) for one in found}


async def entries(database: Database) -> list[AuditEntry]:
    async with database.reading() as session:
        found = await session.scalars(sa.select(AuditEntry).where(AuditEntry.kind == "school").order_by(AuditEntry.id))
        return list(found)


# --- list, one, by hand -----------------------------------------------------------------------


async def test_schools_are_found_by_any_part_with_or_without_accents(browser: Browser) -> None:
    async def found(search: str) -> set[str]:
        return set(
            re.findall(
                r"/console/ecoles/(\d{7}[A-Z])", (await browser.get("/console/ecoles", params={"q": search})).text
            )
        )

    everything = {"0750001U", "0750002V", "0750003W"}
    assert await found("") == everything
    assert await found("valmont") == everything
    assert await found("ecole tilleuls") == {"0750001U"}
    assert await found("ÉCOLE") == {"0750001U"}
    assert await found("college") == {"0750002V"}
    assert await found("0750003w") == {"0750003W"}
    assert await found("nulle") == set()
    assert await found("%") == set()


async def test_a_school_shows_who_follows_it_and_how_many_requests_wait(
    site: Api, browser: Browser, own_database, clock
) -> None:
    await add_account(own_database, clock, "referent", name="Camille Proche")
    await add_account(own_database, clock, name="Dominique Loin", grants=[NewGrant("referent", "academie", "Valmont")])
    await add_account(own_database, clock, "agent_n2", name="Noé Agent")
    chat = await site.open("parent", "0750002V")
    await chat.open_ticket("Le blog est vide")
    page = await browser.get("/console/ecoles/0750002V")
    assert "Collège Olympe-de-Gouges" in page.title
    assert page.words.index("Camille Proche") < page.words.index("Dominique Loin")
    assert "Noé Agent" not in page.words
    assert "Demandes ouvertes 1 " in page.words
    assert "Camille Proche" not in (await browser.get("/console/ecoles/0750001U")).words
    assert (await browser.get("/console/ecoles/0759999A")).status == 404


async def test_a_school_is_added_then_corrected_and_the_log_has_before_and_after(
    browser: Browser, own_database, admin
) -> None:
    page = await browser.post("/console/ecoles/nouvelle", **{**FIELDS, "uai": " 0750004x ", "name": "École  du Port"})
    assert (page.status, page.location) == (303, "/console/ecoles/0750004X?fait=ecole-ajoutee")
    assert (await schools_of(own_database))["0750004X"] == tuple(FIELDS[name] for name in directory.FIELDS)
    assert "Une école a déjà ce code" in (await browser.post("/console/ecoles/nouvelle", **FIELDS)).words
    changed = {**FIELDS, "name": "École du Vieux-Port", "circonscription": ""}
    assert (await browser.post("/console/ecoles/0750004X", **changed)).status == 303
    assert (await schools_of(own_database))["0750004X"][1:5] == ("École du Vieux-Port", "Portville", "1er", None)
    assert (await browser.post("/console/ecoles/0750004X", **changed)).status == 303
    added, corrected = await entries(own_database)
    assert (added.action, added.account_id, added.object_id, added.details) == (
        "school_added", admin.id, "0750004X", {"after": FIELDS},
    )  # fmt: skip
    assert corrected.details == {
        "before": {"name": "École du Port", "circonscription": "Valmont Sud"},
        "after": {"name": "École du Vieux-Port", "circonscription": None},
    }
    assert (
        "avant : (nom : École du Port, circonscription : Valmont Sud)" in (await browser.get("/console/journal")).words
    )


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"uai": "0750004A"}, "uai"), ({"uai": ""}, "uai"), ({"name": ""}, "name"), ({"commune": "x" * 121}, "commune"),
        ({"degree": "3e"}, "degree"), ({"academie": "a\u202eb"}, "academie"),
    ],
)  # fmt: skip
@ONE_KIND
async def test_what_is_wrong_is_said_at_its_field(browser: Browser, own_database, changes, field) -> None:
    before = await schools_of(own_database)
    page = await browser.post("/console/ecoles/nouvelle", **{**FIELDS, **changes})
    assert page.status == 422
    assert f'id="{field}-erreur"' in page.text
    assert await schools_of(own_database) == before
    assert not await entries(own_database)


# --- import -----------------------------------------------------------------------------------


async def test_an_import_is_seen_first_then_done_at_once(browser: Browser, own_database, admin) -> None:
    before = await schools_of(own_database)
    renamed = [GOUGES[0], "Collège Olympe de Gouges", *GOUGES[2:]]
    sent = await send(browser, text_of(TILLEULS, renamed, NEW, WRONG))
    assert (sent.status, sent.location) == (303, f"{IMPORT}/apercu")
    preview = await browser.get(sent.location)
    for words in ("Nouvelles 1", "À modifier 1", "Inchangées 1", "Lignes refusées 1", "École du Port",
                  "Nom : Collège Olympe-de-Gouges → Collège Olympe de Gouges", "5 0750005A", "La lettre de cet UAI"):  # fmt: skip
        assert words in preview.words
    assert await schools_of(own_database) == before
    done = await confirm(browser, preview)
    assert done.status == 200
    assert "1 école ajoutée, 1 modifiée, 1 ligne refusée." in done.words
    after = await schools_of(own_database)
    assert after["0750004X"][1] == "École du Port"
    assert after["0750002V"][1] == "Collège Olympe de Gouges"
    assert after["0750003W"] == before["0750003W"]
    assert "0750005A" not in after
    [entry] = await entries(own_database)
    counts = {name: entry.details[name] for name in ("new", "changed", "same", "refused")}
    assert (entry.action, entry.account_id, counts) == (
        "schools_imported", admin.id, {"new": 1, "changed": 1, "same": 1, "refused": 1},
    )  # fmt: skip
    # Asked twice, it is done once.
    again = await confirm(browser, preview)
    assert "0 école ajoutée, 0 modifiée" in again.words
    assert await schools_of(own_database) == after


async def test_what_the_file_leaves_empty_stays(browser: Browser, own_database) -> None:
    await send(browser, text_of([*TILLEULS[:-1], ""]))
    assert "Il n’y a rien à importer" in (await browser.get(f"{IMPORT}/apercu")).words


async def test_refused_lines_are_downloaded_to_be_corrected(browser: Browser) -> None:
    await send(browser, text_of(TILLEULS, WRONG, ["0750002V", '=1+1"']))
    async with browser.http.get(browser.base.join(browser.base.with_path(f"{IMPORT}/refus"))) as reply:
        assert reply.content_type == "text/csv"
        assert "attachment" in reply.headers["Content-Disposition"]
        text = (await reply.read()).decode("utf-8-sig")
    header, wrong, half = csv.reader(io.StringIO(text), delimiter=";")
    assert header == [*HEADER, "Ligne", "Motif"]
    assert (wrong[0], wrong[7]) == ("0750005A", "3")
    assert (half[1], half[8]) == ("'=1+1\"", "La ligne est incomplète.")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "vide"),
        (b"un;deux\n", "Il manque"),
        (text_of(TILLEULS).encode() + b"0750004X;\xc3", "ligne 3"),
        (text_of(NEW) + '0750002V;"Coll', "ligne 3"),
        (b"\x00\x01", "CSV"),
    ],
)
@ONE_KIND
async def test_a_file_that_cannot_be_read_changes_nothing(browser: Browser, own_database, content, told) -> None:
    before = await schools_of(own_database)
    page = await send(browser, content)
    if page.status == 303:
        page = await browser.get(page.location)
    assert page.status == 422
    assert told in page.words
    assert 'id="file-erreur"' in page.text
    assert (await browser.post(f"{IMPORT}/confirmer", digest="x")).status in (404, 409)
    assert await schools_of(own_database) == before


@ONE_KIND
async def test_only_the_file_that_was_seen_is_imported(browser: Browser, own_database, site, clock) -> None:
    await send(browser, text_of(NEW))
    preview = await browser.get(f"{IMPORT}/apercu")
    await send(browser, text_of([*NEW[:1], "Autre nom", *NEW[2:]]))
    refused = await confirm(browser, preview)
    assert refused.status == 409
    assert "Un autre fichier" in refused.words
    colleague = await add_account(own_database, clock, "administrateur", name="Zoé Chef")
    async with signed_in(site.base, own_database, clock, colleague) as other:
        assert (await other.get(f"{IMPORT}/apercu")).status == 404
        assert (await confirm(other, preview)).status == 404
    assert "0750004X" not in await schools_of(own_database)
    assert (await browser.post(f"{IMPORT}/abandonner")).status == 303
    assert (await browser.get(f"{IMPORT}/apercu")).status == 404
    assert (await browser.get(f"{IMPORT}/refus")).status == 404


@ONE_KIND
async def test_a_form_that_is_not_good_leaves_its_file_unread(browser: Browser, site, tmp_path) -> None:
    assert (await send(browser, text_of(NEW), csrf="faux")).status == 403
    assert (await browser.post(IMPORT)).status == 400
    headers = {"Origin": str(browser.base.origin())}
    empty = aiohttp.FormData()
    empty.add_field("csrf", browser.csrf)
    empty.add_field("file", b"", filename="")
    page = await browser.call("POST", IMPORT, data=empty, headers=headers)
    assert page.status == 422
    assert "Choisissez un fichier" in page.words
    for body in (b"", b"--x", b"--x\r\nfoo\r\n\r\n", b'--x\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n' + b"a" * 9_000):  # fmt: skip
        kind = {"Content-Type": "multipart/form-data; boundary=x", **headers}
        assert (await browser.call("POST", IMPORT, data=body, headers=kind)).status in (400, 403)
    cut = f'--x\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n{browser.csrf}\r\n--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\nabc'
    page = await browser.call("POST", IMPORT, data=cut.encode(), headers=kind)
    assert page.status == 400
    assert "pas arrivé en entier" in page.words
    assert not list((tmp_path / "var" / "imports").glob("*"))


@ONE_KIND
async def test_a_file_over_the_cap_is_refused_before_it_is_parsed(browser: Browser, monkeypatch) -> None:
    declared = {"Origin": str(browser.base.origin()), "Content-Length": str(MAX_BODY + 1), "Connection": "close"}
    page = await browser.call(
        "POST", IMPORT, data=b"x", headers={**declared, "Content-Type": "multipart/form-data; boundary=x"}
    )
    assert page.status == 413
    monkeypatch.setattr("bot.console.views.schools.MAX_BYTES", 1_000)
    page = await send(browser, text_of(TILLEULS) * 20)
    assert page.status == 422
    assert "dépasse" in page.words
    assert (await browser.get(f"{IMPORT}/apercu")).status == 404
