"""Use cases of the conversations: opening, writing down what was said, reading it again, events for the open chat."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import Clock
from bot.conversations.models import (
    AccessToken,
    Conversation,
    ConversationEvent,
    Feedback,
    Message,
    Person,
    Result,
    UsedJwt,
)
from bot.db import Database
from bot.dialogue.state import DialogueState
from bot.errors import Conflict, NotFound, Unauthenticated, UnknownChoice

TOKEN_LIFE = timedelta(days=30)
# A signed person's conversation goes on when the chat is opened again; after this long without a word, a new one begins.
CONTINUED_WITHIN = timedelta(days=7)
HISTORY_PAGE = 200

USER, BOT, AGENT = "user", "bot", "agent"


@dataclass(frozen=True)
class Identity:
    """Who opens a conversation: a signed person (issuer and subject), or a visitor (neither)."""

    profile: str | None = None
    uai: str | None = None
    issuer: str | None = None
    subject: str | None = None

    @property
    def signed(self) -> bool:
        """Tell whether an ENT vouches for this person."""
        return self.subject is not None


@dataclass(frozen=True)
class Opened:
    """A conversation just opened or found again, with the bearer to use from now on."""

    token: str
    conversation: Conversation
    continued: bool


@dataclass(frozen=True)
class Said:
    """Something to write down as said by the bot or an agent."""

    text: str
    extras: dict[str, Any]
    sender: str = BOT


@dataclass(frozen=True)
class Received:
    """A person's message once stored: `replies` and `result` are there when it had been answered already."""

    message: Message
    conversation: Conversation
    state: DialogueState
    replies: tuple[Message, ...] = ()
    result: Result | None = None


def digest_of(token: str) -> str:
    """Return what is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


async def open_conversation(
    database: Database, clock: Clock, identity: Identity, *, person_id: str | None = None
) -> Opened:
    """Open a conversation: of a known person (`person_id`, always a new one), of a signed one, or of a visitor."""
    now = clock.now()
    token = secrets.token_urlsafe(32)
    async with database.transaction() as session:
        conversation = None
        if person_id is None and identity.signed:
            person_id = await _person_of(session, identity, now)
            conversation = await session.scalar(
                sa.select(Conversation)
                .where(
                    Conversation.person_id == person_id,
                    Conversation.closed_at.is_(None),
                    Conversation.last_at > now - CONTINUED_WITHIN,
                )
                .order_by(Conversation.last_at.desc())
                .limit(1)
            )
        continued = conversation is not None
        if conversation is None:
            if person_id is None:
                person_id = str(uuid.uuid4())
                session.add(Person(id=person_id, created_at=now))
                await session.flush()
            conversation = Conversation(
                id=str(uuid.uuid4()), person_id=person_id, profile=identity.profile, uai=identity.uai,
                signed=identity.signed, state={}, last_position=0, opened_at=now, last_at=now,
            )  # fmt: skip
            session.add(conversation)
            await session.flush()
        elif identity.profile:
            # The ENT's word is fresher than the conversation: a pupil may have changed school in between.
            conversation.profile, conversation.uai = identity.profile, identity.uai
        session.add(AccessToken(digest=digest_of(token), conversation_id=conversation.id, expires_at=now + TOKEN_LIFE))
    return Opened(token, conversation, continued)


async def _person_of(session: AsyncSession, identity: Identity, now: datetime) -> str:
    query = sa.select(Person.id).where(Person.issuer == identity.issuer, Person.subject == identity.subject)
    found = await session.scalar(query)
    if found:
        return found
    try:
        async with session.begin_nested():
            person = Person(id=str(uuid.uuid4()), issuer=identity.issuer, subject=identity.subject, created_at=now)
            session.add(person)
        return person.id
    except IntegrityError:
        # Two tabs opened at once: the other one has just created the same person.
        return await session.scalar(query)


async def use_jwt_once(database: Database, clock: Clock, issuer: str, jti: str, expires_at: datetime) -> None:
    """Remember a JWT's `jti`; Unauthenticated when it was presented before."""
    async with database.transaction() as session:
        await session.execute(sa.delete(UsedJwt).where(UsedJwt.expires_at < clock.now()))
        try:
            async with session.begin_nested():
                session.add(UsedJwt(issuer=issuer, jti=jti, expires_at=expires_at))
        except IntegrityError as error:
            raise Unauthenticated("Ce jeton a déjà servi. Rechargez la page de l’ENT.") from error


async def authenticate(session: AsyncSession, token: str, now: datetime, *, to_write: bool = False) -> Conversation:
    """Return the conversation of a bearer, held against others `to_write`; Unauthenticated when unknown or expired."""
    query = (
        sa.select(Conversation)
        .join(AccessToken, AccessToken.conversation_id == Conversation.id)
        .where(AccessToken.digest == digest_of(token), AccessToken.expires_at > now)
    )
    row = await session.scalar(query.with_for_update(of=Conversation) if to_write else query)
    if row is None:
        raise Unauthenticated
    return row


