"""What the tests of the content read: articles, the demonstration's values, training utterances, sentences of Rasa."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from bot.knowledge.article import ArticleText, article_files, load_conditions, load_variables, parse_article
from bot.knowledge.rules import nearest_values, render_article, render_others
from bot.settings import ROOT
from bot.topics import PROFILES

DEMONSTRATION = ROOT / "deploy" / "demonstration.yml"
NLU = ROOT / "data" / "nlu"
STORIES = ROOT / "data" / "stories"
PUPIL = "eleve"

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
ITEM = re.compile(r"^(?:(\d+)\.|-) (.*)$")
TU = re.compile(r"\b(?:tu|toi|ton|ta|tes|te)\b|\bt'", re.IGNORECASE)
VOUS = re.compile(r"\b(?<!rendez-)(?:vous|votre|vos)\b", re.IGNORECASE)


@lru_cache(maxsize=1)
def files() -> dict[str, Path]:
    """Topic → file."""
    return {path.stem: path for path in article_files()}


@lru_cache(maxsize=1)
def articles() -> dict[str, ArticleText]:
    """Topic → article."""
    return {topic: parse_article(path.read_text(encoding="utf-8")) for topic, path in files().items()}


@lru_cache(maxsize=1)
def demonstration() -> dict[str, Any]:
    """The demonstration's territory."""
    return yaml.safe_load(DEMONSTRATION.read_text(encoding="utf-8"))


def school_values(school: dict[str, Any]) -> dict[str, str]:
    """What stands for a school of the demonstration, the nearest value winning."""
    layers: dict[str, dict[str, str]] = {}
    for layer in demonstration()["values"]:
        place = school["uai"] if layer["scope"] == "ecole" else school.get(layer["scope"])
        if layer["territory"] == place:
            layers.setdefault(layer["scope"], {}).update(layer["set"])
    return {**nearest_values(layers), "degre": school["degree"]}


@lru_cache(maxsize=1)
def known_settings() -> dict[str, dict[str, str]]:
    """A set of values a school, everything known."""
    return {school["name"]: school_values(school) for school in demonstration()["schools"]}


@lru_cache(maxsize=1)
def every_setting() -> dict[str, dict[str, str]]:
    """The schools with all values, each one with each condition the other way, and those with none."""
    settings = dict(known_settings())
    for name, values in known_settings().items():
        for condition, choices in load_conditions().items():
            for other in set(choices) - {values[condition]}:
                if condition != "degre":
                    settings[f"{name}, {condition}={other}"] = {**values, condition: other}
    settings["premier degré, rien d’autre"] = {"degre": "1er"}
    settings["second degré, rien d’autre"] = {"degre": "2nd"}
    settings["rien"] = {}
    # Every value, and no condition known: all the branches are read.
    settings["aucune condition"] = {name: entry["exemple"] for name, entry in load_variables().items()}
    return settings


@dataclass(frozen=True)
class Reading:
    """An article as somebody reads it."""

    topic: str
    profile: str
    setting: str
    text: str
    allowed: bool

    def __str__(self) -> str:
        return f"{self.topic} ({self.profile}, {self.setting})"

    @property
    def blocks(self) -> list[str]:
        """Paragraphs and lists."""
        return [block for block in self.text.split("\n\n") if block.strip()]

    @property
    def words(self) -> int:
        """How many words are read, the numbers of the steps aside."""
        text = re.sub(r"^\d+\. ", "", self.text, flags=re.MULTILINE)
        return sum(1 for word in text.split() if any(character.isalnum() for character in word))


@lru_cache(maxsize=256)
def readings(topic: str, *, only_known: bool = False) -> tuple[Reading, ...]:
    """The article of `topic` as every profile reads it, in every setting."""
    article = articles()[topic]
    read = []
    for setting, values in (known_settings() if only_known else every_setting()).items():
        for profile in PROFILES:
            allowed = profile in article.audiences
            rendered = render_article(article, profile, values) if allowed else render_others(article, values)
            read.append(Reading(topic, profile, setting, rendered.text, allowed))
    return tuple(read)


@dataclass(frozen=True)
class Utterance:
    """A training utterance, and where it is."""

    text: str
    intent: str
    voice: str
    file: str


@lru_cache(maxsize=1)
def nlu_blocks() -> list[tuple[str, dict[str, Any]]]:
    """(file relative to data/nlu, block) of the training files."""
    return [
        (path.relative_to(NLU).as_posix(), block)
        for path in sorted(NLU.rglob("*.yml"))
        for block in yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)["nlu"]
    ]


@lru_cache(maxsize=1)
def utterances() -> list[Utterance]:
    """Everything that people are thought to say."""
    return [
        Utterance(line.strip()[2:].strip(), block["intent"], block["metadata"]["voix"], file)
        for file, block in nlu_blocks()
        for line in block["examples"].split("\n")
        if line.strip()
    ]


@lru_cache(maxsize=1)
def domain() -> dict[str, Any]:
    """domain.yml."""
    return yaml.safe_load((ROOT / "domain.yml").read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def story_steps() -> list[dict[str, str]]:
    """Every step of data/stories, those of an `or` included."""
    steps: list[dict[str, str]] = []
    for path in sorted(STORIES.glob("*.yml")):
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        for told in [*content.get("rules", []), *content.get("stories", [])]:
            for step in told["steps"]:
                steps.extend(step.get("or", [step]))
    return steps
