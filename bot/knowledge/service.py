"""Use cases of the knowledge base: check, import, export, and the copy in memory that answers are rendered from."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa
import structlog
import yaml
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import Clock
from bot.db import Database
from bot.errors import KnowledgeError
from bot.knowledge.article import ArticleText, article_files, load_conditions, load_variables, parse_article
from bot.knowledge.models import Article, ArticleVersion, VariableValue
from bot.knowledge.rules import SCOPES, Rendered, nearest_values, render_article, render_others
from bot.knowledge.search import KnowledgeSearch
from bot.people.models import School
from bot.topics import Topics

FROM_FILE = "fichier"
FROM_TRAINER = "formateur"

log = structlog.get_logger()


@dataclass
class ImportReport:
    """What an import did, by topic."""

    created: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


def check_files(folder: Path, topics: Topics) -> dict[str, str]:
    """Return the faults of the files of `folder`: file → sentence; empty when all is well."""
    faults: dict[str, str] = {}
    seen: set[str] = set()
    for path in article_files(folder):
        try:
            article = read_file(path, topics)
        except KnowledgeError as error:
            faults[f"{path.parent.name}/{path.name}"] = error.sentence
            continue
        seen.add(article.topic)
    for topic in topics.answerable:
        if topic.id not in seen and f"{topic.theme}/{topic.id}.md" not in faults:
            faults[f"{topic.theme}/{topic.id}.md"] = "Il manque l’article de ce sujet."
    return faults


def read_file(path: Path, topics: Topics) -> ArticleText:
    """Read one article; KnowledgeError when it, its name or its audiences are wrong."""
    try:
        # Not read_text: it changes the ends of lines, and what is exported is what was imported, to the letter.
        source = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise KnowledgeError(f"Le fichier est illisible : {error}") from error
    article = parse_article(source)
    if path.stem != article.topic:
        raise KnowledgeError(f"Le fichier doit s’appeler {article.topic}.md.")
    topic = topics.get(article.topic)
    if topic and set(topic.profiles) != set(article.audiences):
        raise KnowledgeError(f"Les audiences doivent être celles du sujet : {', '.join(topic.profiles)}.")
    return article


async def import_articles(
    database: Database, folder: Path, topics: Topics, clock: Clock, *, author: str, replace: bool = False
) -> ImportReport:
    """Bring the files of `folder` into the database; a trainer's later change is kept unless `replace`."""
    report = ImportReport()
    for path in article_files(folder):
        try:
            article = read_file(path, topics)
        except KnowledgeError as error:
            report.refused[f"{path.parent.name}/{path.name}"] = error.sentence
            continue
        async with database.transaction() as session:
            await _import_one(session, article, clock, author, replace, report)
    return report


async def _import_one(session: AsyncSession, article: ArticleText, clock: Clock, author: str, replace: bool,
                      report: ImportReport) -> None:  # fmt: skip
    row = await session.get(Article, article.topic)
    if row is None:
        session.add(Article(topic=article.topic, version=0, state="publie", updated_at=clock.now()))
        await session.flush()
        await add_version(session, article, clock, origin=FROM_FILE, author=author, reason="Import initial")
        report.created.append(article.topic)
        return
    version = await session.get_one(ArticleVersion, (article.topic, row.version))
    if version.digest == article.digest:
        report.unchanged.append(article.topic)
    elif version.origin != FROM_FILE and not replace:
        report.kept.append(article.topic)
    else:
        await add_version(session, article, clock, origin=FROM_FILE, author=author, reason="Import")
        report.updated.append(article.topic)


async def add_version(session: AsyncSession, article: ArticleText, clock: Clock, *, origin: str, author: str,
                      reason: str) -> int:  # fmt: skip
    """Add a version and put it in service; return its number."""
    row = await session.get_one(Article, article.topic)
    row.version += 1
    row.updated_at = clock.now()
    session.add(
        ArticleVersion(
            topic=article.topic,
            number=row.version,
            source=article.source,
            digest=article.digest,
            origin=origin,
            author=author,
            reason=reason,
            at=clock.now(),
        )
    )
    return row.version


async def export_articles(database: Database, folder: Path, topics: Topics) -> list[Path]:
    """Write the articles in service as files, as they were imported to the letter; return the paths."""
    async with database.reading() as session:
        sources = (await session.execute(_in_service())).all()
    paths = []
    for topic_id, source, _ in sources:
        topic = topics.get(topic_id)
        path = folder / (topic.theme if topic else "nouveaux") / f"{topic_id}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(source.encode("utf-8"))
        paths.append(path)
    return paths


async def set_values(session: AsyncSession, scope: str, territory: str, values: Mapping[str, str]) -> None:
    """Set the variables and conditions of a territory; KnowledgeError names what is unknown."""
    if scope not in SCOPES:
        raise KnowledgeError(f"La portée « {scope} » n’existe pas : {', '.join(SCOPES)}.")
    conditions = load_conditions()
    for name, value in values.items():
        if name in conditions:
            if value not in conditions[name]:
                raise KnowledgeError(f"{name} vaut « {value} » : choisissez parmi {', '.join(conditions[name])}.")
        elif name not in load_variables():
            raise KnowledgeError(f"La variable « {name} » n’est pas dans knowledge/variables.yml.")
        await session.merge(VariableValue(scope=scope, territory=territory, name=name, value=value))


