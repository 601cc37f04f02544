"""The fixed sentences of the assistant, read from domain.yml: what Rasa would say is said without it too."""

from __future__ import annotations

from pathlib import Path

import yaml

from bot.errors import KnowledgeError


class Phrasebook:
    """The responses of domain.yml, with their variation by profile."""

    def __init__(self, responses: dict[str, list[dict]]) -> None:
        self._responses = responses

    @classmethod
    def read(cls, path: Path) -> Phrasebook:
        """Read the domain; KnowledgeError when it cannot be."""
        try:
            return cls(yaml.safe_load(path.read_text(encoding="utf-8"))["responses"])
        except (OSError, yaml.YAMLError, KeyError) as error:
            raise KnowledgeError(f"domain.yml est illisible : {error}") from error

    def say(self, name: str, profile: str | None) -> str:
        """Return the sentence of response `name` for a profile, as Rasa would choose it."""
        for variation in self._responses[name]:
            if all(item["value"] == profile for item in variation.get("condition", [])):
                return variation["text"]
        raise KnowledgeError(f"La réponse {name} n’a pas de texte pour tous les profils.")
