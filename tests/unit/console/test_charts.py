"""Charts: what is drawn, and that it carries nothing that the pages forbid."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.console.charts import MAX_BARS, draw
from bot.rollout.sheets import Sheet
from bot.settings import ROOT


def sheet(*rows: tuple) -> Sheet:
    return Sheet("essai", "Un <titre>", "", ("Sujet", "Questions", "Résolues"), rows, (1, 2))


def test_the_numbers_are_drawn_under_their_labels():
    tree = ElementTree.fromstring(draw(sheet(("Devoirs & notes", 12, 3), ("Autre", 4, None))))
    words = ["".join(node.itertext()) for node in tree.iter() if node.tag.endswith("text")]
    assert {"Devoirs & notes", "Autre", "12", "3", "4", "Questions", "Résolues"} <= set(words)
    assert tree.get("role") == "img"
    ids = {node.get("id"): node.text for node in tree.iter() if node.get("id")}
    first, second = (ids[name] for name in tree.get("aria-labelledby").split())
    assert first == "Un <titre>"
    assert "tableau" in second
    assert sum(node.tag.endswith("rect") and "rect" in node.get("class", "") for node in tree.iter()) == 3


def test_nothing_is_drawn_without_a_number():
    assert draw(sheet()) == ""
    assert draw(sheet(("Autres (3)", "moins de 5 personnes", None))) == ""


@pytest.mark.parametrize("number", [0, 1, 10**9])
def test_any_number_is_drawn(number):
    assert str(number) in draw(sheet(("x", number, 0)))


def test_no_more_bars_than_are_read():
    drawn = draw(sheet(*((f"sujet {place}", 5, 1) for place in range(40))))
    assert f"sujet {MAX_BARS - 1}" in drawn
    assert f"sujet {MAX_BARS}" not in drawn


@settings(max_examples=30)
@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1))
def test_no_word_becomes_markup(word):
    drawn = draw(sheet((word, 3, 1)))
    ElementTree.fromstring(drawn)
    assert not re.search(r"<(style|script)|\s(on[a-z]+|style)=\"", drawn)


def test_it_is_drawn_as_well_without_lxml():
    code = (
        "from bot.console.charts import draw\nfrom bot.rollout.sheets import Sheet\n"
        "print(draw(Sheet('x', 'T', '', ('A', 'B'), (('é', 2),), (1,))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True,
        env={**os.environ, "NO_LXML": "1", "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    assert "<style" not in done.stdout
    assert ">é<" in done.stdout