def read_utterances(folder: Path) -> dict[str, list[str]]:
    """Return what people say of each topic, from the training files of `folder` (data/nlu)."""
    utterances: dict[str, list[str]] = {}
    for path in sorted(folder.rglob("*.yml")):
        for block in (yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader) or {}).get("nlu", []):  # noqa: S506 - it is the safe one
            lines = (line.strip() for line in (block.get("examples") or "").split("\n"))
            texts = [line[2:].strip() for line in lines if line.startswith("- ")]
            utterances.setdefault(block["intent"], []).extend(texts)
    return utterances


_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _in_service() -> sa.Select:
    return (
        sa.select(Article.topic, ArticleVersion.source, Article.updated_at)
        .join(ArticleVersion, (ArticleVersion.topic == Article.topic) & (ArticleVersion.number == Article.version))
        .where(Article.state == "publie")
        .order_by(Article.topic)
    )


class KnowledgeBase:
    """The articles in service, the values of the territories and the search, held in memory.

    `refresh` reads them again when the database says that something changed; what is served is replaced whole.
    """

    def __init__(self, database: Database, topics: Topics, read_voices: Callable[[], Mapping[str, list[str]]]) -> None:
        self._database = database
        self._topics = topics
        self._read_voices = read_voices
        self._voices: dict[str, list[str]] = {}
        self._stamp: tuple | None = None
        self._layers: dict[tuple[str, str], dict[str, str]] = {}
        self._schools: dict[str, School] = {}
        self.articles: dict[str, ArticleText] = {}
        self.search = KnowledgeSearch([], {})

    async def add_voices(self) -> None:
        """Let the search know what people say of each topic: seconds of work, done beside the first answers."""
        voices = await asyncio.to_thread(self._read_voices)
        self._voices = {intent: list(texts) for intent, texts in voices.items() if intent in self._topics}
        self.search = await asyncio.to_thread(KnowledgeSearch, list(self.articles.values()), self._voices)

    @property
    def voices(self) -> Mapping[str, list[str]]:
        """What people say of each topic, from data/nlu; nothing until `add_voices` has read it."""
        return self._voices

    async def refresh(self, *, territories: bool = True) -> bool:
        """Read again the articles that changed, and the schools and values if asked; tell whether an article did."""
        if territories:
            await self._refresh_territories()
        async with self._database.reading() as session:
            stamp = (
                *(await session.execute(sa.select(sa.func.count(), sa.func.max(Article.updated_at)))).one(),
                *(await session.execute(sa.select(sa.func.sum(Article.version)))).one(),
            )
            if stamp == self._stamp:
                return False
            rows = (await session.execute(_in_service())).all()
        articles: dict[str, ArticleText] = {}
        for topic, source, _ in rows:
            try:
                articles[topic] = parse_article(source)
            except KnowledgeError as error:
                # One article that the schema no longer takes must not silence the others.
                log.error("article_unreadable", topic=topic, reason=error.sentence)
        self.search = await asyncio.to_thread(KnowledgeSearch, list(articles.values()), self._voices)
        self.articles = articles
        self._stamp = stamp
        return True

    async def _refresh_territories(self) -> None:
        async with self._database.reading() as session:
            schools = {school.uai: school for school in (await session.scalars(sa.select(School))).all()}
            layers: dict[tuple[str, str], dict[str, str]] = {}
            for row in (await session.scalars(sa.select(VariableValue))).all():
                layers.setdefault((row.scope, row.territory), {})[row.name] = row.value
        self._schools, self._layers = schools, layers

    def school(self, uai: str | None) -> School | None:
        """Return the school, or None when it is not known."""
        return self._schools.get(uai or "")

    @property
    def schools(self) -> list[School]:
        """All the schools of the deployment."""
        return list(self._schools.values())

    def values(self, uai: str | None) -> dict[str, str]:
        """Return the variables and conditions as they stand for a school, the nearest value winning."""
        layers = {"projet": self._layers.get(("projet", ""), {})}
        school = self.school(uai)
        if school is None:
            return nearest_values(layers)
        for scope in ("academie", "departement", "circonscription"):
            layers[scope] = self._layers.get((scope, getattr(school, scope) or ""), {})
        layers["ecole"] = self._layers.get(("ecole", school.uai), {})
        return {**nearest_values(layers), "degre": school.degree}

    def render(self, topic: str, profile: str | None, uai: str | None) -> Rendered | None:
        """Render the article of `topic` for a profile (who may not act is told who can); None when there is none."""
        article = self.articles.get(topic)
        if article is None:
            return None
        if profile is None or profile in article.audiences:
            return render_article(article, profile or article.audiences[0], self.values(uai))
        return render_others(article, self.values(uai))

    def title(self, topic: str) -> str | None:
        """Return the title of the article of `topic`."""
        article = self.articles.get(topic)
        return article.title if article else None
