"""What a person reads of an article: the sections of the profile, the conditions decided, the variables filled."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bot.knowledge.article import OTHERS, ArticleText, Section, load_conditions, load_variables

# From the nearest to the farthest: the first that has a value decides.
SCOPES = ("ecole", "circonscription", "departement", "academie", "projet")

_VARIABLE = re.compile(r"\{(\w+)\}")
_SENTENCE = re.compile(r"(?<=[.!?…»*])\s+(?=[A-ZÀÂÉÈÊÎÔÛÇŒ«*\d])")
_ITEM = re.compile(r"^(\d+\.|-)\s+(.*)$")
# Not one that is already in <…> or the target of a [link](…).
_BARE_URL = re.compile(r"(?<![<\[\w])(?<!\]\()(https?://[^\s<>()]+[^\s<>().,;:!?»’'\"])")


@dataclass(frozen=True)
class Rendered:
    """An article as somebody reads it: Markdown, the variables that had no value, the sentences that fell away with them."""

    topic: str
    title: str
    text: str
    missing: frozenset[str]
    lost: tuple[str, ...] = ()


def render_article(article: ArticleText, profile: str, values: Mapping[str, str]) -> Rendered:
    """Render for a profile of the article's audiences, with the values of its territory."""
    return _render(article, [section for section in article.sections if section.is_for(profile)], values)


def render_others(article: ArticleText, values: Mapping[str, str]) -> Rendered:
    """Render what a profile outside the audiences is told: who can help."""
    return _render(article, [section for section in article.sections if OTHERS in section.audiences], values)


def render_for(article: ArticleText, profile: str, values: Mapping[str, str]) -> Rendered:
    """Render for anybody: who may not act is told who can help."""
    if profile in article.audiences:
        return render_article(article, profile, values)
    return render_others(article, values)


def nearest_values(layers: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Merge the values by scope, the nearest winning; a blank value counts as none."""
    merged: dict[str, str] = {}
    for scope in reversed(SCOPES):
        merged.update({name: value for name, value in layers.get(scope, {}).items() if value.strip()})
    return merged


def link_addresses(text: str) -> str:
    """Make bare addresses links, in Markdown."""
    return _BARE_URL.sub(r"<\1>", text)


def _render(article: ArticleText, sections: list[Section], values: Mapping[str, str]) -> Rendered:
    missing: set[str] = set()
    lost: list[str] = []
    parts = []
    for section in sections:
        lead = _lead(section, values)
        if lead is None:
            continue
        text = _fill(section.text, values, missing, lost)
        if text:
            parts.append(f"**{lead}**\n\n{text}" if lead else text)
    return Rendered(article.topic, article.title, "\n\n".join(parts), frozenset(missing), tuple(lost))


def _lead(section: Section, values: Mapping[str, str]) -> str | None:
    """Return how the section opens: "" plainly, « Si… » when its condition is not known, None when it is not shown."""
    if section.condition is None:
        return ""
    name, wanted = section.condition
    value = values.get(name)
    if value is None:
        return load_conditions()[name][wanted]
    return "" if value == wanted else None


def _fill(text: str, values: Mapping[str, str], missing: set[str], lost: list[str]) -> str:
    """Fill the variables; a sentence that lacks one falls away, and so does the step that it leaves empty."""
    lines: list[str] = []
    number = 0
    for line in text.split("\n"):
        item = _ITEM.match(line)
        content = item[2] if item else line
        filled = " ".join(
            sentence
            for sentence in (_fill_sentence(s, values, missing, lost) for s in _SENTENCE.split(content))
            if sentence
        )
        if content.strip() and not filled:
            continue
        if item:
            number = number + 1 if item[1] != "-" else 0
            filled = f"{number}. {filled}" if item[1] != "-" else f"- {filled}"
        elif line.strip():
            number = 0
        lines.append(filled)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _fill_sentence(sentence: str, values: Mapping[str, str], missing: set[str], lost: list[str]) -> str:
    complete = True

    def value_of(match: re.Match[str]) -> str:
        nonlocal complete
        name = match[1]
        value = values.get(name, "").strip()
        if not value:
            missing.add(name)
            value = load_variables()[name].get("generique", "")
            complete = complete and bool(value)
        return value

    filled = _VARIABLE.sub(value_of, sentence)
    if not complete:
        lost.append(sentence)
    return filled if complete else ""
