"""The articles, for formateurs: the list, what each profile of a school reads of one, its versions."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from aiohttp import web

from bot.chat.markup import to_html
from bot.chat.views import CLOCK, DATABASE, KNOWLEDGE
from bot.console.views.requests import PATH as REQUESTS
from bot.console.views.routing import THEME_NAMES
from bot.console.views.shell import (
    ROUTES,
    WORKSHOP,
    caller_of,
    number_of,
    page_of,
    query_of,
    render,
    see_other,
)
from bot.errors import KnowledgeError
from bot.escalation import desk
from bot.escalation.rules import PARIS
from bot.knowledge import library
from bot.knowledge.article import ArticleText, load_variables, parse_article
from bot.knowledge.differences import compare
from bot.knowledge.library import ABSENT, ArticleFilter
from bot.knowledge.rules import Rendered, render_for
from bot.knowledge.service import FROM_FILE, FROM_TRAINER, IN_SERVICE, WITHDRAWN, KnowledgeBase, read_all_topics
from bot.people.models import School
from bot.people.rules import find_school, is_uai
from bot.topics import PROFILE_NAMES, PROFILES, load_topics

PATH = f"{WORKSHOP}/articles"

STATE_NAMES = {IN_SERVICE: "En service", WITHDRAWN: "Retiré", ABSENT: "Pas encore écrit"}
ORIGIN_NAMES = {FROM_FILE: "fichier", FROM_TRAINER: "atelier"}
# As many schools are proposed while one is typed: the others are found by their name or code.
_PROPOSED = 50


@dataclass(frozen=True)
class Reading:
    """What somebody of a profile reads of an article, and what it lacks there."""

    profile: str
    allowed: bool
    rendered: Rendered
    html: str
    # Variable → what it means and what takes its place.
    gaps: Mapping[str, str]


@dataclass(frozen=True)
class Preview:
    """An article as each profile reads it in a school, or anywhere when none was chosen."""

    readings: list[Reading]
    school: School | None
    asked: str
    error: str
    proposed: list[School]


async def go_home(request: web.Request) -> web.StreamResponse:
    """Lead to the first page of the workshop that the caller may open."""
    caller = caller_of(request)
    pages = [route for route in request.app[ROUTES] if route.path.startswith(f"{WORKSHOP}/") and route.nav]
    return see_other(next((route.path for route in pages if route.admits(caller)), "/console/"))


async def list_articles(request: web.Request) -> web.StreamResponse:
    """Show a page of the articles, filtered."""
    app = request.app
    state = query_of(request, "state")
    wanted = ArticleFilter(
        text=query_of(request, "text")[:200], theme=query_of(request, "theme")[:40],
        state=state if state in STATE_NAMES else "", owner=query_of(request, "owner")[:60],
        due=query_of(request, "due") == "True",
    )  # fmt: skip
    page = page_of(request)
    async with app[DATABASE].reading() as session:
        topics = await read_all_topics(session, load_topics())
        listed = await library.list_articles(session, topics, today(request), wanted, page)
    asked = {name: value for name, value in asdict(wanted).items() if value}
    return render(
        request, "workshop/articles.html", title="Articles", listed=listed, wanted=wanted, asked=asked, page=page,
        articles=PATH, states=STATE_NAMES, theme_names=THEME_NAMES, now=app[CLOCK].now(),
        themes={theme: THEME_NAMES.get(theme, theme) for theme in listed.themes},
        owners={owner: owner for owner in listed.owners},
    )  # fmt: skip


async def show_article(request: web.Request) -> web.StreamResponse:
    """Show an article as each profile reads it, and its versions."""
    return await article_page(request)


async def article_page(request: web.Request, **answer: Any) -> web.Response:
    """Return the page of the article that the path names; `answer` is what a gesture has to say."""
    app, topic_id, page = request.app, request.match_info["topic"], page_of(request)
    async with app[DATABASE].reading() as session:
        topics = await read_all_topics(session, load_topics())
        entry, _ = await library.read_article(session, topics, topic_id, today(request))
        versions, more = await library.list_versions(session, topic_id, page)
        tickets = [one.ticket_number for one in versions if one.ticket_number]
        tickets = await desk.seen_numbers(session, caller_of(request), tickets)
    return render(
        request, "workshop/article.html", title=entry.title, entry=entry, text=entry.text, articles=PATH,
        preview=await preview_of(request, entry.text), versions=versions, page=page, more=more, origins=ORIGIN_NAMES,
        states=STATE_NAMES, theme=THEME_NAMES.get(entry.topic.theme, entry.topic.theme), profiles=PROFILE_NAMES,
        tickets=tickets, requests=REQUESTS, last_day=last_day_before(entry.expires_at), **{"values": {}, **answer},
    )  # fmt: skip


async def show_version(request: web.Request) -> web.StreamResponse:
    """Show a version: its text, and what it changed."""
    return await version_page(request)


async def version_page(request: web.Request, **answer: Any) -> web.Response:
    """Return the page of the version that the path names; `answer` is what a gesture has to say."""
    topic_id, number = request.match_info["topic"], number_of(request, "number")
    async with request.app[DATABASE].reading() as session:
        topics = await read_all_topics(session, load_topics())
        version, former = await library.read_version(session, topic_id, number)
        entry, current = await library.read_article(session, topics, topic_id, today(request))
    return render(
        request, "workshop/article_version.html", title=f"Version {number} : {entry.title}", entry=entry,
        version=version, articles=PATH, origins=ORIGIN_NAMES,
        changed=await asyncio.to_thread(compare, former, version.source),
        since=await asyncio.to_thread(compare, version.source, current), **answer,
    )  # fmt: skip


# --- shared with the pages of drafts ----------------------------------------------------------


def today(request: web.Request) -> date:
    """Return the day it is in Paris."""
    return request.app[CLOCK].now().astimezone(PARIS).date()


def last_day_before(ends: datetime | None) -> str:
    """Return the last whole day before an instant, as a date field holds it."""
    return (ends.astimezone(PARIS).date() - timedelta(days=1)).isoformat() if ends else ""


def read_quietly(source: str) -> ArticleText | None:
    """Return an article that can be read, None for one that cannot: what is wrong with it is told elsewhere."""
    try:
        return parse_article(source)
    except KnowledgeError:
        return None


async def preview_of(request: web.Request, article: ArticleText | None) -> Preview | None:
    """Return an article as each profile of the school of the query (`ecole`) reads it, None when there is none."""
    if article is None:
        return None
    knowledge, asked = request.app[KNOWLEDGE], query_of(request, "ecole")[:200]
    school = await _find(knowledge, asked) if asked else None
    error = ""
    if asked and school is None:
        error = "Aucune école n’est sûrement celle-là. Donnez son code UAI, ou son nom et sa commune."
    values = knowledge.values(school.uai if school else None)
    readings = []
    for profile in PROFILES:
        rendered = render_for(article, profile, values)
        gaps = {name: _tell_gap(name) for name in sorted(rendered.missing)}
        readings.append(Reading(profile, profile in article.audiences, rendered, to_html(rendered.text), gaps))
    return Preview(readings, school, asked, error, knowledge.schools[:_PROPOSED])


async def _find(knowledge: KnowledgeBase, asked: str) -> School | None:
    code = asked.split(" ", 1)[0].upper()
    if is_uai(code):
        return knowledge.school(code)
    # Tens of thousands of names, compared one by one.
    return await asyncio.to_thread(find_school, asked, knowledge.schools)


def _tell_gap(name: str) -> str:
    known = load_variables()[name]
    generic = known.get("generique")
    return f"{known['sens']} (remplacée par « {generic} »)" if generic else f"{known['sens']} (sa phrase disparaît)"
