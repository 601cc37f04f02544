"""Use cases of trainings: asked for, begun by the clock, carried out in a process of their own, cancelled, told when they died.

The page asks for a run and a process is started for it (`Launcher`): `python -m bot learn RUN`, which does `carry_out` and writes how far
it is into the row that the page reads.
"""

from __future__ import annotations

import asyncio
import contextlib
import platform
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Protocol

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer

from bot.clock import Clock
from bot.db import Database
from bot.errors import AssistentError, Conflict, InvalidField, NotFound, StorageUnavailable
from bot.escalation.rules import PARIS
from bot.learning import gate, report
from bot.learning.dataset import Taught, gather, write_taught
from bot.learning.judging import judge_models
from bot.learning.models import Swap, TrainingRun, TrainingSchedule, Utterance
from bot.learning.utterances import COMMON, HEARD
from bot.people.audit import audit
from bot.people.models import Account

UNDER_WAY, DONE, FAILED, CANCELLED, LOST = "en_cours", "termine", "echec", "annule", "interrompu"
# The process says every BEAT_S that it lives. Silent for so long, on the busiest machine, it does no more.
BEAT_S = 1.0
LOST_AFTER = timedelta(seconds=60)
# What the page shows of the log.
LOG_LINES, LINE_LENGTH = 60, 300
NEVER, DAILY, WEEKLY = "jamais", "jour", "semaine"
RHYTHMS: Mapping[str, str] = {NEVER: "Jamais", DAILY: "Tous les jours", WEEKLY: "Toutes les semaines"}
RUNS_SHOWN = 20
MIN_REASON, MAX_REASON = 10, 500
# The two models put in service last are looked for among as many changes.
_SWAPS_READ = 50

log = structlog.get_logger()


class Served(Protocol):
    """The model in service: its file, the run that made it, if one did, and until when its data went."""

    archive: Path
    name: str | None
    run: int | None
    trained_at: str
    data_at: str | None


class Bench(Protocol):
    """Where a model is made and measured, outside the database (bot.operations.candidates)."""

    inputs: Path
    candidate: Path
    log: Path
    digest: str

    def train(self, say: Callable[[str], None], stop: threading.Event) -> None:
        """Train on `inputs`."""

    def served(self, slot: str | None, name: str | None) -> Served | None:
        """Return the model in service: that of a slot, by its name; None and None when none was ever put in service."""

    def keep(self, *, run: int, data_at: str, made_of: dict[str, Any], needed: Collection[str] = ()) -> str:
        """Keep the model, and the `needed` ones whatever their age; return its name."""


OpenBench = Callable[[int], AbstractContextManager[Bench]]


class _Stopped(Exception):
    """The run was cancelled, or given up for dead meanwhile."""


# --- asking -----------------------------------------------------------------------------------


async def ask_run(session: AsyncSession, now: datetime, author_id: str | None, *, scheduled: bool = False) -> int:
    """Open a run, alone; Conflict when one is under way. Return its number."""
    await tell_lost(session, now)
    busy = Conflict("Un apprentissage est déjà en cours : attendez sa fin, ou annulez-le.")
    if await session.scalar(sa.select(TrainingRun.id).where(TrainingRun.active == 1)):
        raise busy
    run = TrainingRun(
        active=1, state=UNDER_WAY, scheduled=scheduled, author_id=author_id, asked_at=now, seen_at=now,
        step="Démarrage", log="", failure="",
    )  # fmt: skip
    try:
        async with session.begin_nested():
            session.add(run)
    except IntegrityError as error:
        # Another process was faster.
        raise busy from error
    audit(session, now, author_id, "training_asked", "training", run.id, scheduled=scheduled)
    return run.id


async def cancel_run(session: AsyncSession, now: datetime, author_id: str, number: int) -> None:
    """Ask the process of a run to end; Conflict when it has ended already."""
    done = await session.execute(
        sa.update(TrainingRun)
        .where(TrainingRun.id == number, TrainingRun.active == 1)
        .values(cancel_asked_at=sa.func.coalesce(TrainingRun.cancel_asked_at, now))
    )
    if not done.rowcount:
        raise Conflict("Cet apprentissage n’est plus en cours : il n’y a rien à annuler.")
    audit(session, now, author_id, "training_cancelled", "training", number)


