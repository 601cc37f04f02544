"""The whole knowledge base as files and back: the articles, and the topics that formateurs added with what is said of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa
import yaml
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import Clock
from bot.db import Database
from bot.errors import InvalidField, KnowledgeError
from bot.knowledge.models import AddedTopic
from bot.knowledge.new_topics import NewTopic, check_said_of, check_topic
from bot.knowledge.service import ImportReport, export_articles, import_articles, read_all_topics, topic_of
from bot.knowledge.teaching import Teaching
from bot.topics import PROFILES, Topic, Topics

# Beside the themes' folders: topics as knowledge/topics.yml has them, with their neighbours and utterances.
ADDED_FILE = "added_topics.yml"


async def export_knowledge(database: Database, folder: Path, topics: Topics, teaching: Teaching) -> list[Path]:
    """Write the articles in service and the added topics into `folder`; return the paths. `import_knowledge` reads them."""
    async with database.reading() as session:
        everything = await read_all_topics(session, topics)
        added = (await session.scalars(sa.select(AddedTopic).order_by(AddedTopic.id))).all()
        said = await teaching.said(session)
    paths = await export_articles(database, folder, everything)
    if added:
        path = folder / ADDED_FILE
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {"topics": [_entry(row, said.get(row.id, [])) for row in added]}
        path.write_bytes(yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=10_000).encode())
        paths.append(path)
    return paths


def _entry(row: AddedTopic, said: list[tuple[str, str]]) -> dict[str, Any]:
    return {
        "id": row.id, "theme": row.theme, "profils": list(row.profiles), "sens": row.meaning, "limites": row.limits,
        "voisins": list(row.neighbours), "phrases": [{"qui": speaker, "texte": text} for speaker, text in said],
    }  # fmt: skip


async def import_knowledge(
    database: Database, folder: Path, topics: Topics, teaching: Teaching, clock: Clock, *, author: str,
    replace: bool = False,
) -> ImportReport:  # fmt: skip
    """Bring the files of `folder` into the database, added topics first; what a formateur changed is kept unless `replace`."""
    kept: list[str] = []
    refused = ""
    try:
        for given in _read_added(folder / ADDED_FILE):
            try:
                async with database.transaction() as session:
                    if not await _import_topic(session, given, topics, teaching, clock, author, replace):
                        kept.append(given.topic.id)
            except InvalidField as error:
                refused += f"{given.topic.id} : {error.sentence} "
    except KnowledgeError as error:
        refused = error.sentence
    async with database.reading() as session:
        everything = await read_all_topics(session, topics)
    report = await import_articles(database, folder, everything, clock, author=author, replace=replace)
    report.kept_topics += kept
    if refused:
        report.refused[ADDED_FILE] = refused.strip()
    return report


def _read_added(path: Path) -> list[NewTopic]:
    if not path.exists():
        return []
    try:
        return [_read_entry(entry) for entry in yaml.safe_load(path.read_bytes().decode("utf-8"))["topics"]]
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise KnowledgeError("Le fichier des sujets ajoutés est illisible : exportez-le de nouveau.") from error


def _read_entry(entry: dict[str, Any]) -> NewTopic:
    profiles = PROFILES if entry["profils"] == "tous" else tuple(entry["profils"])
    texts = (entry["id"], entry["theme"], entry["sens"], entry.get("limites", ""), *profiles, *entry["voisins"])
    said = tuple((one["qui"], one["texte"]) for one in entry["phrases"])
    if not all(isinstance(text, str) for text in (*texts, *(part for one in said for part in one))):
        raise TypeError("not a text")
    limits, neighbours = entry.get("limites", ""), tuple(entry["voisins"])
    return NewTopic(Topic(entry["id"], entry["theme"], profiles, entry["sens"], limits, neighbours), said)


async def _import_topic(session: AsyncSession, given: NewTopic, topics: Topics, teaching: Teaching, clock: Clock,
                        author: str, replace: bool) -> bool:  # fmt: skip
    """Add or replace a topic and teach what is not yet said of it; return False when a formateur's own is kept."""
    topic = given.topic
    check_topic(topic, topics)
    check_said_of(given)
    row = await session.get(AddedTopic, topic.id)
    if row is None:
        row = AddedTopic(id=topic.id, author=author)
        session.add(row)
    elif topic_of(row) != topic and not replace:
        return False
    row.theme, row.profiles, row.meaning = topic.theme, list(topic.profiles), topic.meaning
    row.limits, row.neighbours, row.at = topic.limits, list(topic.neighbours), clock.now()
    await session.flush()
    known = (await teaching.said(session)).get(topic.id, [])
    await teaching.teach(session, clock.now(), topic.id, [one for one in given.said if one not in known], None)
    return True
