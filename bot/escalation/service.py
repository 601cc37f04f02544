"""Use cases of requests. Rasa's custom actions call them, and so does the gateway when Rasa is out: same rules, same rows.

Every one is keyed by the id of the message that caused it: a message played twice acts once and is answered alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import Clock
from bot.conversations.models import Conversation, ConversationEvent, Message
from bot.conversations.service import authenticate, last_exchanges
from bot.db import Database
from bot.dialogue import decision as commands
from bot.dialogue.state import ASKED_ANSWER, ASKED_CONSENT, ASKED_PERSON, ASKED_PROBLEM, ASKED_SCHOOL, DialogueState
from bot.errors import Conflict, NotFound
from bot.escalation import attachments, followups, handling, joins, letters, outages, phrases, telling
from bot.escalation.handling import state_of
from bot.escalation.models import Contact, Draft, FormStep, Group, Ticket
from bot.escalation.phrases import PUPIL
from bot.escalation.promises import Promise, delay_in_words, delay_left, say_left
from bot.escalation.rules import (
    ABANDONED,
    DONE,
    Form,
    advance,
    french_date,
    likely_topic,
    open_form,
)
from bot.escalation.setup import group_for
from bot.escalation.states import NEW, REOPEN_DAYS
from bot.knowledge.service import read_all_topics
from bot.people.models import School
from bot.people.rules import find_school, wrong_uai
from bot.topics import PROFILE_NAMES, load_topics

# What is asked of a request that was sent; the rest is the form's.
_ON_SENT = (
    commands.STATUS, commands.CLOSE, commands.REOPEN, commands.PRECISE, commands.RATE_WELL, commands.RATE_ILL,
)  # fmt: skip
# How much of the conversation a ticket carries.
CONTEXT_MESSAGES = 30


@dataclass(frozen=True)
class Request:
    """What a message asks of the form or of the follow-up."""

    conversation_id: str
    message_id: str
    command: str
    text: str = ""
    page: str = ""
    browser: str = ""
    # What the text may be about: (topic, probability) pairs, the likeliest first.
    ranking: Sequence[Sequence[Any]] = ()


@dataclass(frozen=True)
class RequestReply:
    """What is answered: texts and buttons, what is asked next, the ticket if there is one."""

    text: str
    asked: str | None = None
    buttons: list[dict[str, str]] = field(default_factory=list)
    ticket: dict[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain data, to travel through Rasa and to be stored."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> RequestReply:
        """Build from what `to_json` gave."""
        return cls(**data)


async def handle_request(database: Database, clock: Clock, request: Request) -> RequestReply:
    """Apply a command to the request of a conversation; asked twice for one message, answer the same."""
    async with database.transaction() as session:
        # Held first: the action server and the gateway may be at the same message at once.
        conversation = await session.get(Conversation, request.conversation_id, with_for_update=True)
        if conversation is None:
            raise NotFound
        done = await session.get(FormStep, request.message_id)
        if done is not None:
            return RequestReply.from_json(done.reply)
        if request.command in _ON_SENT:
            try:
                reply = await _on_sent(session, clock, conversation, request)
            except Conflict as refusal:
                reply = RequestReply(refusal.sentence)
        else:
            reply = await _advance(session, clock, conversation, request)
        session.add(
            FormStep(
                message_id=request.message_id, conversation_id=conversation.id, reply=reply.to_json(), at=clock.now()
            )
        )
        return reply


async def _on_sent(session: AsyncSession, clock: Clock, conversation: Conversation, request: Request) -> RequestReply:
    """Apply a command to a request that was sent."""
    pupil, now, message, former = conversation.profile == PUPIL, clock.now(), request.message_id, ""
    match request.command:
        case commands.CLOSE:
            ticket, told = await handling.close_own(session, now, conversation, message), phrases.CLOSED[pupil]
        case commands.REOPEN:
            taken = await followups.take_up(session, now, conversation, message)
            if taken is None:
                return RequestReply(phrases.NOTHING_TO_REOPEN[pupil])
            ticket, told = taken.ticket, phrases.REOPENED[pupil]
            if taken.former:
                told, former = phrases.FOLLOWED_UP[pupil], taken.former.number
                telling.tell_card(session, now, ticket)
        case commands.PRECISE:
            ticket = await handling.answer_question(session, now, conversation, message, request.text)
            told = phrases.ANSWERED[pupil]
        case commands.RATE_WELL | commands.RATE_ILL:
            well = request.command == commands.RATE_WELL
            ticket, told = (
                await handling.rate(session, now, conversation, well=well, message_id=message),
                phrases.RATED[well],
            )
        case _:
            return await _status(session, now, conversation)
    if ticket is None:
        return await _status(session, now, conversation)
    asks = request.command in (commands.REOPEN, commands.RATE_ILL)
    text = told.format(number=ticket.number, former=former, days=REOPEN_DAYS)
    return RequestReply(text, ASKED_ANSWER if asks else None, ticket=telling.card(ticket))


async def _advance(session: AsyncSession, clock: Clock, conversation: Conversation, request: Request) -> RequestReply:
    pupil = conversation.profile == PUPIL
    draft = await session.get(Draft, conversation.id)
    if draft is None:
        if request.command == commands.DROP:
            return RequestReply(phrases.DROPPED[pupil])
        school = await session.get(School, conversation.uai) if conversation.uai else None
        form = open_form(school.uai if school else None, _school_name(school) if school else "")
        state = DialogueState.from_json(conversation.state)
        draft = Draft(conversation_id=conversation.id, topic=state.article, opened_at=clock.now())
        session.add(draft)
    else:
        form = Form(draft.step, draft.uai, draft.school, draft.problem)
        found = None
        if request.command == commands.SCHOOL:
            if wrong := wrong_uai(request.text):
                return _asking(form, phrases.WRONG_UAI[pupil].format(uai=wrong))
            school = find_school(request.text, (await session.scalars(sa.select(School))).all())
            found = (school.uai, _school_name(school)) if school else None
        before, form = form, advance(form, request.command, request.text, found=found)
        if form.step == ABANDONED:
            await session.delete(draft)
            await session.execute(_unused_contacts(conversation.id))
            await attachments.drop(session, conversation.id)
            return RequestReply(phrases.DROPPED[pupil])
        if request.command in (commands.PROBLEM, commands.ADD):
            topics = await read_all_topics(session, load_topics())
            draft.topic = draft.topic or likely_topic(request.ranking, topics)
        if form.step == DONE:
            if request.command != commands.SEPARATE and (
                own := await _own(session, conversation, draft, to_write=True)
            ):
                return await _join(session, clock.now(), conversation, draft, own, request)
            ticket, group, promise = await _open_ticket(session, clock, conversation, draft, request)
            await session.delete(draft)
            to = _name_of(group, ticket.level)
            text = phrases.OPENED[pupil].format(number=ticket.number, to=to, level=ticket.level)
            delay = say_left(promise, ticket, clock.now())
            return RequestReply(_with_delay(text, delay), ticket=telling.card(ticket))
        if before.step == form.step == ASKED_SCHOOL:
            return _asking(form, phrases.ASK_SCHOOL_AGAIN[pupil])
    draft.step, draft.uai, draft.school, draft.problem = form.step, form.uai, form.school, form.problem
    draft.updated_at = clock.now()
    await session.flush()
    return await _ask(session, clock, conversation, draft, request)


async def _ask(session: AsyncSession, clock: Clock, conversation: Conversation, draft: Draft, request: Request
               ) -> RequestReply:  # fmt: skip
    """Ask what is missing; at the end, say what will be sent, to whom, and when to expect an answer."""
    pupil, form = conversation.profile == PUPIL, Form(draft.step, draft.uai, draft.school, draft.problem)
    if form.step == ASKED_SCHOOL:
        return _asking(form, phrases.ASK_SCHOOL[pupil])
    if form.step == ASKED_PROBLEM:
        noted = ""
        if request.command == commands.SCHOOL:
            noted = (phrases.SCHOOL_SURE if form.uai else phrases.SCHOOL_UNSURE).format(school=form.school) + "\n\n"
        return _asking(form, noted + phrases.ASK_PROBLEM[pupil])
    kinds = (
        await session.scalars(
            sa.select(Contact.kind).where(Contact.conversation_id == conversation.id, Contact.ticket_id.is_(None))
        )
    ).all()
    summary = [phrases.SUMMARY_SCHOOL.format(school=form.school + ("" if form.uai else " (à vérifier)"))]
    if conversation.profile:
        summary.append(phrases.SUMMARY_PROFILE.format(profile=PROFILE_NAMES[conversation.profile]))
    if request.page:
        summary.append(phrases.SUMMARY_PAGE.format(page=request.page))
    summary.append(phrases.SUMMARY_PROBLEM.format(problem=form.problem.replace("\n", " ")))
    if images := await attachments.unsent(session, conversation.id):
        summary.append(phrases.SUMMARY_IMAGES.format(count=len(images)))
    if kinds:
        summary.append(phrases.CONTACT_KEPT.format(kinds=" et ".join(sorted(set(kinds)))))
    buttons = [
        {"title": phrases.BUTTON_SEND, "choice": "demande:envoyer"},
        {"title": phrases.BUTTON_DROP, "choice": "demande:abandonner"},
    ]
    if own := await _own(session, conversation, draft):
        summary.append(phrases.SUMMARY_JOINS.format(number=own.number))
        buttons.insert(1, {"title": phrases.BUTTON_SEPARATE, "choice": "demande:separer"})
        return RequestReply(phrases.ASK_CONSENT[pupil].format(summary="\n".join(summary)), ASKED_CONSENT, buttons)
    group, level = await group_for(session, topic=draft.topic, profile=conversation.profile, uai=draft.uai)
    if not pupil:
        summary.append(phrases.SUMMARY_TO.format(to=_name_of(group, level), level=level))
    delay = await delay_in_words(session, draft.uai, level, clock.now())
    if delay:
        summary.append(phrases.SUMMARY_DELAY.format(delay=delay))
    return RequestReply(phrases.ASK_CONSENT[pupil].format(summary="\n".join(summary)), ASKED_CONSENT, buttons)


async def _own(session: AsyncSession, conversation: Conversation, draft: Draft, *, to_write: bool = False
               ) -> Ticket | None:  # fmt: skip
    return await joins.find_own(session, conversation.person_id, draft.topic, draft.uai, to_write=to_write)


async def _join(session: AsyncSession, now: datetime, conversation: Conversation, draft: Draft, ticket: Ticket,
                request: Request) -> RequestReply:  # fmt: skip
    """Add what was told to the request that the person already has on the topic."""
    await joins.join(session, now, conversation, ticket, draft.problem, message_id=request.message_id)
    await session.delete(draft)
    telling.tell_card(session, now, ticket)
    told = phrases.JOINED[conversation.profile == PUPIL].format(number=ticket.number)
    return RequestReply(told, ticket=telling.card(ticket))


def _with_delay(text: str, delay: str | None) -> str:
    return f"{text}\n\n{phrases.DELAY.format(delay=delay)}" if delay else text


def _name_of(group: Group | None, level: int) -> str:
    return group.name if group else phrases.LEVELS[level]


def _asking(form: Form, text: str) -> RequestReply:
    return RequestReply(text, form.step, [{"title": phrases.BUTTON_CANCEL, "choice": "demande:abandonner"}])


async def _open_ticket(session: AsyncSession, clock: Clock, conversation: Conversation, draft: Draft, request: Request
                       ) -> tuple[Ticket, Group | None, Promise | None]:  # fmt: skip
    """Open the request that was told; return it with its group and what is promised, which the reply says."""
    now = clock.now()
    group, level = await group_for(session, topic=draft.topic, profile=conversation.profile, uai=draft.uai)
    ticket = Ticket(
        message_id=request.message_id, conversation_id=conversation.id, person_id=conversation.person_id,
        profile=conversation.profile, uai=draft.uai, school=draft.school, school_checked=draft.uai is not None,
        topic=draft.topic, page=request.page, browser=request.browser, level=level, group_id=group.id if group else None, state=NEW, since=now,
        problem=draft.problem, context=await _context(session, conversation), opened_at=now, updated_at=now,
    )  # fmt: skip
    incident = await outages.covering(session, draft.topic, draft.uai)
    if incident is not None:
        ticket.incident_id = incident.id
        await outages.attach(session, now, incident.id, conversation)
    promise = await handling.register(session, ticket, author="usager")
    await session.execute(
        sa.update(Contact)
        .where(Contact.conversation_id == conversation.id, Contact.ticket_id.is_(None))
        .values(ticket_id=ticket.id)
    )
    await attachments.give(session, conversation.id, ticket)
    await letters.queue(session, now, ticket, letters.OPENED)
    # Told to the open chat too: the reply that carries the number may come too late to be shown.
    session.add(
        ConversationEvent(
            conversation_id=conversation.id, kind="ticket", payload={"ticket": telling.card(ticket)}, at=now
        )
    )
    return ticket, group, promise


async def _context(session: AsyncSession, conversation: Conversation) -> dict[str, Any]:
    """Return what was asked, answered and rejected, with the engine's ranking, for whoever takes the ticket."""
    rows = await last_exchanges(session, conversation.id, CONTEXT_MESSAGES)
    state = DialogueState.from_json(conversation.state)
    return {
        "question": state.question,
        "articles": list(state.shown),
        "rejected": list(state.shown) if state.refusals else [],
        "messages": [
            {
                "from": message.sender, "text": message.text, "at": message.at.isoformat(),
                **({"outcome": result.outcome, "topic": result.topic, "ranking": result.ranking[:5]} if result else {}),
            }
            for message, result in rows
        ],
    }  # fmt: skip