async def overrule(session: AsyncSession, now: datetime, author_id: str, number: int, reason: str) -> None:
    """Let a candidate that the gate refused be put in service all the same; the reason is kept."""
    reason = " ".join(reason.split())
    if not MIN_REASON <= len(reason) <= MAX_REASON:
        raise InvalidField("reason", f"Dites pourquoi, en {MIN_REASON} à {MAX_REASON} caractères.")
    run = await find_run(session, number)
    if run.archive is None or run.verdict is None or run.verdict["accepted"] or run.overruled_at is not None:
        raise Conflict("Il n’y a pas de refus à lever sur cet apprentissage.")
    done = await session.execute(
        sa.update(TrainingRun)
        .where(TrainingRun.id == number, TrainingRun.overruled_at.is_(None))
        .values(overruled_at=now, overruled_by=author_id, overruled_reason=reason)
    )
    if not done.rowcount:
        raise Conflict("Le refus a déjà été levé.")
    audit(session, now, author_id, "model_overruled", "training", number, archive=run.archive, reason=reason)


def may_serve(run: TrainingRun) -> bool:
    """Tell whether the candidate of a run may be put in service: the gate accepted it, or an administrator overruled it."""
    return run.archive is not None and bool((run.verdict or {}).get("accepted") or run.overruled_at)


async def check_verdict(database: Database, archive: str) -> None:
    """Refuse what the gate refused and nobody overruled: Conflict says where to read why. What no run made has no verdict."""
    newest = sa.select(TrainingRun).where(TrainingRun.archive == archive).order_by(TrainingRun.id.desc()).limit(1)
    async with database.reading() as session:
        run = await session.scalar(newest)
    if run is not None and not may_serve(run):
        raise Conflict(
            f"Le contrôle de l’apprentissage {run.id} a refusé ce modèle : lisez son rapport. Un administrateur peut lever ce refus."
        )


# --- reading ----------------------------------------------------------------------------------


async def find_run(session: AsyncSession, number: int) -> TrainingRun:
    """Return a run; NotFound."""
    run = await session.get(TrainingRun, number, populate_existing=True)
    if run is None:
        raise NotFound("Cet apprentissage n’existe pas.")
    return run


async def find_run_of(session: AsyncSession, archive: str) -> TrainingRun | None:
    """Return the run that made a kept model, none when it was made otherwise."""
    return await session.scalar(sa.select(TrainingRun).where(TrainingRun.archive == archive).limit(1))


async def list_runs(session: AsyncSession, page: int = 1) -> tuple[list[tuple[TrainingRun, str | None]], bool]:
    """Return a page of the runs with who asked for each, newest first, without logs and reports; and whether older ones follow."""
    found = await session.execute(
        sa.select(TrainingRun, Account.name)
        .outerjoin(Account, Account.id == TrainingRun.author_id)
        .options(defer(TrainingRun.log), defer(TrainingRun.report), defer(TrainingRun.made_of))
        .order_by(TrainingRun.id.desc())
        .limit(RUNS_SHOWN + 1)
        .offset((page - 1) * RUNS_SHOWN)
    )
    rows = [tuple(row) for row in found]
    return rows[:RUNS_SHOWN], len(rows) > RUNS_SHOWN


async def name_of(session: AsyncSession, account_id: str | None) -> str | None:
    """Return the name of an account."""
    return await session.scalar(sa.select(Account.name).where(Account.id == account_id)) if account_id else None


async def read_heard(session: AsyncSession, identifiers: Sequence[str]) -> dict[str, str]:
    """Return the words of kept utterances by id; what was erased is not there."""
    wanted = [int(one) for one in identifiers if one.isdigit()]
    rows = await session.execute(sa.select(Utterance.id, Utterance.text).where(Utterance.id.in_(wanted)))
    return {str(identifier): text for identifier, text in rows}


async def read_in_use(session: AsyncSession) -> list[tuple[str, str]]:
    """Return the slot and the name of the model that serves and of the one that served before, to which one may go back."""
    rows = await session.execute(
        sa.select(Swap.slot, Swap.model).where(Swap.turned_at.is_not(None)).order_by(Swap.id.desc()).limit(_SWAPS_READ)
    )
    found: dict[str, str] = {}
    for slot, model in rows:
        found.setdefault(model.removesuffix(".tar.gz"), slot)
    return [(slot, name) for name, slot in found.items()][:2]


