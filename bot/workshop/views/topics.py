"""New topics, for formateurs: what the topic is, what people say of it; its article is a draft like any other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from aiohttp import web
from multidict import MultiDictProxy

from bot.chat.views import CLOCK, DATABASE, KNOWLEDGE
from bot.console.views.routing import THEME_NAMES
from bot.console.views.shell import WORKSHOP, caller_of, form_of, number_of, query_of, render, see_other
from bot.errors import Conflict, Forbidden, InvalidField, NotFound
from bot.knowledge import drafts
from bot.knowledge.new_topics import NewTopic, first_source, themes_of
from bot.knowledge.service import read_all_topics
from bot.learning import inbox
from bot.learning.inbox import SENTENCES_PAGE, Sentence
from bot.learning.utterances import COMMON, SPEAKERS
from bot.topics import PROFILE_NAMES, Topic, Topics, load_topics
from bot.workshop.views.articles import today
from bot.workshop.views.drafts import OWNER, revision_of, ticket_of
from bot.workshop.views.drafts import PATH as DRAFTS
from bot.workshop.views.heard import LEARNING, find_heard, note_lesson, read_numbers

PATH = f"{WORKSHOP}/sujets/nouveau"
_SPEAKER_NAMES = {COMMON: "N’importe qui", **PROFILE_NAMES}
# Before this sign, on a line, who speaks: « parent : où est le menu ». Without it, anybody does.
_SIGN = ":"
# How many neighbours are proposed, of those that the messages were taken for.
_NEIGHBOURS = 3


async def show_addition(request: web.Request) -> web.StreamResponse:
    """Show the form of a new topic; filled from a group of the inbox if it is for one."""
    values = {"demande": query_of(request, "demande")[:20], "groupe": query_of(request, "groupe")[:18]}
    heard = await _of_group(request, values["groupe"])
    return await _form(
        request, {**values, "neighbours": ", ".join(likely_neighbours(heard, request.app[KNOWLEDGE].topics))},
        [profile for profile in PROFILE_NAMES if profile in {one.speaker for one in heard}],
        heard=heard, lines=[one.line.id for one in heard],
    )  # fmt: skip


async def add_topic(request: web.Request) -> web.StreamResponse:
    """Begin a topic and its article."""
    app, form = request.app, form_of(request)
    heard = await _chosen(request)
    given = replace(read_topic(form), heard=tuple(one.line.id for one in heard))
    try:
        ticket = ticket_of(form)
        draft = await drafts.begin_topic(
            app[DATABASE], app[CLOCK], load_topics(), caller_of(request).account.id, given,
            source=first_source(given.topic, OWNER, today(request).isoformat()), ticket_number=ticket,
        )  # fmt: skip
    except InvalidField as error:
        try:
            shown = await _of_group(request, form.get("groupe", ""))
        except NotFound:
            shown = heard
        return await _form(
            request, form, form.getall("profiles", []), {error.field: error.sentence}, heard=shown, lines=given.heard
        )
    await note_lesson(request, ticket)
    return see_other(f"{DRAFTS}/{draft}", "sujet-commence")


async def show_topic(request: web.Request) -> web.StreamResponse:
    """Show what a draft's new topic is to be."""
    async with request.app[DATABASE].reading() as session:
        page = await drafts.read_draft(session, load_topics(), number_of(request, "draft"))
    if page.row.new_topic is None:
        raise NotFound("Ce brouillon n’apporte pas de nouveau sujet.")
    given = NewTopic.from_json(page.row.topic, page.row.new_topic)
    heard = await find_heard(request, given.heard)
    lines = [text if speaker == COMMON else f"{speaker} {_SIGN} {text}" for speaker, text in given.said]
    values = {
        "id": given.topic.id, "theme": given.topic.theme, "meaning": given.topic.meaning, "limits": given.topic.limits,
        "neighbours": ", ".join(given.topic.neighbours), "utterances": "\n".join(lines), "revision": str(page.row.revision),
    }  # fmt: skip
    return await _form(request, values, list(given.topic.profiles), draft=page.row.id, heard=heard, lines=given.heard)


