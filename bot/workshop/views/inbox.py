"""The formateurs' inbox: groups of what was not understood, one group, one message, the last gestures, resolved requests."""

from __future__ import annotations

from dataclasses import asdict

import sqlalchemy as sa
from aiohttp import web

from bot.chat.views import CLOCK, DATABASE, KNOWLEDGE
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
from bot.errors import Conflict, InvalidField, InvalidInput, NotFound
from bot.learning import drafts, inbox
from bot.learning.collecting import KINDS
from bot.learning.utterances import COMMON
from bot.rollout.models import Wave
from bot.topics import PROFILE_NAMES
from bot.workshop.views.articles import PATH as ARTICLES
from bot.workshop.views.heard import LEARNING, read_numbers
from bot.workshop.views.topics import PATH as NEW_TOPIC

PATH = f"{WORKSHOP}/messages"
GESTURES = f"{WORKSHOP}/gestes"
LESSONS = f"{WORKSHOP}/demandes-resolues"
# Pages of colleagues: a topic to be added for a group, an article to be written from a request.
GIVE, OUT, DISCARD = "donner", "hors-sujet", "ecarter"
GESTURE_NAMES = {inbox.GIVEN: "Donnés au sujet", inbox.DISCARDED: "Écartés"}
SPEAKERS = {**PROFILE_NAMES, COMMON: "Tout le monde"}


async def show_inbox(request: web.Request) -> web.StreamResponse:
    """Show the groups, the most frequent first."""
    if not request.app[LEARNING].allowed:
        return _closed(request, "Messages non compris")
    wanted, page = _filter_of(request), page_of(request)
    async with request.app[DATABASE].reading() as session:
        groups, more = await inbox.list_groups(session, caller_of(request), wanted, page)
        waiting = await inbox.count_ungrouped(session, caller_of(request))
        waves = dict((await session.execute(sa.select(Wave.id, Wave.name).order_by(Wave.starts_on))).tuples().all())
        undoable = await _undoable(request, session)
    asked = {name: value for name, value in asdict(wanted).items() if value}
    return render(
        request, "workshop/inbox.html", title="Messages non compris", groups=groups, more=more, page=page, asked=asked,
        wanted=wanted, waiting=waiting, waves=waves, undoable=undoable, **_names(),
    )  # fmt: skip


def _closed(request: web.Request, title: str) -> web.Response:
    return render(request, "workshop/inbox_closed.html", title=title)


def _names() -> dict[str, object]:
    return {
        "kinds": KINDS, "profiles": PROFILE_NAMES, "speakers": SPEAKERS, "here": PATH, "gestures_at": GESTURES,
        "lessons_at": LESSONS, "new_topic": NEW_TOPIC, "articles": ARTICLES,
    }  # fmt: skip


def _filter_of(request: web.Request) -> inbox.InboxFilter:
    kind, profile, wave = query_of(request, "kind"), query_of(request, "profile"), query_of(request, "wave")
    return inbox.InboxFilter(
        kind=kind if kind in KINDS else "", profile=profile if profile in PROFILE_NAMES else "",
        uai=query_of(request, "uai").upper()[:8],
        wave=int(wave) if wave.isascii() and wave.isdigit() and len(wave) < 19 else None,
    )  # fmt: skip


async def _undoable(request: web.Request, session) -> inbox.InboxGesture | None:
    """Return the gesture that the page comes after, if it can be undone."""
    text = query_of(request, "geste")
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        return None
    try:
        gesture = await inbox.find_gesture(session, caller_of(request), int(text))
    except NotFound:
        return None
    return None if gesture.undone_at else gesture


async def show_group(request: web.Request) -> web.StreamResponse:
    """Show what is said in a group."""
    return await _group_page(request)


async def _group_page(request: web.Request, *, status: int = 200, **answer) -> web.Response:
    if not request.app[LEARNING].allowed:
        return _closed(request, "Messages non compris")
    group, page = number_of(request, "group"), page_of(request)
    async with request.app[DATABASE].reading() as session:
        sentences, more = await inbox.list_sentences(session, caller_of(request), group, page)
        topics = await inbox.topic_choices(session)
        undoable = await _undoable(request, session)
    title = f"« {sentences[0].line.text[:60]} »" if sentences else "Un groupe de messages"
    return render(
        request, "workshop/inbox_group.html", title=title, status=status, group=group, sentences=sentences, more=more,
        page=page, topics=topics, undoable=undoable, thoughts={topic.id: topic.meaning for topic in request.app[KNOWLEDGE].topics},
        **_names(), **{"values": {}, "chosen": None, **answer},
    )  # fmt: skip


