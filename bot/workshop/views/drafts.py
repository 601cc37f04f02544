"""Drafts, for formateurs: the editor with what each profile will read, the proposal, the review by another person."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from bot.chat.views import CLOCK, DATABASE
from bot.console.payloads import read_day, start_of
from bot.console.views.requests import PATH as REQUESTS
from bot.console.views.shell import (
    WORKSHOP,
    caller_of,
    form_of,
    number_of,
    page_of,
    query_of,
    render,
    see_other,
)
from bot.errors import Conflict, Forbidden, InvalidField
from bot.escalation import desk
from bot.escalation.rules import PARIS, is_ticket_number
from bot.knowledge import drafts, library
from bot.knowledge.article import load_conditions, load_variables
from bot.knowledge.differences import compare
from bot.knowledge.drafts import DROPPED, EDITABLE, OPEN, PROPOSED, PUBLISHED, RETURNED, SCHEDULED, WRITING, DraftPage
from bot.knowledge.new_topics import first_source
from bot.knowledge.publication import Publisher
from bot.knowledge.service import read_all_topics
from bot.topics import PROFILE_NAMES, load_topics
from bot.workshop.views import articles
from bot.workshop.views.articles import last_day_before, preview_of, read_quietly, today
from bot.workshop.views.heard import find_heard, note_lesson

PATH = f"{WORKSHOP}/brouillons"
PUBLISHER = web.AppKey("publisher", Publisher)

STATE_NAMES = {
    WRITING: "En cours d’écriture", PROPOSED: "À relire par une autre personne", RETURNED: "À reprendre par l’auteur",
    SCHEDULED: "Accepté, publication prévue", PUBLISHED: "Publié", DROPPED: "Abandonné",
}  # fmt: skip
# What is said of an article before anybody names who reads it again.
OWNER = "equipe_projet"


async def list_drafts(request: web.Request) -> web.StreamResponse:
    """Show what is to be reviewed, what one writes oneself, and what is over if asked."""
    caller, page = caller_of(request), page_of(request)
    over = query_of(request, "termines") == "oui"
    async with request.app[DATABASE].reading() as session:
        found, more = await drafts.list_drafts(session, states=(PUBLISHED, DROPPED) if over else OPEN, page=page)
    return render(
        request, "workshop/article_drafts.html", title="Brouillons", found=found, more=more, page=page, over=over,
        me=caller.account.id, states=STATE_NAMES, drafts=PATH, articles=articles.PATH, proposed=PROPOSED,
    )  # fmt: skip


# --- the editor -------------------------------------------------------------------------------


async def show_editor(request: web.Request) -> web.StreamResponse:
    """Show the editor of an article, nothing kept yet; whoever writes it already is led to his draft."""
    app, topic_id = request.app, request.match_info["topic"]
    async with app[DATABASE].reading() as session:
        topics = await read_all_topics(session, load_topics())
        entry, source = await library.read_article(session, topics, topic_id, today(request))
        own = await drafts.find_own(session, caller_of(request).account.id, topic_id)
    if own:
        return see_other(f"{PATH}/{own}", "brouillon-repris")
    values = {
        "source": source or first_source(entry.topic, OWNER, today(request).isoformat()),
        "base": str(entry.version),
        "demande": query_of(request, "demande")[:20],
    }
    return await _editor(request, values)


async def _editor(request: web.Request, values: Mapping[str, str], errors: Mapping[str, str] | None = None
                  ) -> web.Response:  # fmt: skip
    app, topic_id = request.app, request.match_info["topic"]
    async with app[DATABASE].reading() as session:
        topics = await read_all_topics(session, load_topics())
        entry, _ = await library.read_article(session, topics, topic_id, today(request))
        others, _ = await drafts.list_drafts(session, topic=topic_id)
    return render(
        request, "workshop/article_editor.html", title=f"Modifier : {entry.title}", entry=entry, values=values,
        others=others, errors=errors or {}, articles=articles.PATH, drafts=PATH, states=STATE_NAMES,
        status=422 if errors else 200, **_help(),
    )  # fmt: skip


async def begin(request: web.Request) -> web.StreamResponse:
    """Keep what was written as a draft of one's own."""
    app, form, topic_id = request.app, form_of(request), request.match_info["topic"]
    base = form.get("base", "")
    try:
        ticket = ticket_of(form)
        draft = await drafts.begin_draft(
            app[DATABASE], app[CLOCK], load_topics(), caller_of(request).account.id, topic=topic_id,
            source=form.get("source", ""), reason=form.get("reason", "").strip(), ticket_number=ticket,
            base_version=int(base) if base.isascii() and base.isdigit() and len(base) < 9 else 0,
        )  # fmt: skip
    except InvalidField as error:
        return await _editor(request, form, {error.field: error.sentence})
    except Conflict as error:
        return await _editor(request, form, {"source": error.sentence})
    await note_lesson(request, ticket)
    return await _after_saving(request, draft)


