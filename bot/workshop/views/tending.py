"""The articles that ask for somebody's care, for formateurs."""

from __future__ import annotations

from aiohttp import web

from bot.chat.views import CLOCK, DATABASE, KNOWLEDGE
from bot.console.views.routing import THEME_NAMES
from bot.console.views.shell import WORKSHOP, page_of, query_of, render
from bot.knowledge import tending
from bot.knowledge.service import read_all_topics
from bot.topics import load_topics
from bot.workshop.views.articles import PATH as ARTICLES
from bot.workshop.views.articles import today

PATH = f"{WORKSHOP}/entretien"
_PAGE = 50
# What may be asked for, and which articles have it.
KINDS = {
    "liens": ("Liens mal formés", lambda care: care.links),
    "variables": ("Variables sans valeur", lambda care: care.gaps),
    "relecture": ("Date de relecture passée", lambda care: care.is_due),
    "audiences": ("Profils que le sujet n’admet plus", lambda care: care.audiences),
    "jamais-lus": ("Jamais lus depuis 90 jours", lambda care: care.unread),
    "illisibles": ("Illisibles", lambda care: care.unreadable),
}


async def show_cares(request: web.Request) -> web.StreamResponse:
    """Show a page of the articles that ask for care, of one kind if asked."""
    app, page, kind = request.app, page_of(request), query_of(request, "quoi")
    async with app[DATABASE].reading() as session:
        topics = await read_all_topics(session, load_topics())
        cares = await tending.list_cares(session, topics, app[KNOWLEDGE], app[CLOCK].now(), today(request))
    counts = {name: sum(bool(has(care)) for care in cares) for name, (_, has) in KINDS.items()}
    kind = kind if kind in KINDS else ""
    chosen = [care for care in cares if not kind or KINDS[kind][1](care)]
    first = (page - 1) * _PAGE
    return render(
        request, "workshop/articles_care.html", title="Entretien des articles", cares=chosen[first : first + _PAGE],
        more=len(chosen) > first + _PAGE, page=page, kind=kind, articles=ARTICLES, theme_names=THEME_NAMES,
        kinds={name: f"{label} ({counts[name]})" for name, (label, _) in KINDS.items()},
    )  # fmt: skip
