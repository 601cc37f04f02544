"""Markdown to HTML that is safe to insert, whoever wrote the Markdown."""

from __future__ import annotations

import re
from functools import lru_cache

import nh3
from markdown_it import MarkdownIt

from bot.knowledge.rules import link_addresses

# French puts a space inside guillemets and before double marks; a line must not break there.
_NARROW = re.compile(r"(?<=«) | (?=[»:;?!](?:[\s).,*]|$))")
_TAGS = {"p", "br", "strong", "em", "ul", "ol", "li", "a", "code", "blockquote"}
_MARKDOWN = MarkdownIt("commonmark", {"html": False, "breaks": True})


@lru_cache(maxsize=4096)
def to_html(text: str) -> str:
    """Return `text` (Markdown) as HTML of a few harmless tags; links open elsewhere and tell nothing."""
    html = _MARKDOWN.render(link_addresses(_NARROW.sub("\u00a0", text)))
    return nh3.clean(
        html, tags=_TAGS, attributes={"a": {"href", "target"}, "ol": {"start"}}, url_schemes={"https", "http", "mailto", "tel"},
        link_rel="noopener noreferrer", set_tag_attribute_values={"a": {"target": "_blank"}},
    )  # fmt: skip