async def _status(session: AsyncSession, now: datetime, conversation: Conversation) -> RequestReply:
    pupil = conversation.profile == PUPIL
    tickets = (
        await session.scalars(
            sa.select(Ticket).where(Ticket.person_id == conversation.person_id).order_by(Ticket.id.desc()).limit(3)
        )
    ).all()
    draft = await session.get(Draft, conversation.id)
    asked = draft.step if draft else None
    if not tickets:
        button = {"title": "Faire une demande", "choice": "demande:ouvrir"}
        return RequestReply(phrases.NO_TICKET[pupil], asked or ASKED_PERSON, [button])
    lines = [
        _with_delay(
            phrases.STATUS.format(
                number=ticket.number, state=phrases.STATES[telling.shown_state(ticket)], level=ticket.shown.level,
                at=french_date(ticket.updated_at),
            )
            + (f" {phrases.STATUS_FOLLOWS.format(former=ticket.follows.number)}" if ticket.follows_id else "")
            + (f" {phrases.STATUS_MERGED}" if state_of(ticket).followed else ""),
            await delay_left(session, ticket.shown, now) if ticket.shown.answered_at is None else None,
        )
        for ticket in tickets
    ]  # fmt: skip
    return RequestReply("\n\n".join(lines), asked, ticket=telling.card(tickets[0]))


