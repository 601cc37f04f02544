"""Use cases of the waves: writing one, moving it on, its schools, and what the assistant knows of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from bot.clock import Clock
from bot.db import Database
from bot.errors import Conflict, Forbidden, InvalidField, NotFound
from bot.escalation.rules import PARIS
from bot.people.audit import audit
from bot.people.models import School
from bot.people.rules import Held, Permission, Scope, grants_for
from bot.people.service import covered
from bot.people.sign_in import Caller
from bot.rollout.models import Wave, WaveSchool
from bot.rollout.rules import (
    CLOSED,
    NO_WAVE,
    PLANNED,
    CodeList,
    Refused,
    Stage,
    WaveFields,
    advance,
    read_codes,
    read_fields,
    say_wave,
)

PAGE = 50
# Databases take so many parameters a statement.
_BATCH = 500
# What a file of codes may weigh: the list of an académie with its columns.
MAX_FILE = 1024 * 1024

_STALE = (
    "Quelqu’un a modifié cette vague entre-temps. Voici ce qu’elle est : refaites votre changement, puis enregistrez."
)
_OUTSIDE = "Cette vague a des écoles hors de votre territoire : demandez à qui les suit toutes."


@dataclass(frozen=True)
class WaveLine:
    """A wave and how many schools it has."""

    wave: Wave
    schools: int


@dataclass(frozen=True)
class Place:
    """A school of a wave, since when it is there and, if it left, when; `goes_to` is where it is now."""

    row: WaveSchool
    school: School
    goes_to: str | None = None


@dataclass(frozen=True)
class Placement:
    """What was done of a list: schools added, moved from another wave, and what was refused."""

    added: tuple[str, ...]
    moved: tuple[tuple[str, str], ...]
    refused: tuple[Refused, ...]


def stage_of(wave: Wave) -> Stage:
    """Return where a wave is."""
    return Stage(wave.state, wave.opened_at, wave.closed_at)


def put_stage(wave: Wave, stage: Stage) -> None:
    """Write where a wave is."""
    wave.state, wave.opened_at, wave.closed_at = stage.state, stage.opened_at, stage.closed_at
    wave.edition += 1


# --- reading ----------------------------------------------------------------------------------


async def list_waves(session: AsyncSession) -> list[WaveLine]:
    """Return every wave, by date: a deployment has some tens at most."""
    counts = dict(
        (
            await session.execute(
                sa.select(WaveSchool.wave_id, sa.func.count()).where(WaveSchool.until.is_(None)).group_by(WaveSchool.wave_id)
            )
        ).tuples().all()
    )  # fmt: skip
    waves = await session.scalars(sa.select(Wave).order_by(Wave.starts_on, Wave.id))
    return [WaveLine(wave, counts.get(wave.id, 0)) for wave in waves.all()]


async def find_wave(session: AsyncSession, wave_id: int, *, to_write: bool = False) -> Wave:
    """Return a wave; NotFound."""
    wave = await session.get(Wave, wave_id, with_for_update=to_write)
    if wave is None:
        raise NotFound("Cette vague n’existe pas.")
    return wave


def reached(caller: Caller) -> sa.ColumnElement[bool]:
    """Return the condition on School under which the caller may put it in a wave."""
    return covered(grants_for(caller.grants, Permission.MANAGE_WAVES))


async def list_places(
    session: AsyncSession, caller: Caller, wave_id: int, page: int = 1, *, left: bool = False
) -> tuple[list[Place], bool]:
    """Return a page of the caller's schools in a wave, or of those that left it, and whether another follows."""
    now = aliased(WaveSchool)
    query = (
        sa.select(WaveSchool, School, Wave.name)
        .join(School, School.uai == WaveSchool.uai)
        .outerjoin(now, sa.and_(now.uai == WaveSchool.uai, now.until.is_(None)))
        .outerjoin(Wave, Wave.id == now.wave_id)
        .where(WaveSchool.wave_id == wave_id, reached(caller))
        .where(WaveSchool.until.is_not(None) if left else WaveSchool.until.is_(None))
        .order_by(School.commune, School.name, WaveSchool.id)
    )
    rows = (await session.execute(query.limit(PAGE + 1).offset((page - 1) * PAGE))).all()
    return [Place(row, school, name) for row, school, name in rows[:PAGE]], len(rows) > PAGE


async def history_of(session: AsyncSession, uai: str) -> list[tuple[WaveSchool, Wave]]:
    """Return the waves that a school has been in, the newest first."""
    rows = await session.execute(
        sa.select(WaveSchool, Wave).join(Wave, Wave.id == WaveSchool.wave_id).where(WaveSchool.uai == uai)
        .order_by(WaveSchool.id.desc()).limit(PAGE)
    )  # fmt: skip
    return [(row, wave) for row, wave in rows.all()]


