"""The schools, for the administrator: find, add, correct, import the ministry's open directory."""

from __future__ import annotations

import asyncio
from contextlib import closing
from itertools import islice

from aiohttp import web

from bot.chat.views import CLOCK, DATABASE, SETTINGS
from bot.console.uploads import Uploads
from bot.console.views.shell import PREFIX, caller_of, file_of, form_of, page_of, query_of, render, see_other
from bot.errors import Conflict, InvalidField
from bot.escalation.desk import count_open
from bot.people import schools
from bot.people.directory import HEADERS, MAX_BYTES, DirectoryFile, write_refused
from bot.people.service import list_territories

PATH = f"{PREFIX}/ecoles"
IMPORT = f"{PATH}/import"
# The file, and the form around it.
MAX_BODY = MAX_BYTES + 64 * 1024
DEGREE_NAMES = {"1er": "Premier degré (école)", "2nd": "Second degré (collège, lycée)"}
FIELD_NAMES = {
    "name": "Nom", "commune": "Commune", "degree": "Degré", "circonscription": "Circonscription",
    "departement": "Département", "academie": "Académie",
}  # fmt: skip
# Refused lines are read, and sent, that many at a time.
_LINES = 1_000


async def list_schools(request: web.Request) -> web.StreamResponse:
    """Show a page of the schools, those that were searched for."""
    search, page = query_of(request, "q")[:200], page_of(request)
    found, more = await schools.list_schools(request.app[DATABASE], search, page)
    return render(
        request, "schools.html", title="Écoles", schools=found, search=search, page=page, more=more,
        degrees=DEGREE_NAMES,
    )  # fmt: skip


async def show_school(request: web.Request) -> web.StreamResponse:
    """Show a school, who follows it, and the form that corrects it."""
    return await _page(request)


async def correct_school(request: web.Request) -> web.StreamResponse:
    """Correct a school."""
    app, form, uai = request.app, form_of(request), request.match_info["uai"]
    try:
        await schools.correct_school(app[DATABASE], app[CLOCK], caller_of(request).account.id, uai, form)
    except InvalidField as error:
        return await _page(request, status=422, values=form, errors={error.field: error.sentence})
    return see_other(f"{PATH}/{uai}", "ecole-modifiee")


async def _page(request: web.Request, **answer) -> web.Response:
    database = request.app[DATABASE]
    school = await schools.get_school(database, request.match_info["uai"])
    values = {name: getattr(school, name) or "" for name in FIELD_NAMES}
    async with database.reading() as session:
        waiting = await count_open(session, school.uai)
    return render(
        request, "school.html", title=school.name, school=school, waiting=waiting, degrees=DEGREE_NAMES,
        referents=await schools.list_referents(database, school), territories=await list_territories(database),
        **{"values": values, **answer},
    )  # fmt: skip


async def show_addition(request: web.Request) -> web.StreamResponse:
    """Show the form of a new school."""
    return await _addition(request)


async def add_school(request: web.Request) -> web.StreamResponse:
    """Add a school."""
    app, form = request.app, form_of(request)
    try:
        uai = await schools.add_school(app[DATABASE], app[CLOCK], caller_of(request).account.id, form)
    except InvalidField as error:
        return await _addition(request, status=422, values=form, errors={error.field: error.sentence})
    return see_other(f"{PATH}/{uai}", "ecole-ajoutee")


async def _addition(request: web.Request, **answer) -> web.Response:
    territories = await list_territories(request.app[DATABASE])
    return render(
        request, "school_new.html", title="Nouvelle école", territories=territories, degrees=DEGREE_NAMES,
        **{"values": {}, **answer},
    )  # fmt: skip


# --- import -----------------------------------------------------------------------------------


async def show_import(request: web.Request) -> web.StreamResponse:
    """Show where a file of the directory is sent."""
    return _import(request)


def _import(request: web.Request, **answer) -> web.Response:
    return render(
        request, "school_import.html", title="Importer des écoles", columns=HEADERS, megabytes=MAX_BYTES // 1024**2,
        **answer,
    )  # fmt: skip


async def send_file(request: web.Request) -> web.StreamResponse:
    """Keep the file, and lead to what importing it would do."""
    uploads, account = _uploads(request), caller_of(request).account.id
    try:
        await uploads.keep(account, file_of(request), limit=MAX_BYTES)
    except InvalidField as error:
        return _import(request, status=422, errors={error.field: error.sentence})
    return see_other(f"{IMPORT}/apercu")


async def preview_import(request: web.Request) -> web.StreamResponse:
    """Show what importing the file would do."""
    with closing(_uploads(request).open(caller_of(request).account.id)) as file:
        digest = await asyncio.to_thread(schools.digest_of_file, file)
        try:
            plan = await schools.preview_import(request.app[DATABASE], file)
        except InvalidField as error:
            return _import(request, status=422, errors={error.field: error.sentence})
    return render(
        request, "school_preview.html", title="Aperçu de l’import", plan=plan, digest=digest, fields=FIELD_NAMES,
        degrees=DEGREE_NAMES,
    )  # fmt: skip


async def confirm_import(request: web.Request) -> web.StreamResponse:
    """Import the file that was looked at, and say what was done."""
    app, account = request.app, caller_of(request).account.id
    with closing(_uploads(request).open(account)) as file:
        if await asyncio.to_thread(schools.digest_of_file, file) != form_of(request).get("digest"):
            raise Conflict("Un autre fichier a été envoyé depuis cet aperçu. Rien n’a été changé : revoyez l’aperçu.")
        done = await schools.import_schools(app[DATABASE], app[CLOCK], account, file)
    return render(request, "school_imported.html", title="Import fait", done=done)


async def abandon_import(request: web.Request) -> web.StreamResponse:
    """Delete the file."""
    _uploads(request).drop(caller_of(request).account.id)
    return see_other(IMPORT, "import-abandonne")


async def send_refused(request: web.Request) -> web.StreamResponse:
    """Send the lines of the file that are refused, to be corrected."""
    with closing(_uploads(request).open(caller_of(request).account.id)) as file:
        directory = await asyncio.to_thread(DirectoryFile, file)
        answer = web.StreamResponse(
            headers={
                "Content-Type": "text/csv; charset=utf-8",
                "Content-Disposition": 'attachment; filename="lignes-refusees.csv"',
            }
        )
        await answer.prepare(request)
        # The mark by which spreadsheets know UTF-8.
        await answer.write("\ufeff".encode())
        texts = write_refused(directory.header, directory.lines())
        while batch := await asyncio.to_thread(lambda: list(islice(texts, _LINES))):
            await answer.write("".join(batch).encode())
        directory.detach()
        await answer.write_eof()
    return answer


def _uploads(request: web.Request) -> Uploads:
    return Uploads(request.app[SETTINGS].var_dir / "imports")
