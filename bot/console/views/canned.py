"""The canned answers, for the agents of each group and for administrators: written, tried with examples, removed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from bot.chat.markup import to_html
from bot.chat.views import CLOCK, DATABASE
from bot.console.views.requests import topic_names
from bot.console.views.shell import (
    PREFIX,
    as_number,
    caller_of,
    form_of,
    number_of,
    page_of,
    query_of,
    render,
    see_other,
)
from bot.errors import Conflict, Forbidden, InvalidField
from bot.escalation import canned, desk
from bot.escalation.canned import Entry

PATH = f"{PREFIX}/reponses-types"
# How everybody's are asked for, where no group stands for all of them.
EVERYBODY = "tous"


async def list_answers(request: web.Request) -> web.StreamResponse:
    """Show the canned answers, searched by words and group."""
    app, caller, page = request.app, caller_of(request), page_of(request)
    asked = {"q": query_of(request, "q")[:200], "group": query_of(request, "group")[:40]}
    async with app[DATABASE].reading() as session:
        found, more = await canned.list_answers(session, caller, asked["q"], asked["group"], page)
        groups = await desk.list_groups(session)
    return render(
        request, "canned.html", title="Réponses types", found=found, more=more, page=page, asked=asked, path_of=PATH,
        groups={EVERYBODY: "Tout le monde", **{group.id: group.name for group in groups}}, topics=topic_names(request),
        removed=as_number(query_of(request, "retiree")),
    )  # fmt: skip


async def show_addition(request: web.Request) -> web.StreamResponse:
    """Show the form of a new answer."""
    return await _form(request, {})


async def add_answer(request: web.Request) -> web.StreamResponse:
    """Add an answer, or show what it gives with the examples."""
    app, form = request.app, form_of(request)
    if "apercu" in form:
        return await _form(request, form, preview=_preview(form))
    try:
        await canned.add_answer(app[DATABASE], app[CLOCK], caller_of(request), _entry(form))
    except InvalidField as error:
        return await _form(request, form, status=422, errors={error.field: error.sentence})
    return see_other(PATH, "reponse-ajoutee")


def _entry(form: Mapping[str, str]) -> Entry:
    return Entry(form.get("title", ""), form.get("text", ""), form.get("group", ""), form.get("topic", ""))


def _preview(form: Mapping[str, str]) -> str:
    """Return what the text gives with the examples; a text too long to be kept is not rendered either."""
    return to_html(canned.fill(form.get("text", "")[: canned.MAX_TEXT], canned.examples()).text)


async def show_answer(request: web.Request) -> web.StreamResponse:
    """Show an answer, as a form to those who may change it."""
    return await _answer(request)


async def change_answer(request: web.Request) -> web.StreamResponse:
    """Change an answer, or show what it gives with the examples."""
    app, form = request.app, form_of(request)
    if "apercu" in form:
        return await _answer(request, values=form, preview=_preview(form), seen=as_number(form.get("seen", "")))
    try:
        await canned.change_answer(
            app[DATABASE], app[CLOCK], caller_of(request), number_of(request, "answer"), _entry(form),
            as_number(form.get("seen", "")),
        )  # fmt: skip
    except InvalidField as error:
        errors, seen = {error.field: error.sentence}, as_number(form.get("seen", ""))
        return await _answer(request, status=422, values=form, errors=errors, seen=seen)
    except Conflict as error:
        # The other text is shown beside: saving once more is then a choice.
        return await _answer(request, status=409, values=form, errors={"text": error.sentence}, other=True)
    return see_other(PATH, "reponse-modifiee")


async def _answer(request: web.Request, **answer: Any) -> web.Response:
    async with request.app[DATABASE].reading() as session:
        kept = await canned.read_answer(session, caller_of(request), number_of(request, "answer"))
    if not kept.writable and request.method != "GET":
        raise Forbidden("Cette réponse type est à un autre groupe : ses agents, ou un administrateur, la modifient.")
    one = kept.answer
    values = {"title": one.title, "text": one.text, "group": one.group_id or "", "topic": one.topic or ""}
    return await _form(request, answer.pop("values", values), kept=kept, **{"seen": one.version, **answer})


async def _form(request: web.Request, values: Mapping[str, str], **answer: Any) -> web.Response:
    caller = caller_of(request)
    async with request.app[DATABASE].reading() as session:
        groups = await desk.list_groups(session)
    kept = answer.get("kept")
    return render(
        request, "canned_edit.html", title=kept.answer.title if kept else "Nouvelle réponse type", path_of=PATH,
        values=values, groups=canned.writable_groups(caller, groups), topics=topic_names(request),
        variables=canned.list_variables(), longest=canned.MAX_TEXT, to_html=to_html,
        **{"kept": None, "preview": "", "seen": 0, "other": False, **answer},
    )  # fmt: skip


async def remove_answer(request: web.Request) -> web.StreamResponse:
    """Take an answer away; the page that follows puts it back in one gesture."""
    app, answer = request.app, number_of(request, "answer")
    await canned.remove_answer(app[DATABASE], app[CLOCK], caller_of(request), answer)
    return see_other(f"{PATH}?retiree={answer}")


async def restore_answer(request: web.Request) -> web.StreamResponse:
    """Put an answer back."""
    app, answer = request.app, number_of(request, "answer")
    await canned.remove_answer(app[DATABASE], app[CLOCK], caller_of(request), answer, back=True)
    return see_other(PATH, "reponse-remise")