async def check_reach(session: AsyncSession, grants: Iterable[Held], wave_id: int) -> None:
    """Refuse who does not look after every school of a wave: what is done to it is done to all."""
    held = grants_for(grants, Permission.MANAGE_WAVES)
    if any(grant.scope == Scope.TOUT for grant in held):
        return
    outside = await session.scalar(
        sa.select(WaveSchool.id)
        .outerjoin(School, School.uai == WaveSchool.uai)
        .where(WaveSchool.wave_id == wave_id, WaveSchool.until.is_(None))
        .where(sa.or_(School.uai.is_(None), sa.not_(sa.func.coalesce(covered(held), sa.false()))))
        .limit(1)
    )
    if outside is not None:
        raise Forbidden(_OUTSIDE)


# --- writing ----------------------------------------------------------------------------------


async def add_wave(database: Database, clock: Clock, caller: Caller, given: Mapping[str, str]) -> int:
    """Add a wave and return its number; InvalidField says which field is wrong."""
    fields = read_fields(given)
    async with database.transaction() as session:
        wave = Wave(state=PLANNED, edition=1, **vars(fields))
        await _write(session, wave)
        audit(session, clock.now(), caller.account.id, "wave_added", "wave", wave.id, **_told(fields))
    return wave.id


async def change_wave(database: Database, clock: Clock, caller: Caller, wave_id: int, given: Mapping[str, str]) -> None:
    """Correct a wave; Conflict when it changed since the form was shown, or is closed."""
    fields = read_fields(given)
    async with database.transaction() as session:
        wave = await find_wave(session, wave_id, to_write=True)
        await check_reach(session, caller.grants, wave_id)
        _check_open(wave)
        if str(wave.edition) != given.get("edition"):
            raise Conflict(_STALE)
        before = _told(WaveFields(wave.name, wave.starts_on, wave.ends_on, wave.before))
        for name, value in vars(fields).items():
            setattr(wave, name, value)
        wave.edition += 1
        await _write(session, wave)
        audit(
            session, clock.now(), caller.account.id, "wave_changed", "wave", wave_id, before=before, after=_told(fields)
        )


async def _write(session: AsyncSession, wave: Wave) -> None:
    try:
        async with session.begin_nested():
            session.add(wave)
    except IntegrityError as error:
        raise InvalidField("name", "Une autre vague a déjà ce nom.") from error


def _told(fields: WaveFields) -> dict[str, str]:
    return {
        "name": fields.name, "starts_on": fields.starts_on.isoformat(),
        "ends_on": fields.ends_on.isoformat() if fields.ends_on else "",
    }  # fmt: skip


async def move_wave(database: Database, clock: Clock, caller: Caller, wave_id: int, to: str) -> None:
    """Move a wave to another state; closing has a use case of its own (balance.close_wave)."""
    if to == CLOSED:
        raise Conflict("Une vague se clôt par sa page de clôture.")
    async with database.transaction() as session:
        wave = await find_wave(session, wave_id, to_write=True)
        await check_reach(session, caller.grants, wave_id)
        was = wave.state
        put_stage(wave, advance(stage_of(wave), to, clock.now()))
        audit(session, clock.now(), caller.account.id, "wave_moved", "wave", wave_id, before=was, after=to)


def _check_open(wave: Wave) -> None:
    if wave.state == CLOSED:
        raise Conflict("Cette vague est close : elle ne change plus.")


# --- schools ----------------------------------------------------------------------------------


async def place_schools(database: Database, clock: Clock, caller: Caller, wave_id: int, text: str) -> Placement:
    """Put the schools of a list in a wave: all that can be, from another wave where they were in one."""
    listed = read_codes(text)
    if not listed.codes and not listed.refused:
        raise InvalidField("codes", "Collez au moins un code UAI, par exemple 0750001U.")
    async with database.transaction() as session:
        wave = await find_wave(session, wave_id, to_write=True)
        _check_open(wave)
        placement = await _place(session, caller, wave, listed, clock.now())
        if placement.added or placement.moved:
            wave.edition += 1
            audit(
                session, clock.now(), caller.account.id, "wave_schools_placed", "wave", wave_id, added=len(placement.added),
                moved=len(placement.moved), refused=len(placement.refused),
            )  # fmt: skip
    return placement


