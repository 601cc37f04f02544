"""What is kept of a person: masked before it is kept, given back, erased, purged in time."""

from __future__ import annotations

import base64
import io
import logging
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, redirect_stdout
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
import structlog
from PIL import Image

import bot.web.lease
from bot.chat.views import PERSONAL_DATA
from bot.clock import FixedClock
from bot.conversations.models import AccessToken, Conversation, ConversationEvent, Message, Person, UsedJwt
from bot.db import Base, Database
from bot.escalation.models import Attachment, Contact, Draft, FormStep, Ticket
from bot.web.logs import configure_logs
from tests.integration.gateway import ONE_KIND, PREFIX, Api, Chat
from tests.integration.jwts import sign

# Tables that hold nothing of a person.
IMPERSONAL = {
    "articles",
    "article_versions",
    "article_drafts",
    "variable_values",
    "schools",
    "announcements",
    "ticket_groups",
    "ticket_routes",
    "ticket_calendars",
    "ticket_delays",
    "incidents",
    "leases",
    "connectors",
    "utterances",
    "added_topics",
    "waves",
    "wave_schools",
    # Of those who work in the console: removed ones are purged.
    "queue_views",
    "start_views",
    "canned_answers",
    "wave_articles",
    "wave_balances",
    "question_marks",
    "swaps",
    # Ids of utterances and figures; who asked is an account.
    "training_runs",
    "training_schedule",
    "inbox_groups",
    "inbox_mark",
    "alembic_version",
}


_out = io.BytesIO()
Image.new("RGB", (8, 8), "navy").save(_out, "PNG")
PNG = _out.getvalue()


async def rows_left(database: Database) -> dict[str, int]:
    """Return the tables that hold something of a person, with how many rows."""
    left = {}
    async with database.transaction() as session:
        for table in Base.metadata.sorted_tables:
            if table.name not in IMPERSONAL:
                count = await session.scalar(sa.select(sa.func.count()).select_from(table))
                if count:
                    left[table.name] = count
    return left


async def everything_in(database: Database) -> str:
    """Return all that the database holds, as text."""
    async with database.transaction() as session:
        rows = [row for table in Base.metadata.sorted_tables for row in (await session.execute(sa.select(table))).all()]
    return "\n".join(repr(tuple(row)) for row in rows)


