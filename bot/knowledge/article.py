"""An article as its file has it: front matter, then sections that say for whom, and under which condition."""

from __future__ import annotations

import datetime
import hashlib
import json
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml
from jsonschema.exceptions import best_match

from bot.errors import KnowledgeError
from bot.settings import ROOT
from bot.topics import PROFILES

KNOWLEDGE_DIR = ROOT / "knowledge"
EVERYBODY = "tous"
OTHERS = "autres"
IF_IT_FAILS = "**Si cela ne marche pas :**"

# An article is a page at most: what is larger is a paste.
MAX_SOURCE_CHARS = 20_000

# The safe loader of libyaml: a thousand articles are read at each refresh.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_FRONT_MATTER = re.compile(r"\A---\n(.*?)\n---\n(.*)\Z", re.DOTALL)
_HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
_VARIABLE = re.compile(r"\{([^{}\n]*)\}")
_OTHER_HEADING = re.compile(r"^#(?!# )", re.MULTILINE)
_BRACE = re.compile(r"[{}]")
_HTML = re.compile(r"<(?!https://)[a-zA-Z/!]")

_FAULTS = {
    "type": "la valeur n’a pas la bonne forme (texte, nombre ou liste)",
    "enum": "choisissez parmi {limit}",
    "pattern": "la valeur n’est pas écrite comme il faut (voir knowledge/README.md)",
    "minLength": "au moins {limit} caractères",
    "maxLength": "au plus {limit} caractères",
    "minItems": "il en faut au moins {limit}",
    "maxItems": "il en faut au plus {limit}",
    "uniqueItems": "un élément est répété",
    "minimum": "au moins {limit}",
    "maximum": "au plus {limit}",
}


@dataclass(frozen=True)
class Section:
    """A part of an article: for these profiles (or `tous`, `autres`), under at most one condition."""

    audiences: tuple[str, ...]
    condition: tuple[str, str] | None
    text: str

    def is_for(self, profile: str) -> bool:
        """Tell whether somebody of `profile` reads it, its condition aside."""
        return profile in self.audiences or EVERYBODY in self.audiences


@dataclass(frozen=True)
class ArticleText:
    """An article, parsed and checked."""

    topic: str
    title: str
    audiences: tuple[str, ...]
    level: int
    owner: str
    reviewed_on: datetime.date
    review_every: int
    sources: tuple[str, ...]
    keywords: tuple[str, ...]
    sections: tuple[Section, ...]
    source: str

    @property
    def digest(self) -> str:
        """SHA-256 of the source: two articles of the same digest are the same."""
        return hashlib.sha256(self.source.encode()).hexdigest()

    @property
    def due_on(self) -> datetime.date:
        """The day from which it should have been read again."""
        return self.reviewed_on + datetime.timedelta(days=self.review_every)

    @property
    def variables(self) -> set[str]:
        """Names of the variables that its text uses."""
        return {name for section in self.sections for name in _VARIABLE.findall(section.text)}


@lru_cache(maxsize=2048)
def parse_article(source: str) -> ArticleText:
    """Parse and check an article; KnowledgeError says in a sentence what to change.

    Remembered: lists and refreshes read the same sources over and over.
    """
    if len(source) > MAX_SOURCE_CHARS:
        raise KnowledgeError(f"L’article compte plus de {MAX_SOURCE_CHARS} caractères : raccourcissez-le.")
    # Windows' editors open a file with a byte-order mark and end its lines in their own way.
    match = _FRONT_MATTER.match(source.removeprefix("\ufeff").replace("\r\n", "\n"))
    if not match:
        raise KnowledgeError("L’article ne commence pas par un en-tête entre deux lignes « --- ».")
    header = _parse_header(match[1])
    sections = tuple(_parse_sections(match[2]))
    article = ArticleText(
        topic=header["topic"],
        title=header["title"],
        audiences=tuple(header["audiences"]),
        level=header["level"],
        owner=header["owner"],
        reviewed_on=datetime.date.fromisoformat(header["reviewed_on"]),
        review_every=header["review_every"],
        sources=tuple(header["sources"]),
        keywords=tuple(header["keywords"]),
        sections=sections,
        source=source,
    )
    _check_text(article)
    return article


def _parse_header(text: str) -> dict[str, Any]:
    try:
        header = yaml.load(text, Loader=_Loader)  # noqa: S506
        if isinstance(header, dict) and isinstance(header.get("reviewed_on"), datetime.date):
            header["reviewed_on"] = header["reviewed_on"].isoformat()
        fault = best_match(_validator().iter_errors(header))
        if fault is not None:
            raise fault
        datetime.date.fromisoformat(header["reviewed_on"])
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" à la ligne {mark.line + 2}" if mark else ""
        raise KnowledgeError(
            f"L’en-tête est illisible{where} : vérifiez les deux-points, les guillemets et les crochets."
        ) from error
    except jsonschema.ValidationError as error:
        where = ", ".join(["En-tête", *(str(part) for part in error.absolute_path)])
        raise KnowledgeError(f"{where} : {_describe_fault(error)}.") from error
    except ValueError as error:
        raise KnowledgeError("En-tête, reviewed_on : cette date n’existe pas.") from error
    order = list(_validator().schema["properties"])
    if list(header) != order:
        raise KnowledgeError(f"Les clés de l’en-tête doivent suivre cet ordre : {', '.join(order)}.")
    return header