async def tell_lost(session: AsyncSession, now: datetime) -> bool:
    """Write down that the run under way died, when nothing was heard of its process for long."""
    done = await session.execute(
        sa.update(TrainingRun)
        .where(TrainingRun.active == 1, TrainingRun.seen_at < now - LOST_AFTER)
        .values(
            active=None, state=LOST, ended_at=now,
            failure="Le processus d’apprentissage s’est arrêté sans prévenir (machine éteinte, mémoire pleine, processus tué). "
            "Rien n’a changé en service : relancez l’apprentissage.",
        )
    )  # fmt: skip
    return bool(done.rowcount)


async def follow(database: Database, clock: Clock) -> bool:
    """Tell a run that died; return whether there was one. It looks before it takes a writer's turn."""
    async with database.reading() as session:
        silent = await session.scalar(
            sa.select(TrainingRun.id).where(TrainingRun.active == 1, TrainingRun.seen_at < clock.now() - LOST_AFTER)
        )
    if silent is None:
        return False
    async with database.transaction() as session:
        return await tell_lost(session, clock.now())


# --- by the clock -----------------------------------------------------------------------------


async def read_schedule(session: AsyncSession) -> TrainingSchedule:
    """Return when trainings begin by themselves; never, as long as nobody asked for any."""
    found = await session.get(TrainingSchedule, 1, populate_existing=True)
    return found or TrainingSchedule(id=1, rhythm=NEVER, hour=3, weekday=5, next_at=None, missed="", version=0)


async def save_schedule(
    session: AsyncSession, now: datetime, author_id: str, *, rhythm: str, hour: int, weekday: int, version: int
) -> None:
    """Change when trainings begin; Conflict when somebody else changed it since `version` was read."""
    if rhythm not in RHYTHMS:
        raise InvalidField("rhythm", "Choisissez un rythme dans la liste.")
    if not 0 <= hour <= 23:
        raise InvalidField("hour", "Choisissez une heure de 0 à 23.")
    if not 0 <= weekday <= 6:
        raise InvalidField("weekday", "Choisissez un jour de la semaine.")
    values = {
        "rhythm": rhythm, "hour": hour, "weekday": weekday, "next_at": next_time(now, rhythm, hour, weekday), "missed": "",
        "author_id": author_id, "version": version + 1,
    }  # fmt: skip
    taken = "Quelqu’un vient de changer ce programme. Relisez-le ci-dessous, puis enregistrez de nouveau."
    if version:
        done = await session.execute(
            sa.update(TrainingSchedule)
            .where(TrainingSchedule.id == 1, TrainingSchedule.version == version)
            .values(**values)
        )
        if not done.rowcount:
            raise Conflict(taken)
    else:
        try:
            async with session.begin_nested():
                session.add(TrainingSchedule(id=1, **values))
        except IntegrityError as error:
            raise Conflict(taken) from error
    audit(
        session,
        now,
        author_id,
        "training_scheduled",
        "training",
        "programme",
        rhythm=rhythm,
        hour=hour,
        weekday=weekday,
    )


def next_time(now: datetime, rhythm: str, hour: int, weekday: int) -> datetime | None:
    """Return the next instant after `now` at which a training begins, by the clocks of Paris."""
    if rhythm == NEVER:
        return None
    local = now.astimezone(PARIS)
    for days in range(9):
        # By the wall clock: a day of 23 or 25 hours has its hour too (an hour that does not exist is taken as the one after).
        day = (local + timedelta(days=days)).date()
        due = datetime(day.year, day.month, day.day, hour, tzinfo=PARIS).astimezone(now.tzinfo)
        if due > now and (rhythm == DAILY or day.weekday() == weekday):
            return due
    raise AssertionError("a week has every day")