def make_tracker(folder: Path, *rows: tuple[str, datetime]) -> Path:
    """Make Rasa's tracker store as Rasa makes it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "rasa-tracker.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "CREATE TABLE events (id INTEGER PRIMARY KEY, sender_id VARCHAR(255) NOT NULL, type_name VARCHAR(255), "
            "timestamp FLOAT, intent_name VARCHAR(255), action_name VARCHAR(255), data TEXT)"
        )
        connection.executemany(
            "INSERT INTO events (sender_id, timestamp, data) VALUES (?, ?, '{}')",
            [(sender, at.timestamp()) for sender, at in rows],
        )
    return path


def senders(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute("SELECT sender_id FROM events ORDER BY id")]


async def leave_traces(chat: Chat) -> None:
    """Leave a row in every table that a person can leave one in."""
    reply = await chat.say("j'ai perdu le mot de passe de tante Ursule")
    path = f"{PREFIX}/messages/{reply['messages'][0]['id']}/feedback"
    assert (await chat.api.post(path, {"helpful": False, "comment": "trop long"}, token=chat.token)).status == 204
    await chat.open_ticket("Le blog est vide, rappelez-moi au 06 12 34 56 78", image=PNG)
    await chat.say("je veux parler à quelqu'un")
    assert (await chat.attach(PNG)).status == 201
    await chat.say("Encore autre chose, mon numéro est le 07 12 34 56 78")


# --- export -----------------------------------------------------------------------------------


async def test_the_export_gives_back_what_is_kept(api: Api) -> None:
    chat = await api.open("enseignant", "0750001U")
    await leave_traces(chat)
    answer = await api.get(f"{PREFIX}/conversation/export", token=chat.token)
    assert answer.headers["Content-Disposition"].startswith("attachment")
    export = answer.json
    assert export["conversation"]["id"] == chat.conversation
    assert (export["conversation"]["profile"], export["conversation"]["uai"]) == ("enseignant", "0750001U")
    assert [row["text"] for row in export["messages"]] == [row["text"] for row in await chat.history()]
    assert [row["comment"] for row in export["feedback"]] == ["trop long"]
    [ticket] = export["tickets"]
    assert ticket["problem"] == "Le blog est vide, rappelez-moi au [téléphone]"
    assert {row["request"] for row in export["attachments"]} == {ticket["number"], None}
    assert {row["type"] for row in export["attachments"]} == {"image/png"}
    for row in export["attachments"]:
        assert Image.open(io.BytesIO(base64.b64decode(row["content"]))).size == (8, 8)


# --- erasure ----------------------------------------------------------------------------------


async def test_erasing_leaves_nothing_but_the_ticket_that_was_sent(
    start, own_database: Database, tmp_path: Path, clock: FixedClock
) -> None:
    api = await start()
    chat = await api.open()
    tracker = make_tracker(tmp_path / "var", (chat.conversation, clock.now()), ("autre", clock.now()))
    await leave_traces(chat)
    assert (await api.call("DELETE", f"{PREFIX}/conversation", token=chat.token)).status == 204
    left = await rows_left(own_database)
    # The ticket, its first event, the contact given for its answer, the image joined to it, and the person that it belongs to, nameless.
    assert left == {"persons": 1, "tickets": 1, "ticket_events": 1, "ticket_contacts": 1, "ticket_attachments": 1}
    async with own_database.transaction() as session:
        [ticket] = (await session.scalars(sa.select(Ticket))).all()
        [person] = (await session.scalars(sa.select(Person))).all()
    assert (ticket.conversation_id, ticket.context) == (None, {})
    assert ticket.problem == "Le blog est vide, rappelez-moi au [téléphone]"
    assert (person.issuer, person.subject) == (None, None)
    assert "Ursule" not in await everything_in(own_database)
    assert senders(tracker) == ["autre"]


async def test_a_visitor_without_a_ticket_leaves_nothing_at_all(start, own_database: Database) -> None:
    api = await start()
    chat = await api.open()
    await chat.say("mot de passe oublié")
    assert (await api.call("DELETE", f"{PREFIX}/conversation", token=chat.token)).status == 204
    assert await rows_left(own_database) == {}


async def test_once_erased_the_bearer_opens_nothing(api: Api) -> None:
    chat = await api.open()
    assert (await api.call("DELETE", f"{PREFIX}/conversation", token=chat.token)).status == 204
    for method, path in (("GET", "messages"), ("GET", "conversation/export"), ("DELETE", "conversation")):
        assert (await api.call(method, f"{PREFIX}/{path}", token=chat.token)).status == 401
    assert (await chat.send(text="bonjour")).status == 401


async def test_erasing_one_conversation_leaves_the_person_s_others(api: Api) -> None:
    first = await api.open(token=sign())
    await first.say("mot de passe oublié")
    second = await api.open(token=first.token)
    await second.say("bonjour")
    assert (await api.call("DELETE", f"{PREFIX}/conversation", token=first.token)).status == 204
    assert await second.said() == ["bonjour"]


async def test_erasing_while_a_message_is_being_answered_breaks_nothing(start, own_database: Database) -> None:
    import asyncio

    from tests.integration.gateway import ScriptedEngine

    async def think(text: str) -> None:
        if "devoirs" in text:
            thinking.set()
            await gate.wait()

    thinking, gate = asyncio.Event(), asyncio.Event()
    api = await start(engine=ScriptedEngine(before=think))
    chat = await api.open()
    sending = asyncio.create_task(chat.send(text="où sont les devoirs"))
    await thinking.wait()
    erasing = asyncio.create_task(api.call("DELETE", f"{PREFIX}/conversation", token=chat.token))
    await asyncio.sleep(0.1)
    gate.set()
    sent, erased = await asyncio.gather(sending, erasing)
    assert erased.status == 204
    assert sent.status in (200, 401, 404, 409)
    assert set(await rows_left(own_database)) <= {"persons"}


async def test_erasing_is_refused_whole_when_rasa_s_memory_cannot_be_reached(
    start, own_database: Database, tmp_path: Path, clock: FixedClock
) -> None:
    api = await start()
    chat = await api.open()
    await chat.say("bonjour")
    tracker = make_tracker(tmp_path / "var", (chat.conversation, clock.now()))
    with closing(sqlite3.connect(tracker)) as other:
        other.execute("BEGIN EXCLUSIVE")
        answer = await api.call("DELETE", f"{PREFIX}/conversation", token=chat.token)
        other.rollback()
    assert (answer.status, answer.code) == (503, "stockage_indisponible")
    assert await chat.said() == ["bonjour"]
    assert (await api.call("DELETE", f"{PREFIX}/conversation", token=chat.token)).status == 204
    assert senders(tracker) == []


# --- retention --------------------------------------------------------------------------------


async def test_a_conversation_is_purged_after_its_time_and_not_before(
    start, own_database: Database, clock: FixedClock, tmp_path: Path
) -> None:
    api = await start()
    old = await api.open()
    await leave_traces(old)
    tracker = make_tracker(tmp_path / "var", (old.conversation, clock.now()))
    data = api.app[PERSONAL_DATA]
    clock.advance(data.retention.conversations)
    await data.purge()
    async with own_database.transaction() as session:
        assert await session.get(Conversation, old.conversation)
    assert senders(tracker) == [old.conversation]
    clock.advance(timedelta(seconds=1))
    recent = await api.open()
    await recent.say("bonjour")
    await data.purge()
    assert senders(tracker) == []
    assert await recent.said() == ["bonjour"]
    async with own_database.transaction() as session:
        assert await session.get(Conversation, old.conversation) is None
        assert not (await session.scalars(sa.select(Message).where(Message.text.contains("Ursule")))).all()
        assert not (await session.scalars(sa.select(Draft))).all()
        assert not (await session.scalars(sa.select(FormStep))).all()
        [ticket] = (await session.scalars(sa.select(Ticket))).all()
        [contact] = (await session.scalars(sa.select(Contact))).all()
        [image] = (await session.scalars(sa.select(Attachment))).all()
    assert (image.conversation_id, image.ticket_id) == (None, ticket.id)
    assert (ticket.conversation_id, ticket.context) == (None, {})
    assert contact.ticket_id == ticket.id


async def test_a_purge_takes_all_that_is_due_however_much(start, own_database: Database, clock: FixedClock) -> None:
    api = await start()
    now = clock.now()
    async with own_database.transaction() as session:
        session.add(Person(id="une-personne", created_at=now))
        await session.flush()
        for index in range(1_200):
            session.add(
                Conversation(
                    id=f"conversation-{index}", person_id="une-personne", signed=False, state={}, last_position=0,
                    opened_at=now, last_at=now,
                )
            )  # fmt: skip
    data = api.app[PERSONAL_DATA]
    clock.advance(data.retention.conversations + timedelta(days=1))
    await data.purge()
    async with own_database.transaction() as session:
        assert not (await session.scalars(sa.select(Conversation))).all()


async def test_who_somebody_was_is_not_kept_longer_than_what_he_said(
    start, own_database: Database, clock: FixedClock
) -> None:
    api = await start()
    await api.open(token=sign(sub="marie"))
    data = api.app[PERSONAL_DATA]
    clock.advance(data.retention.conversations + timedelta(days=1))
    await data.purge()
    assert await rows_left(own_database) == {}


async def test_what_is_short_lived_goes_in_its_own_time(start, own_database: Database, clock: FixedClock) -> None:
    api = await start()
    chat = await api.open(token=sign())
    await chat.say("Appelez-moi au 06 12 34 56 78")
    ticket = await chat.open_ticket(image=PNG)
    data = api.app[PERSONAL_DATA]

    async def count(table: type) -> int:
        async with own_database.transaction() as session:
            return await session.scalar(sa.select(sa.func.count()).select_from(table))

    assert await count(UsedJwt) == 1
    clock.advance(timedelta(minutes=10))
    await data.purge()
    assert await count(UsedJwt) == 0
    assert await count(ConversationEvent) == 1
    clock.advance(data.retention.events)
    await data.purge()
    assert await count(ConversationEvent) == 0
    assert await count(AccessToken) == 1
    clock.advance(timedelta(days=31))
    await data.purge()
    assert await count(AccessToken) == 0
    async with own_database.transaction() as session:
        [row] = (await session.scalars(sa.select(Ticket))).all()
        row.state = "clos"
        row.updated_at = clock.now()
    assert row.number == ticket["number"]
    clock.advance(data.retention.closed_tickets + timedelta(seconds=1))
    await data.purge()
    assert await count(Ticket) == 0
    assert await count(Contact) == 0
    assert await count(Attachment) == 0


async def test_an_image_that_no_request_took_is_forgotten_the_next_day(
    start, own_database: Database, clock: FixedClock
) -> None:
    api = await start()
    chat = await api.open()
    await chat.say("je veux parler à quelqu'un")
    assert (await chat.attach(PNG)).status == 201
    clock.advance(timedelta(days=1))
    await api.app[PERSONAL_DATA].purge()
    assert (await rows_left(own_database))["ticket_attachments"] == 1
    clock.advance(timedelta(seconds=1))
    await api.app[PERSONAL_DATA].purge()
    assert "ticket_attachments" not in await rows_left(own_database)


async def test_a_contact_that_no_request_took_is_forgotten_the_next_day(
    start, own_database: Database, clock: FixedClock
) -> None:
    api = await start()
    chat = await api.open()
    await chat.say("mon numéro est le 06 12 34 56 78")
    async with own_database.transaction() as session:
        assert len((await session.scalars(sa.select(Contact))).all()) == 1
    clock.advance(timedelta(days=1, seconds=1))
    await api.app[PERSONAL_DATA].purge()
    async with own_database.transaction() as session:
        assert not (await session.scalars(sa.select(Contact))).all()


# --- nothing raw anywhere ---------------------------------------------------------------------

SECRETS = {
    "un téléphone": "06 12 34 56 78",
    "un autre": "+33 7.12.34.56.79",
    "une adresse": "marie.durand@exemple.fr",
    "un INE": "0123456789A",
    "un INE récent": "123456789AB",
    "un NIR": "2 85 05 78 006 084 91",
    "un IBAN": "FR76 3000 6000 0112 3456 7890 189",
    "un mot de passe": "Tr0ub4dor&3",
    "un code": "483920",
}
SENTENCES = (
    "Bonjour, appelez-moi au {un téléphone} ou au {un autre}, ou écrivez à {une adresse}. Merci",
    "mon fils a pour INE {un INE} et ma fille {un INE récent}",
    "mon numéro de sécu est {un NIR} et mon IBAN {un IBAN}",
    "mon mot de passe est {un mot de passe} et le code reçu par SMS est {un code}",
)


@pytest.fixture
def logs() -> Iterator[Callable[[], str]]:
    """Logs as in production, at the level that says most; called, it gives what was logged."""
    configured = structlog.get_config()
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    out = io.StringIO()
    with redirect_stdout(out):
        configure_logs("DEBUG")
    # A logger kept from here would write to what this test captured long after it.
    structlog.configure(**{**structlog.get_config(), "cache_logger_on_first_use": False})
    yield out.getvalue
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**configured)


async def test_nothing_that_was_masked_is_in_the_database_or_the_logs(
    logs: Callable[[], str], start, own_database: Database, own_url: str
) -> None:
    api = await start()
    chat = await api.open()
    for sentence in SENTENCES:
        text = sentence.format(**SECRETS)
        reply = await chat.say(text, page=text[:200])
        path = f"{PREFIX}/messages/{reply['messages'][0]['id']}/feedback"
        await api.post(path, {"helpful": False, "comment": text}, token=chat.token)
    await chat.say("je veux parler à quelqu'un")
    for sentence in SENTENCES:
        await chat.say("le blog est vide. " + sentence.format(**SECRETS))
    await chat.choose("demande:envoyer")
    await api.get(f"{PREFIX}/search", params={"q": SENTENCES[0].format(**SECRETS)[:150]})
    await api.get("/readyz")
    kept = await everything_in(own_database)
    if own_url.startswith("sqlite"):
        file = Path(own_url.partition("///")[2])
        for part in (file, file.with_name(file.name + "-wal")):
            kept += part.read_bytes().decode("utf-8", "replace")
    logged = logs()
    figures = (await api.get("/metrics")).body.decode()
    for name, secret in SECRETS.items():
        for written in (secret, secret.replace(" ", "").replace(".", "")):
            assert written not in kept, name
            assert written not in logged, name
            assert written not in figures, name
    assert "[téléphone]" in kept
    assert "blog" not in logged


@ONE_KIND
async def test_a_failure_is_logged_under_a_number_without_a_word_of_what_was_said(
    logs: Callable[[], str], start, own_database: Database
) -> None:
    api = await start()
    chat = await api.open()
    async with own_database.engine.begin() as connection:
        await connection.execute(
            sa.text("CREATE TRIGGER refuse BEFORE INSERT ON messages BEGIN SELECT RAISE(ABORT, 'refusé'); END")
        )
    async with api.http.post(
        api.base.with_path(f"{PREFIX}/messages"),
        json={"id": "11111111-1111-1111-1111-111111111111", "text": "mes parents divorcent"},
        headers={"Authorization": f"Bearer {chat.token}"},
    ) as reply:
        problem = await reply.json()
    logged = logs()
    assert reply.status == 500
    assert re.search(r"n° ([0-9a-f]{8})", problem["detail"])[1] in logged
    assert "divorcent" not in logged + str(problem)
    assert chat.token not in logged


def test_every_table_is_known_to_hold_something_of_a_person_or_not() -> None:
    assert bot.web.lease.LeaseRow.__tablename__ in IMPERSONAL
    personal = {
        "persons", "used_jwts", "conversations", "access_tokens", "messages", "results", "feedback",
        "conversation_events", "ticket_drafts", "ticket_form_steps", "tickets", "ticket_events", "ticket_contacts",
        "ticket_attachments", "exchanges", "exchange_steps", "exchange_receipts", "incident_persons", "letters",
        "questions", "inbox_lines",
    }  # fmt: skip
    # Of those who work in the console; nothing of whoever asks (bot/people/personal_data.py).
    staff = {
        "accounts", "account_grants", "account_identities", "sign_in_attempts", "sign_in_sessions", "sign_in_failures", "password_links", "audit_entries",
        "inbox_gestures", "ticket_lessons",
    }  # fmt: skip
    assert {table.name for table in Base.metadata.sorted_tables} <= personal | staff | IMPERSONAL
