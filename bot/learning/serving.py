"""Putting a model in service without losing a message: which one serves, the turn from one slot to the other, going back.

The newest row of `swaps` that was turned to says which slot and model serve; every process of the site follows it. Any process
may deal with a swap, the site's as well as a command's: what it does is written in the row as it goes, and whoever finds a swap
whose process is gone undoes it.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import Clock
from bot.db import Database
from bot.errors import AssistentError, Conflict, EngineError, ModelError, OperationError, StorageUnavailable
from bot.learning.archives import (
    NEWEST,
    SUFFIX,
    WITNESSES,
    Archive,
    check_model,
    check_witness,
    describe,
    digest_of,
    find_archive,
    list_archives,
)
from bot.learning.models import Swap
from bot.learning.runs import check_verdict
from bot.operations.configuration import SLOTS, slot_path
from bot.operations.slots import Slots, copy_aside, other_slot, put_in_slot
from bot.people.audit import audit
from bot.people.models import Account
from bot.settings import Settings

# Where a swap was asked for.
CONSOLE, COMMAND, START = "console", "commande", "démarrage"

# What a swap does, in its order, and how it is told.
STEPS: Mapping[str, str] = {
    "checking": "Vérifier l’archive du modèle",
    "starting": "Démarrer le second moteur avec ce modèle",
    "warming": "L’essayer sur quelques questions",
    "turning": "Lui confier les nouveaux messages",
    "draining": "Laisser l’ancien finir ses messages",
    "stopping": "Arrêter l’ancien",
}

# How soon each process of the site turns after the row has.
FOLLOW_S = 1.0
# The others have turned and what they had under way has ended: two looks at the row, and the longest wait for the engine.
SETTLED_S = 2 * FOLLOW_S + 3.5
# Rasa was seen to take 10 to 90 seconds, the longest when four other programs wanted the two cores too.
READY_S = 180.0
WARM_S = 60.0
# A text read within this long was read by an engine that is warm.
WARM_TEXT_S = 0.5
POLL_S = 0.25
# What is told sooner than that is not read.
WATCH_S = 0.7
HEARTBEAT_S = 2.0
# A swap whose process has said nothing for this long is one that was cut.
CUT_AFTER = timedelta(seconds=10)
PAGE = 20
MAX_FAILURE = 400

log = structlog.get_logger()

Say = Callable[[str], None]


class Turnstile(Protocol):
    """What leads messages to the slot that serves (bot.chat.engine.SlotEngine)."""

    serving: str

    def turn(self, slot: str) -> None:
        """Let messages go to `slot` from now on."""

    async def drain(self, slot: str) -> None:
        """Wait until no message is under way in a slot."""

    async def is_loaded(self, slot: str) -> bool | None:
        """Tell whether a slot has a model loaded; None while nobody listens there."""

    async def rank(self, slot: str, text: str) -> list[tuple[str, float]]:
        """Return what a slot ranks for a text; EngineError when nothing usable came in time."""


@dataclass(frozen=True)
class InService:
    """The slot and the model that serve; before anything was ever put in service, the first slot and the newest model."""

    slot: str = SLOTS[0]
    model: str = NEWEST
    digest: str = ""
    swap: int = 0


# --- what the rows say ------------------------------------------------------------------------


async def read_in_service(session: AsyncSession) -> InService:
    """Return what serves."""
    swap = await session.scalar(_turned().limit(1))
    return InService(swap.slot, swap.model, swap.digest, swap.id) if swap else InService()


async def read_under_way(session: AsyncSession) -> Swap | None:
    """Return the swap under way, if there is one."""
    return await session.scalar(sa.select(Swap).where(Swap.under_way))


async def read_swap(session: AsyncSession, swap_id: int) -> Swap | None:
    """Return a swap by its number."""
    return await session.get(Swap, swap_id)


async def read_progress(session: AsyncSession) -> tuple[object, ...] | None:
    """Return what tells two states of the last swap apart."""
    columns = (Swap.id, Swap.step, Swap.turned_at, Swap.ended_at)
    row = (await session.execute(sa.select(*columns).order_by(Swap.id.desc()).limit(1))).first()
    return tuple(row) if row else None


async def read_former(session: AsyncSession, now: InService) -> Swap | None:
    """Return how the model that served before this one was put in service, None when there was no other."""
    return await session.scalar(_turned().where(Swap.id < now.swap, Swap.digest != now.digest).limit(1))


async def list_swaps(session: AsyncSession, page: int = 1) -> tuple[list[tuple[Swap, str | None]], bool]:
    """Return a page of the history, newest first, each with who asked for it in the console; and whether an older one follows."""
    query = (
        sa.select(Swap, Account.name)
        .outerjoin(Account, Account.id == Swap.account_id)
        .where(Swap.under_way.is_(None))
        .order_by(Swap.id.desc())
        .limit(PAGE + 1)
        .offset((page - 1) * PAGE)
    )
    found = [(swap, name) for swap, name in (await session.execute(query)).all()]
    return found[:PAGE], len(found) > PAGE


def _turned() -> sa.Select[tuple[Swap]]:
    return sa.select(Swap).where(Swap.turned_at.is_not(None)).order_by(Swap.id.desc())


# --- without the assistant running ------------------------------------------------------------


async def place_at_start(database: Database, clock: Clock, settings: Settings, say: Say) -> str:
    """Put in its slot the model that is to serve, before the engine starts; return the slot.

    What a person chose stays; otherwise the newest model serves. A swap that the last end cut is undone: it is only written down,
    for nothing runs yet.
    """
    async with database.transaction() as session:
        failure = sa.case((Swap.turned_at.is_(None), _CUT), else_="")
        await session.execute(
            sa.update(Swap).where(Swap.under_way).values(under_way=None, ended_at=clock.now(), failure=failure)
        )
        current = await read_in_service(session)
        chosen = await session.get(Swap, current.swap) if current.swap else None
    models = settings.root / "models"
    if chosen is not None and chosen.origin != START:
        if (found := await asyncio.to_thread(_find_by_digest, settings, chosen.model, chosen.digest)) is not None:
            if found != slot_path(settings, chosen.slot):
                put_in_slot(settings, chosen.slot, copy_aside(settings, chosen.slot, found))
            newest = find_archive(models, NEWEST)
            if newest.trained_at and chosen.trained_at and newest.trained_at > chosen.trained_at:
                say(
                    f"Le modèle en service est {chosen.model}, choisi à la main. Un plus récent attend : {newest.name}."
                )
            return chosen.slot
        say(f"Le modèle {chosen.model}, choisi à la main, n’est plus là : le plus récent le remplace.")
    return await put_directly(database, clock, settings, find_archive(models, NEWEST), START)


async def put_directly(database: Database, clock: Clock, settings: Settings, archive: Archive, origin: str) -> str:
    """Make an archive the model of the slot that is to serve when the assistant starts; return the slot."""
    async with database.reading() as session:
        current = await read_in_service(session)
    copy = await asyncio.to_thread(copy_aside, settings, current.slot, archive.path)
    digest = await asyncio.to_thread(digest_of, copy)
    put_in_slot(settings, current.slot, copy)
    if digest != current.digest:
        async with database.transaction() as session:
            now = clock.now()
            session.add(
                Swap(
                    model=archive.name, digest=digest, trained_at=archive.trained_at, slot=current.slot,
                    former=current.model if current.swap else "", origin=origin, step="stopping", asked_at=now, turned_at=now,
                    ended_at=now, alive_at=now,
                )
            )  # fmt: skip
    return current.slot


def _find_by_digest(settings: Settings, name: str, digest: str) -> Path | None:
    """Return where the very model that served is still: in a slot, under its name, or under another."""
    models = settings.root / "models"
    places = [
        *(slot_path(settings, slot) for slot in SLOTS),
        models / name,
        *(one.path for one in list_archives(models)),
    ]
    return next((path for path in dict.fromkeys(places) if path.is_file() and digest_of(path) == digest), None)


# --- the swap ---------------------------------------------------------------------------------

_CUT = "Le processus qui changeait de modèle a été arrêté."
_GONE = "Ce changement a été repris par un autre processus."


def _reason(error: BaseException) -> str:
    if isinstance(error, StorageUnavailable):
        return "La base de données n’a pas répondu à temps. Recommencez."
    if isinstance(error, AssistentError):
        return error.sentence
    return (
        _CUT if isinstance(error, asyncio.CancelledError) else "Une erreur inattendue : le journal du site la décrit."
    )


class Serving:
    """Puts models in service, and keeps one process of the site on what serves."""

    def __init__(
        self, database: Database, clock: Clock, settings: Settings, slots: Slots, turnstile: Turnstile, *,
        read_from: Callable[[Path], None] = lambda _: None, ready_s: float = READY_S,
        settled_s: float = SETTLED_S,
    ) -> None:  # fmt: skip
        self._database = database
        self._clock = clock
        self._settings = settings
        self._slots = slots
        self._turnstile = turnstile
        self._read_from = read_from
        self._ready_s = ready_s
        self._settled_s = settled_s
        self._runner = str(uuid.uuid4())
        self._current = InService()
        # The swaps that this process deals with at this instant.
        self._in_hand: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = asyncio.Event()

    # --- following ----------------------------------------------------------------------------

    async def start(self) -> None:
        """Turn to what serves, and follow it."""
        with contextlib.suppress(StorageUnavailable):
            await self._look()
        self._keep(self._follow())
        if self._slots.started_by_the_site and not self._settings.rasa_url:
            self._keep(self._start_engine())

    async def stop(self) -> None:
        """Stop following; a swap under way in this process is undone."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _keep(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(FOLLOW_S)
            try:
                cut = await self._look()
                if cut is not None:
                    await self._undo(cut)
            except StorageUnavailable:
                log.warning("model_not_followed")
            except AssistentError as error:
                log.warning("swap_not_undone", reason=error.sentence)

    async def _look(self) -> Swap | None:
        """Turn to what serves; return a swap whose process is gone."""
        async with self._database.reading() as session:
            current = await read_in_service(session)
            swap = await read_under_way(session)
        self._turn_to(current)
        if swap and swap.id not in self._in_hand and swap.alive_at < self._clock.now() - CUT_AFTER:
            return swap
        return None

    def _turn_to(self, current: InService) -> None:
        if current.swap < self._current.swap:
            return  # read before this process turned by itself
        self._current = current
        if self._turnstile.serving != current.slot:
            self._turnstile.turn(current.slot)
            log.info("engine_turned", slot=current.slot, model=current.model)
        own = slot_path(self._settings, current.slot)
        self._read_from(own if own.exists() else self._settings.root / "models" / NEWEST)

    async def _start_engine(self) -> None:
        """Start the engine that serves, and stop the other where there is no swap: the machine may have started either."""
        try:
            async with self._database.reading() as session:
                current = await read_in_service(session)
                swap = await read_under_way(session)
            await asyncio.to_thread(self._slots.start, current.slot)
            if swap is None:
                await asyncio.to_thread(self._slots.stop, other_slot(current.slot))
        except AssistentError as error:
            log.warning("engine_not_started", reason=error.sentence)

    async def _undo(self, swap: Swap) -> None:
        """End a swap that was cut: before the turn nothing changed, after it the former engine is stopped."""
        now = self._clock.now()
        silent = sa.update(Swap).where(Swap.id == swap.id, Swap.under_way, Swap.alive_at < now - CUT_AFTER)
        async with self._database.transaction() as session:
            if not (await session.execute(silent.values(runner=self._runner, alive_at=now))).rowcount:
                return
            swap = await session.get(Swap, swap.id)
        serving = swap.slot if swap.turned_at else other_slot(swap.slot)
        log.warning("swap_cut", model=swap.model, step=swap.step, serving=serving)
        async with self._in_hands(swap.id):
            await asyncio.to_thread(self._slots.start, serving)
            await asyncio.to_thread(self._slots.stop, other_slot(serving))
            await self._end(swap.id, "" if swap.turned_at else _CUT)

    async def watch(self) -> AsyncIterator[bool]:
        """Say again and again whether a swap has taken a step, until the site ends or its database is out."""
        known: tuple[object, ...] | bool | None = False
        while not self._closing.is_set():
            try:
                async with self._database.reading() as session:
                    seen = await read_progress(session)
            except StorageUnavailable:
                return
            yield known is not False and known != seen
            known = seen
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), WATCH_S)

    def end_watches(self) -> None:
        """End what watches: an open page must not hold the site up."""
        self._closing.set()

    # --- asking -------------------------------------------------------------------------------

    async def ask(self, name: str, account_id: str | None, origin: str = CONSOLE) -> int:
        """Begin to put an archive of models/ in service, and return the swap's number: `run` or this process's own task goes on.

        InvalidField when there is none of that name; Conflict when a swap is under way.
        """
        archive = find_archive(self._settings.root / "models", name)
        return await self._begin(archive.name, "", account_id, origin)

    async def ask_back(self, account_id: str | None, origin: str = CONSOLE) -> int:
        """Begin to put the former model back in service."""
        async with self._database.reading() as session:
            former = await read_former(session, await read_in_service(session))
        if former is None:
            raise Conflict("Aucun autre modèle n’a encore servi : il n’y a rien à quoi revenir.")
        return await self._begin(former.model, former.digest, account_id, origin)

    def carry_on(self, swap_id: int) -> None:
        """Let this process deal with a swap, beside what it does."""
        self._keep(self._run_logged(swap_id))

    async def _run_logged(self, swap_id: int) -> None:
        try:
            await self.run(swap_id)
        except AssistentError as error:
            log.warning("swap_failed", reason=error.sentence)
        except Exception:
            log.exception("swap_failed")

    async def _begin(self, model: str, digest: str, account_id: str | None, origin: str) -> int:
        if self._settings.rasa_url:
            raise Conflict(
                "Le moteur tourne sur une autre machine (ASSISTENT_RASA_URL) : son modèle se change là où il est."
            )
        now = self._clock.now()
        try:
            async with self._database.transaction() as session:
                swap = Swap(
                    model=model, digest=digest, slot="", origin=origin, account_id=account_id, step="checking", asked_at=now,
                    under_way=True, runner=self._runner, alive_at=now,
                )  # fmt: skip
                session.add(swap)
                await session.flush()
                # Read once nobody else can turn any more.
                current = await read_in_service(session)
                swap.slot, swap.former = other_slot(current.slot), current.model
                audit(session, now, account_id, "model_asked", "model", model, former=current.model)
                return swap.id
        except IntegrityError as error:
            raise Conflict("Un autre changement de modèle est en cours. Attendez qu’il se termine.") from error

    # --- doing --------------------------------------------------------------------------------

    async def run(self, swap_id: int, say: Say = lambda _: None) -> None:
        """Deal with a swap from its beginning to its end; AssistentError says why nothing was changed, once that is so."""
        async with self._database.reading() as session:
            swap = await session.get(Swap, swap_id)
        try:
            async with self._in_hands(swap.id):
                await self._prepare(swap, say)
                await self._step(swap, "turning", say)
                await self._turn(swap)
                await self._retire(swap, say)
                await self._end(swap.id)
        except BaseException as error:
            # Whatever it is, and were it the end of this process: the slot is free again, and the row says why.
            await asyncio.shield(self._give_up(swap, error))
            raise
        log.info("swap_done", model=swap.model, slot=swap.slot)

    async def _prepare(self, swap: Swap, say: Say) -> None:
        await self._step(swap, "checking", say)
        # A fault may have left it running, with another model.
        await asyncio.to_thread(self._slots.stop, swap.slot)
        await self._fill_slot(swap)
        await self._step(swap, "starting", say)
        await asyncio.to_thread(self._slots.start, swap.slot)
        await self._wait_until_loaded(swap.slot)
        await self._step(swap, "warming", say)
        await self._warm_up(swap.slot)

    async def _fill_slot(self, swap: Swap) -> None:
        """Copy the archive into the slot and check the copy: what was looked at is what is loaded."""
        models = self._settings.root / "models"
        if swap.digest:
            source = await asyncio.to_thread(_find_by_digest, self._settings, swap.model, swap.digest)
            if source is None:
                raise ModelError(f"L’archive {swap.model}, telle qu’elle servait, n’est plus là.")
            archive = Archive(swap.model, source, source.stat().st_size, describe(source).trained_at)
        else:
            archive = find_archive(models, swap.model)
            if archive.fault:
                raise ModelError(archive.fault)
            await check_verdict(self._database, archive.name.removesuffix(SUFFIX))
        try:
            copy = await asyncio.to_thread(copy_aside, self._settings, swap.slot, archive.path)
            try:
                await asyncio.to_thread(check_model, copy)
                digest = await asyncio.to_thread(digest_of, copy)
                put_in_slot(self._settings, swap.slot, copy)
            finally:
                copy.unlink(missing_ok=True)
        except OSError as error:
            raise ModelError(f"Le modèle n’a pas pu être copié dans le moteur ({error.strerror}).") from error
        trained_at = archive.trained_at
        if trained_at is None:
            async with self._database.reading() as session:
                trained_at = await session.scalar(
                    sa.select(Swap.trained_at).where(Swap.digest == digest, Swap.trained_at.is_not(None)).limit(1)
                )
        await self._write(swap, digest=digest, trained_at=trained_at)

    async def _wait_until_loaded(self, slot: str) -> None:
        try:
            async with asyncio.timeout(self._ready_s):
                while not (loaded := await self._turnstile.is_loaded(slot)):
                    if loaded is False:
                        raise ModelError("Rasa n’a pas pu charger ce modèle. Le journal du moteur dit pourquoi.")
                    if not await asyncio.to_thread(self._slots.is_alive, slot):
                        raise ModelError("Le second moteur s’est arrêté en démarrant. Son journal dit pourquoi.")
                    await asyncio.sleep(POLL_S)
        except TimeoutError as error:
            raise ModelError(f"Le second moteur n’était pas prêt après {self._ready_s:.0f} s.") from error

    async def _warm_up(self, slot: str) -> None:
        """Read the witnesses until all are read rightly and quickly: the first messages of a Rasa are slow."""
        clock = asyncio.get_running_loop().time
        limit = clock() + WARM_S
        while True:
            slowest = 0.0
            for text, topic in WITNESSES:
                began = clock()
                try:
                    ranking = await self._turnstile.rank(slot, text)
                except EngineError:
                    slowest = WARM_S
                    break
                slowest = max(slowest, clock() - began)
                check_witness(text, topic, [name for name, _ in ranking])
            if slowest <= WARM_TEXT_S:
                return
            if clock() > limit:
                raise ModelError("Le second moteur répond trop lentement : la machine est peut-être trop chargée.")
            await asyncio.sleep(POLL_S)

    async def _turn(self, swap: Swap) -> None:
        async with self._database.transaction() as session:
            now = self._clock.now()
            done = await session.execute(self._own(swap.id).values(turned_at=now, step="draining"))
            if not done.rowcount:
                raise Conflict(_GONE)
            audit(session, now, swap.account_id, "model_served", "model", swap.model, former=swap.former)
        self._turn_to(InService(swap.slot, swap.model, swap.digest, swap.id))

    async def _retire(self, swap: Swap, say: Say) -> None:
        """Leave the former engine until no process of the site has a message there, and stop it."""
        say(STEPS["draining"])
        former = other_slot(swap.slot)
        await asyncio.sleep(self._settled_s)
        await self._turnstile.drain(former)
        await self._step(swap, "stopping", say)
        try:
            await asyncio.to_thread(self._slots.stop, former)
        except OperationError as error:
            raise OperationError(
                f"Le nouveau modèle est en service, mais l’ancien moteur n’a pas pu être arrêté. {error.sentence}"
            ) from error

    async def _give_up(self, swap: Swap, error: BaseException) -> None:
        try:
            async with self._database.reading() as session:
                swap = await session.get(Swap, swap.id)
            if not swap.under_way or swap.runner != self._runner:
                return  # found cut by somebody, who has the slot now
            if swap.turned_at is None:
                async with self._in_hands(swap.id):
                    await asyncio.to_thread(self._slots.stop, swap.slot)
                    await self._end(swap.id, _reason(error))
            elif isinstance(error, AssistentError):
                await self._end(swap.id, error.sentence)
            # Otherwise it is left as it is: whoever follows finds it cut, and stops the former engine.
        except AssistentError as fault:
            log.warning("swap_not_given_up", reason=fault.sentence)

    # --- its row ------------------------------------------------------------------------------

    def _own(self, swap_id: int) -> sa.Update:
        return sa.update(Swap).where(Swap.id == swap_id, Swap.under_way, Swap.runner == self._runner)

    async def _write(self, swap: Swap, **values: object) -> None:
        async with self._database.transaction() as session:
            done = await session.execute(self._own(swap.id).values(**values))
        if not done.rowcount:
            raise Conflict(_GONE)

    async def _step(self, swap: Swap, step: str, say: Say) -> None:
        await self._write(swap, step=step, alive_at=self._clock.now())
        log.info("swap_step", model=swap.model, slot=swap.slot, step=step)
        say(STEPS[step])

    @contextlib.asynccontextmanager
    async def _in_hands(self, swap_id: int) -> AsyncIterator[None]:
        """Say every few seconds that a swap is being dealt with."""

        async def beat() -> None:
            while True:
                await asyncio.sleep(HEARTBEAT_S)
                with contextlib.suppress(StorageUnavailable):
                    async with self._database.transaction() as session:
                        await session.execute(self._own(swap_id).values(alive_at=self._clock.now()))

        task = asyncio.create_task(beat())
        self._in_hand.add(swap_id)
        try:
            yield
        finally:
            self._in_hand.discard(swap_id)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _end(self, swap_id: int, failure: str = "") -> None:
        now = self._clock.now()
        async with self._database.transaction() as session:
            done = await session.execute(
                self._own(swap_id).values(under_way=None, ended_at=now, failure=failure[:MAX_FAILURE])
            )
            if done.rowcount and failure:
                swap = await session.get(Swap, swap_id)
                audit(session, now, swap.account_id, "model_refused", "model", swap.model, reason=failure[:MAX_FAILURE])


def lasted(swap: Swap) -> timedelta:
    """Return how long a swap took, from the gesture to the turn."""
    end: datetime = swap.turned_at or swap.ended_at or swap.alive_at
    return end - swap.asked_at
