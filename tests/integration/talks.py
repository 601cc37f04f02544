"""Conversations written straight into the database, as the assistant leaves them: many, at chosen hours."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta

from bot.clock import FixedClock
from bot.conversations.models import Conversation, Feedback, Message, Person, Result
from bot.db import Database
from bot.rollout.tally import count_questions

MINUTE = timedelta(minutes=1)
_numbers = itertools.count(1)


async def talk(
    database: Database, at: datetime, *said: tuple, profile: str | None = "parent", uai: str | None = "0750002V",
    person: str | None = None,
) -> tuple[str, str]:  # fmt: skip
    """Write a conversation of messages a minute apart: (outcome, topic, helped, worry), the last three optional; return its person and id."""
    async with database.transaction() as session:
        if person is None:
            person = str(uuid.uuid4())
            session.add(Person(id=person, created_at=at))
            await session.flush()
        conversation = Conversation(
            id=str(uuid.uuid4()), person_id=person, profile=profile, uai=uai, signed=False, state={},
            last_position=2 * len(said), opened_at=at, last_at=at + len(said) * MINUTE,
        )  # fmt: skip
        session.add(conversation)
        await session.flush()
        for place, one in enumerate(said):
            outcome, topic, helped, worry = (*one, None, None, None)[:4]
            ids = [str(uuid.uuid4()) for _ in range(2)]
            when = at + place * MINUTE
            session.add_all(
                Message(
                    id=identifier, conversation_id=conversation.id, position=2 * place + index + 1, sender=sender,
                    text=f"message {next(_numbers)}", extras={}, reply_to=ids[0] if index else None, at=when,
                )
                for index, (identifier, sender) in enumerate(zip(ids, ("user", "bot")))
            )  # fmt: skip
            await session.flush()
            session.add(
                Result(message_id=ids[0], outcome=outcome, topic=topic, choices=[], ranking=[], model="modele-7", took_ms=3,
                       worry=worry)
            )  # fmt: skip
            if helped is not None:
                session.add(Feedback(message_id=ids[1], helpful=helped, at=when))
    return person, conversation.id


async def crowd(database: Database, at: datetime, count: int, *said: tuple, **options) -> list[tuple[str, str]]:
    """Write the same conversation of as many persons."""
    return [await talk(database, at, *said, **options) for _ in range(count)]


async def count_all(database: Database, clock: FixedClock) -> int:
    """Count what was said until now, as the job does; return how many conversations were looked at."""
    clock.advance(MINUTE)
    looked_at = 0
    while done := await count_questions(database, clock):
        looked_at += done
    return looked_at


def rows_of(text: str) -> list[list[str]]:
    """Return the cells of a file of figures."""
    assert text.startswith("\ufeff")
    return [line.split(";") for line in text[1:].split("\r\n") if line]


def column(rows: Iterable[list[str]], name: str) -> list[str]:
    """Return a column of such a file."""
    head, *rest = rows
    return [row[head.index(name)] for row in rest]
