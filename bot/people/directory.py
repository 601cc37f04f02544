"""Schools as they are given to us: by a form, or by the Education ministry's open directory. Pure: bytes in, schools out.

The directory (« fr-en-annuaire-education » on data.education.gouv.fr) is one CSV file, a line a school, whose first line
names the columns. Only the columns of `HEADERS` are read.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from bot.errors import InvalidField
from bot.people.rules import is_uai, search_form

# The national file has 70,000 lines and some 50 MB: room for it to grow, and a bound to what one import may cost.
MAX_BYTES = 100 * 1024 * 1024
MAX_LINES = 200_000
# A line of the directory has about 700 characters; its longest fields are addresses.
_MAX_LINE = 64 * 1024
_CHUNK = 1024 * 1024

DEGREES = ("1er", "2nd")
# What the directory calls a place of each degree; CIO, services and places of care have no pupils on an ENT.
_DEGREE_OF = {"ecole": "1er", "college": "2nd", "lycee": "2nd", "erea": "2nd"}
# Where each part of a school is found; the case of a name, its accents and its spaces do not count.
HEADERS = {
    "uai": "Identifiant_de_l_etablissement",
    "name": "Nom_etablissement",
    "kind": "Type_etablissement",
    "commune": "Nom_commune",
    "departement": "Libelle_departement",
    "academie": "Libelle_academie",
    "circonscription": "Nom_circonscription",
}
_OPTIONAL = ("circonscription",)
_LENGTHS = {"name": 200, "commune": 120, "circonscription": 120, "departement": 120, "academie": 120}
TERRITORIES = ("circonscription", "departement", "academie")
FIELDS = ("uai", "name", "commune", "degree", *TERRITORIES)

# How a cell begins that a spreadsheet would run, full-width signs included.
_FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]|[\t\r\n]")
_NOTHING_DONE = " Rien n’a été changé."


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the file: the school that it names, or the reason why it cannot be taken.

    A territory that the line leaves empty is not in `school`: what is known of it stays.
    """

    number: int
    cells: list[str]
    school: dict[str, str] | None
    reason: str = ""


def read_school(given: Mapping[str, str]) -> dict[str, str]:
    """Return a school's fields in their common form; InvalidField says which one is wrong. Empty territories are left out."""
    school = {name: " ".join(unicodedata.normalize("NFC", given.get(name, "")).split()) for name in FIELDS}
    uai = school["uai"] = school["uai"].upper()
    if not re.fullmatch("[0-9]{7}[A-Z]", uai):
        raise InvalidField("uai", "Un UAI a sept chiffres et une lettre, par exemple 0750001U.")
    if not is_uai(uai):
        raise InvalidField("uai", "La lettre de cet UAI ne va pas avec ses chiffres : l’un des huit signes est faux.")
    for name, what in (("name", "Le nom"), ("commune", "La commune")):
        if not school[name]:
            raise InvalidField(name, f"{what} manque.")
    if school["degree"] not in DEGREES:
        raise InvalidField("degree", "Choisissez le degré : premier ou second.")
    for name, longest in _LENGTHS.items():
        if len(school[name]) > longest:
            raise InvalidField(name, f"Ce texte est trop long : {longest} caractères au plus.")
        # U+FFFD is what other software writes in place of a sign that it could not read.
        if not school[name].isprintable() or "\ufffd" in school[name]:
            raise InvalidField(name, "Un signe est illisible.")
    return {name: value for name, value in school.items() if value or name not in TERRITORIES}