async def begin_due(database: Database, clock: Clock) -> int | None:
    """Open the run whose hour has come, once however many processes ask; return its number."""
    now = clock.now()
    async with database.reading() as session:
        due = await session.scalar(sa.select(TrainingSchedule.id).where(TrainingSchedule.next_at <= now))
    if due is None:
        return None
    async with database.transaction() as session:
        schedule = await read_schedule(session)
        after = next_time(now, schedule.rhythm, schedule.hour, schedule.weekday)
        taken = await session.execute(
            sa.update(TrainingSchedule)
            .where(TrainingSchedule.id == 1, TrainingSchedule.next_at <= now)
            .values(next_at=after, missed="")
        )
        if not taken.rowcount:
            return None
        try:
            return await ask_run(session, now, None, scheduled=True)
        except Conflict:
            told = "Le dernier apprentissage prévu n’a pas commencé : un autre était en cours."
            await session.execute(sa.update(TrainingSchedule).values(missed=told))
            return None


# --- the process ------------------------------------------------------------------------------


class Launcher:
    """Starts the process of a run, apart from the one that serves: it goes on when that one ends."""

    # Of every launcher of this process: one that is let go of before it has ended is never known to have.
    _started: ClassVar[list[subprocess.Popen]] = []

    def __init__(self, command: Sequence[str], folder: Path, log: Path) -> None:
        self._command = command
        self._folder = folder
        # What it says before it has the database, and its own log: of the last one only.
        self._log = log

    def launch(self, number: int) -> None:
        """Start `python -m bot learn NUMBER`; OSError when it cannot be."""
        self.reap()
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("wb") as log:
            process = subprocess.Popen(
                [*self._command, str(number)], cwd=self._folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        self._started.append(process)

    def reap(self) -> None:
        """Take note of those that have ended, so that the system forgets them."""
        self._started[:] = [process for process in self._started if process.poll() is None]


async def start_run(database: Database, clock: Clock, launcher: Launcher, author_id: str | None) -> int:
    """Open a run and start its process; return its number. Conflict when one is under way."""
    async with database.transaction() as session:
        number = await ask_run(session, clock.now(), author_id)
    await launch(database, clock, launcher, number)
    return number


async def launch(database: Database, clock: Clock, launcher: Launcher, number: int) -> None:
    """Start the process of a run; when the machine cannot, the run has failed and says so."""
    try:
        await asyncio.to_thread(launcher.launch, number)
    except OSError as error:
        log.error("training_not_started", run=number, reason=str(error))
        await _end(
            database,
            clock,
            number,
            state=FAILED,
            failure=f"Le processus d’apprentissage n’a pas pu démarrer : {error}.",
        )


@dataclass
class _Progress:
    """What the thread that works tells, for the row: said from anywhere, written by one."""

    step: str = "Démarrage"

    def __post_init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=LOG_LINES)

    def say(self, line: str) -> None:
        """Keep a line, or several."""
        for part in line.splitlines():
            self._lines.append(part[:LINE_LENGTH])

    def begin(self, step: str) -> None:
        """Tell a new step."""
        self.step = step
        self._lines.append(step)

    @property
    def text(self) -> str:
        """The last lines."""
        return "\n".join(self._lines)


async def carry_out(
    database: Database, clock: Clock, root: Path, number: int, open_bench: OpenBench, stop: threading.Event
) -> str:
    """Do a run from its data to its verdict; return its state. Whatever happens, the model in service is not touched.

    Conflict: nobody asked for it, or it has ended.
    """
    async with database.reading() as session:
        if (await find_run(session, number)).active is None:
            raise Conflict(f"L’apprentissage {number} n’est plus en cours.")
    progress = _Progress()
    beating = asyncio.create_task(_beat(database, clock, number, progress, stop))
    try:
        ending = await _work(database, clock, root, number, open_bench, progress, stop)
    except _Stopped:
        ending = {"state": CANCELLED}
    except AssistentError as error:
        ending = {"state": CANCELLED} if stop.is_set() else {"state": FAILED, "failure": error.sentence}
    except Exception as error:
        log.exception("training_failed", run=number)
        ending = {
            "state": FAILED,
            "failure": f"Une erreur inattendue a arrêté l’apprentissage : {type(error).__name__}: {error}",
        }
    finally:
        beating.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await beating
    if ending["state"] == CANCELLED:
        progress.begin("Annulé : rien n’a changé en service.")
    await _end(database, clock, number, step=progress.step, log=progress.text, **ending)
    return ending["state"]


