"""The waves, for formateurs: writing one, its schools, its state, its closing and its balance."""

from __future__ import annotations

from aiohttp import web

from bot.chat.views import CLOCK, DATABASE
from bot.console.charts import draw
from bot.console.payloads import clean_field
from bot.console.views.indicators import send_csv, topic_titles
from bot.console.views.shell import (
    WORKSHOP,
    caller_of,
    file_of,
    form_of,
    number_of,
    page_of,
    query_of,
    render,
    see_other,
)
from bot.errors import Conflict, InvalidField, NotFound
from bot.escalation.rules import PARIS
from bot.rollout import balance, waves
from bot.rollout.rules import (
    CLOSED,
    MAX_BEFORE,
    MAX_NAME,
    MOVES,
    OPEN,
    PILOT,
    PLANNED,
    STATE_NAMES,
    can_undo,
    say_wave,
)

PATH = f"{WORKSHOP}/vagues"
UPLOAD = f"{PATH}/liste"
# The file, and the form around it.
MAX_BODY = waves.MAX_FILE + 64 * 1024
# How many lines of a list are shown again.
SHOWN = 200
# What a move is called, by where it goes; from an open wave, back to the pilot is a correction.
MOVE_NAMES = {PILOT: "Passer en pilote", OPEN: "Ouvrir la vague", PLANNED: "Revenir à « prévue »"}


async def show_waves(request: web.Request) -> web.StreamResponse:
    """Show every wave."""
    async with request.app[DATABASE].reading() as session:
        lines = await waves.list_waves(session)
    return render(request, "workshop/waves.html", title="Vagues", lines=lines, states=STATE_NAMES, path_of=PATH)


async def show_addition(request: web.Request) -> web.StreamResponse:
    """Show the form of a new wave."""
    return _addition(request)


def _addition(request: web.Request, **answer) -> web.Response:
    return render(
        request, "workshop/wave_new.html", title="Nouvelle vague", path_of=PATH, longest=(MAX_NAME, MAX_BEFORE),
        **{"values": {}, **answer},
    )  # fmt: skip


async def add_wave(request: web.Request) -> web.StreamResponse:
    """Add a wave."""
    app, form = request.app, form_of(request)
    try:
        number = await waves.add_wave(app[DATABASE], app[CLOCK], caller_of(request), form)
    except InvalidField as error:
        return _addition(request, status=422, values=form, errors={error.field: error.sentence})
    return see_other(f"{PATH}/{number}", "vague-ajoutee")


async def show_wave(request: web.Request) -> web.StreamResponse:
    """Show a wave: what it is, what may be done with it, its schools."""
    return await _page(request, number_of(request, "wave"))


async def _page(request: web.Request, number: int, **answer) -> web.Response:
    app, caller, page = request.app, caller_of(request), page_of(request)
    left = query_of(request, "parties") == "oui"
    async with app[DATABASE].reading() as session:
        wave = await waves.find_wave(session, number)
        places, more = await waves.list_places(session, caller, number, page, left=left)
    values = {
        "name": wave.name, "starts_on": wave.starts_on.isoformat(), "before": wave.before, "edition": str(wave.edition),
        "ends_on": wave.ends_on.isoformat() if wave.ends_on else "",
    }  # fmt: skip
    now = app[CLOCK].now()
    opened_on = wave.opened_at.astimezone(PARIS).date() if wave.opened_at else None
    return render(
        request, "workshop/wave.html", title=wave.name, wave=wave, places=places, more=more, page=page, left=left,
        states=STATE_NAMES, moves={to: MOVE_NAMES[to] for to in MOVES[wave.state] if to != CLOSED}, path_of=PATH,
        upload=UPLOAD, can_undo=can_undo(waves.stage_of(wave), now), longest=(MAX_NAME, MAX_BEFORE),
        said=say_wave(wave.name, wave.state, wave.starts_on, opened_on, now.astimezone(PARIS).date()),
        **{"values": values, "codes": "", **answer},
    )  # fmt: skip


async def change_wave(request: web.Request) -> web.StreamResponse:
    """Correct a wave."""
    app, form, number = request.app, form_of(request), number_of(request, "wave")
    try:
        await waves.change_wave(app[DATABASE], app[CLOCK], caller_of(request), number, form)
    except InvalidField as error:
        return await _page(request, number, status=422, values=form, errors={error.field: error.sentence})
    except Conflict as error:
        # What is there now is shown beside: the form goes on from it.
        return await _page(request, number, status=409, errors={"name": error.sentence})
    return see_other(f"{PATH}/{number}", "vague-modifiee")


async def move_wave(request: web.Request) -> web.StreamResponse:
    """Move a wave to another state."""
    app, number = request.app, number_of(request, "wave")
    try:
        await waves.move_wave(app[DATABASE], app[CLOCK], caller_of(request), number, form_of(request).get("to", ""))
    except Conflict as error:
        return await _page(request, number, status=409, errors={"etat": error.sentence})
    return see_other(f"{PATH}/{number}", "vague-etat")


# --- schools ----------------------------------------------------------------------------------


