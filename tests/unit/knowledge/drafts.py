"""Articles made for a test: a sound one, and what is changed in it."""

from __future__ import annotations

from bot.knowledge.article import ArticleText, parse_article

HEADER = {
    "topic": "essai_sujet",
    "title": "Un article d'essai",
    "audiences": "[parent, eleve, enseignant, directeur, personnel, intervenant]",
    "level": "2",
    "owner": "equipe_projet",
    "reviewed_on": "2026-11-20",
    "review_every": "180",
    "sources": '["Usage courant"]',
    "keywords": "[essai, brouillon, modèle]",
}
BODY = "## tous\n\n1. Ouvrez l'ENT.\n\n**Si cela ne marche pas :** demandez à l'école.\n"


def draft(body: str = BODY, **header: str | None) -> str:
    """The source of an article: HEADER with some values changed (None removes a key), then `body`."""
    keys = {**HEADER, **header}
    lines = [f"{key}: {value}" for key, value in keys.items() if value is not None]
    return "\n".join(["---", *lines, "---", "", body])


def article(body: str = BODY, **header: str | None) -> ArticleText:
    """The same, parsed."""
    return parse_article(draft(body, **header))
