"""The ministry's directory as a file: what is read of it, what is refused and why, however badly it is written."""

from __future__ import annotations

import csv
import io
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import InvalidField
from bot.people.directory import HEADERS, DirectoryFile, Line, read_school, write_refused

HEADER = list(HEADERS.values())
TILLEULS = ["0750001U", "École Les Tilleuls", "Ecole", "Valmont", "Valmont", "Valmont", "Valmont Nord"]
GOUGES = ["0750002V", "Collège Olympe-de-Gouges", "Collège", "Valmont", "Valmont", "Valmont", ""]


def text_of(*rows: list[str], delimiter: str = ";", header: list[str] = HEADER) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows([header, *rows])
    return out.getvalue()


def read(data: bytes | str) -> list[Line]:
    directory = DirectoryFile(io.BytesIO(data.encode() if isinstance(data, str) else data))
    return list(directory.lines())


def refused(data: bytes | str) -> str:
    with pytest.raises(InvalidField) as caught:
        read(data)
    assert caught.value.field == "file"
    assert caught.value.sentence.endswith("Rien n’a été changé.")
    return caught.value.sentence


@pytest.mark.parametrize("delimiter", [";", ","])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_the_file_is_read_whatever_parts_its_columns_and_writes_its_accents(delimiter: str, encoding: str) -> None:
    first, second = read(text_of(TILLEULS, GOUGES, delimiter=delimiter).encode(encoding))
    assert first == Line(2, TILLEULS, {
        "uai": "0750001U", "name": "École Les Tilleuls", "commune": "Valmont", "degree": "1er",
        "circonscription": "Valmont Nord", "departement": "Valmont", "academie": "Valmont",
    })  # fmt: skip
    # What is empty is not said: what is known of it stays.
    assert second.school["degree"] == "2nd"
    assert "circonscription" not in second.school


def test_columns_are_known_by_their_name_in_any_order_and_case() -> None:
    header = ["latitude", *(name.upper().replace("_", " ") for name in reversed(HEADER[:-1])), "pial"]
    [line] = read(text_of(["48.8", *reversed(TILLEULS[:-1]), "x"], header=header))
    assert line.school["uai"] == "0750001U"
    assert "circonscription" not in line.school


def test_a_cell_may_hold_line_feeds_and_the_next_number_counts_them() -> None:
    odd = [TILLEULS[0], "École\nLes  Tilleuls", *TILLEULS[2:]]
    first, second = read(text_of(odd, GOUGES))
    assert first.school["name"] == "École Les Tilleuls"
    assert (first.number, second.number) == (2, 4)


@pytest.mark.parametrize(
    ("place", "value", "reason"),
    [
        (0, "0750001A", "lettre"),
        (0, "", "sept chiffres"),
        (0, "075001U", "sept chiffres"),
        (0, "٠٧٥٠٠٠١U", "sept chiffres"),
        (1, "  ", "nom manque"),
        (1, "x" * 201, "trop long"),
        (1, "\u00c9cole\x07", "illisible"),
        (1, "\ufffdcole", "illisible"),
        (2, "Service Administratif", "ni une école"),
        (3, "", "commune manque"),
        (5, "x" * 121, "trop long"),
    ],
)
def test_a_line_that_cannot_be_taken_says_why_and_leaves_the_others(place: int, value: str, reason: str) -> None:
    row = [*TILLEULS]
    row[place] = value
    line, other = read(text_of(row, GOUGES))
    assert line.school is None
    assert reason in line.reason
    assert other.school


def test_a_school_named_twice_is_taken_once() -> None:
    first, second = read(text_of(TILLEULS, [TILLEULS[0].lower(), *TILLEULS[1:]]))
    assert first.school
    assert "déjà plus haut" in second.reason


def test_half_a_line_is_refused_and_the_others_are_not() -> None:
    whole = text_of(TILLEULS, GOUGES)
    first, second = read(whole[: whole.rindex(";Valmont")])
    assert first.school
    assert (second.number, second.reason) == (3, "La ligne est incomplète.")


def test_a_line_with_a_column_too_many_is_refused() -> None:
    [line] = read(text_of([*TILLEULS, "de trop"]))
    assert line.reason == "La ligne a trop de colonnes."


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "Il manque"),
        (b"PK\x03\x04\x00\x00", "CSV"),
        (text_of(TILLEULS).encode("utf-16"), "CSV"),
        ("un;deux\r\n", "Identifiant_de_l_etablissement"),
        (text_of(TILLEULS, header=[*HEADER[:3], "x", *HEADER[4:]]), "Il manque : Nom_commune."),
        (text_of(TILLEULS) + '0750002V;"Collège', "ligne 3"),
        (text_of(TILLEULS) + '0750002V;"Collège" Gouges;x', "ligne 3"),
        (text_of(TILLEULS) + "x" * 70_000, "ligne 3"),
        # In UTF-8, then a letter cut in two: not Windows-1252.
        (text_of(TILLEULS).encode() + b"0750002V;Coll\xc3", "ligne 3"),
        (text_of(TILLEULS).encode() + b"0750002V;Coll\xe8ge", "ligne 3"),
        (b"\x81\x8d", "ni en UTF-8 ni en Windows-1252"),
    ],
)
def test_a_file_that_cannot_be_told_is_refused_whole(data: bytes | str, told: str) -> None:
    assert told in refused(data)


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reading(data: bytes) -> None:
    for head in (b"", text_of().encode()):
        with suppress(InvalidField):
            for line in read(head + data):
                assert bool(line.school) != bool(line.reason)


@given(st.dictionaries(st.sampled_from(["uai", "name", "commune", "degree", "academie"]), st.text(max_size=130)))
def test_no_form_breaks_the_reading_of_a_school(given_fields: dict[str, str]) -> None:
    with suppress(InvalidField):
        school = read_school({"uai": "0750001U", "name": "A", "commune": "B", "degree": "1er", **given_fields})
        assert read_school(school) == school


def test_refused_lines_can_be_corrected_and_sent_again_and_hold_no_formula() -> None:
    bad = ["0750003A", '=HYPERLINK("http://x")', "Lycée", "+1", "\t-2", "@x", " ＝1"]
    file = io.BytesIO(text_of(TILLEULS, bad, ["0750002V"]).encode())
    directory = DirectoryFile(file)
    text = "".join(write_refused(directory.header, directory.lines()))
    header, formula, half = csv.reader(io.StringIO(text), delimiter=";")
    assert header == [*HEADER, "Ligne", "Motif"]
    assert formula[:7] == ["0750003A", '\'=HYPERLINK("http://x")', "Lycée", "'+1", "'\t-2", "'@x", "' ＝1"]
    assert formula[7] == "3"
    assert "lettre" in formula[8]
    assert half[0] == "0750002V"
    assert half[7:] == ["4", "La ligne est incomplète."]
    assert [line.number for line in read(text)] == [2, 3]
