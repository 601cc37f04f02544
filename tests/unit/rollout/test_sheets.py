"""What may be shown of figures, and how a file tells them."""

from __future__ import annotations

import csv
import io
import json

from hypothesis import given
from hypothesis import strategies as st

from bot.rollout.sheets import (
    MIN_PERSONS,
    Count,
    Sheet,
    changed_sheet,
    count_sheet,
    delays_sheet,
    first_sheet,
    gather,
    satisfaction_sheet,
    tally_sheet,
    to_csv,
    worries_sheet,
)

counts = st.lists(
    st.integers(1, 12).flatmap(lambda persons: st.tuples(st.just(persons), st.integers(persons, 40))), max_size=12
).map(lambda rows: [Count(f"k{place}", persons, asked) for place, (persons, asked) in enumerate(rows)])


@given(counts, st.integers(1, 60))
def test_nothing_is_shown_of_few_persons_nor_had_by_subtraction(rows, limit):
    shown, hidden = gather(rows, limit)
    assert all(one.persons >= MIN_PERSONS for one in shown)
    assert len(shown) <= limit
    assert sorted(one.key for one in (*shown, *hidden)) == sorted(one.key for one in rows)
    if shown and hidden:
        assert sum(one.persons for one in hidden) >= MIN_PERSONS


@given(counts)
def test_the_rows_of_a_table_add_up_to_what_was_asked(rows):
    sheet = tally_sheet("x", "X", ("Sujet", "Questions"), rows, str)
    told = [row[1] for row in sheet.rows]
    if all(isinstance(number, int) for number in told):
        assert sum(told) == sum(one.asked for one in rows)
    else:
        assert len(told) == 1


def test_a_row_of_few_takes_the_smallest_shown_with_it():
    rows = [Count("a", 20, 30), Count("b", 6, 7), Count("c", 1, 1)]
    sheet = count_sheet("x", "X", "Sujet", rows, str)
    assert [row[:2] for row in sheet.rows] == [("a", 30), ("Autres (2)", 8)]


def test_shares_are_of_what_was_asked_and_of_what_is_ripe():
    one = Count("a", persons=9, asked=10, solved=4, silent=5, unanswered=1, ripe=8, lasting=2)
    [row] = count_sheet("x", "X", "Sujet", [one], str).rows
    assert row == ("a", 10, 4, 40, 25, 0, 5, 0, 1)


def test_the_share_of_nothing_is_not_told():
    [row] = count_sheet("x", "X", "Sujet", [Count("a", persons=5, urgent=5)], str).rows
    assert row == ("a", 0, 0, None, None, 0, 0, 0, 0)


def test_delays_are_told_of_some_requests_only():
    sheet = delays_sheet({2: ([1.0, 2.0, 3.0, 4.0, 100.0], [5.0])}, {2: 6, 3: 1}, "heures ouvrées")
    assert [row[0:3] for row in sheet.rows] == [
        ("Niveau 2, première réponse", 5, 3), ("Niveau 2, solution", "moins de 5 demandes", None),
        ("Niveau 3, première réponse", "moins de 5 demandes", None), ("Niveau 3, solution", "moins de 5 demandes", None),
    ]  # fmt: skip


def test_opinions_are_told_when_there_are_some():
    sheet = satisfaction_sheet(Count(None, asked=9, solved=6, unsolved=2), (1, 0))
    assert sheet.rows == (
        ("Réponses de l’assistant", 6, 2, 75), ("Demandes traitées par une personne", "moins de 5 avis", None, None),
    )  # fmt: skip


def test_what_is_new_names_a_topic_when_some_asked():
    first = [Count("a", 5, 6), Count("b", 2, 2)]
    sheet = first_sheet(first, {"c": 3}, ["c"], str)
    assert sheet.rows == (("a", 6, 0, None), ("c", None, 3, "oui"), ("Autres (1)", "moins de 5 personnes", None, None))


def test_what_a_change_changed_is_told_of_some_persons_only():
    sheet = changed_sheet([("T", 2, Count(None, 10, 10, 2), Count(None, 3, 3, 3))])
    assert sheet.rows == (("T", 2, 10, 20, None, None),)


def test_worries_before_and_after():
    before, after = [Count("a", 6, 8), Count("b", 1, 1)], [Count("a", 5, 5), Count("c", 5, 9)]
    assert worries_sheet(before, after, str).rows == (("a", 8, 5), ("Autres (2)", 1, 9))


# --- CSV --------------------------------------------------------------------------------------

cells = st.none() | st.integers() | st.text()


@given(st.lists(st.tuples(st.text(), cells), max_size=5))
def test_a_file_is_read_again_and_no_cell_of_it_computes(rows):
    sheet = Sheet("x", "X", "", ("A", "B"), tuple(rows), (1,))
    text = to_csv(sheet)
    assert text.startswith("\ufeff")
    read = list(csv.reader(io.StringIO(text[1:], newline=""), delimiter=";"))
    assert read[0] == ["A", "B"]
    assert len(read) == len(rows) + 1
    for row, (name, cell) in zip(read[1:], rows):
        assert row[0].removeprefix("'").endswith(name.removeprefix("'"))
        for text_cell, value in zip(row, (name, cell)):
            if isinstance(value, str):
                assert not text_cell.startswith(("=", "+", "-", "@", "\t", "\r"))


def test_several_tables_come_under_each_other():
    one = Sheet("a", "Premier", "", ("A", "B"), (("x", 1),), (1,))
    assert to_csv(one, one) == "\ufeff" + "Premier\r\nA;B\r\nx;1\r\n\r\n" * 2


def test_a_sheet_goes_through_json():
    sheet = Sheet("a", "T", "n", ("A", "B"), (("x", None), ("y", 2)), (1,))
    assert Sheet.from_json(json.loads(json.dumps(sheet.to_json()))) == sheet
