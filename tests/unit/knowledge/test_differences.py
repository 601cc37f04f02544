"""Differences, line by line."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.knowledge.differences import ADDED, REMOVED, SAME, SKIPPED, Line, compare

TEXTS = st.text(alphabet="ab\n", max_size=40)


def test_what_was_added_and_removed_is_told_with_what_is_around() -> None:
    before = "\n".join(["un", "deux", "trois", "quatre", "cinq", "six"])
    assert compare(before, before.replace("cinq", "CINQ")) == [
        Line(SKIPPED), Line(SAME, "trois"), Line(SAME, "quatre"), Line(REMOVED, "cinq"), Line(ADDED, "CINQ"), Line(SAME, "six"),
    ]  # fmt: skip


@given(TEXTS, TEXTS)
def test_every_line_that_differs_is_told_and_nothing_when_none_does(before: str, after: str) -> None:
    lines = compare(before, after)
    assert (lines == []) == (before.splitlines() == after.splitlines())
    removed, added = ([line.text for line in lines if line.kind == kind] for kind in (REMOVED, ADDED))
    # What is left of each text without them is the same.
    left = before.splitlines()
    for text in removed:
        left.remove(text)
    right = after.splitlines()
    for text in added:
        right.remove(text)
    assert sorted(left) == sorted(right)


@given(TEXTS)
def test_from_nothing_all_is_added(text: str) -> None:
    assert [line.text for line in compare("", text)] == text.splitlines()
