"""What the web process does beside answering.

Read the knowledge, the waves and the model again when they changed, publish articles on their day, raise the deadlines of requests, carry
requests to other tools and back, write to the persons, keep the formateurs' inbox, count the questions, begin the trainings whose hour has
come, purge once a day.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn

import structlog
from sqlalchemy.exc import IntegrityError
from yaml import YAMLError

from bot.chat.reading import ReaderInService
from bot.clock import Clock
from bot.connectors.courier import Courier
from bot.db import Database
from bot.errors import ModelError, StorageUnavailable
from bot.escalation import letters
from bot.escalation.outages import OpenIncidents, tell_ended
from bot.escalation.postman import Postman
from bot.escalation.promises import raise_alerts
from bot.knowledge.publication import Publisher
from bot.knowledge.service import KnowledgeBase
from bot.learning.grouper import REGROUPED_WITHIN
from bot.learning.runs import Launcher, begin_due, follow, launch
from bot.learning.service import Learning
from bot.privacy.service import PersonalData
from bot.rollout.tally import count_questions
from bot.rollout.waves import OpeningDates
from bot.web.lease import Lease

# A site that comes back answers people first: what nobody waits for begins so long after.
FIRST_S = 2.0
REFRESH_S = 2.0
# To see whether the file is another one costs nothing, and what degraded mode understands must follow what serves.
MODEL_S = 1.0
# Schools and their values change by hand, and an académie has thousands: they are read again every so many turns.
TERRITORIES_EVERY = 15
ALERTS_S = 20.0
TRAININGS_S = 15.0
CARRY_S = 2.0
# An article is in service, or no longer, within so long of its hour.
PUBLISH_S = 5.0
PUBLISHED_WITHIN = timedelta(seconds=2)
CARRIED_WITHIN = timedelta(seconds=1)
POST_S = 5.0
PURGE_EVERY = timedelta(days=1)
# How often it is looked whether that has come.
PURGE_S = 3600.0
# Indicators are looked at by the day: a minute late is on time. One process counts; its lease outlasts a batch.
COUNT_S = 30.0
COUNTED_WITHIN = timedelta(seconds=25)
# Between two batches of a long catching-up, so that answers are written in between.
COUNT_PAUSE_S = 0.1
# What is said already is read sentence by sentence, two minutes of a core: a site that comes back answers people first.
LEARN_AFTER_S = 60.0
LEARN_S = 20.0
LEARNT_WITHIN = timedelta(seconds=15)

log = structlog.get_logger()


@dataclass(frozen=True)
class Job:
    """What is done again and again: how long after the start it begins, and how long after a turn the next one comes."""

    turn: Callable[[], Awaitable[None]]
    first_s: float
    every_s: float

    @property
    def name(self) -> str:
        """What the logs call it."""
        return self.turn.__name__.strip("_")


async def repeat(job: Job) -> NoReturn:
    """Do it until cancelled: a turn that fails is told, and the next one comes all the same."""
    await asyncio.sleep(job.first_s)
    while True:
        try:
            await job.turn()
        except StorageUnavailable:
            log.warning("job_postponed", job=job.name)
        except Exception:
            # Not ours to foresee; ended here, it would not be done again before somebody starts the site anew.
            log.exception("job_failed", job=job.name)
        await asyncio.sleep(job.every_s)


class Jobs:
    """Runs the background jobs; a lease in the database leaves the purge to one process."""

    def __init__(self, knowledge: KnowledgeBase, reader: ReaderInService, personal_data: PersonalData, lease: Lease,
                 database: Database, clock: Clock, courier: Courier, incidents: OpenIncidents,
                 postman: Postman | None, openings: OpeningDates, launcher: Launcher, publisher: Publisher,
                 learning: Learning) -> None:  # fmt: skip
        self._knowledge = knowledge
        self._reader = reader
        self._personal_data = personal_data
        self._lease = lease
        self._database = database
        self._clock = clock
        self._courier = courier
        self._incidents = incidents
        self._postman = postman
        self._openings = openings
        self._launcher = launcher
        self._publisher = publisher
        self._learning = learning
        self._turns = itertools.count()
        self._tasks: list[asyncio.Task[NoReturn]] = []

    async def start(self) -> None:
        """Begin."""
        jobs = (
            Job(self._read_model, 0, MODEL_S),
            Job(self._refresh, 0, REFRESH_S),
            Job(self._follow_incidents, 0, REFRESH_S),
            Job(self._raise_alerts, FIRST_S, ALERTS_S),
            Job(self._purge, FIRST_S, PURGE_S),
            Job(self._carry, FIRST_S, CARRY_S),
            Job(self._post, FIRST_S, POST_S),
            Job(self._count_questions, FIRST_S, COUNT_S),
            Job(self._train, FIRST_S, TRAININGS_S),
            Job(self._publish, FIRST_S, PUBLISH_S),
            Job(self._group, FIRST_S + LEARN_S, LEARN_S),
            Job(self._learn, LEARN_AFTER_S, LEARN_S),
        )
        self._tasks = [asyncio.create_task(repeat(job)) for job in jobs]

    async def stop(self) -> None:
        """End."""
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _read_model(self) -> None:
        try:
            if await asyncio.to_thread(self._reader.refresh):
                log.info("model_read")
        except ModelError as error:
            log.error("model_unreadable", reason=error.sentence)

    async def _refresh(self) -> None:
        turn = next(self._turns)
        if not turn:
            # What was read as the site started is a moment old: the search is given its voices first.
            await self._add_voices()
            return
        await self._openings.refresh()
        if await self._knowledge.refresh(territories=turn % TERRITORIES_EVERY == 0):
            log.info("knowledge_refreshed", articles=len(self._knowledge.articles))

    async def _add_voices(self) -> None:
        try:
            await self._knowledge.add_voices()
        except (OSError, ValueError, YAMLError) as error:
            # The search then knows the articles alone: poorer, but it answers.
            log.error("utterances_unreadable", reason=str(error))

    async def _raise_alerts(self) -> None:
        if raised := await raise_alerts(self._database, self._clock):
            log.info("deadlines_raised", requests=raised)

    async def _follow_incidents(self) -> None:
        await self._incidents.refresh()
        while told := await tell_ended(self._database, self._clock):
            log.info("incident_end_told", conversations=told)

    async def _purge(self) -> None:
        if await self._lease.take("purge", self._clock.now() + PURGE_EVERY):
            await self._personal_data.purge()

    async def _carry(self) -> None:
        # Short: each step has a lease of its own, and this one keeps two processes from asking for the same.
        if await self._courier.has_tools() and await self._lease.take("outbox", self._clock.now() + CARRIED_WITHIN):
            await self._courier.send_due()
            await self._courier.read_due()

    async def _post(self) -> None:
        if self._postman is None:
            await letters.drop_all(self._database)
            return
        # Each letter has a lease of its own: two processes do not send the same.
        while await self._postman.send_due():
            pass

    async def _count_questions(self) -> None:
        if await self._lease.take("questions", self._clock.now() + COUNTED_WITHIN):
            while counted := await count_questions(self._database, self._clock):
                log.info("questions_counted", conversations=counted)
                await asyncio.sleep(COUNT_PAUSE_S)

    async def _train(self) -> None:
        self._launcher.reap()
        if await follow(self._database, self._clock):
            log.error("training_lost")
        if number := await begin_due(self._database, self._clock):
            await launch(self._database, self._clock, self._launcher, number)
            log.info("training_begun", run=number)

    async def _publish(self) -> None:
        if await self._publisher.has_due() and await self._lease.take(
            "publication", self._clock.now() + PUBLISHED_WITHIN
        ):
            log.info("articles_published_or_withdrawn", count=await self._publisher.do_due())

    async def _learn(self) -> None:
        # What is known is known by each process; one of them collects.
        await self._learning.prepare()
        if not await self._lease.take("inbox", self._clock.now() + LEARNT_WITHIN):
            return
        try:
            if collected := await self._learning.collect():
                log.info("inbox_collected", messages=collected)
        except IntegrityError:
            # A conversation that is erased at this moment takes its messages with it: the next turn sees it gone.
            log.warning("job_postponed", job="learn")

    async def _group(self) -> None:
        until = self._clock.now() + REGROUPED_WITHIN
        if await self._learning.has_new() and await self._lease.take("inbox_groups", until):
            try:
                if grouped := await self._learning.group():
                    log.info("inbox_grouped", messages=grouped)
            finally:
                # What came meanwhile need not wait until then.
                await self._lease.give_back("inbox_groups", until)
