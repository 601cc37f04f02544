"""Use cases of the knowledge base: check, import, export, and the copy in memory that answers are rendered from."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
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
from bot.knowledge.links import find_broken_links
from bot.knowledge.models import AddedTopic, Article, ArticleVersion, VariableValue
from bot.knowledge.rules import SCOPES, Rendered, nearest_values, render_article, render_for
from bot.knowledge.search import KnowledgeSearch
from bot.knowledge.teaching import NothingTaught, Said, Teaching
from bot.language.normalise import normalise
from bot.people.models import School
from bot.topics import Topic, Topics

FROM_FILE = "fichier"
FROM_TRAINER = "formateur"
IN_SERVICE, WITHDRAWN = "publie", "retire"

# An utterance of fewer words than this may be said of anything.
_TELLING_WORDS = 3

log = structlog.get_logger()

# What else is known of a school (None: not known): it counts before the values written by hand.
Told = Callable[[str | None], Mapping[str, str]]


@dataclass
class ImportReport:
    """What an import did, by topic."""

    created: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    kept_topics: list[str] = field(default_factory=list)


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
        raise KnowledgeError(_other_audiences(topic))
    return article


def _other_audiences(topic: Topic) -> str:
    return f"Les audiences doivent être celles du sujet : {', '.join(topic.profiles)}."


def find_faults(source: str, topic: Topic) -> list[str]:
    """Return, in sentences, what keeps `source` from being the article of `topic`: what files are held to, and its links."""
    try:
        article = parse_article(source)
    except KnowledgeError as error:
        return [error.sentence]
    faults = []
    if article.topic != topic.id:
        faults.append(f"L’en-tête dit « topic: {article.topic} » : cet article est celui de {topic.id}, écrivez-le.")
    if set(article.audiences) != set(topic.profiles):
        faults.append(_other_audiences(topic))
    for section in article.sections:
        for address, fault in find_broken_links(section.text):
            faults.append(f"Le lien « {address} » ne mène nulle part : {fault}.")
    return list(dict.fromkeys(faults))


def topic_of(row: AddedTopic) -> Topic:
    """Return an added topic as those of the file are."""
    return Topic(row.id, row.theme, tuple(row.profiles), row.meaning, row.limits, tuple(row.neighbours))


async def read_all_topics(session: AsyncSession, topics: Topics) -> Topics:
    """Return the topics of the file and those that formateurs added, as they stand in the database."""
    rows = (await session.scalars(sa.select(AddedTopic).order_by(AddedTopic.id))).all()
    return topics.joined_by([topic_of(row) for row in rows])


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
        session.add(Article(topic=article.topic, version=0, state=IN_SERVICE, updated_at=clock.now()))
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
        .where(Article.state == IN_SERVICE)
        .order_by(Article.topic)
    )


def _words(text: str) -> str:
    """Return the words of `text`, its marks aside."""
    return " ".join(word for word in normalise(text).split() if any(sign.isalnum() for sign in word))


class KnowledgeBase:
    """The topics, the articles in service, the values of the territories and the search, held in memory.

    `refresh` reads them again when the database says that something changed; what is served is replaced whole.
    `topics` are those of the file and those that formateurs added, of which the engine knows those that its model was made with.
    """

    def __init__(
        self, database: Database, topics: Topics, read_voices: Callable[[], Mapping[str, list[str]]],
        told: Told | None = None, teaching: Teaching | None = None,
    ) -> None:  # fmt: skip
        self._database = database
        self._of_the_file = topics
        self._read_voices = read_voices
        self._of_school = told
        self._teaching = teaching or NothingTaught()
        self._voices: Mapping[str, list[str]] = {}
        self._taught: Mapping[str, list[Said]] = {}
        self._stamp: tuple | None = None
        self._turn = asyncio.Lock()
        self._layers: dict[tuple[str, str], dict[str, str]] = {}
        self._schools: dict[str, School] = {}
        # What says an added topic word for word: its title, what it was taught with.
        self._told: dict[str, str] = {}
        self.topics = topics
        self.articles: dict[str, ArticleText] = {}
        self.search = KnowledgeSearch([], {})

    async def add_voices(self) -> None:
        """Let the search know what people say of each topic: seconds of work, done beside the first answers."""
        voices = await asyncio.to_thread(self._read_voices)
        async with self._turn:
            self._voices = voices
            self.search = await self._make_search(self.articles.values(), self.topics, self._taught)

    async def _make_search(
        self, articles: Iterable[ArticleText], topics: Topics, taught: Mapping[str, list[Said]]
    ) -> KnowledgeSearch:
        voices = {intent: list(texts) for intent, texts in self._voices.items() if intent in topics}
        for intent, said in taught.items():
            if intent in topics:
                voices.setdefault(intent, []).extend(text for _, text in said)
        return await asyncio.to_thread(KnowledgeSearch, list(articles), voices)

    @property
    def voices(self) -> Mapping[str, list[str]]:
        """What people say of each topic, from data/nlu; nothing until `add_voices` has read it."""
        return self._voices

    async def refresh(self, *, territories: bool = True) -> bool:
        """Read again the articles that changed, and the schools and values if asked; tell whether an article did."""
        if territories:
            await self._refresh_territories()
        # Whoever publishes asks for it at once, beside the job: what is older must not come after.
        async with self._turn:
            return await self._refresh_articles()

    async def _refresh_articles(self) -> bool:
        async with self._database.reading() as session:
            served = sa.func.sum(sa.case((Article.state == IN_SERVICE, 1), else_=0))
            counted = sa.select(sa.func.count(), served, sa.func.sum(Article.version), sa.func.max(Article.updated_at))
            stamp = (
                *(await session.execute(counted.select_from(Article))).one(),
                *(await session.execute(sa.select(sa.func.count(), sa.func.max(AddedTopic.at)))).one(),
                await self._teaching.stamp(session),
            )
            if stamp == self._stamp:
                return False
            rows = (await session.execute(_in_service())).all()
            topics = await read_all_topics(session, self._of_the_file)
            taught = await self._teaching.said(session)
        articles: dict[str, ArticleText] = {}
        for topic, source, _ in rows:
            try:
                articles[topic] = parse_article(source)
            except KnowledgeError as error:
                # One article that the schema no longer takes must not silence the others.
                log.error("article_unreadable", topic=topic, reason=error.sentence)
        self.search = await self._make_search(articles.values(), topics, taught)
        self.articles, self.topics, self._taught = articles, topics, taught
        self._told = {
            _words(text): topic.id
            for topic in topics
            if topic.id not in self._of_the_file and topic.id in articles
            for text in (articles[topic.id].title, *(text for _, text in taught.get(topic.id, ())))
            # « Bonjour » or « oui » would be taken from the conversation.
            if text == articles[topic.id].title or len(text.split()) >= _TELLING_WORDS
        }
        self._stamp = stamp
        return True

    def added_topic(self, text: str, choice: str | None) -> str | None:
        """Return the added topic that a button names, or that `text` says word for word; None for one of the file."""
        if choice is None:
            return self._told.get(_words(text))
        kind, _, value = choice.partition(":")
        return value if kind == "sujet" and value in self.articles and self.is_added(value) else None

    def is_added(self, topic: str) -> bool:
        """Tell whether a topic is one that formateurs added."""
        return topic in self.topics and topic not in self._of_the_file

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

    def has_own_values(self, uai: str) -> bool:
        """Tell whether some values are of this school alone."""
        return ("ecole", uai) in self._layers

    def values(self, uai: str | None) -> dict[str, str]:
        """Return the variables and conditions as they stand for a school, the nearest value winning."""
        layers = {"projet": self._layers.get(("projet", ""), {})}
        school = self.school(uai)
        if school is None:
            # A school that is in no territory yet may be in a wave all the same.
            return self._add_told(uai, nearest_values(layers))
        for scope in ("academie", "departement", "circonscription"):
            layers[scope] = self._layers.get((scope, getattr(school, scope) or ""), {})
        layers["ecole"] = self._layers.get(("ecole", school.uai), {})
        return {**self._add_told(uai, nearest_values(layers)), "degre": school.degree}

    def _add_told(self, uai: str | None, values: dict[str, str]) -> dict[str, str]:
        return {**values, **self._of_school(uai)} if self._of_school else values

    def render(self, topic: str, profile: str | None, uai: str | None) -> Rendered | None:
        """Render the article of `topic` for a profile (who may not act is told who can); None when there is none."""
        article = self.articles.get(topic)
        if article is None:
            return None
        if profile is None:
            return render_article(article, article.audiences[0], self.values(uai))
        return render_for(article, profile, self.values(uai))

    def title(self, topic: str) -> str | None:
        """Return the title of the article of `topic`."""
        article = self.articles.get(topic)
        return article.title if article else None
