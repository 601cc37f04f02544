"""Markdown to HTML that is safe to insert, whoever wrote the Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

from bot.knowledge.rules import link_addresses

# Numbers that help at once, given as links that a telephone dials. 114 is for who cannot hear or speak: it reads SMS.
EMERGENCY = {number: f"tel:{number}" for number in ("3018", "3114", "119", "112", "15", "17")} | {"114": "sms:114"}

# French puts a space inside guillemets, before double marks, in numbers and before their units; a line must not break there.
_UNITS = "h|min|s|jours?|ko|Mo|Go|%|€"
_UNBROKEN = re.compile(rf"(?<=«) | (?=[»:;?!](?:[\s).,*]|$))|(?<=\d) (?=\d|(?:{_UNITS})(?!\w))|(?<=\d h) (?=\d)")
_TAGS = {"p", "br", "strong", "em", "ul", "ol", "li", "a", "code", "blockquote"}
_ATTRIBUTES = {"a": {"href", "target", "aria-label"}, "ol": {"start"}}
# What another program opens: a new window would stay there, empty.
_OTHER_PROGRAMS = ("tel:", "sms:", "mailto:")

# « le 15 » may be a day, « 112 » a room: a number is to be called when it is said as one. The long ones, after « le » or
# « au », or alone in bold; 15 and 17, in « appelez le 17, le 15 ou le 112 » and nothing that makes a date of them.
_LONG = {number for number in EMERGENCY if len(number) > 2}
_SAID = re.compile(rf"(?:(?<=\ble[ \u00a0])|(?<=\bau[ \u00a0]))(?:{'|'.join(_LONG)})(?![\w/]|[.,]\w)", re.IGNORECASE)
_EACH = rf"le[ \u00a0](?:{'|'.join(EMERGENCY)})\b(?: \([^()\d]*\))?"
_CALL = re.compile(rf"\bappel(?:le|ez|er) {_EACH}(?:(?:,| ou|, ou) {_EACH})*(?=[.,;:)](?!\w)|$| \()", re.IGNORECASE)
_NUMBER = re.compile(rf"\b(?:{'|'.join(EMERGENCY)})\b")


def _link_numbers(state: StateCore) -> None:
    """Make the emergency numbers of each paragraph links, but for those that are in one."""
    for block in state.tokens:
        if block.children:
            block.children = list(_linked(block.children))


def _linked(tokens: Sequence[Token]) -> Iterator[Token]:
    depth = 0
    for before, token in zip([None, *tokens], tokens, strict=False):
        depth += token.nesting if token.type in ("link_open", "link_close") else 0
        if token.type != "text" or depth:
            yield token
        elif before and before.type == "strong_open" and token.content in _LONG:
            yield from _link(token.content)
        else:
            at = 0
            for start, end in _find_numbers(token.content):
                yield _text(token.content[at:start])
                yield from _link(token.content[start:end])
                at = end
            yield _text(token.content[at:])


def _find_numbers(text: str) -> list[tuple[int, int]]:
    calls = (_NUMBER.finditer(text, call.start(), call.end()) for call in _CALL.finditer(text))
    return sorted({match.span() for matches in (_SAID.finditer(text), *calls) for match in matches})


def _link(number: str) -> tuple[Token, Token, Token]:
    address = EMERGENCY[number]
    # Read out of its sentence, as screen readers list links, a bare number says nothing.
    name = f"Envoyer un SMS au {number}" if address.startswith("sms:") else f"Appeler le {number}"
    opening = Token("link_open", "a", 1, attrs={"href": address, "aria-label": name})
    return opening, _text(number), Token("link_close", "a", -1)


def _text(content: str) -> Token:
    return Token("text", "", 0, content=content)


def _open_link(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, _: dict[str, object]
) -> str:
    if not str(tokens[index].attrGet("href")).startswith(_OTHER_PROGRAMS):
        tokens[index].attrSet("target", "_blank")
    return renderer.renderToken(tokens, index, options, {})


_MARKDOWN = MarkdownIt("commonmark", {"html": False, "breaks": True})
_MARKDOWN.core.ruler.push("emergency_numbers", _link_numbers)
_MARKDOWN.add_render_rule("link_open", _open_link)


@lru_cache(maxsize=4096)
def to_html(text: str) -> str:
    """Return `text` (Markdown) as HTML of a few harmless tags; links to sites open elsewhere and tell nothing."""
    html = _MARKDOWN.render(link_addresses(_UNBROKEN.sub("\u00a0", text)))
    return nh3.clean(
        html, tags=_TAGS, attributes=_ATTRIBUTES, url_schemes={"https", "http", "mailto", "tel", "sms"},
        link_rel="noopener noreferrer",
    )  # fmt: skip
