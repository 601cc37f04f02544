"""The path of one message: mask, store, protect, understand, act, say, store. Degraded mode is the same path without Rasa."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import structlog
from cachetools import LRUCache
from sqlalchemy.ext.asyncio import AsyncSession

from bot.chat.composer import (
    DEGRADED,
    LEAST_SCORE,
    NO_SECRETS,
    PUPIL,
    READ_IN_PART,
    WELCOME,
    WORRIED,
    Composed,
    Composer,
    profile_buttons,
)
from bot.chat.engine import Engine, Understood
from bot.chat.payloads import READ_WHOLE_CHARS, MessageRequest, check_message
from bot.chat.reading import ReaderInService
from bot.clock import Clock
from bot.conversations import service as conversations
from bot.conversations.models import Conversation, Message, Result
from bot.conversations.service import Identity, Opened, Received, Said
from bot.db import Database
from bot.dialogue import decision as kinds
from bot.dialogue.decision import Context, Decision, Part, Ranking, Thresholds, decide
from bot.dialogue.state import ASKED_MORE, ASKED_PROFILE, ASKED_SCHOOL, DialogueState
from bot.errors import EngineError
from bot.escalation import outages
from bot.escalation import service as escalation
from bot.escalation.outages import OpenIncidents
from bot.escalation.service import Request, RequestReply
from bot.knowledge.service import KnowledgeBase
from bot.language.normalise import clean
from bot.language.sentences import sentences_of
from bot.language.urgent import UrgentSigns, recognise_urgent
from bot.language.worries import recognise_worry
from bot.privacy.masking import EMAIL, PHONE, Masked, mask
from bot.privacy.vault import Vault

# Before there is a model. What the search is sure of is less than what a classifier is: more is offered, less is said.
SEARCH_THRESHOLDS = Thresholds(answer=0.70, offer=0.35, out_of_scope=0.60, urgent=0.30, second=0.9)
# Outcomes before which a worry is answered: what is urgent, or told in a request, comes alone.
_ANSWERED_CALMLY = frozenset({"answer", "choices", "other_profile", "clarify"})
# Outcomes that keep their name when Rasa is out; the others become `degraded`.
_KEPT_WHEN_DEGRADED = frozenset({"urgent", "form", "ticket", "dialogue"})
_UNCLEAR = frozenset({kinds.SEARCH, kinds.CLARIFY})
_HALF = READ_WHOLE_CHARS // 2
# Bearers whose conversation is remembered: those of a busy hour.
PLACES_KEPT = 20_000
# What is kept of the name of the ENT's page: a mark may be longer than what it masks.
PAGE_CHARS = 200

log = structlog.get_logger()


@dataclass(frozen=True)
class Answered:
    """A message and what was answered; `first_time` is False when it had been answered before."""

    result: Result
    replies: tuple[Message, ...]
    first_time: bool


@dataclass(frozen=True)
class _Incoming:
    """A message being dealt with."""

    received: Received
    text: str
    masked: Masked
    choice: str | None
    page: str
    browser: str
    in_part: bool
    worry: str | None


class Assistant:
    """Opens conversations and answers messages."""

    def __init__(self, database: Database, clock: Clock, engine: Engine, knowledge: KnowledgeBase, composer: Composer,
                 vault: Vault, reader: ReaderInService,
                 incidents: OpenIncidents) -> None:  # fmt: skip
        self._database = database
        self._clock = clock
        self._engine = engine
        self._knowledge = knowledge
        self._composer = composer
        self._vault = vault
        self._reader = reader
        self._incidents = incidents
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}
        # A bearer never changes conversation: this says whose turn it is, and nothing of what is allowed.
        self._places: LRUCache[str, str] = LRUCache(PLACES_KEPT)

    # --- opening ------------------------------------------------------------------------------

    async def open(self, identity: Identity, *, person_id: str | None = None) -> tuple[Opened, list[Message]]:
        """Open a conversation (or go on with a signed person's) and return what is to be read in it."""
        opened = await conversations.open_conversation(self._database, self._clock, identity, person_id=person_id)
        self._places[conversations.digest_of(opened.token)] = opened.conversation.id
        # Two tabs opened at once find the same conversation: the second reads what the first was greeted with.
        async with self._one_at_a_time(opened.conversation.id):
            if opened.continued:
                _, messages = await conversations.history(self._database, self._clock, opened.token, None)
                if messages:
                    return opened, messages
            return opened, await self._greet(opened.conversation)

    async def _greet(self, conversation: Conversation) -> list[Message]:
        profile = conversation.profile
        state = DialogueState()
        said = [Said(WELCOME[profile == PUPIL], {})]
        if profile is None:
            buttons = profile_buttons()
            said.append(Said(self._composer.say("utter_demander_profil", None), {"buttons": buttons}))
            state = DialogueState(asked=ASKED_PROFILE).with_buttons([button["choice"] for button in buttons])
        return list(await conversations.greet(self._database, self._clock, conversation.id, said, state))

    # --- answering ----------------------------------------------------------------------------

    async def respond(
        self, token: str, request: MessageRequest, *, browser: str = "",
        count_school: Callable[[str], Awaitable[None]] | None = None,
    ) -> Answered:  # fmt: skip
        """Answer a message. Messages of one conversation are dealt with one at a time, in the order they came.

        `count_school` is told the school of a signed conversation, and may refuse.
        """
        check_message(request)
        started = time.perf_counter()

        async def admit(conversation: Conversation) -> None:
            if count_school and conversation.signed and conversation.uai:
                await count_school(conversation.uai)

        async with self._one_at_a_time(await self._place_of(token)):
            incoming = await self._receive(token, request, browser, admit)
            received = incoming.received
            if received.result is not None:
                return Answered(received.result, received.replies, first_time=False)
            understood, composed = await self._deal_with(incoming)
            result = Result(
                message_id=received.message.id, outcome=composed.outcome, topic=composed.topic,
                confidence=understood.decision.confidence, choices=list(composed.choices),
                ranking=understood.ranking, model=understood.model,
                took_ms=round((time.perf_counter() - started) * 1000), worry=incoming.worry,
            )  # fmt: skip
            replies = await conversations.answer(
                self._database, self._clock, received, state=composed.state, said=composed.said, result=result,
                profile=composed.profile, helped=composed.helped,
            )  # fmt: skip
            return Answered(result, replies, first_time=True)

    async def _place_of(self, token: str) -> str:
        """Return the conversation of a bearer, from memory where it can be: what is awaited here lets others overtake."""
        digest = conversations.digest_of(token)
        if digest not in self._places:
            conversation = await conversations.conversation_of(self._database, self._clock, token)
            self._places[digest] = conversation.id
        return self._places[digest]

    @asynccontextmanager
    async def _one_at_a_time(self, conversation_id: str) -> AsyncIterator[None]:
        lock, waiting = self._locks.get(conversation_id, (asyncio.Lock(), 0))
        self._locks[conversation_id] = (lock, waiting + 1)
        try:
            async with lock:
                yield
        finally:
            lock, waiting = self._locks[conversation_id]
            if waiting == 1:
                del self._locks[conversation_id]
            else:
                self._locks[conversation_id] = (lock, waiting - 1)

    async def _receive(self, token: str, request: MessageRequest, browser: str,
                       admit: Callable[[Conversation], Awaitable[None]]) -> _Incoming:  # fmt: skip
        if request.choice is not None:
            masked = Masked(self._composer.button_title(request.choice), ())
        else:
            masked = mask(clean(request.text or ""))
        contacts = [(kind, self._vault.seal(value)) for kind, value in masked.found if kind in (PHONE, EMAIL)]

        async def put_contacts_aside(session: AsyncSession, message: Message) -> None:
            await escalation.put_contacts_aside(session, self._clock, message, contacts)

        received = await conversations.receive(
            self._database, self._clock, token, client_id=request.id.lower(), text=masked.text,
            fingerprint=conversations.digest_of(msgspec.json.encode([request.text, request.choice]).decode()),
            choice=request.choice, admit=admit, also=put_contacts_aside,
        )  # fmt: skip
        in_part = len(masked.text) > READ_WHOLE_CHARS
        text = f"{masked.text[:_HALF]} … {masked.text[-_HALF:]}" if in_part else masked.text
        page = mask(clean(request.page or "")).text[:PAGE_CHARS]
        worry = recognise_worry(text) if request.choice is None else None
        return _Incoming(received, text, masked, request.choice, page, browser[:300], in_part, worry)

    async def _deal_with(self, incoming: _Incoming) -> tuple[Understood, Composed]:
        conversation, state = incoming.received.conversation, incoming.received.state
        text = incoming.masked.text
        if conversation.taken_by and not self._signs(incoming, incoming.text, conversation.profile, state)[0].topic:
            # A person speaks here: the message is passed on, and the assistant is silent, but for an emergency.
            await escalation.pass_on(self._database, self._clock, conversation.id, incoming.received.message.id)
            silent = Composed([], "agent", None, state, (), conversation.profile)
            return Understood(Decision(kinds.CLARIFY), [], [], None), silent
        understood, degraded = await self._understand(incoming, incoming.text, conversation.profile)
        if (
            understood.decision.kind in _UNCLEAR
            and state.asked == ASKED_MORE
            and state.question
            and not incoming.choice
        ):
            # A message in several pieces: what was not clear alone may be with what came just before.
            text = f"{state.question} {text}"[-READ_WHOLE_CHARS:]
            understood, degraded = await self._understand(incoming, text, conversation.profile)
        composed = await self._compose(incoming, understood, conversation.profile, state, text)
        decided = understood.decision
        if decided.kind == kinds.TAKE_PROFILE:
            understood, composed, degraded = await self._with_profile(incoming, understood, composed, degraded)
        composed = await self._with_incident(composed, understood.decision, conversation)
        if degraded and composed.outcome not in _KEPT_WHEN_DEGRADED:
            composed = _as_degraded(composed)
        return understood, self._with_notes(composed, incoming)

    async def _with_incident(self, composed: Composed, decided: Decision, conversation: Conversation) -> Composed:
        """Tell the known incident that covers a question in place of the article, once a conversation."""
        if decided.kind != kinds.ANSWER or not self._incidents.may_cover(decided.topic):
            return composed
        incident = await outages.meet(self._database, self._clock, decided.topic, conversation)
        return self._composer.incident(incident, composed) if incident else composed

    async def _with_profile(self, incoming: _Incoming, understood: Understood, composed: Composed, degraded: bool
                            ) -> tuple[Understood, Composed, bool]:  # fmt: skip
        """The person says who they are: take it, and answer the question that waited for it."""
        conversation, state = incoming.received.conversation, incoming.received.state
        profile = conversation.profile if conversation.signed else understood.decision.profile
        composed = replace(composed, profile=profile, state=replace(composed.state, pending=None))
        question = incoming.text if understood.decision.topic else state.pending
        if not question:
            return understood, composed, degraded
        waiting = replace(incoming, choice=None)
        understood, degraded = await self._understand(waiting, question, profile, state=replace(state, asked=None))
        if understood.decision.kind in (kinds.TAKE_PROFILE, kinds.SEARCH, kinds.CLARIFY) or (
            understood.decision.kind == kinds.DIALOGUE
        ):
            return understood, composed, degraded
        again = await self._compose(waiting, understood, profile, replace(state, asked=None, pending=None), question)
        return understood, replace(again, profile=profile), degraded

    async def _understand(
        self, incoming: _Incoming, text: str, profile: str | None, *, state: DialogueState | None = None
    ) -> tuple[Understood, bool]:
        """Return what the message is understood as, and whether the engine was out."""
        conversation = incoming.received.conversation
        state = state or incoming.received.state
        signs, ranking = self._signs(incoming, text, profile, state)
        if signs.topic and signs.certain and incoming.choice is None:
            return Understood(Decision(kinds.URGENT, signs.topic, 1.0), [[signs.topic, 1.0]], [], None), False
        memory = replace(state, buttons=(), question=None, pending=None)
        metadata = {
            "profil": profile, "uai": conversation.uai, "page": incoming.page,
            "message": incoming.received.message.id, "navigateur": incoming.browser, "etat": memory.to_json(),
            "choix": incoming.choice, "urgence": signs.topic,
        }  # fmt: skip
        context = Context.from_metadata(metadata)
        urgent = signs.topic and incoming.choice is None
        added = None if urgent else self._knowledge.added_topic(text, incoming.choice)
        if added and not self._reader.knows(added):
            # The engine has not learnt it yet, or the model that serves is older.
            decided = decide(Ranking(((added, 1.0),)), text, context, topics=self._knowledge.topics)
            return Understood(decided, [[added, 1.0]], [], None), False
        try:
            # A leading slash would be a command to Rasa, whatever spaces come before it.
            understood = await self._engine.understand(conversation.id, text.lstrip("/ \t\n\u00a0") or "…", metadata)
            return self._or_searched(understood, text), False
        except EngineError as error:
            log.warning("engine_out", reason=error.code)
        thresholds = self._reader.thresholds
        if not ranking:
            if signs.topic and incoming.choice is None:
                # The search was not taught what danger sounds like: the words alone decide.
                return Understood(Decision(kinds.URGENT, signs.topic, 0.5), [[signs.topic, 0.5]], [], None), True
            ranking, thresholds = self._knowledge.search.rank(text), SEARCH_THRESHOLDS
        reader = self._reader.current
        parts = Part.of((part, reader.rank(part, profile)) for part in sentences_of(text)) if reader else ()
        decided = decide(
            Ranking(tuple(ranking)), text, context, topics=self._knowledge.topics, thresholds=thresholds, parts=parts
        )
        return Understood(decided, [[name, round(p, 4)] for name, p in ranking[:12]], [], None), True

    def _or_searched(self, understood: Understood, text: str) -> Understood:
        """Let the search offer an added topic for what the engine, which has not learnt it, finds out of scope."""
        if understood.decision.kind != kinds.OUT_OF_SCOPE:
            return understood
        best = next(iter(self._knowledge.search.find(text, 1)), None)
        if (
            best is None
            or best.score < LEAST_SCORE
            or not self._knowledge.is_added(best.topic)
            or self._reader.knows(best.topic)
        ):
            return understood
        return replace(understood, decision=Decision(kinds.SEARCH, None, understood.decision.confidence), messages=[])

    def _signs(self, incoming: _Incoming, text: str, profile: str | None, state: DialogueState
               ) -> tuple[UrgentSigns, list[tuple[str, float]]]:  # fmt: skip
        """Return the signs of an emergency, and what the reader makes of `text` (nothing while there is none)."""
        reader = self._reader.current
        ranking = reader.rank(text, profile) if reader else []
        signs = recognise_urgent(text if incoming.in_part is False else incoming.masked.text)
        # The name of a school looks like nothing the reader was taught.
        if reader and state.asked != ASKED_SCHOOL:
            signs = reader.add_to(signs, ranking)
        return signs, ranking

    async def _compose(self, incoming: _Incoming, understood: Understood, profile: str | None, state: DialogueState,
                       text: str) -> Composed:  # fmt: skip
        decided = understood.decision
        request = None
        if decided.kind in (kinds.FORM, kinds.FOLLOW):
            request = _reply_of(understood.messages) or await self._request(incoming, understood)
        uttered = next((message["text"] for message in understood.messages if message.get("text")), None)
        return self._composer.compose(
            decided, text=text, profile=profile, uai=incoming.received.conversation.uai, state=state,
            engine_text=uttered, request=request,
        )  # fmt: skip

    async def _request(self, incoming: _Incoming, understood: Understood) -> RequestReply:
        """Do without the action server what it would have done: the message's id makes it harmless if it did."""
        return await escalation.handle_request(
            self._database,
            self._clock,
            Request(
                conversation_id=incoming.received.conversation.id, message_id=incoming.received.message.id,
                command=understood.decision.command or kinds.RESUME, text=incoming.masked.text, page=incoming.page,
                browser=incoming.browser, ranking=understood.ranking,
            ),
        )  # fmt: skip

    def _with_notes(self, composed: Composed, incoming: _Incoming) -> Composed:
        pupil = composed.profile == PUPIL
        notes = []
        if incoming.masked.secrets:
            notes.append(Said(NO_SECRETS[pupil], {}))
        if incoming.in_part and composed.outcome not in ("form", "ticket", "urgent"):
            notes.append(Said(READ_IN_PART[pupil], {}))
        if incoming.worry and composed.outcome in _ANSWERED_CALMLY:
            notes.append(Said(WORRIED[incoming.worry][pupil], {}))
        return replace(composed, said=[*notes, *composed.said]) if notes else composed


def _as_degraded(composed: Composed) -> Composed:
    return replace(composed, outcome="degraded", said=[Said(DEGRADED, {}), *composed.said])


def _reply_of(messages: list[dict[str, Any]]) -> RequestReply | None:
    """Return what a custom action said, or None when it did not get to say it."""
    for message in messages:
        payload = (message.get("custom") or {}).get("request")
        if payload:
            return RequestReply.from_json(payload)
    return None