async def _work(database: Database, clock: Clock, root: Path, number: int, open_bench: OpenBench, progress: _Progress,
                stop: threading.Event) -> dict[str, Any]:  # fmt: skip
    async def apart(step: str, work: Callable[..., Any], *arguments: Any) -> Any:
        if stop.is_set():
            raise _Stopped
        progress.begin(step)
        found = await asyncio.to_thread(work, *arguments)
        if stop.is_set():
            raise _Stopped
        return found

    context: AbstractContextManager[Bench] = open_bench(number)
    progress.begin("Copie des données du projet")
    bench = await asyncio.to_thread(context.__enter__)
    try:
        data_at = clock.now()
        async with database.reading() as session:
            taught = await gather(session)
        facts = await apart("Ajout de ce que les formateurs ont gardé", write_taught, bench.inputs, taught)
        for sentence in facts.left_out:
            progress.say(f"  {sentence}")
        progress.say(f"  {facts.from_files} phrases des fichiers, {facts.kept} gardées par les formateurs")
        await apart("Apprentissage", bench.train, progress.say, stop)
        async with database.reading() as session:
            in_use = await read_in_use(session)
        slot, name = in_use[0] if in_use else (None, None)
        served = await apart("Lecture du modèle en service", bench.served, slot, name)
        heard = _heard_since(taught, served)
        judged = await apart(
            "Mesure sur le jeu de référence et sur les messages reçus",
            judge_models, root, bench.inputs, bench.candidate, served and served.archive, heard, bench.log, stop,
        )  # fmt: skip
        compared = served is not None and not judged["served_why"]
        against = {"name": served.name, "run": served.run, "trained_at": served.trained_at} if compared else None
        verdict = gate.judge(judged["loads"], judged["why"], judged["sets"], compared=compared)
        made_of = {
            **asdict(facts),
            "digest": bench.digest,
            "data_at": data_at.isoformat(),
            "python": platform.python_version(),
        }
        ending = {
            "state": DONE, "verdict": verdict.to_json(), "made_of": made_of,
            "report": report.build_report(judged["sets"], against, judged["served_why"]),
        }  # fmt: skip
        if judged["loads"]:
            progress.begin("Rangement du modèle")
            async with database.reading() as session:
                needed = [name for _, name in await read_in_use(session)]
            keep = partial(bench.keep, run=number, data_at=data_at.isoformat(), made_of=made_of, needed=needed)
            ending["archive"] = await asyncio.to_thread(keep)
        progress.begin("Terminé")
        return ending
    finally:
        await asyncio.to_thread(context.__exit__, None, None, None)


def _heard_since(taught: Taught, served: Served | None) -> list[dict[str, Any]]:
    """Return the real messages that the model in service has not learnt, labelled by who kept them.

    One that was trained from the files alone (`make train`) has learnt none of them.
    """
    since = datetime.fromisoformat(served.data_at) if served and served.data_at else None
    return [
        {
            "id": str(one.id),
            "profil": None if one.speaker == COMMON else one.speaker,
            "text": one.text,
            "topic": one.topic,
        }
        for one in taught.utterances
        if one.origin == HEARD and (since is None or one.at > since)
    ]


async def _beat(database: Database, clock: Clock, number: int, progress: _Progress, stop: threading.Event) -> None:
    """Write how far the run is, and stop it when the row says so or is no longer ours."""
    while not stop.is_set():
        with contextlib.suppress(StorageUnavailable):
            async with database.transaction() as session:
                done = await session.execute(
                    sa.update(TrainingRun)
                    .where(TrainingRun.id == number, TrainingRun.active == 1)
                    .values(seen_at=clock.now(), step=progress.step, log=progress.text)
                )
                asked = await session.scalar(sa.select(TrainingRun.cancel_asked_at).where(TrainingRun.id == number))
            if not done.rowcount or asked is not None:
                stop.set()
        await asyncio.sleep(BEAT_S)


async def _end(database: Database, clock: Clock, number: int, **values: Any) -> None:
    """Close a run that is still under way: one given up for dead stays so."""
    for attempt in range(5):
        try:
            async with database.transaction() as session:
                await session.execute(
                    sa.update(TrainingRun)
                    .where(TrainingRun.id == number, TrainingRun.active == 1)
                    .values(active=None, ended_at=clock.now(), **values)
                )
            return
        except StorageUnavailable:
            # A quarter of an hour of work is not thrown away for a busy database.
            await asyncio.sleep(2.0**attempt)