def ticket_of(form: Mapping[str, str]) -> str | None:
    """Return the number of the request that prompted a draft, None when none did; InvalidField when it is no number."""
    number = form.get("demande", "").strip()
    if number and (len(number) > 20 or not is_ticket_number(number)):
        raise InvalidField("demande", "Ce numéro de demande n’est pas juste : vérifiez-le, ou effacez-le.")
    return number or None


async def show_draft(request: web.Request) -> web.StreamResponse:
    """Show a draft: to be written by its author, read by the others."""
    return await draft_page(request)


async def draft_page(request: web.Request, draft_id: int | None = None, **answer: Any) -> web.Response:
    """Return the page of a draft, that the path names unless it is given; `answer` is what a gesture has to say."""
    app, caller = request.app, caller_of(request)
    draft_id = number_of(request, "draft") if draft_id is None else draft_id
    async with app[DATABASE].reading() as session:
        page = await drafts.read_draft(session, load_topics(), draft_id)
        ticket = await _seen_ticket(session, request, page)
    row = page.row
    heard = await find_heard(request, (row.new_topic or {}).get("heard", ()))
    own = row.author_id == caller.account.id
    values = answer.pop("values", {"source": row.source, "reason": row.reason})
    article = read_quietly(row.source)
    named = article or read_quietly(page.current_source)
    revision = answer.pop("revision", row.revision)
    return render(
        request, "workshop/article_draft.html", title=f"Brouillon : {named.title if named else page.topic.id}",
        page=page, row=row, own=own, values=values, revision=revision, articles=articles.PATH, drafts=PATH, requests=REQUESTS,
        ticket=ticket, heard=heard, states=STATE_NAMES, profiles=PROFILE_NAMES, editable=own and row.state in EDITABLE,
        reviewable=not own and row.state == PROPOSED, scheduled=SCHEDULED, proposed=PROPOSED, returned=RETURNED,
        dropped=DROPPED, preview=await preview_of(request, article),
        last_day=last_day_before(page.expires_at), changed=await asyncio.to_thread(compare, page.base_source, row.source),
        since=await asyncio.to_thread(compare, page.base_source, page.current_source) if page.is_behind else [],
        **_help(), **{"clash": False, "sent": {}, **answer},
    )  # fmt: skip


async def _seen_ticket(session, request: web.Request, page: DraftPage) -> str:
    """Return the number of the request that prompted a draft, to those who may read the request."""
    if not page.row.ticket_number:
        return ""
    seen = await desk.seen_numbers(session, caller_of(request), [page.row.ticket_number])
    return next(iter(seen), "")


def _help() -> dict[str, Any]:
    return {"variables": load_variables(), "conditions": load_conditions()}


async def save(request: web.Request) -> web.StreamResponse:
    """Keep the text; propose it then if asked."""
    app, form, draft_id = request.app, form_of(request), number_of(request, "draft")
    try:
        await drafts.save_draft(
            app[DATABASE], app[CLOCK], caller_of(request).account.id, draft_id, revision_of(form),
            source=form.get("source", ""), reason=form.get("reason", "").strip(),
        )  # fmt: skip
    except InvalidField as error:
        return await draft_page(request, status=422, values=form, revision=revision_of(form),
                                errors={error.field: error.sentence})  # fmt: skip
    except (Conflict, Forbidden) as error:
        # What was written elsewhere is shown beside; what was written here stays in the field.
        return await draft_page(request, status=409, values=form, clash=True, errors={"source": error.sentence})
    return await _after_saving(request, draft_id)