class DirectoryFile:
    """A file of the directory, open: UTF-8 or Windows-1252, columns parted by semicolons or commas.

    Opening it raises InvalidField when it is no such file, and so does reading on where a line cannot be told from the
    next: such a file is refused whole.
    """

    def __init__(self, file: BinaryIO) -> None:
        encoding = _encoding_of(file)
        file.seek(0)
        self._text = io.TextIOWrapper(file, encoding, newline="")
        first = self._text.readline(_MAX_LINE)
        self.header, self._delimiter = _read_header(first)
        self._places = _places_of(self.header)
        self._known: dict[str, str] = {}

    def detach(self) -> None:
        """Leave the file to whoever opened it."""
        self._text.detach()

    def lines(self) -> Iterator[Line]:
        """Yield each line that is not empty, once."""
        reader = csv.reader(self._bounded(), delimiter=self._delimiter, strict=True)
        seen: set[str] = set()
        while True:
            # The first line is not the reader's.
            number = reader.line_num + 2
            try:
                cells = next(reader, None)
            except csv.Error as error:
                raise _refused(f"La ligne {number} est coupée ou ses guillemets ne se ferment pas.") from error
            if cells is None:
                return
            if number > MAX_LINES:
                raise _refused(f"Le fichier a plus de {MAX_LINES} lignes.")
            if cells:
                yield self._read(number, cells, seen)

    def _bounded(self) -> Iterator[str]:
        while text := self._text.readline(_MAX_LINE):
            if len(text) == _MAX_LINE:
                raise csv.Error("line too long")
            yield text

    def _read(self, number: int, cells: list[str], seen: set[str]) -> Line:
        if len(cells) != len(self.header):
            few = len(cells) < len(self.header)
            return Line(number, cells, None, "La ligne est incomplète." if few else "La ligne a trop de colonnes.")
        given = {name: cells[place] for name, place in self._places.items()}
        degree = _DEGREE_OF.get(search_form(given["kind"]))
        if degree is None:
            return Line(number, cells, None, "Ce type d’établissement n’est ni une école, ni un collège, ni un lycée.")
        try:
            school = read_school({**given, "degree": degree})
        except InvalidField as error:
            return Line(number, cells, None, error.sentence)
        if school["uai"] in seen:
            return Line(number, cells, None, "Cette école est déjà plus haut dans le fichier.")
        seen.add(school["uai"])
        # Thousands of lines name the same académie: it is kept once.
        return Line(number, cells, {name: self._known.setdefault(value, value) for name, value in school.items()})


def write_refused(header: list[str], lines: Iterable[Line]) -> Iterator[str]:
    """Yield a CSV of the lines that were refused, as they came, with their number and the reason: corrected, it can be sent again."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=";", lineterminator="\r\n")
    writer.writerow([*map(harmless, header), "Ligne", "Motif"])
    for line in lines:
        if line.school is None:
            padding = [""] * (len(header) - len(line.cells))
            writer.writerow([*map(harmless, (*line.cells, *padding)), line.number, line.reason])
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def harmless(cell: str) -> str:
    """Return `cell` such that no spreadsheet takes it for a formula."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _refused(sentence: str) -> InvalidField:
    return InvalidField("file", sentence + _NOTHING_DONE)


def _encoding_of(file: BinaryIO) -> str:
    """Return how the file is written. What is well-formed UTF-8 up to some point is UTF-8, damaged there, not Windows-1252."""
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")()
    lines, wide, ended = 1, False, False
    while not ended:
        chunk = file.read(_CHUNK)
        ended = not chunk
        if b"\0" in chunk:
            raise _refused("Ce n’est pas un fichier CSV : enregistrez-le au format CSV UTF-8.")
        try:
            text = decoder.decode(chunk, final=ended)
        except UnicodeDecodeError as error:
            before = error.object[: error.start]
            if wide or not before.isascii():
                number = lines + before.count(b"\n")
                raise _refused(f"La ligne {number} n’est pas en UTF-8, alors que ce qui précède l’est.") from error
            return _check_windows(file)
        wide = wide or not text.isascii()
        lines += text.count("\n")
    return "utf-8-sig"


def _check_windows(file: BinaryIO) -> str:
    file.seek(0)
    while chunk := file.read(_CHUNK):
        try:
            chunk.decode("cp1252")
        except UnicodeDecodeError as error:
            raise _refused("Ce fichier n’est ni en UTF-8 ni en Windows-1252.") from error
    return "cp1252"


def _read_header(first: str) -> tuple[list[str], str]:
    """Return the names of the columns and what parts them; the delimiter is the one that makes the most columns out."""
    found = {}
    for delimiter in ";,":
        try:
            found[delimiter] = next(csv.reader([first], delimiter=delimiter, strict=True), [])
        except csv.Error:
            continue
    if not found:
        raise _refused("La première ligne ne nomme pas les colonnes.")
    delimiter = max(found, key=lambda one: len(_places_in(found[one])))
    return found[delimiter], delimiter


def _places_of(header: list[str]) -> dict[str, int]:
    places = _places_in(header)
    missing = [HEADERS[name] for name in HEADERS if name not in places and name not in _OPTIONAL]
    if missing:
        raise _refused(
            f"La première ligne du fichier doit nommer les colonnes de l’annuaire. Il manque : {', '.join(missing)}."
        )
    return places


def _places_in(header: list[str]) -> dict[str, int]:
    found = {_column(name): place for place, name in reversed(list(enumerate(header)))}
    return {name: found[_column(column)] for name, column in HEADERS.items() if _column(column) in found}


def _column(name: str) -> str:
    return re.sub("[^a-z0-9]+", "_", search_form(name)).strip("_")
