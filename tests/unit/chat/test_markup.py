"""Markdown to HTML: harmless whoever wrote it, and what articles use comes through."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.chat.markup import to_html

ALLOWED = {"p", "br", "strong", "em", "ul", "ol", "li", "a", "code", "blockquote"}
ATTRIBUTES = {"href", "target", "rel", "start"}


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("bonjour", "<p>bonjour</p>\n"),
        ("**gras** et *penché*", "<p><strong>gras</strong> et <em>penché</em></p>\n"),
        ("- un\n- deux", "<ul>\n<li>un</li>\n<li>deux</li>\n</ul>\n"),
        ("3. trois\n4. quatre", '<ol start="3">\n<li>trois</li>\n<li>quatre</li>\n</ol>\n'),
        ("une ligne\nune autre", "<p>une ligne<br>\nune autre</p>\n"),
        ("", ""),
    ],
)
def test_what_articles_use_comes_through(text: str, html: str) -> None:
    assert to_html(text) == html


@pytest.mark.parametrize(
    "address", ["https://ent.exemple.fr/a?b=c&d", "mailto:dan@exemple.fr", "tel:3018", "http://exemple.fr"]
)
def test_links_open_elsewhere_and_tell_nothing(address: str) -> None:
    html = to_html(f"[ici]({address})")
    assert 'target="_blank"' in html
    assert 'rel="noopener noreferrer"' in html


HOSTILE = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>", "<iframe src=//x></iframe>",
    "[x](javascript:alert(1))", "[x](JaVaScRiPt:alert(1))", "[x](data:text/html,<script>alert(1)</script>)",
    "[x](vbscript:x)", "![x](https://traceur.example/x.png)", "![x](javascript:alert(1))", "<a href=javascript:alert(1)>x</a>",
    "[x](<javascript:alert(1)>)", "[x]( javascript:alert(1))", "[x](java\tscript:alert(1))", "[x](&#106;avascript:alert(1))",
    "<javascript:alert(1)>", "[a]: javascript:alert(1)\n\n[a]", "`<script>`", "```\n<script>\n```", "# <script>x</script>",
    "<style>*{display:none}</style>", "<!-- <script> -->", "<form action=x><input name=y>", "<p onclick=x style=color:red>",
    "[x](https://a\" onmouseover=alert(1) x=\")", "<https://a\"onmouseover=alert(1)>", "\x00<script>", "<scr<script>ipt>",
    "[x](//evil.example)", "<b>", "&lt;script&gt;", "| a |\n|---|\n| <script> |",
]  # fmt: skip


def is_harmless(html: str) -> bool:
    for tag, inside in re.findall(r"<\s*/?\s*([^\s>/]+)([^>]*)>", html):
        names = set(re.findall(r"([\w-]+)\s*=\s*\"", inside))
        if tag.lower() not in ALLOWED or not names <= ATTRIBUTES:
            return False
    addresses = re.findall(r"href=\"([^\"]*)\"", html)
    return all(re.match(r"(https?|mailto|tel):|[^:]*$", address, re.IGNORECASE) for address in addresses)


@pytest.mark.parametrize("text", HOSTILE)
def test_what_could_harm_is_shown_as_text_or_taken_out(text: str) -> None:
    assert is_harmless(to_html(text)), to_html(text)


@given(
    st.lists(
        st.sampled_from(
            [*HOSTILE, "**", "[", "](", ")", "<", ">", "\n", "`", "&", '"', "'", "javascript:", "- ", "1. "]
        )
    )
    | st.lists(st.text(st.characters(exclude_categories=["Cs"])))
)
@settings(max_examples=200, derandomize=True, deadline=None, database=None)
def test_any_mixture_is_harmless(parts: list[str]) -> None:
    assert is_harmless(to_html("".join(parts)))
