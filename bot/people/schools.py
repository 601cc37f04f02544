"""Use cases of the schools, for the administrator: find, add, correct, import the ministry's directory."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, BinaryIO

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import Clock
from bot.db import Database
from bot.errors import Conflict, InvalidField, NotFound
from bot.people.audit import audit
from bot.people.directory import FIELDS, TERRITORIES, DirectoryFile, Line, read_school
from bot.people.models import Account, Grant, School
from bot.people.rules import Role, Scope, search_form
from bot.people.service import COLUMNS
from bot.people.sign_in import ACTIVE

PAGE = 50
# How many lines of each kind a preview shows.
SHOWN = 50
# Lines read, compared and written at a time: between two, the process answers others.
_BATCH = 1_000

Fields = tuple[str | None, ...]


@dataclass(frozen=True)
class Changed:
    """A school that an import changes: what differs, before and after."""

    uai: str
    name: str
    changes: Mapping[str, tuple[str | None, str | None]]


@dataclass
class Import:
    """What an import does, or did. `refused` has the first lines only, `reasons` counts them all."""

    new: int = 0
    changed: int = 0
    same: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    shown_new: list[Mapping[str, str]] = field(default_factory=list)
    shown_changed: list[Changed] = field(default_factory=list)
    refused: list[Line] = field(default_factory=list)

    @property
    def refusals(self) -> int:
        """How many lines are refused."""
        return self.reasons.total()


# --- reading ----------------------------------------------------------------------------------


async def list_schools(database: Database, search: str = "", page: int = 1) -> tuple[list[School], bool]:
    """Return a page of the schools whose code, name or commune has every word of `search`, and whether another follows."""
    query = sa.select(School).order_by(School.commune, School.name, School.uai)
    words, first = search_form(search).split(), (page - 1) * PAGE
    async with database.reading() as session:
        if words:
            codes = await _search(session, words, first + PAGE + 1)
            query = query.where(School.uai.in_(codes[first:]))
        else:
            query = query.limit(PAGE + 1).offset(first)
        found = (await session.scalars(query)).all()
    return list(found[:PAGE]), len(found) > PAGE


async def _search(session: AsyncSession, words: list[str], count: int) -> list[str]:
    """Return the codes of the first `count` schools that have every word, without regard to accents.

    Looked at here, some at a time: SQLite does not know « É » for a capital « e ».
    """
    query = sa.select(School.uai, School.name, School.commune).order_by(School.commune, School.name, School.uai)
    rows = await session.stream(query.execution_options(yield_per=_BATCH))
    codes: list[str] = []
    async for batch in rows.partitions():
        for row in batch:
            text = search_form(" ".join(row))
            if all(word in text for word in words):
                codes.append(row.uai)
        if len(codes) >= count:
            break
    await rows.close()
    return codes[:count]


async def get_school(database: Database, uai: str) -> School:
    """Return a school by its code; NotFound."""
    async with database.reading() as session:
        school = await session.get(School, uai)
    if school is None:
        raise NotFound("Aucune école n’a ce code.")
    return school


async def list_referents(database: Database, school: School) -> list[tuple[Account, Grant]]:
    """Return the référents who follow a school, each with the role that says so, the nearest first."""
    reaches = [Grant.scope == Scope.TOUT]
    for scope in COLUMNS:
        place = school.uai if scope == Scope.ETABLISSEMENT else getattr(school, scope)
        if place:
            reaches.append(sa.and_(Grant.scope == scope, Grant.territory == place))
    query = (
        sa.select(Account, Grant)
        .join(Grant, Grant.account_id == Account.id)
        .where(Account.state == ACTIVE, Grant.role == Role.REFERENT, sa.or_(*reaches))
        .order_by(Account.search, Account.id)
    )
    async with database.reading() as session:
        found = [(account, grant) for account, grant in (await session.execute(query)).all()]
    nearest = list(Scope)
    return sorted(found, key=lambda one: nearest.index(Scope(one[1].scope)))


# --- by hand ----------------------------------------------------------------------------------


async def add_school(database: Database, clock: Clock, actor: str, given: Mapping[str, str]) -> str:
    """Add a school and return its code; InvalidField says which field is wrong."""
    school = read_school(given)
    async with database.transaction() as session:
        try:
            async with session.begin_nested():
                session.add(School(**school))
        except IntegrityError as error:
            raise InvalidField("uai", "Une école a déjà ce code.") from error
        audit(session, clock.now(), actor, "school_added", "school", school["uai"], after=school)
    return school["uai"]


async def correct_school(database: Database, clock: Clock, actor: str, uai: str, given: Mapping[str, str]) -> None:
    """Correct a school, all but its code; an empty territory is taken away."""
    wanted = dict.fromkeys(TERRITORIES) | read_school({**given, "uai": uai})
    async with database.transaction() as session:
        school = await session.get(School, uai, with_for_update=True)
        if school is None:
            raise NotFound("Aucune école n’a ce code.")
        before = {name: getattr(school, name) for name in FIELDS if getattr(school, name) != wanted[name]}
        if not before:
            return
        for name in before:
            setattr(school, name, wanted[name])
        after = {name: wanted[name] for name in before}
        audit(session, clock.now(), actor, "school_changed", "school", uai, before=before, after=after)


# --- import -----------------------------------------------------------------------------------


def digest_of_file(file: BinaryIO) -> str:
    """Return what tells a file from any other: what was looked at is what is imported."""
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()


async def preview_import(database: Database, file: BinaryIO) -> Import:
    """Return what importing a file of the directory would do; InvalidField when it cannot be read at all."""
    plan, _ = await _compare(database, file)
    return plan


async def import_schools(database: Database, clock: Clock, actor: str, file: BinaryIO) -> Import:
    """Import a file of the directory: all that can be taken, in one transaction. Schools that it does not name stay."""
    digest = await asyncio.to_thread(digest_of_file, file)
    # Compared, and made ready, before the transaction: on SQLite nobody else writes while it lasts.
    plan, writes = await _compare(database, file, keep=True)
    table, dialect = School.__table__, database.engine.dialect
    values = {name: sa.bindparam(f"to_{name}") for name in FIELDS}
    add = _Statement(sa.insert(table).values(values), dialect)
    change = _Statement(sa.update(table).where(table.c.uai == sa.bindparam("of_uai")).values(values), dialect)
    new = await asyncio.to_thread(lambda: list(_cut(add.order(row) for is_new, row in writes if is_new)))
    changed = await asyncio.to_thread(lambda: list(_cut(change.order(row) for is_new, row in writes if not is_new)))
    async with database.transaction() as session:
        connection = await session.connection()
        try:
            for rows in new:
                await connection.exec_driver_sql(add.text, rows)
        except IntegrityError as error:
            raise Conflict(
                "Des écoles ont été ajoutées pendant l’import. Rien n’a été changé : recommencez."
            ) from error
        for rows in changed:
            await connection.exec_driver_sql(change.text, rows)
        audit(
            session, clock.now(), actor, "schools_imported", "school", "import", new=plan.new, changed=plan.changed,
            same=plan.same, refused=plan.refusals, file=digest[:16],
        )  # fmt: skip
    return plan


class _Statement:
    """A statement for many schools, as the driver takes it: SQLAlchemy's own way takes four times as long.

    Its parameters are called after the fields, behind « to_ » or « of_ ».
    """

    def __init__(self, statement: sa.Insert | sa.Update, dialect: sa.Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self.text = str(compiled)
        self._places = [FIELDS.index(name[3:]) for name in compiled.positiontup]

    def order(self, row: Fields) -> Fields:
        """Return a row in the order of the parameters."""
        return tuple(row[place] for place in self._places)


async def _compare(
    database: Database, file: BinaryIO, *, keep: bool = False
) -> tuple[Import, list[tuple[bool, Fields]]]:
    """Return what a file would do, and, if they are to be kept, the rows to write, each with whether it is new."""
    directory = await asyncio.to_thread(DirectoryFile, file)
    plan, writes = Import(), []
    try:
        async with database.reading() as session:
            async for lines in _batches(directory.lines()):
                named = [line for line in lines if line.school]
                known = await _rows(session, [line.school["uai"] for line in named])
                for line in lines:
                    if line.school is None:
                        plan.reasons[line.reason] += 1
                        if len(plan.refused) < SHOWN:
                            plan.refused.append(line)
                        continue
                    row = _plan_line(plan, line.school, known.get(line.school["uai"]))
                    if keep and row is not None:
                        writes.append((line.school["uai"] not in known, row))
    finally:
        directory.detach()
    return plan, writes


def _plan_line(plan: Import, school: Mapping[str, str], known: Fields | None) -> Fields | None:
    """Count a school, and return its row if there is something to write."""
    if known is None:
        plan.new += 1
        if len(plan.shown_new) < SHOWN:
            plan.shown_new.append(school)
        return tuple(school.get(name) for name in FIELDS)
    # What the file leaves empty stays as it is here.
    row = tuple(school.get(name, old) for name, old in zip(FIELDS, known))
    if row == known:
        plan.same += 1
        return None
    plan.changed += 1
    if len(plan.shown_changed) < SHOWN:
        changes = {name: (old, new) for name, old, new in zip(FIELDS, known, row) if old != new}
        plan.shown_changed.append(Changed(school["uai"], school["name"], changes))
    return row


async def _rows(session: AsyncSession, codes: list[str]) -> dict[str, Fields]:
    query = sa.select(*(getattr(School, name) for name in FIELDS)).where(School.uai.in_(codes))
    return {row[0]: tuple(row) for row in (await session.execute(query)).all()}


async def _batches(lines: Iterator[Line]) -> AsyncIterator[list[Line]]:
    # In a thread: decoding and parsing fifty megabytes must not hold the answers to others.
    while batch := await asyncio.to_thread(lambda: list(islice(lines, _BATCH))):
        yield batch


def _cut(rows: Iterator[Any]) -> Iterator[list[Any]]:
    while batch := list(islice(rows, _BATCH)):
        yield batch