async def settle(request: web.Request) -> web.StreamResponse:
    """Give the chosen messages to a topic or to « hors sujet », or put them aside; what is to be known first is shown first."""
    app, caller, form = request.app, caller_of(request), form_of(request)
    if not app[LEARNING].allowed:
        return _closed(request, "Messages non compris")
    group, gesture, lines = number_of(request, "group"), form.get("gesture", ""), read_numbers(form.getall("line", []))
    topic = inbox.OUT_OF_SCOPE if gesture == OUT else form.get("topic", "")
    voices = app[LEARNING].voices
    try:
        if gesture == DISCARD:
            done = await inbox.discard(app[DATABASE], app[CLOCK], caller, group, lines)
        elif gesture not in (GIVE, OUT):
            raise InvalidField("gesture", "Choisissez ce qu’il faut faire de ces messages.")
        else:
            if form.get("confirmed") != "oui":
                async with app[DATABASE].reading() as session:
                    weighed = await inbox.weigh(session, caller, group, lines, topic, voices)
                    topics = await inbox.topic_choices(session)
                if any(one.warned or one.too_long for one in weighed):
                    return render(
                        request, "workshop/inbox_check.html", title="À vérifier avant de garder", group=group,
                        weighed=weighed, topic=topic, gesture=gesture, ready=bool(voices.neighbours),
                        topics={**topics, inbox.OUT_OF_SCOPE: "Hors sujet"}, **_names(),
                    )  # fmt: skip
            done = await inbox.give(app[DATABASE], app[CLOCK], caller, group, lines, topic, voices)
    except (InvalidInput, Conflict) as error:
        field = error.field if isinstance(error, InvalidField) else "gesture"
        return await _group_page(
            request, status=422, errors={field: error.sentence}, values={"topic": topic}, chosen=set(lines)
        )
    async with app[DATABASE].reading() as session:
        left = await inbox.is_left(session, caller, group)
    notice = "messages-ecartes" if gesture == DISCARD else "messages-donnes"
    return see_other(f"{PATH}/groupes/{group}?geste={done.gesture}" if left else f"{PATH}?geste={done.gesture}", notice)


async def show_line(request: web.Request) -> web.StreamResponse:
    """Show one message, its words to be struck out."""
    return await _line_page(request)


async def _line_page(request: web.Request, *, status: int = 200, **answer) -> web.Response:
    if not request.app[LEARNING].allowed:
        return _closed(request, "Messages non compris")
    async with request.app[DATABASE].reading() as session:
        line = await inbox.find_line(session, caller_of(request), number_of(request, "line"))
    return render(
        request, "workshop/inbox_line.html", title="Masquer des mots", status=status, line=line, words=line.text.split(),
        **_names(), **answer,
    )  # fmt: skip


async def strike(request: web.Request) -> web.StreamResponse:
    """Strike words out of a message."""
    app, form = request.app, form_of(request)
    if not app[LEARNING].allowed:
        return _closed(request, "Messages non compris")
    try:
        line = await inbox.strike(
            app[DATABASE], app[CLOCK], caller_of(request), number_of(request, "line"), form.get("text", ""),
            read_numbers(form.getall("word", [])),
        )  # fmt: skip
    except (InvalidInput, Conflict) as error:
        return await _line_page(request, status=422, errors={"word": error.sentence})
    return see_other(f"{PATH}/groupes/{line.group_id}" if line.group_id else PATH, "message-masque")


async def show_gestures(request: web.Request) -> web.StreamResponse:
    """Show the last gestures, each to be undone."""
    page = page_of(request)
    async with request.app[DATABASE].reading() as session:
        gestures, more = await inbox.list_gestures(session, caller_of(request), page)
        topics = await inbox.topic_choices(session)
    return render(
        request, "workshop/inbox_gestures.html", title="Derniers gestes", gestures=gestures, more=more, page=page,
        topics={**topics, inbox.OUT_OF_SCOPE: "Hors sujet"}, gesture_names=GESTURE_NAMES, **_names(),
    )  # fmt: skip


async def undo(request: web.Request) -> web.StreamResponse:
    """Undo a gesture."""
    app = request.app
    await inbox.undo(app[DATABASE], app[CLOCK], caller_of(request), number_of(request, "gesture"))
    return see_other(GESTURES, "messages-revenus")


# --- resolved requests ------------------------------------------------------------------------


async def show_lessons(request: web.Request) -> web.StreamResponse:
    """Show the resolved requests that no article was drawn from."""
    if not request.app[LEARNING].allowed:
        return _closed(request, "Demandes résolues")
    page = page_of(request)
    async with request.app[DATABASE].reading() as session:
        lessons, more = await drafts.list_lessons(session, caller_of(request), page)
        topics = await inbox.topic_choices(session)
    return render(
        request, "workshop/inbox_lessons.html", title="Demandes résolues", lessons=lessons, more=more, page=page,
        topics=topics, set_aside=query_of(request, "demande")[:16], **_names(),
    )  # fmt: skip


async def show_lesson(request: web.Request) -> web.StreamResponse:
    """Show the draft of an article drawn from a request."""
    app = request.app
    if not app[LEARNING].allowed:
        return _closed(request, "Demandes résolues")
    async with app[DATABASE].reading() as session:
        draft = await drafts.draft_from(session, app[CLOCK], caller_of(request), request.match_info["number"])
        topics = await inbox.topic_choices(session)
    return render(
        request, "workshop/inbox_draft.html", title=f"Brouillon tiré de la demande {draft.number}", draft=draft, topics=topics,
        **_names(),
    )  # fmt: skip


async def set_lesson_aside(request: web.Request) -> web.StreamResponse:
    """Take a request out of the list: it teaches nothing."""
    app, number = request.app, request.match_info["number"]
    await drafts.mark_lesson(app[DATABASE], app[CLOCK], caller_of(request), number, drawn=False)
    return see_other(f"{LESSONS}?demande={number}", "lecon-ecartee")


async def put_lesson_back(request: web.Request) -> web.StreamResponse:
    """Put it back."""
    app = request.app
    await drafts.unmark_lesson(app[DATABASE], app[CLOCK], caller_of(request), request.match_info["number"])
    return see_other(LESSONS, "lecon-revenue")
