"""The topics that the assistant tells apart: who may be answered on each, what it means, where it stops.

Read from `knowledge/topics.yml`. Valid on Python 3.10: the engine reads them inside Rasa's environment.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from bot.errors import KnowledgeError

PROFILES = ("parent", "eleve", "enseignant", "directeur", "personnel", "intervenant")

PROFILE_NAMES = {
    "parent": "Parent",
    "eleve": "Élève",
    "enseignant": "Enseignant",
    "directeur": "Directeur ou chef d’établissement",
    "personnel": "Personnel de l’école",
    "intervenant": "Intervenant extérieur",
}

DIALOGUE_THEME = "dialogue"
PROTECTION_THEME = "protection"

TOPICS_FILE = Path(__file__).resolve().parent.parent / "knowledge" / "topics.yml"


@dataclass(frozen=True)
class Topic:
    """One topic of the taxonomy."""

    id: str
    theme: str
    profiles: tuple[str, ...]
    meaning: str
    limits: str = ""
    # What may have been meant by whoever it did not help, likeliest first; of the dialogue, by whoever left it open.
    neighbours: tuple[str, ...] = ()

    @property
    def is_dialogue(self) -> bool:
        """Tell whether it only conducts the conversation: no article."""
        return self.theme == DIALOGUE_THEME

    @property
    def is_vague(self) -> bool:
        """Tell whether it is said by whoever leaves open which of its neighbours is meant."""
        return self.is_dialogue and bool(self.neighbours)

    @property
    def is_urgent(self) -> bool:
        """Tell whether it comes before everything else."""
        return self.theme == PROTECTION_THEME

    def allows(self, profile: str | None) -> bool:
        """Tell whether somebody of `profile` may be answered; an unknown profile may."""
        return profile is None or profile in self.profiles


class Topics:
    """The closed list of topics, by id and in the order of the file."""

    def __init__(self, topics: list[Topic]) -> None:
        self._by_id = {topic.id: topic for topic in topics}

    def __iter__(self):
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def __contains__(self, topic_id: object) -> bool:
        return topic_id in self._by_id

    def __getitem__(self, topic_id: str) -> Topic:
        return self._by_id[topic_id]

    def get(self, topic_id: str | None) -> Topic | None:
        """Return the topic, or None when there is none of that id."""
        return self._by_id.get(topic_id) if topic_id else None

    def joined_by(self, added: list[Topic]) -> Topics:
        """Return these and those that formateurs added; one of the file is never replaced."""
        return Topics([*self, *(topic for topic in added if topic.id not in self)]) if added else self

    def to_json(self) -> list[dict[str, Any]]:
        """Return plain data: a model keeps the topics that it was made with."""
        return [asdict(topic) for topic in self]

    @classmethod
    def from_json(cls, data: list[dict[str, Any]]) -> Topics:
        """Build from what `to_json` returned; TypeError or KeyError when it is something else."""
        lists = ("profiles", "neighbours")
        return cls(
            [Topic(**{key: tuple(value) if key in lists else value for key, value in entry.items()}) for entry in data]
        )

    @property
    def answerable(self) -> list[Topic]:
        """The topics that have an article, urgent ones included."""
        return [topic for topic in self if not topic.is_dialogue]


def read_topics(path: Path = TOPICS_FILE) -> Topics:
    """Read the topics' file; KnowledgeError says what is wrong in it."""
    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))["topics"]
        topics = [
            Topic(
                id=entry["id"],
                theme=entry["theme"],
                profiles=PROFILES if entry["profils"] == "tous" else tuple(entry["profils"]),
                meaning=entry["sens"],
                limits=entry.get("limites", ""),
                neighbours=tuple(entry.get("voisins", ())),
            )
            for entry in entries
        ]
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise KnowledgeError(f"Le fichier des sujets {path.name} est illisible : {error}") from error
    for topic in topics:
        unknown = set(topic.profiles) - set(PROFILES)
        if unknown:
            raise KnowledgeError(f"Le sujet {topic.id} nomme un profil inconnu : {', '.join(sorted(unknown))}.")
        if lost := set(topic.neighbours) - {entry["id"] for entry in entries}:
            raise KnowledgeError(f"Le sujet {topic.id} nomme un voisin inconnu : {', '.join(sorted(lost))}.")
    if len({topic.id for topic in topics}) != len(topics):
        raise KnowledgeError(f"Un sujet est décrit deux fois dans {path.name}.")
    return Topics(topics)


@lru_cache(maxsize=1)
def load_topics() -> Topics:
    """Return the project's topics, read once."""
    return read_topics()