async def _place(session: AsyncSession, caller: Caller, wave: Wave, listed: CodeList, now: datetime) -> Placement:
    added: list[str] = []
    moved: list[tuple[str, str]] = []
    refused = list(listed.refused)
    for start in range(0, len(listed.codes), _BATCH):
        codes = listed.codes[start : start + _BATCH]
        known = dict((await session.execute(
            sa.select(School.uai, sa.func.coalesce(reached(caller), sa.false())).where(School.uai.in_(codes))
        )).tuples().all())  # fmt: skip
        rows = await session.execute(
            sa.select(WaveSchool, Wave).join(Wave, Wave.id == WaveSchool.wave_id)
            .where(WaveSchool.uai.in_(codes), WaveSchool.until.is_(None))
            .with_for_update(of=WaveSchool)
        )  # fmt: skip
        held = {row.uai: (row, other) for row, other in rows.all()}
        leaving: list[int] = []
        for code in codes:
            row, other = held.get(code, (None, None))
            if reason := _refusal(wave, known.get(code), other):
                refused.append(Refused(code, reason))
                continue
            if row is None:
                added.append(code)
            else:
                leaving.append(row.id)
                moved.append((code, other.name))
        if leaving:
            await session.execute(sa.update(WaveSchool).where(WaveSchool.id.in_(leaving)).values(until=now))
    entering = [*added, *(code for code, _ in moved)]
    for start in range(0, len(entering), _BATCH):
        session.add_all(WaveSchool(wave_id=wave.id, uai=code, since=now) for code in entering[start : start + _BATCH])
        await _flush(session)
    return Placement(tuple(added), tuple(moved), tuple(refused))


def _refusal(wave: Wave, is_reached: bool | None, other: Wave | None) -> str:
    """Return why a school is not put in a wave, nothing when it is; `other` is the wave where it is."""
    if is_reached is None:
        return "Aucune école n’a ce code. Ajoutez-la d’abord aux écoles."
    if not is_reached:
        return "Cette école n’est pas dans votre territoire."
    if other is not None and other.id == wave.id:
        return "Déjà dans cette vague."
    if other is not None and other.state == CLOSED:
        return f"Déjà ouverte avec la vague « {other.name} », qui est close."
    return ""


async def _flush(session: AsyncSession) -> None:
    try:
        await session.flush()
    except IntegrityError as error:
        raise Conflict(
            "Une autre personne vient d’inscrire l’une de ces écoles. Rien n’a été changé : recommencez."
        ) from error


async def remove_school(database: Database, clock: Clock, caller: Caller, wave_id: int, uai: str) -> None:
    """Take a school out of a wave; it is then in none."""
    async with database.transaction() as session:
        wave = await find_wave(session, wave_id, to_write=True)
        _check_open(wave)
        row = await session.scalar(
            sa.select(WaveSchool)
            .join(School, School.uai == WaveSchool.uai)
            .where(WaveSchool.wave_id == wave_id, WaveSchool.uai == uai, WaveSchool.until.is_(None), reached(caller))
        )
        if row is None:
            raise NotFound("Cette école n’est pas dans cette vague, ou pas dans votre territoire.")
        row.until = clock.now()
        wave.edition += 1
        audit(session, clock.now(), caller.account.id, "wave_school_removed", "wave", wave_id, uai=uai)


# --- what the assistant says ------------------------------------------------------------------


class OpeningDates:
    """When each school opens, in memory: read again when a wave changed, looked at for every answer."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._stamp: tuple | None = None
        self._waves: dict[int, Wave] = {}
        self._places: dict[str, int] = {}

    async def refresh(self) -> None:
        """Read the waves again if one changed."""
        async with self._database.reading() as session:
            stamp = tuple((await session.execute(sa.select(sa.func.count(), sa.func.sum(Wave.edition)))).one())
            if stamp == self._stamp:
                return
            waves = (await session.scalars(sa.select(Wave))).all()
            places = await session.execute(
                sa.select(WaveSchool.uai, WaveSchool.wave_id).where(WaveSchool.until.is_(None))
            )
            self._places = dict(places.tuples().all())
        self._waves = {wave.id: wave for wave in waves}
        self._stamp = stamp

    def tell(self, uai: str | None) -> dict[str, str]:
        """Return the variables of a school's opening: where there are waves, they count and not what was written by hand."""
        if not self._waves or uai is None:
            return {}
        wave = self._waves.get(self._places.get(uai, 0))
        if wave is None:
            return {"vagues": NO_WAVE, "avant_ouverture": ""}
        said = say_wave(
            wave.name, wave.state, wave.starts_on, _day_of(wave.opened_at), self._clock.now().astimezone(PARIS).date()
        )
        # Once it is open, what preceded is nobody's business any more.
        before = "" if wave.opened_at else wave.before.removesuffix(".")
        return {"vagues": said, "avant_ouverture": before}


def _day_of(instant: datetime | None) -> date | None:
    return instant.astimezone(PARIS).date() if instant else None