async def place_schools(request: web.Request) -> web.StreamResponse:
    """Put the schools of a pasted list in a wave, and say what was done of it."""
    number, text = number_of(request, "wave"), form_of(request).get("codes", "")
    try:
        return await _place(request, number, text)
    except (InvalidField, Conflict) as error:
        return await _page(request, number, status=422, codes=text, errors={"codes": error.sentence})


async def send_list(request: web.Request) -> web.StreamResponse:
    """Do the same with a file."""
    text = form_of(request).get("wave", "")
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
    try:
        return await _place(request, number, await _read_list(request))
    except (InvalidField, Conflict) as error:
        return await _page(request, number, status=422, errors={"file": error.sentence})


async def _read_list(request: web.Request) -> str:
    content = bytearray()
    async for piece in file_of(request):
        content += piece
        if len(content) > waves.MAX_FILE:
            raise InvalidField("file", "Ce fichier pèse plus d’un mégaoctet : n’y gardez que la colonne des UAI.")
    if b"\x00" in content:
        raise InvalidField("file", "Ce fichier n’est pas un texte : enregistrez le tableau en CSV, puis renvoyez-le.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        # As a spreadsheet of another age writes it: codes are the same in both.
        text = content.decode("cp1252", errors="replace")
    return clean_field(text)


async def _place(request: web.Request, number: int, text: str) -> web.Response:
    app, caller = request.app, caller_of(request)
    done = await waves.place_schools(app[DATABASE], app[CLOCK], caller, number, text)
    async with app[DATABASE].reading() as session:
        wave = await waves.find_wave(session, number)
    return render(
        request, "workshop/wave_placed.html", title="Écoles inscrites", wave=wave, done=done, shown=SHOWN, path_of=PATH
    )


async def remove_school(request: web.Request) -> web.StreamResponse:
    """Take a school out of a wave."""
    app, number = request.app, number_of(request, "wave")
    await waves.remove_school(app[DATABASE], app[CLOCK], caller_of(request), number, request.match_info["uai"])
    return see_other(f"{PATH}/{number}", "vague-ecole-retiree")


# --- closing and balance ----------------------------------------------------------------------


async def show_closing(request: web.Request) -> web.StreamResponse:
    """Show what closing a wave does, before it is done."""
    return await _closing(request)


async def _closing(request: web.Request, **answer) -> web.Response:
    app, number = request.app, number_of(request, "wave")
    async with app[DATABASE].reading() as session:
        wave = await waves.find_wave(session, number)
        if wave.state != OPEN:
            raise Conflict("Seule une vague ouverte peut être close.")
        known = await balance.read_balance(session, caller_of(request), number, app[CLOCK].now(), {})
        following = await balance.list_next(session, number)
    return render(
        request, "workshop/wave_closing.html", title=f"Clore {wave.name}", wave=wave, known=known, path_of=PATH,
        following={str(one.id): f"{one.name} ({STATE_NAMES[one.state].lower()})" for one in following}, **answer,
    )  # fmt: skip


async def close_wave(request: web.Request) -> web.StreamResponse:
    """Close a wave."""
    app, number, then = request.app, number_of(request, "wave"), form_of(request).get("then", "")
    try:
        if then and not (then.isascii() and then.isdigit() and len(then) < 19):
            raise InvalidField("then", "Choisissez une vague dans la liste.")
        await balance.close_wave(
            app[DATABASE],
            app[CLOCK],
            caller_of(request),
            number,
            topic_titles(request),
            then=int(then) if then else None,
        )
    except InvalidField as error:
        return await _closing(request, status=422, errors={error.field: error.sentence})
    return see_other(f"{PATH}/{number}/bilan", "vague-close")


async def undo_closing(request: web.Request) -> web.StreamResponse:
    """Take a closing back."""
    app, number = request.app, number_of(request, "wave")
    await balance.undo(app[DATABASE], app[CLOCK], caller_of(request), number)
    return see_other(f"{PATH}/{number}", "vague-rouverte")


async def show_balance(request: web.Request) -> web.StreamResponse:
    """Show the balance of a wave, to be read, printed or taken away."""
    found = await _balance(request)
    return render(
        request, "workshop/wave_balance.html", title=f"Bilan de {found.wave.name}", found=found, wave=found.wave,
        charts=[(sheet, draw(sheet)) for sheet in found.sheets], path_of=PATH,
        can_undo=can_undo(waves.stage_of(found.wave), request.app[CLOCK].now()),
    )  # fmt: skip


async def send_balance(request: web.Request) -> web.StreamResponse:
    """Send one table of a balance as CSV, or, as « tout », all of them."""
    found, name = await _balance(request), request.match_info["sheet"]
    chosen = [sheet for sheet in found.sheets if name in (sheet.id, "tout")]
    if not chosen:
        raise NotFound("Ce tableau n’existe pas.")
    return send_csv(*chosen, name=f"bilan-vague-{found.wave.id}-{name}")


async def _balance(request: web.Request) -> balance.Balance:
    app = request.app
    async with app[DATABASE].reading() as session:
        return await balance.read_balance(
            session, caller_of(request), number_of(request, "wave"), app[CLOCK].now(), topic_titles(request)
        )
