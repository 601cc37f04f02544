"""The composition root: every concrete choice is made here, once, with overrides for tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from operator import attrgetter
from pathlib import Path

import aiohttp
from aiohttp import web

from bot.chat import views as chat
from bot.chat.assistant import Assistant
from bot.chat.composer import Composer
from bot.chat.engine import Engine, SlotEngine
from bot.chat.events import EventHub
from bot.chat.markup import to_html
from bot.chat.payloads import MAX_BODY_BYTES
from bot.chat.phrasebook import Phrasebook
from bot.chat.reading import ReaderInService
from bot.chat.tokens import TokenVerifier
from bot.chat.tracker import TrackerData
from bot.clock import Clock, SystemClock
from bot.connectors.courier import Courier
from bot.connectors.http import open_http
from bot.connectors.smtp import MailServer
from bot.console.identity import make_providers
from bot.console.routes import ROUTES as CONSOLE_ROUTES
from bot.console.views import live, schools, sign_in
from bot.console.views.shell import add_console, error_pages
from bot.conversations.personal_data import ConversationData
from bot.conversations.service import events_after, last_event_id
from bot.db import Database
from bot.errors import StorageUnavailable
from bot.escalation import desk
from bot.escalation.attachments import MAX_SENT_BYTES, Darkroom
from bot.escalation.outages import OpenIncidents
from bot.escalation.personal_data import PersonData, TicketData
from bot.escalation.postman import Postman
from bot.knowledge.publication import Publisher
from bot.knowledge.service import KnowledgeBase, read_utterances
from bot.learning.judging import Trials
from bot.learning.personal_data import LearningData
from bot.learning.runs import Launcher
from bot.learning.service import Learning
from bot.learning.serving import InService, Serving
from bot.learning.teaching import Taught
from bot.operations.slots import Slots, slots_of
from bot.people.personal_data import AccountData
from bot.privacy.service import PersonalData
from bot.privacy.vault import Vault
from bot.rollout.waves import OpeningDates
from bot.settings import Settings
from bot.topics import load_topics
from bot.web import exchanges, pages, stopping
from bot.web.jobs import Jobs
from bot.web.lease import Lease
from bot.web.limits import Limiter
from bot.web.metrics import METRICS, Metrics, metrics_middleware
from bot.web.openapi import build_openapi
from bot.web.operations import add_operations
from bot.web.problems import problem_middleware
from bot.web.readiness import READINESS, ReadinessCheck
from bot.web.security import security_middleware
from bot.web.uploads import FORM_BYTES
from bot.workshop.routes import ROUTES as WORKSHOP_ROUTES
from bot.workshop.views import drafts, heard, serving, training, waves

OPERATIONS = (*chat.OPERATIONS, *pages.OPERATIONS, *exchanges.OPERATIONS)


def create_app(
    settings: Settings,
    *,
    engine: Engine | None = None,
    clock: Clock | None = None,
    utterances: Mapping[str, list[str]] | None = None,
    model: Path | None = None,
    slots: Slots | None = None,
    learner: Sequence[str] | None = None,
) -> web.Application:
    """Build the application; what is given beside `settings` stands in for the real one in tests."""
    cap, put_headers = security_middleware(
        settings,
        {
            schools.IMPORT: schools.MAX_BODY,
            chat.ATTACHMENTS: MAX_SENT_BYTES + FORM_BYTES,
            waves.UPLOAD: waves.MAX_BODY,
        },
    )
    app = web.Application(
        middlewares=[metrics_middleware, error_pages, problem_middleware, cap], client_max_size=MAX_BODY_BYTES
    )
    app.on_response_prepare.append(put_headers)
    clock = clock or SystemClock()
    app[chat.SETTINGS] = settings
    app[chat.CLOCK] = clock
    app[chat.LIMITER] = Limiter(settings)
    app[chat.VAULT] = Vault(settings.secret_key)
    app[chat.DARKROOM] = Darkroom()
    app[METRICS] = Metrics()
    app[live.WATCHERS] = live.Watchers()
    app[pages.TEMPLATES] = pages.make_templates()

    def read_voices() -> Mapping[str, list[str]]:
        return read_utterances(settings.root / "data" / "nlu") if utterances is None else utterances

    async def resources(app: web.Application) -> AsyncIterator[None]:
        # Other teams' tools and identity providers have a session of their own: a cookie of one must go nowhere else.
        async with (
            aiohttp.ClientSession() as http,
            open_http() as tools,
        ):
            database = Database(settings.storage_url)
            openings = OpeningDates(database, clock)
            knowledge = KnowledgeBase(database, load_topics(), read_voices, openings.tell, Taught())
            slot_engine = SlotEngine(settings.engine_urls, http, InService().slot)
            chosen = engine or slot_engine
            publisher = Publisher(database, clock, knowledge, load_topics(), Taught())
            reader = ReaderInService(model or settings.root / "models" / "assistent.tar.gz")
            learning = Learning(
                database, clock, knowledge, allowed=settings.learn_from_messages, archive=lambda: reader.archive,
                grams=lambda: reader.current and reader.current.grams,
            )  # fmt: skip
            incidents = OpenIncidents(database)
            composer = Composer(knowledge, Phrasebook.read(settings.root / "domain.yml"))
            tracker = TrackerData(settings.var_dir / "rasa-tracker.db")
            tickets = TicketData(app[chat.VAULT])
            holders = (tickets, LearningData(), ConversationData(), PersonData(), AccountData(), tracker)
            app[chat.DATABASE] = database
            app[chat.KNOWLEDGE] = knowledge
            app[drafts.PUBLISHER] = publisher
            app[chat.ASSISTANT] = Assistant(
                database, clock, chosen, knowledge, composer, app[chat.VAULT], reader, incidents
            )
            app[chat.VERIFIER] = TokenVerifier(settings.issuers, settings.root, http, database, clock)
            app[sign_in.PROVIDERS] = make_providers(settings.identity_providers, settings.root, tools, clock)
            app[chat.PERSONAL_DATA] = PersonalData(database, clock, holders)
            app[chat.HUB] = EventHub(
                database, newest=last_event_id, after=events_after, key=attrgetter("conversation_id")
            )
            app[live.DESK_HUB] = EventHub(
                database, newest=desk.last_change_id, after=desk.changes_after, key=lambda _: live.EVERYTHING
            )
            app[serving.SERVING] = Serving(
                database, clock, settings, slots or slots_of(settings), slot_engine,
                read_from=(lambda _: None) if model else reader.follow,
            )  # fmt: skip
            app[READINESS] = ReadinessCheck(database, knowledge, chosen)
            app[heard.LEARNING] = learning
            courier = Courier(database, clock, settings.connector_secrets, tools)
            python = str(settings.root / ".venv" / "bin" / "python")
            launcher = Launcher(
                learner or (python, "-m", "bot", "learn"), settings.root, settings.var_dir / "log" / "learn.log"
            )
            app[training.LAUNCHER] = launcher
            app[training.TRIALS] = Trials(settings.root, lambda: reader.archive)
            jobs = Jobs(
                knowledge, reader, app[chat.PERSONAL_DATA], Lease(database, clock), database, clock, courier, incidents,
                _postman(settings, database, clock, app[chat.VAULT]), openings, launcher, publisher, learning,
            )  # fmt: skip
            try:
                await knowledge.refresh()
                await openings.refresh()
            except StorageUnavailable:
                # The page must come up all the same: the job tries again, and /readyz says why it is not ready.
                pass
            parts = (app[serving.SERVING], app[chat.HUB], app[live.DESK_HUB], app[READINESS], jobs)
            for part in parts:
                await part.start()
            yield
            for part in reversed(parts):
                await part.stop()
            await app[training.TRIALS].stop()
            await slot_engine.close()
            await database.close()

    async def end_streams(app: web.Application) -> None:
        # Before the server waits for its connections: an open stream would hold it up.
        await app[chat.HUB].stop()
        await app[live.DESK_HUB].stop()
        app[serving.SERVING].end_watches()

    app.cleanup_ctx.append(resources)
    app.on_shutdown.append(end_streams)
    add_operations(app, OPERATIONS)
    pages.add_pages(app)
    stopping.add_pages(app)
    add_console(app, (*CONSOLE_ROUTES, *WORKSHOP_ROUTES))
    document = build_openapi(OPERATIONS)

    async def show_openapi(request: web.Request) -> web.Response:
        return web.json_response(document)

    app.router.add_get(f"{chat.PREFIX}/openapi.json", show_openapi)
    return app


def _postman(settings: Settings, database: Database, clock: Clock, vault: Vault) -> Postman | None:
    mailing = settings.mailing
    if mailing is None:
        return None
    server = MailServer(mailing.server, mailing.username, mailing.password)
    return Postman(database, clock, vault, server, sender=mailing.sender, site=settings.site, to_html=to_html)