async def receive(
    database: Database, clock: Clock, token: str, *, client_id: str, text: str, fingerprint: str, choice: str | None,
    admit: Callable[[Conversation], Awaitable[None]], also: Callable[[AsyncSession, Message], Awaitable[None]],
) -> Received:  # fmt: skip
    """Store a person's message, or find it again when its id was sent before.

    `admit` may refuse before anything is written; `also` writes in the same transaction. Conflict when the content changed, UnknownChoice when no button of this
    conversation has this value.
    """
    async with database.transaction() as session:
        conversation = await authenticate(session, token, clock.now(), to_write=True)
        await admit(conversation)
        known = await _find_message(session, conversation.id, client_id)
        if known is not None:
            if known.fingerprint != fingerprint:
                raise Conflict("Cet identifiant a déjà servi pour un autre message.")
            return await _with_replies(session, known, conversation)
        if conversation.closed_at is not None:
            raise Conflict("Cette conversation est terminée. Commencez-en une nouvelle.")
        if choice is not None and choice not in conversation.state.get("buttons", ()):
            raise UnknownChoice
        message = Message(
            id=str(uuid.uuid4()), conversation_id=conversation.id, position=_next_position(conversation), sender=USER,
            text=text, extras={"choice": choice} if choice else {}, client_id=client_id, fingerprint=fingerprint, at=clock.now(),
        )  # fmt: skip
        session.add(message)
        conversation.last_at = message.at
        await session.flush()
        await also(session, message)
        return Received(message, conversation, DialogueState.from_json(conversation.state))


async def _find_message(session: AsyncSession, conversation_id: str, client_id: str) -> Message | None:
    return await session.scalar(
        sa.select(Message).where(Message.conversation_id == conversation_id, Message.client_id == client_id)
    )


async def _with_replies(session: AsyncSession, message: Message, conversation: Conversation) -> Received:
    result = await session.get(Result, message.id)
    replies = (
        await session.scalars(sa.select(Message).where(Message.reply_to == message.id).order_by(Message.position))
    ).all()
    return Received(message, conversation, DialogueState.from_json(conversation.state), tuple(replies), result)


async def answer(
    database: Database, clock: Clock, received: Received, *, state: DialogueState, said: list[Said], result: Result,
    profile: str | None, helped: bool | None,
) -> tuple[Message, ...]:  # fmt: skip
    """Write down the replies, the result and the dialogue's state, all or nothing.

    `helped` is what the message says of the last article shown, if anything: it is counted as feedback.
    """
    async with database.transaction() as session:
        conversation = await session.get(Conversation, received.conversation.id, with_for_update=True)
        if conversation is None:
            raise Unauthenticated("Cette conversation a été effacée. Rouvrez l’assistant.")
        if await session.get(Result, received.message.id) is not None:
            return (await _with_replies(session, received.message, conversation)).replies
        messages = [_append(session, conversation, one, clock.now(), reply_to=received.message.id) for one in said]
        kept = DialogueState.from_json(conversation.state)
        if kept != received.state:
            # Somebody spoke in between: what was asked and offered then still holds.
            state = state.with_buttons(list(kept.buttons)).asking(kept.asked)
        conversation.state = state.to_json()
        conversation.profile = profile
        conversation.last_at = clock.now()
        session.add(result)
        if helped is not None:
            await _count_feedback(session, conversation.id, received.message.position, helped, clock.now())
    return tuple(messages)


async def _count_feedback(
    session: AsyncSession, conversation_id: str, before: int, helped: bool, now: datetime
) -> None:
    """Keep what was said of the last article, unless its reader already said it by the buttons under it."""
    said = await session.scalars(
        sa.select(Message)
        .where(Message.conversation_id == conversation_id, Message.position < before, Message.sender == BOT)
        .order_by(Message.position.desc())
        .limit(8)
    )
    shown = next((message for message in said if message.extras.get("article")), None)
    if shown is not None and await session.get(Feedback, shown.id) is None:
        session.add(Feedback(message_id=shown.id, helpful=helped, at=now))


async def greet(database: Database, clock: Clock, conversation_id: str, said: list[Said], state: DialogueState
                ) -> tuple[Message, ...]:  # fmt: skip
    """Write down the first words of the bot in a new conversation."""
    async with database.transaction() as session:
        conversation = await session.get_one(Conversation, conversation_id)
        messages = [_append(session, conversation, one, clock.now()) for one in said]
        conversation.state = state.to_json()
    return tuple(messages)


def _append(session: AsyncSession, conversation: Conversation, said: Said, now: datetime, reply_to: str | None = None
            ) -> Message:  # fmt: skip
    message = Message(
        id=str(uuid.uuid4()), conversation_id=conversation.id, position=_next_position(conversation),
        sender=said.sender, text=said.text, extras=said.extras, reply_to=reply_to, at=now,
    )  # fmt: skip
    session.add(message)
    return message