def _describe_fault(error: jsonschema.ValidationError) -> str:
    """Return in French what the schema refuses: jsonschema's own sentences are for developers."""
    if error.validator == "required":
        return f"il manque {', '.join(key for key in error.validator_value if key not in error.instance)}"
    if error.validator == "additionalProperties":
        extra = sorted(str(key) for key in error.instance if key not in error.schema["properties"])
        return f"ces clés n’existent pas : {', '.join(extra)}"
    limit = error.validator_value
    limit = ", ".join(map(str, limit)) if isinstance(limit, list) else limit
    return _FAULTS.get(str(error.validator), "la valeur n’est pas celle attendue").format(limit=limit)


def _parse_sections(body: str) -> list[Section]:
    parts = _HEADING.split(body)
    if parts[0].strip():
        raise KnowledgeError("Du texte précède le premier titre « ## » : dites pour qui il est.")
    if len(parts) < 3:
        raise KnowledgeError("L’article n’a pas de section : commencez-en une par « ## parent », par exemple.")
    return [_parse_section(heading, text.strip()) for heading, text in zip(parts[1::2], parts[2::2], strict=True)]


def _parse_section(heading: str, text: str) -> Section:
    names, _, condition = (part.strip() for part in heading.partition("|"))
    audiences = tuple(name.strip() for name in names.split(","))
    for name in audiences:
        if name not in (*PROFILES, EVERYBODY, OTHERS):
            raise KnowledgeError(f"Le titre « {heading} » nomme un profil inconnu : {name}.")
    if not text:
        raise KnowledgeError(f"La section « {heading} » est vide.")
    if not condition:
        return Section(audiences, None, text)
    name, _, value = (part.strip() for part in condition.partition("="))
    if value not in load_conditions().get(name, {}):
        raise KnowledgeError(f"La condition « {condition} » n’est pas dans knowledge/conditions.yml.")
    return Section(audiences, (name, value), text)


def _check_text(article: ArticleText) -> None:
    if _HTML.search(" ".join((article.title, article.owner, *article.keywords))):
        raise KnowledgeError("L’en-tête contient du HTML : écrivez-le en texte simple.")
    for section in article.sections:
        if _OTHER_HEADING.search(section.text) or "\n### " in section.text:
            raise KnowledgeError("Seuls les titres « ## » sont permis dans un article.")
        if _HTML.search(section.text):
            raise KnowledgeError("L’article contient du HTML : écrivez-le en Markdown.")
        if _BRACE.search(_VARIABLE.sub("", section.text)):
            raise KnowledgeError("Une accolade est seule : une variable s’écrit {adresse_ent}.")
    unknown = article.variables - set(load_variables())
    if unknown:
        raise KnowledgeError(f"Variables inconnues : {', '.join(sorted(unknown))} (voir knowledge/variables.yml).")
    always = [section for section in article.sections if section.condition is None]
    for profile in article.audiences:
        if not any(section.is_for(profile) for section in always):
            raise KnowledgeError(f"Rien n’est écrit pour le profil {profile} dans une section sans condition.")
    if len(article.audiences) < len(PROFILES) and not any(OTHERS in section.audiences for section in always):
        raise KnowledgeError("Il manque la section « ## autres » : qui peut aider les autres profils.")
    if article.topic.startswith("urgence_"):
        return
    for profile in article.audiences:
        read = [section for section in article.sections if section.is_for(profile)]
        count = sum(section.text.count(IF_IT_FAILS) for section in read)
        if count != 1:
            raise KnowledgeError(f"Le profil {profile} doit lire une fois « {IF_IT_FAILS} » ; il le lit {count} fois.")
        if not any(IF_IT_FAILS in section.text for section in read if section.condition is None):
            raise KnowledgeError(
                f"« {IF_IT_FAILS} » doit être, pour le profil {profile}, dans une section sans condition."
            )


@lru_cache(maxsize=1)
def _validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads((KNOWLEDGE_DIR / "schema.json").read_text(encoding="utf-8")))


@lru_cache(maxsize=1)
def load_conditions() -> dict[str, dict[str, str]]:
    """Return the conditions: name → value → how a section opens when the value is not known."""
    # BaseLoader keeps `oui` and `1er` the words that they are.
    return yaml.load((KNOWLEDGE_DIR / "conditions.yml").read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506 - safe: strings only


@lru_cache(maxsize=1)
def load_variables() -> dict[str, dict[str, Any]]:
    """Return the variables: name → {groupe, sens, exemple, generique?}."""
    return yaml.safe_load((KNOWLEDGE_DIR / "variables.yml").read_text(encoding="utf-8"))


def article_files(folder: Path = KNOWLEDGE_DIR) -> list[Path]:
    """Return the articles' files, in a stable order."""
    return sorted(path for path in folder.glob("*/*.md"))
