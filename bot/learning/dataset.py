"""What a run learns from: the project's own files, what formateurs keep, the topics they added.

The files are a copy that Rasa trains from (`bot.operations.candidates`); here is added to them what the database holds.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import yaml
from sqlalchemy.ext.asyncio import AsyncSession

from bot.errors import KnowledgeError
from bot.knowledge.models import AddedTopic
from bot.learning.models import Utterance
from bot.learning.utterances import COMMON, HEARD, in_use
from bot.topics import read_topics

# The calibration holds a third of each topic's utterances out in turn: with fewer than three, a topic would leave the whole
# model without one.
LEAST = 3
# How what formateurs keep is marked among the writers and the voices of data/nlu.
VOICE = "atelier"
TOPICS, DOMAIN, NLU = Path("knowledge") / "topics.yml", Path("domain.yml"), Path("data") / "nlu"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Taught:
    """What the database adds to the files."""

    utterances: tuple[Utterance, ...] = ()
    topics: tuple[AddedTopic, ...] = ()


@dataclass
class Facts:
    """What a run learnt from, told on its page and kept beside its model; `left_out` are sentences."""

    from_files: int = 0
    kept: int = 0
    heard: int = 0
    topics: int = 0
    added_topics: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


async def gather(session: AsyncSession) -> Taught:
    """Read what formateurs keep and the topics they added."""
    utterances = (await session.scalars(in_use())).all()
    topics = (await session.scalars(sa.select(AddedTopic).order_by(AddedTopic.id))).all()
    return Taught(tuple(utterances), tuple(topics))


def write_taught(folder: Path, taught: Taught) -> Facts:
    """Add what formateurs taught to the copy of the project's files in `folder`; say what was, and what could not be.

    KnowledgeError when the files themselves cannot be read.
    """
    by_file = count_by_topic(folder)
    known = {topic.id for topic in read_topics(folder / TOPICS)} | set(by_file)
    facts = Facts(from_files=by_file.total())
    kept = Counter(one.topic for one in taught.utterances)
    added = []
    for topic in taught.topics:
        if topic.id in known:
            continue
        if kept[topic.id] < LEAST:
            facts.left_out.append(
                f"Le sujet {topic.id} n’est pas appris : il a {kept[topic.id]} phrase(s), il en faut {LEAST}."
            )
            continue
        added.append(topic)
    _add_topics(folder, added)
    facts.added_topics = [topic.id for topic in added]
    known |= set(facts.added_topics)
    usable = [one for one in taught.utterances if one.topic in known and plain(one.text)]
    lost = kept - Counter(one.topic for one in usable)
    named = {topic.id for topic in taught.topics}
    facts.left_out += [
        f"{count} phrase(s) du sujet {topic} ne sont pas apprises : ce sujet n’existe pas."
        for topic, count in sorted(lost.items())
        if topic not in named
    ]
    _add_utterances(folder, usable)
    facts.kept, facts.heard = len(usable), sum(one.origin == HEARD for one in usable)
    facts.topics = len(set(by_file) | {one.topic for one in usable})
    return facts


def count_by_topic(folder: Path) -> Counter[str]:
    """Return how many utterances the files of `folder` hold on each topic."""
    counts: Counter[str] = Counter()
    for path in sorted((folder / NLU).rglob("*.yml")):
        try:
            blocks = (yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER) or {}).get("nlu") or []  # noqa: S506 - it is the safe one
            for block in blocks:
                lines = (block.get("examples") or "").splitlines()
                counts[block["intent"]] += sum(line.lstrip().startswith("-") for line in lines)
        except (OSError, UnicodeDecodeError, yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
            raise KnowledgeError(f"Le fichier {path.relative_to(folder)} est illisible : {error}") from error
    return counts


def plain(text: str) -> str:
    """Return an utterance as it may stand in a training file: on one line, and nothing in it that marks an entity."""
    shown = "".join(sign if sign.isprintable() else " " for sign in text)
    return re.sub(r"\](?=[({])", "] ", " ".join(shown.split())).lstrip("- ")


def _add_utterances(folder: Path, utterances: Iterable[Utterance]) -> None:
    """Write one file a speaker; each message of a stranger is a writer of its own, so that it is held out by itself."""
    by_speaker: dict[str, list[str]] = {}
    for one in utterances:
        profile = {} if one.speaker == COMMON else {"profil": one.speaker}
        writer = f"{VOICE}-{one.id}" if one.origin == HEARD else VOICE
        metadata: dict[str, Any] = {**profile, "voix": VOICE, "main": writer}
        if one.origin == HEARD:
            metadata["garde"] = str(one.id)
        marks = ", ".join(f"{name}: {value}" for name, value in metadata.items())
        by_speaker.setdefault(one.speaker, []).append(
            f"- intent: {one.topic}\n  metadata: {{{marks}}}\n  examples: |\n    - {plain(one.text)}\n"
        )
    for speaker, blocks in by_speaker.items():
        path = folder / NLU / speaker / f"{VOICE}.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('version: "3.1"\nnlu:\n' + "".join(blocks), encoding="utf-8")


def _add_topics(folder: Path, topics: list[AddedTopic]) -> None:
    """Add topics to the topics' file and their intents to the domain; the rules are written from the former."""
    if not topics:
        return
    path = folder / TOPICS
    content = yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506 - it is the safe one
    content["topics"] += [
        {"id": one.id, "theme": one.theme, "profils": list(one.profiles), "sens": one.meaning, "limites": one.limits}
        for one in topics
    ]
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
    domain = folder / DOMAIN
    text = domain.read_text(encoding="utf-8")
    intents = "".join(f"  - {one.id}\n" for one in topics)
    written, found = re.subn(r"^intents:[ \t]*\n", lambda match: match[0] + intents, text, count=1, flags=re.MULTILINE)
    if not found:
        raise KnowledgeError("domain.yml n’a pas de liste « intents » où ajouter les sujets des formateurs.")
    domain.write_text(written, encoding="utf-8")