async def _after_saving(request: web.Request, draft_id: int) -> web.Response:
    """Lead to the draft, after having proposed it if the button pressed says so."""
    app, form = request.app, form_of(request)
    place = f"{PATH}/{draft_id}"
    if form.get("then") != "proposer":
        school = form.get("ecole", "").strip()
        after = "?" + urlencode({"ecole": school}) if school else ""
        return see_other(place + after, "brouillon-enregistre")
    try:
        await drafts.propose_draft(
            app[DATABASE], app[CLOCK], load_topics(), app[PUBLISHER].teaching, caller_of(request).account.id, draft_id
        )
    except (InvalidField, Conflict) as error:
        # It is saved: the page says what keeps it from being proposed.
        return await draft_page(request, draft_id=draft_id, status=422,
                                errors={getattr(error, "field", "source"): error.sentence})  # fmt: skip
    return see_other(place, "brouillon-propose")


def revision_of(form: Mapping[str, str]) -> int:
    """Return which revision of a draft the form was made from, 0 (which none has) when it does not say."""
    text = form.get("revision", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


# --- gestures ---------------------------------------------------------------------------------


async def take_back(request: web.Request) -> web.StreamResponse:
    """Take back a proposal."""
    return await _gesture(request, drafts.take_back, "brouillon-repris")


async def drop(request: web.Request) -> web.StreamResponse:
    """Give a draft up."""
    return await _gesture(request, drafts.drop_draft, "brouillon-abandonne")


async def take_up(request: web.Request) -> web.StreamResponse:
    """Take up again a draft that was given up."""
    return await _gesture(request, drafts.take_up, "brouillon-repris")


async def catch_up(request: web.Request) -> web.StreamResponse:
    """Say that a later version was taken into account."""
    version = form_of(request).get("version", "")
    number = int(version) if version.isascii() and version.isdigit() and len(version) < 9 else -1
    return await _gesture(request, drafts.catch_up, "brouillon-a-jour", number)


async def return_draft(request: web.Request) -> web.StreamResponse:
    """Give a proposal back to its author."""
    return await _gesture(request, drafts.return_draft, "brouillon-rendu", form_of(request).get("note", ""))


async def _gesture(request: web.Request, do, notice: str, *more: Any) -> web.Response:
    app, draft_id = request.app, number_of(request, "draft")
    try:
        await do(app[DATABASE], app[CLOCK], caller_of(request).account.id, draft_id, *more)
    except (InvalidField, Conflict, Forbidden) as error:
        return await draft_page(request, status=422, sent=form_of(request),
                                errors={getattr(error, "field", "gestes"): error.sentence})  # fmt: skip
    return see_other(f"{PATH}/{draft_id}", notice)


async def accept(request: web.Request) -> web.StreamResponse:
    """Publish a proposal, now or at the date asked for."""
    app, form, draft_id = request.app, form_of(request), number_of(request, "draft")
    try:
        published = await app[PUBLISHER].accept(
            caller_of(request).account.id, draft_id, revision_of(form),
            publish_at=moment_of(form, "publish_at") if form.get("when") == "date" else None,
            expires_at=last_day_of(form),
        )  # fmt: skip
    except (InvalidField, Conflict, Forbidden) as error:
        return await draft_page(request, status=422, sent=form,
                                errors={getattr(error, "field", "gestes"): error.sentence})  # fmt: skip
    return see_other(f"{PATH}/{draft_id}", "article-publie" if published else "article-prevu")


def moment_of(form: Mapping[str, str], name: str) -> datetime:
    """Return the instant that a field of date and time holds, as clocks in Paris show it."""
    try:
        return datetime.fromisoformat(form.get(name, "")).replace(tzinfo=PARIS)
    except ValueError as error:
        raise InvalidField(name, "Donnez la date et l’heure de la publication.") from error


def last_day_of(form: Mapping[str, str]) -> datetime | None:
    """Return the instant when the last day of service ends, None when no day is given."""
    text = form.get("expires_on", "").strip()
    ends = start_of(read_day(text), days_later=1)
    if text and ends is None:
        raise InvalidField("expires_on", "Cette date n’existe pas.")
    return ends