async def change_topic(request: web.Request) -> web.StreamResponse:
    """Change what a draft's new topic is to be."""
    app, form, draft_id = request.app, form_of(request), number_of(request, "draft")
    heard = await _chosen(request)
    given = replace(read_topic(form), heard=tuple(one.line.id for one in heard))
    try:
        await drafts.change_topic(
            app[DATABASE], app[CLOCK], load_topics(), caller_of(request).account.id, draft_id, revision_of(form), given
        )
    except (InvalidField, Conflict, Forbidden) as error:
        errors = {getattr(error, "field", "id"): error.sentence}
        return await _form(
            request, form, form.getall("profiles", []), errors, draft=draft_id, heard=heard, lines=given.heard
        )
    return see_other(f"{DRAFTS}/{draft_id}", "brouillon-enregistre")


async def _of_group(request: web.Request, group: str) -> list[Sentence]:
    """Return what is said in a group of the inbox, nothing when none is named; NotFound when nothing of it is left."""
    numbers = read_numbers([group])
    if not numbers or not request.app[LEARNING].allowed:
        return []
    async with request.app[DATABASE].reading() as session:
        return (await inbox.list_sentences(session, caller_of(request), numbers[0]))[0]


async def _chosen(request: web.Request) -> list[Sentence]:
    """Return the messages of the inbox that the form gives to the topic, those that are left."""
    return await find_heard(request, read_numbers(form_of(request).getall("line", []))[:SENTENCES_PAGE])


def likely_neighbours(heard: Iterable[Sentence], topics: Topics) -> list[str]:
    """Return the topics that messages were most often taken for."""
    taken = Counter(one.line.ranking[0][0] for one in heard if one.line.ranking)
    known = {topic.id for topic in topics.answerable}
    return [name for name, _ in taken.most_common() if name in known][:_NEIGHBOURS]


def read_topic(form: MultiDictProxy[str]) -> NewTopic:
    """Return the topic that the form describes, as it was typed: what is wrong with it is said by whoever keeps it."""
    profiles = dict.fromkeys(form.getall("profiles", []))
    neighbours = (name.strip() for name in form.get("neighbours", "").replace("\n", ",").split(","))
    topic = Topic(
        form.get("id", "").strip(), form.get("theme", ""), tuple(profiles), _line(form.get("meaning", "")),
        _line(form.get("limits", "")), tuple(dict.fromkeys(name for name in neighbours if name)),
    )  # fmt: skip
    said = (read_utterance(line) for line in form.get("utterances", "").split("\n") if line.strip(" -\t"))
    return NewTopic(topic, tuple(said))


def read_utterance(line: str) -> tuple[str, str]:
    """Return who says a line, and what."""
    line = _line(line.strip().removeprefix("- "))
    speaker, sign, text = line.partition(_SIGN)
    if sign and speaker.strip().lower() in SPEAKERS:
        return speaker.strip().lower(), text.strip()
    return COMMON, line


def _line(text: str) -> str:
    return " ".join(text.split())


async def _form(
    request: web.Request, values: Mapping[str, str], profiles: list[str], errors: Mapping[str, str] | None = None,
    draft: int = 0, heard: Sequence[Sentence] = (), lines: Collection[int] = (),
) -> web.Response:  # fmt: skip
    async with request.app[DATABASE].reading() as session:
        topics = await read_all_topics(session, load_topics())
    return render(
        request, "workshop/topic.html", title="Changer le sujet" if draft else "Nouveau sujet", values=values,
        chosen=profiles, errors=errors or {}, profiles=PROFILE_NAMES, topics=topics.answerable,
        themes={theme: THEME_NAMES.get(theme, theme) for theme in themes_of(topics)}, speakers=_SPEAKER_NAMES,
        action=f"{DRAFTS}/{draft}/sujet" if draft else PATH, back=f"{DRAFTS}/{draft}" if draft else DRAFTS, draft=draft,
        heard=heard, lines=lines, everybody=_SPEAKER_NAMES,
        status=422 if errors else 200,
    )  # fmt: skip
