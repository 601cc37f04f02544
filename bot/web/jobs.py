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
from datetime import timedelta

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


async def _after(seconds: float, job: Callable[[], Awaitable[None]]) -> None:
    await asyncio.sleep(seconds)
    await job()


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
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin."""
        self._tasks = [asyncio.create_task(job()) for job in (self._read_model, self._refresh, self._follow_incidents)]
        self._tasks.append(asyncio.create_task(_after(LEARN_AFTER_S, self._learn)))
        self._tasks += [
            asyncio.create_task(_after(FIRST_S, job))
            for job in (
                self._raise_alerts,
                self._purge,
                self._carry,
                self._post,
                self._count_questions,
                self._train,
                self._publish,
                self._group,
            )
        ]

    async def stop(self) -> None:
        """End."""
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _read_model(self) -> None:
        while True:
            try:
                if await asyncio.to_thread(self._reader.refresh):
                    log.info("model_read")
            except ModelError as error:
                log.error("model_unreadable", reason=error.sentence)
            await asyncio.sleep(MODEL_S)

    async def _refresh(self) -> None:
        try:
            await self._knowledge.add_voices()
        except (OSError, ValueError, YAMLError) as error:
            # The search then knows the articles alone: poorer, but it answers.
            log.error("utterances_unreadable", reason=str(error))
        for turn in itertools.count(1):
            await asyncio.sleep(REFRESH_S)
            try:
                await self._openings.refresh()
                if await self._knowledge.refresh(territories=turn % TERRITORIES_EVERY == 0):
                    log.info("knowledge_refreshed", articles=len(self._knowledge.articles))
            except StorageUnavailable:
                log.warning("knowledge_not_refreshed")

    async def _raise_alerts(self) -> None:
        while True:
            try:
                if raised := await raise_alerts(self._database, self._clock):
                    log.info("deadlines_raised", requests=raised)
            except StorageUnavailable:
                log.warning("deadlines_postponed")
            await asyncio.sleep(ALERTS_S)

    async def _follow_incidents(self) -> None:
        while True:
            try:
                await self._incidents.refresh()
                while told := await tell_ended(self._database, self._clock):
                    log.info("incident_end_told", conversations=told)
            except StorageUnavailable:
                log.warning("incidents_not_followed")
            await asyncio.sleep(REFRESH_S)

    async def _purge(self) -> None:
        while True:
            try:
                if await self._lease.take("purge", self._clock.now() + PURGE_EVERY):
                    await self._personal_data.purge()
            except StorageUnavailable:
                log.warning("purge_postponed")
            await asyncio.sleep(3600)

    async def _carry(self) -> None:
        while True:
            try:
                # Short: each step has a lease of its own, and this one keeps two processes from asking for the same.
                if await self._courier.has_tools() and await self._lease.take(
                    "outbox", self._clock.now() + CARRIED_WITHIN
                ):
                    await self._courier.send_due()
                    await self._courier.read_due()
            except StorageUnavailable:
                log.warning("exchanges_postponed")
            await asyncio.sleep(CARRY_S)

    async def _post(self) -> None:
        while True:
            try:
                if self._postman is None:
                    await letters.drop_all(self._database)
                else:
                    # Each letter has a lease of its own: two processes do not send the same.
                    while await self._postman.send_due():
                        pass
            except StorageUnavailable:
                log.warning("letters_postponed")
            await asyncio.sleep(POST_S)

    async def _count_questions(self) -> None:
        while True:
            try:
                if await self._lease.take("questions", self._clock.now() + COUNTED_WITHIN):
                    while counted := await count_questions(self._database, self._clock):
                        log.info("questions_counted", conversations=counted)
                        await asyncio.sleep(COUNT_PAUSE_S)
            except StorageUnavailable:
                log.warning("questions_not_counted")
            await asyncio.sleep(COUNT_S)

    async def _train(self) -> None:
        while True:
            try:
                self._launcher.reap()
                if await follow(self._database, self._clock):
                    log.error("training_lost")
                if number := await begin_due(self._database, self._clock):
                    await launch(self._database, self._clock, self._launcher, number)
                    log.info("training_begun", run=number)
            except StorageUnavailable:
                log.warning("trainings_postponed")
            await asyncio.sleep(TRAININGS_S)

    async def _publish(self) -> None:
        while True:
            try:
                if await self._publisher.has_due() and await self._lease.take(
                    "publication", self._clock.now() + PUBLISHED_WITHIN
                ):
                    log.info("articles_published_or_withdrawn", count=await self._publisher.do_due())
            except StorageUnavailable:
                log.warning("publication_postponed")
            await asyncio.sleep(PUBLISH_S)

    async def _learn(self) -> None:
        while True:
            try:
                # What is known is known by each process; one of them collects.
                await self._learning.prepare()
                if await self._lease.take("inbox", self._clock.now() + LEARNT_WITHIN):
                    if collected := await self._learning.collect():
                        log.info("inbox_collected", messages=collected)
            except (StorageUnavailable, IntegrityError):
                # A conversation that is erased at this moment takes its messages with it: the next turn sees it gone.
                log.warning("inbox_postponed")
            await asyncio.sleep(LEARN_S)

    async def _group(self) -> None:
        while True:
            await asyncio.sleep(LEARN_S)
            try:
                until = self._clock.now() + REGROUPED_WITHIN
                if await self._learning.has_new() and await self._lease.take("inbox_groups", until):
                    try:
                        if grouped := await self._learning.group():
                            log.info("inbox_grouped", messages=grouped)
                    finally:
                        # What came meanwhile need not wait until then.
                        await self._lease.give_back("inbox_groups", until)
            except StorageUnavailable:
                log.warning("inbox_postponed")
