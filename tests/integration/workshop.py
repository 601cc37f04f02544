"""What the tests of the workshop's articles do again and again: write, propose, have it accepted."""

from __future__ import annotations

import re

from bot.db import Database
from bot.knowledge.models import Article, ArticleVersion
from tests.integration.console import Browser, Page

ARTICLES, DRAFTS, NEW_TOPIC = "/workshop/articles", "/workshop/brouillons", "/workshop/sujets/nouveau"
TOPIC = "connexion_mot_de_passe_oublie"

HEADER = """---
topic: {topic}
title: {title}
audiences: [{audiences}]
level: 2
owner: equipe_projet
reviewed_on: 2026-11-20
review_every: 180
sources:
  - "Usage courant, à confirmer par le projet"
keywords: [gymnase, réservation, salle de sport]
---
"""
SAID = """Comment réserver le gymnase
je veux la salle de sport jeudi
parent : où voir quand le gymnase est libre
qui a pris le gymnase mardi matin
le gymnase est-il libre cet après-midi
réserver la salle de sport pour ma classe
annuler ma réservation du gymnase
on m’a pris mon créneau de gymnase
le planning du gymnase s’il vous plaît
inscrire ma classe au gymnase
changer l’heure de ma réservation de gymnase"""
NEW = {
    "id": "salle_de_sport", "theme": "vie_de_classe", "profiles": "enseignant", "meaning": "Réserver le gymnase",
    "limits": "le sport en général : emploi du temps", "neighbours": "cdt_consulter_devoirs", "utterances": SAID,
}  # fmt: skip


def article_of(topic: str = "salle_de_sport", title: str = "Réserver le gymnase", audiences: str = "enseignant",
               body: str = "") -> str:  # fmt: skip
    """Return the source of a sound article."""
    body = body or (
        f"\n## {audiences}\n\n1. Ouvrez l'application Réservations.\n2. Choisissez « Gymnase ». Adresse : {{adresse_ent}}.\n\n"
        "**Si cela ne marche pas :** demandez à la direction.\n\n## autres\n\nIl faut s'adresser à l'enseignant de la classe.\n"
    )
    return HEADER.format(topic=topic, title=title, audiences=audiences) + body


def number_in(location: str) -> int:
    """Return the number of the draft that a page leads to."""
    return int(re.search(r"/brouillons/(\d+)", location)[1])


def revision_in(page: Page) -> str:
    """Return the revision that the forms of a draft's page carry."""
    return re.search(r'name="revision" value="(\d+)"', page.text)[1]


async def source_of(database: Database, topic: str = TOPIC) -> tuple[int, str]:
    """Return the version in service of an article and its text."""
    async with database.reading() as session:
        article = await session.get_one(Article, topic)
        return article.version, (await session.get_one(ArticleVersion, (topic, article.version))).source


async def begin(browser: Browser, source: str, *, topic: str = TOPIC, base: int = 1, reason: str = "Nouveau bouton",
                then: str = "", **fields) -> Page:  # fmt: skip
    """Keep a text as a draft."""
    return await browser.post(
        f"{ARTICLES}/{topic}/modifier", source=source, base=str(base), reason=reason, then=then, **fields
    )


async def propose(browser: Browser, source: str, **options) -> int:
    """Keep a text as a draft and propose it; return the draft's number."""
    page = await begin(browser, source, then="proposer", **options)
    assert page.status == 303, page.words
    assert "brouillon-propose" in page.location
    return number_in(page.location)


async def accept(browser: Browser, draft: int, **fields) -> Page:
    """Accept a proposal as it stands."""
    revision = revision_in(await browser.get(f"{DRAFTS}/{draft}"))
    return await browser.post(f"{DRAFTS}/{draft}/accepter", **{"revision": revision, "when": "now", **fields})