def _next_position(conversation: Conversation) -> int:
    conversation.last_position += 1
    return conversation.last_position


async def announce_late(database: Database, clock: Clock, conversation_id: str, said: list[Said]) -> None:
    """Write down something said outside a reply, and tell the open chat of it."""
    async with database.transaction() as session:
        await say_in(session, clock.now(), conversation_id, said)


async def say_in(
    session: AsyncSession, now: datetime, conversation_id: str, said: list[Said], *, asked: str | None = None
) -> None:
    """Do the same within a transaction; `asked` is what the next message will be taken for. An erased conversation hears nothing."""
    conversation = await session.get(Conversation, conversation_id, with_for_update=True)
    if conversation is None:
        return
    state = DialogueState.from_json(conversation.state)
    for one in said:
        message = _append(session, conversation, one, now)
        await session.flush()
        session.add(
            ConversationEvent(conversation_id=conversation_id, kind="message", payload={"message": message.id}, at=now)
        )
        state = state.with_buttons([button["choice"] for button in one.extras.get("buttons", ())])
    conversation.state = (state.asking(asked) if asked else state).to_json()


async def history(
    database: Database, clock: Clock, token: str, after: str | None
) -> tuple[Conversation, list[Message]]:
    """Return the conversation and its messages after the one of id `after` (all: the last page), in order."""
    async with database.reading() as session:
        conversation = await authenticate(session, token, clock.now())
        query = sa.select(Message).where(Message.conversation_id == conversation.id)
        if after:
            position = await session.scalar(
                sa.select(Message.position).where(Message.conversation_id == conversation.id, Message.id == after)
            )
            if position is None:
                raise NotFound
            query = query.where(Message.position > position).order_by(Message.position).limit(HISTORY_PAGE)
            return conversation, list((await session.scalars(query)).all())
        last = (await session.scalars(query.order_by(Message.position.desc()).limit(HISTORY_PAGE))).all()
        return conversation, list(reversed(last))


async def give_feedback(
    database: Database, clock: Clock, token: str, message_id: str, helpful: bool, comment: str
) -> None:
    """Keep what a reader says of an answer; saying it again replaces it."""
    async with database.transaction() as session:
        conversation = await authenticate(session, token, clock.now())
        message = await session.get(Message, message_id)
        if message is None or message.conversation_id != conversation.id or message.sender != BOT:
            raise NotFound("Ce message n’est pas dans votre conversation.")
        await session.merge(Feedback(message_id=message_id, helpful=helpful, comment=comment, at=clock.now()))


async def conversation_of(database: Database, clock: Clock, token: str) -> Conversation:
    """Return the conversation of a bearer."""
    async with database.reading() as session:
        return await authenticate(session, token, clock.now())


async def identity_of(database: Database, clock: Clock, token: str) -> tuple[str, Identity]:
    """Return the person of a bearer and what a new conversation of theirs starts with."""
    async with database.reading() as session:
        conversation = await authenticate(session, token, clock.now())
        person = await session.get_one(Person, conversation.person_id)
        identity = Identity(conversation.profile, conversation.uai, person.issuer, person.subject)
        return person.id, replace(identity)


async def events_after(session: AsyncSession, last_id: int, limit: int = 500) -> list[ConversationEvent]:
    """Return the events of every conversation after `last_id`, in order."""
    query = sa.select(ConversationEvent).where(ConversationEvent.id > last_id).order_by(ConversationEvent.id)
    return list((await session.scalars(query.limit(limit))).all())


async def events_of(session: AsyncSession, conversation_id: str, last_id: int) -> list[ConversationEvent]:
    """Return the events of one conversation after `last_id`, in order."""
    query = (
        sa.select(ConversationEvent)
        .where(ConversationEvent.conversation_id == conversation_id, ConversationEvent.id > last_id)
        .order_by(ConversationEvent.id)
    )
    return list((await session.scalars(query)).all())


async def last_event_id(session: AsyncSession, conversation_id: str | None = None) -> int:
    """Return the id of the newest event (of one conversation), 0 when there is none."""
    query = sa.select(sa.func.max(ConversationEvent.id))
    if conversation_id:
        query = query.where(ConversationEvent.conversation_id == conversation_id)
    return await session.scalar(query) or 0


async def messages_by_id(session: AsyncSession, ids: list[str]) -> list[Message]:
    """Return messages by id, in order."""
    return list((await session.scalars(sa.select(Message).where(Message.id.in_(ids)).order_by(Message.position))).all())


async def last_exchanges(
    session: AsyncSession, conversation_id: str | None, limit: int
) -> list[tuple[Message, Result | None]]:
    """Return the newest messages of a conversation, in order, each with what it was understood as if it was a question."""
    rows = await session.execute(
        sa.select(Message, Result)
        .outerjoin(Result, Result.message_id == Message.id)
        .where(Message.conversation_id == conversation_id)
        .order_by(Message.position.desc())
        .limit(limit)
    )
    return [(message, result) for message, result in reversed(rows.all())]