def _school_name(school: School) -> str:
    return f"{school.name}, {school.commune}"


def _unused_contacts(conversation_id: str) -> sa.Delete:
    return sa.delete(Contact).where(Contact.conversation_id == conversation_id, Contact.ticket_id.is_(None))


async def put_contacts_aside(
    session: AsyncSession, clock: Clock, message: Message, contacts: Iterable[tuple[str, str]]
) -> None:
    """Keep encrypted contacts (kind, sealed value) for the ticket that this conversation may open."""
    for kind, sealed in contacts:
        session.add(
            Contact(
                conversation_id=message.conversation_id, message_id=message.id, kind=kind, secret=sealed, at=clock.now()
            )
        )


async def list_tickets(session: AsyncSession, person_id: str) -> list[Ticket]:
    """Return a person's tickets, newest first."""
    query = sa.select(Ticket).where(Ticket.person_id == person_id).order_by(Ticket.id.desc()).limit(100)
    return list((await session.scalars(query)).all())


async def draft_step(session: AsyncSession, conversation_id: str) -> str | None:
    """Return what the request of a conversation is waiting for, or None when there is none."""
    draft = await session.get(Draft, conversation_id)
    return draft.step if draft else None


async def reopen_ticket(database: Database, clock: Clock, token: str, number: str) -> Ticket:
    """Reopen one of the bearer's requests by its number, or open its follow-up when it is too late.

    NotFound when it is not theirs, Conflict when it is open.
    """
    async with database.transaction() as session:
        conversation = await authenticate(session, token, clock.now())
        ticket = await session.scalar(
            sa.select(Ticket).where(Ticket.person_id == conversation.person_id, Ticket.number == number)
        )
        if ticket is None:
            raise NotFound("Cette demande n’existe pas ou n’est pas à vous.")
        taken = await followups.take_up(session, clock.now(), conversation, None, number)
        if taken is None:
            raise Conflict("Cette demande est déjà ouverte.")
        return taken.ticket


async def pass_on(database: Database, clock: Clock, conversation_id: str, message_id: str) -> None:
    """Note that the person wrote to whoever has taken the conversation over."""
    async with database.transaction() as session:
        conversation = await session.get(Conversation, conversation_id)
        if conversation is not None:
            await handling.pass_on(session, clock.now(), conversation, message_id)
