"""Every route of the workshop and who may call it, in the order of the navigation: nothing else opens one.

As `bot.console.routes`: a page is a row here, a handler and a template (`workshop/…`) that extends `console/base.html`.
"""

from __future__ import annotations

from bot.console.views.shell import WORKSHOP, Access, Route
from bot.people.rules import Permission
from bot.workshop.views import articles, drafts, publication, tending, topics

WRITE = Permission.WRITE_KNOWLEDGE
_ARTICLE = f"{articles.PATH}/{{topic}}"
_VERSION = f"{_ARTICLE}/versions/{{number}}"
_DRAFT = f"{drafts.PATH}/{{draft}}"

ROUTES: tuple[Route, ...] = (
    Route("GET", f"{WORKSHOP}/", articles.go_home, Access.SIGNED_IN),
    Route("GET", articles.PATH, articles.list_articles, WRITE, nav="Articles"),
    Route("GET", _ARTICLE, articles.show_article, WRITE),
    Route("GET", f"{_ARTICLE}/modifier", drafts.show_editor, WRITE),
    Route("POST", f"{_ARTICLE}/modifier", drafts.begin, WRITE),
    Route("POST", f"{_ARTICLE}/echeance", publication.set_expiry, WRITE),
    Route("POST", f"{_ARTICLE}/retirer", publication.withdraw, WRITE),
    Route("POST", f"{_ARTICLE}/remettre", publication.put_back, WRITE),
    Route("GET", _VERSION, articles.show_version, WRITE),
    Route("POST", f"{_VERSION}/restaurer", publication.restore, WRITE),
    Route("GET", drafts.PATH, drafts.list_drafts, WRITE, nav="Brouillons"),
    Route("GET", _DRAFT, drafts.show_draft, WRITE),
    Route("POST", _DRAFT, drafts.save, WRITE),
    Route("POST", f"{_DRAFT}/accepter", drafts.accept, WRITE),
    Route("POST", f"{_DRAFT}/rendre", drafts.return_draft, WRITE),
    Route("POST", f"{_DRAFT}/reprendre", drafts.take_back, WRITE),
    Route("POST", f"{_DRAFT}/a-jour", drafts.catch_up, WRITE),
    Route("POST", f"{_DRAFT}/abandonner", drafts.drop, WRITE),
    Route("POST", f"{_DRAFT}/ressortir", drafts.take_up, WRITE),
    Route("GET", f"{_DRAFT}/sujet", topics.show_topic, WRITE),
    Route("POST", f"{_DRAFT}/sujet", topics.change_topic, WRITE),
    Route("GET", tending.PATH, tending.show_cares, WRITE, nav="Entretien"),
    Route("GET", topics.PATH, topics.show_addition, WRITE),
    Route("POST", topics.PATH, topics.add_topic, WRITE),
)
