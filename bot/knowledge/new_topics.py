"""What a topic that a formateur adds has to be. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.dialogue.decision import EXTRA_INTENTS
from bot.errors import InvalidField
from bot.knowledge.teaching import Said
from bot.language.normalise import normalise
from bot.privacy.masking import mask
from bot.topics import DIALOGUE_THEME, PROFILES, PROTECTION_THEME, Topic, Topics

MIN_UTTERANCES, MAX_UTTERANCES = 10, 200
MAX_MEANING = MAX_LIMITS = 400
_ID = re.compile(r"[a-z][a-z0-9_]{2,79}")
# What these begin is read as something else: an emergency, a decision of the dialogue.
_RESERVED = ("urgence_", "decision_")


@dataclass(frozen=True)
class NewTopic:
    """A topic to be, with what people say of it.

    `heard` are messages of the formateurs' inbox that it is to be given, by their numbers: their words stay there.
    """

    topic: Topic
    said: tuple[Said, ...]
    heard: tuple[int, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as a draft keeps it, its id aside."""
        topic = self.topic
        return {
            "theme": topic.theme, "profiles": list(topic.profiles), "meaning": topic.meaning, "limits": topic.limits,
            "neighbours": list(topic.neighbours), "said": [list(one) for one in self.said], "heard": list(self.heard),
        }  # fmt: skip

    @classmethod
    def from_json(cls, topic_id: str, kept: Mapping[str, Any]) -> NewTopic:
        """Read what a draft keeps."""
        topic = Topic(
            topic_id, kept["theme"], tuple(kept["profiles"]), kept["meaning"], kept["limits"], tuple(kept["neighbours"])
        )
        said = tuple((speaker, text) for speaker, text in kept["said"])
        return cls(topic, said, tuple(kept.get("heard", ())))


def themes_of(topics: Topics) -> list[str]:
    """Return the themes that a topic may be added to: emergencies and the conversation itself are not added to here."""
    themes = dict.fromkeys(topic.theme for topic in topics)
    return [theme for theme in themes if theme not in (PROTECTION_THEME, DIALOGUE_THEME)]


def check_new_topic(given: NewTopic, topics: Topics) -> None:
    """Refuse a topic that cannot be added beside `topics`, or is not told enough; InvalidField says what to change."""
    check_topic(given.topic, topics)
    for neighbour in given.topic.neighbours:
        known = topics.get(neighbour)
        if known is None or known.is_dialogue:
            raise InvalidField("neighbours", f"Le sujet voisin « {neighbour} » n’existe pas : prenez-le dans la liste.")
    check_said_of(given)
    if (count := len(given.said) + len(given.heard)) < MIN_UTTERANCES:
        raise InvalidField(
            "utterances", f"Écrivez au moins {MIN_UTTERANCES} phrases, une par ligne ; il y en a {count}."
        )


def check_topic(topic: Topic, topics: Topics) -> None:
    """Refuse what cannot be a topic beside `topics`; InvalidField says what to change."""
    if not _ID.fullmatch(topic.id):
        raise InvalidField(
            "id", "Un identifiant a 3 à 80 lettres sans accent, chiffres ou « _ », et commence par une lettre : salle_de_sport."
        )  # fmt: skip
    if topic.id in topics or topic.id in EXTRA_INTENTS:
        raise InvalidField("id", f"Le sujet {topic.id} existe déjà : choisissez un autre identifiant.")
    if topic.id.startswith(_RESERVED):
        raise InvalidField("id", "Un identifiant ne commence ni par « urgence_ » ni par « decision_ ».")
    if topic.theme not in themes_of(topics):
        raise InvalidField("theme", "Choisissez un thème dans la liste.")
    if not topic.profiles or set(topic.profiles) - set(PROFILES):
        raise InvalidField("profiles", "Cochez au moins un profil à qui l’on répond.")
    if not topic.meaning:
        raise InvalidField("meaning", "Dites en une phrase de quoi parle une question sur ce sujet.")
    if len(topic.meaning) > MAX_MEANING:
        raise InvalidField("meaning", f"Cette phrase compte {MAX_MEANING} caractères au plus.")
    if len(topic.limits) > MAX_LIMITS:
        raise InvalidField("limits", f"Les limites comptent {MAX_LIMITS} caractères au plus.")


def check_said_of(given: NewTopic) -> None:
    """Refuse utterances that name somebody, are written twice or are too many; InvalidField says which."""
    if len(given.said) > MAX_UTTERANCES:
        raise InvalidField("utterances", f"Écrivez {MAX_UTTERANCES} phrases au plus ; il y en a {len(given.said)}.")
    seen: set[str] = set()
    for _, text in given.said:
        if mask(text).found:
            raise InvalidField(
                "utterances", f"« {text[:80]} » contient une coordonnée ou un secret : écrivez la phrase sans."
            )
        form = normalise(text)
        if form in seen:
            raise InvalidField("utterances", f"« {text[:80]} » est écrit deux fois.")
        seen.add(form)


def first_source(topic: Topic, owner: str, reviewed_on: str) -> str:
    """Return what the article of a topic begins as: a header that is right, sections to be written."""
    others = "" if len(topic.profiles) == len(PROFILES) else "\n## autres\n\nIl faut s'adresser à…\n"
    return f"""---
topic: {topic.id}
title: À écrire
audiences: [{", ".join(topic.profiles)}]
level: 2
owner: {owner}
reviewed_on: {reviewed_on}
review_every: 180
sources:
  - "Usage courant, à confirmer par le projet"
keywords: [à remplacer, par les mots, que disent les gens]
---

## {", ".join(topic.profiles)}

1. Ouvrez l'ENT.

**Si cela ne marche pas :** …
{others}"""
