"""Markdown to HTML: harmless whoever wrote it, and what articles use comes through."""

from __future__ import annotations

import re
from html import unescape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.chat.markup import to_html

ALLOWED = {"p", "br", "strong", "em", "ul", "ol", "li", "a", "code", "blockquote"}
ATTRIBUTES = {"href", "target", "rel", "start", "aria-label"}


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
    ("text", "lines"),
    [
        ("de 9 h à 23 h 30, 24 h/24", ["de", "9\u00a0h", "à", "23\u00a0h\u00a030,", "24\u00a0h/24"]),
        ("au 01 23 45 67 89", ["au", "01\u00a023\u00a045\u00a067\u00a089"]),
        ("5 Mo, 40 % : « oui »", ["5\u00a0Mo,", "40\u00a0%\u00a0:", "«\u00a0oui\u00a0»"]),
        ("le 3 septembre, 2 heures", ["le", "3", "septembre,", "2", "heures"]),
    ],
)
def test_a_line_breaks_where_french_allows(text: str, lines: list[str]) -> None:
    assert unescape(to_html(text)) == f"<p>{' '.join(lines)}</p>\n"


def test_links_to_sites_open_elsewhere() -> None:
    assert 'target="_blank"' in to_html("[ici](https://ent.exemple.fr/a?b=c&d)")
    assert 'target="_blank"' in to_html("http://exemple.fr")


@pytest.mark.parametrize("address", ["mailto:dan@exemple.fr", "tel:3018", "sms:114"])
def test_what_another_program_opens_leaves_no_empty_window(address: str) -> None:
    html = to_html(f"[ici]({address})")
    assert f'href="{address}"' in html
    assert "target" not in html


@pytest.mark.parametrize(
    "address", ["https://ent.exemple.fr", "mailto:dan@exemple.fr", "tel:3018", "http://exemple.fr"]
)
def test_links_tell_nothing_of_the_page(address: str) -> None:
    assert 'rel="noopener noreferrer"' in to_html(f"[ici]({address})")


def dialled(text: str) -> list[str]:
    """The addresses that a telephone dials, in order."""
    return re.findall(r'href="((?:tel|sms):[^"]*)"', to_html(text))


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("Appelle le 17 (police), le 15 (secours) ou le 112.", ["tel:17", "tel:15", "tel:112"]),
        ("appelez le 17, le 15 ou le 112, ou le 114 par SMS", ["tel:17", "tel:15", "tel:112", "sms:114"]),
        ("**Menace : appelez le 17.**", ["tel:17"]),
        ("Si l'on vous menace : appelez le 17, puis prévenez la direction.", ["tel:17"]),
        ("- **3018** : tous les jours de 9 h à 23 h.\n- **119** : jour et nuit.", ["tel:3018", "tel:119"]),
        ("La nuit : le **119**. Et le 3114 si tu penses à mourir.", ["tel:119", "tel:3114"]),
        ("Le 3018 est gratuit. Au 3018, on t’écoute.", ["tel:3018", "tel:3018"]),
    ],
)
def test_an_emergency_number_can_be_dialled(text: str, addresses: list[str]) -> None:
    assert dialled(text) == addresses


def test_an_emergency_number_is_named_by_what_it_does() -> None:
    assert '<a href="tel:119" aria-label="Appeler le 119" rel="noopener noreferrer">119</a>' in to_html("le 119")
    assert '<a href="sms:114" aria-label="Envoyer un SMS au 114" ' in to_html("le 114")


@pytest.mark.parametrize(
    "text",
    [
        "Rappelez le 17 novembre.", "Appelez le 15 janvier.", "appelez le 17 ou le 18", "le 15", "le 17, à midi",
        "les 15 prochains jours", "Salle 112", "**17**", "**15** jours", "3018", "le 3018.fr", "le 1190", "le 119/2", "17Cyber",
        "le 112,5", "de 9 h à 17 h", "`appelez le 17`", "[appelez le 17](https://exemple.fr)", "https://exemple.fr/le 15",
    ],
)  # fmt: skip
def test_a_number_that_is_not_to_be_called_is_left_alone(text: str) -> None:
    assert dialled(text) == []


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
    return all(re.match(r"(https?|mailto|tel|sms):|[^:]*$", address, re.IGNORECASE) for address in addresses)


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
