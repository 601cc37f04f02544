"""What is done to a request once it is open: by agents and référents in the console, by the person in the chat."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased, selectinload

from bot.clock import Clock
from bot.connectors.outbox import follow, open_exchange, replay
from bot.conversations.models import Conversation
from bot.conversations.service import BOT, Said, say_in
from bot.db import Database
from bot.errors import AssistentError, Conflict, Forbidden, InvalidInput
from bot.escalation import letters, phrases, states, telling
from bot.escalation.canned import GAP
from bot.escalation.desk import find_ticket, may_handle
from bot.escalation.models import Group, Ticket, TicketEvent
from bot.escalation.promises import PRIORITIES, Promise, keep_deadline
from bot.escalation.rules import PARIS, ticket_number
from bot.escalation.setup import group_for
from bot.escalation.states import Command, Kind, TicketState
from bot.people.audit import audit
from bot.people.models import Account, Grant, School
from bot.people.rules import Permission, covers, grants_for
from bot.people.sign_in import ACTIVE, Caller

MAX_TEXT = 5_000
NOTE = "note"
PRIORITY = "priorite"
TAKEN_OVER, HANDED_BACK = "prise_en_main", "rendue_au_robot"
# The person wrote to whoever had taken the conversation over.
WROTE = "ecrit"
# The state that the person sees: of the main request, where there is one.
_MAIN = aliased(Ticket)
SHOWN_STATE = sa.func.coalesce(
    sa.select(_MAIN.state).where(_MAIN.id == Ticket.main_id).correlate(Ticket).scalar_subquery(), Ticket.state
)
# Gestures that say something to the person, and so need words.
_SPOKEN = (Kind.REPLY, Kind.ASK)


@dataclass(frozen=True)
class Gesture:
    """One thing that an account does to a request; `text` is read by the person, `reason` by colleagues.

    An assignment is to an agent, or to a group (which puts the request in its queue), or to nobody.
    """

    kind: Kind
    text: str = ""
    reason: str = ""
    assignee_id: str | None = None
    group_id: str | None = None


def state_of(ticket: Ticket) -> TicketState:
    """Return what the rules know of a request."""
    pauses = tuple(
        (datetime.fromisoformat(begin), datetime.fromisoformat(end) if end else None)
        for begin, end in ticket.pauses or ()
    )
    return TicketState(
        level=ticket.level, since=ticket.since or ticket.opened_at, state=ticket.state, assignee_id=ticket.assignee_id,
        answered_at=ticket.answered_at, resolved_at=ticket.resolved_at, pauses=pauses,
        main=ticket.main.state if ticket.main_id else None,
    )  # fmt: skip


def put_state(ticket: Ticket, state: TicketState) -> None:
    """Write it back."""
    ticket.level, ticket.state, ticket.since = state.level, state.state, state.since
    ticket.assignee_id, ticket.answered_at, ticket.resolved_at = state.assignee_id, state.answered_at, state.resolved_at
    ticket.pauses = [[begin.isoformat(), end.isoformat() if end else None] for begin, end in state.pauses]
    if state.main is None:
        ticket.main = ticket.main_id = None


async def register(session: AsyncSession, ticket: Ticket, *, author: str) -> Promise | None:
    """Add a new request, with its number, its deadline and the first line of its history; its group's tool will know.

    What is promised is returned, for whoever asked it.
    """
    session.add(ticket)
    await session.flush()
    # The number needs the row's id: both are written in the same transaction, so that none is ever without; and with the
    # deadline at once.
    ticket.number = ticket_number(ticket.id, ticket.opened_at.astimezone(PARIS).year)
    with session.no_autoflush:
        promise = await keep_deadline(session, ticket, state_of(ticket))
    data = {"level": ticket.level, "state": ticket.state}
    session.add(
        TicketEvent(
            ticket_id=ticket.id, message_id=ticket.message_id, kind="ouvert", author=author, data=data,
            at=ticket.opened_at,
        )
    )  # fmt: skip
    await open_exchange(session, ticket.opened_at, ticket)
    return promise


async def resolve_for_all(session: AsyncSession, now: datetime, ticket: Ticket, reason: str) -> None:
    """Resolve a request because the incident that it is about has ended; one that is finished stays as it is."""
    before = state_of(ticket)
    if before.state not in states.OPEN_STATES:
        return
    command = Command(Kind.RESOLVE, states.SYSTEM, now, reason=reason)
    await write(session, ticket, before, command, states.apply(before, command), states.SYSTEM, "")
    await letters.queue(session, now, ticket, Kind.RESOLVE)


async def act(database: Database, clock: Clock, caller: Caller, number: str, gesture: Gesture) -> Ticket:
    """Do a gesture: state, history, audit, and what the person is told, all or nothing."""
    text, reason = gesture.text.strip(), gesture.reason.strip()
    if gesture.kind in _SPOKEN and not text:
        raise InvalidInput("Écrivez la réponse avant de l’envoyer.")
    if GAP in text:
        raise InvalidInput("Complétez le texte avant de l’envoyer : il y reste « [à compléter : … ] ».")
    if max(len(text), len(reason)) > MAX_TEXT:
        raise InvalidInput(f"Le texte compte au plus {MAX_TEXT} caractères.")
    now = clock.now()
    async with database.transaction() as session:
        ticket = await find_ticket(session, caller, number, to_write=True)
        before = state_of(ticket)
        roles = await roles_on(session, caller, ticket)
        after, command = apply_as(before, gesture, roles, caller, now)
        to = await _addressee(session, ticket, gesture)
        moved = gesture.group_id is not None
        await write(session, ticket, before, command, after, caller.account.name, text, to=to, moved=moved)
        gesture_kept = str(gesture.kind)
        details = {"gesture": gesture_kept, **({"to": to} if to else {})}
        audit(session, now, caller.account.id, "ticket_handled", "ticket", ticket.number, **details)
        await telling.tell(session, now, ticket, gesture.kind, text, caller.account.name)
        return ticket


async def _addressee(session: AsyncSession, ticket: Ticket, gesture: Gesture) -> str:
    """Return the name of whom an assignment is to, having put the request in the group if it is one; Conflict when it cannot be."""
    if gesture.group_id is not None:
        group = await session.get(Group, gesture.group_id)
        if group is None:
            raise InvalidInput("Choisissez le groupe dans la liste.")
        if group.level != ticket.level:
            raise Conflict(f"Ce groupe est au niveau {group.level}, cette demande au niveau {ticket.level}.")
        if group.id == ticket.group_id:
            raise Conflict("Cette demande est déjà dans ce groupe.")
        ticket.group_id = group.id
        return group.name
    if gesture.assignee_id is None:
        return ""
    agent = await session.get(Account, gesture.assignee_id, options=[selectinload(Account.grants)])
    if agent is None or agent.state != ACTIVE:
        raise InvalidInput("Choisissez la personne dans la liste.")
    school = await session.get(School, ticket.uai) if ticket.uai else None
    if not may_handle(agent.grants, ticket.level, school):
        raise Conflict(
            f"{agent.name} ne peut pas recevoir cette demande : son rôle ou son territoire ne la couvre pas."
        )
    if agent.id == ticket.assignee_id:
        raise Conflict(f"Cette demande est déjà à {agent.name}.")
    return agent.name


async def act_as_tool(session: AsyncSession, now: datetime, ticket: Ticket, kind: Kind, text: str, author: str,
                      exchange_id: int) -> None:  # fmt: skip
    """Do what was done in a group's own tool, in the group's name; Conflict when the request's state does not allow it."""
    before, command = state_of(ticket), Command(kind, states.SYSTEM, now)
    await write(session, ticket, before, command, states.apply(before, command), author, text, but=exchange_id)
    await telling.tell(session, now, ticket, kind, text, author)


async def roles_on(session: AsyncSession, caller: Caller, ticket: Ticket) -> list[Grant]:
    """Return the roles under which `caller` may answer this request."""
    school = await session.get(School, ticket.uai) if ticket.uai else None
    grants = grants_for(caller.grants, Permission.ANSWER_TICKETS)
    return [grant for grant in grants if school is None or covers(grant, school)]


def apply_as(before: TicketState, gesture: Gesture, roles: list[Grant], caller: Caller, now: datetime, *,
             main: str = states.NEW) -> tuple[TicketState, Command]:  # fmt: skip
    """Apply the gesture under the first of the roles that allows it; else say what tells the most."""
    refusal: AssistentError = Forbidden()
    for grant in roles:
        command = Command(gesture.kind, grant.role, now, caller.account.id, gesture.reason, gesture.assignee_id, main)
        try:
            return states.apply(before, command), command
        except (Conflict, InvalidInput) as error:
            refusal = error
        except Forbidden as error:
            refusal = error if isinstance(refusal, Forbidden) else refusal
    raise refusal


async def write(session: AsyncSession, ticket: Ticket, before: TicketState, command: Command, after: TicketState,
                author: str, text: str, message_id: str | None = None, to: str = "", *, moved: bool = False,
                but: int | None = None) -> None:  # fmt: skip
    """Write a change down, and queue it for the tools that have the request (`moved`, `but`: connectors.outbox.follow).

    Those whose requests follow this one are told of it.
    """
    if before.main is not None and after.main is None:
        left = {"from": ticket.number, "state": before.main}
        session.add(
            TicketEvent(ticket_id=ticket.main_id, kind=str(Kind.UNMERGE), author=author, data=left, at=command.at)
        )
    put_state(ticket, after)
    ticket.updated_at = command.at
    if after.level != before.level:
        group, _ = await group_for(
            session, topic=ticket.topic, profile=ticket.profile, uai=ticket.uai, level=after.level
        )
        ticket.group_id = group.id if group else None
    await keep_deadline(session, ticket, after)
    data = states.event_data(before, command, after)
    if text:
        data["text"] = text
    if to:
        data["to"] = to
    session.add(
        TicketEvent(
            ticket_id=ticket.id, message_id=message_id, kind=str(command.kind), author=author, data=data, at=command.at
        )
    )
    await follow(session, command.at, ticket, command.kind, text or command.reason.strip(), but=but, moved=moved)
    await telling.tell_followers(session, command.at, ticket, command.kind, text, author)


async def hold(session: AsyncSession, caller: Caller, number: str) -> Ticket:
    """Return a request that `caller` may answer, held against others; NotFound, or Forbidden when it can only be read."""
    ticket = await find_ticket(session, caller, number, to_write=True)
    if not await roles_on(session, caller, ticket):
        raise Forbidden
    return ticket


async def write_note(database: Database, clock: Clock, caller: Caller, number: str, text: str) -> None:
    """Keep a note that only colleagues read."""
    text = text.strip()
    if not text or len(text) > MAX_TEXT:
        raise InvalidInput(f"Une note compte de 1 à {MAX_TEXT} caractères.")
    async with database.transaction() as session:
        ticket = await hold(session, caller, number)
        ticket.updated_at = clock.now()
        session.add(
            TicketEvent(ticket_id=ticket.id, kind=NOTE, author=caller.account.name, data={"text": text}, at=clock.now())
        )


async def send_again(database: Database, clock: Clock, caller: Caller, number: str) -> None:
    """Queue again what was given up of a request: for the teams' tools, and by mail to its person."""
    now = clock.now()
    async with database.transaction() as session:
        ticket = await hold(session, caller, number)
        # Both are tried: either may have something.
        if not any([await replay(session, now, ticket), await letters.send_again(session, now, ticket)]):
            raise Conflict("Rien n’est à renvoyer pour cette demande.")
        audit(session, now, caller.account.id, "ticket_handled", "ticket", ticket.number, gesture="renvoi")


async def set_priority(database: Database, clock: Clock, caller: Caller, number: str, priority: str) -> None:
    """Change the priority of an open request, and with it what is promised."""
    if priority not in PRIORITIES:
        raise InvalidInput("Choisissez une priorité dans la liste.")
    now = clock.now()
    async with database.transaction() as session:
        ticket = await hold(session, caller, number)
        if ticket.state not in states.OPEN_STATES:
            raise Conflict("Cette demande n’est plus ouverte.")
        if ticket.priority == priority:
            return
        ticket.priority, ticket.updated_at = priority, now
        await keep_deadline(session, ticket, state_of(ticket))
        data = {"priority": priority}
        session.add(TicketEvent(ticket_id=ticket.id, kind=PRIORITY, author=caller.account.name, data=data, at=now))
        audit(session, now, caller.account.id, "ticket_handled", "ticket", ticket.number, gesture=PRIORITY)


async def take_over(database: Database, clock: Clock, caller: Caller, number: str, *, back: bool = False) -> None:
    """Speak in the assistant's place in the request's conversation, or give it `back`; the person is told."""
    now = clock.now()
    async with database.transaction() as session:
        ticket = await hold(session, caller, number)
        conversation = (
            await session.get(Conversation, ticket.conversation_id, with_for_update=True)
            if ticket.conversation_id
            else None
        )
        if conversation is None:
            raise Conflict("La conversation de cette demande a été effacée : répondez par la demande.")
        if not back and conversation.taken_by not in (None, caller.account.id):
            raise Conflict("Une autre personne parle déjà dans cette conversation.")
        if back and conversation.taken_by is None:
            return
        conversation.taken_by = None if back else caller.account.id
        pupil = conversation.profile == phrases.PUPIL
        told = (phrases.HANDED_BACK if back else phrases.TAKEN_OVER)[pupil]
        await say_in(session, now, conversation.id, [Said(told, {}, BOT)])
        kind = HANDED_BACK if back else TAKEN_OVER
        session.add(TicketEvent(ticket_id=ticket.id, kind=kind, author=caller.account.name, data={}, at=now))
        action = "conversation_handed_back" if back else "conversation_taken_over"
        audit(session, now, caller.account.id, action, "ticket", ticket.number)


async def pass_on(session: AsyncSession, now: datetime, conversation: Conversation, message_id: str) -> None:
    """Note on the conversation's newest open request that the person wrote to who has taken over."""
    ticket = await _newest(session, conversation, states.OPEN_STATES)
    if ticket is None or await _done(session, message_id):
        return
    ticket.updated_at = now
    # By its own state: a request that follows another, which waits, does not wait itself.
    if ticket.state == states.WAITING:
        await _do_as_person(session, now, ticket, Kind.ANSWER, message_id)
    else:
        session.add(
            TicketEvent(ticket_id=ticket.id, message_id=message_id, kind=WROTE, author=states.PERSON, data={}, at=now)
        )


async def answer_question(session: AsyncSession, now: datetime, conversation: Conversation, message_id: str, text: str
                          ) -> Ticket | None:  # fmt: skip
    """Hand the person's precision to the agents, or the reason of a bad rating; None when there is no request."""
    ticket = await _newest(session, conversation, states.OPEN_STATES)
    if ticket is None:
        ticket = await _newest(session, conversation, (states.RESOLVED, states.CLOSED))
        if ticket is not None and ticket.rating is False:
            ticket.rating_reason = text[:MAX_TEXT]
        return ticket
    if ticket.main_id:
        await add_words(session, now, ticket, message_id, text)
    else:
        await _do_as_person(session, now, ticket, Kind.ANSWER, message_id, text)
    return ticket


async def add_words(session: AsyncSession, now: datetime, ticket: Ticket, message_id: str, text: str) -> None:
    """Add what the person says to his request; where it follows another, those who deal with that one read it there."""
    if not ticket.main_id:
        await _do_as_person(session, now, ticket, Kind.JOIN, message_id, text)
        return
    before = state_of(ticket)
    command = Command(Kind.JOIN, states.PERSON, now)
    data = {**states.event_data(before, command, states.apply(before, command)), "text": text}
    ticket.updated_at = ticket.main.updated_at = now
    session.add_all(
        TicketEvent(ticket_id=one.id, message_id=message, kind=str(Kind.JOIN), author=states.PERSON, data=kept, at=now)
        for one, message, kept in (
            (ticket, message_id, data), (ticket.main, None, {**data, "from": ticket.number}),
        )
    )  # fmt: skip
    await follow(session, now, ticket.main, Kind.JOIN, text)


async def close_own(session: AsyncSession, now: datetime, conversation: Conversation, message_id: str) -> Ticket | None:
    """Close the person's newest open request; None when there is none."""
    ticket = await _newest(session, conversation, (*states.OPEN_STATES, states.RESOLVED))
    if ticket is None:
        return None
    await _hand_over(session, now, ticket)
    await _do_as_person(session, now, ticket, Kind.CLOSE, message_id)
    return ticket


async def _hand_over(session: AsyncSession, now: datetime, ticket: Ticket) -> None:
    """Let the others go on without a request that its person closes: the oldest that followed it takes its place."""
    heir, *others = await telling.list_followers(session, ticket) or [None]
    if heir is None or ticket.state not in states.OPEN_STATES:
        return
    before, command = state_of(heir), Command(Kind.UNMERGE, states.SYSTEM, now)
    for other in others:
        other.main, other.main_id = heir, heir.id
        data = {"to": heir.number, "state": other.state}
        session.add(TicketEvent(ticket_id=other.id, kind=str(Kind.MERGE), author=states.SYSTEM, data=data, at=now))
    await write(session, heir, before, command, states.apply(before, command), states.SYSTEM, "")
    await telling.tell(session, now, heir, Kind.UNMERGE, "", states.SYSTEM)


async def newest_finished(session: AsyncSession, conversation: Conversation, number: str | None = None
                          ) -> Ticket | None:  # fmt: skip
    """Return the person's newest finished request, or that of `number` if it is one; None when there is none."""
    return await _newest(session, conversation, (states.RESOLVED, states.CLOSED), number)


async def reopen(session: AsyncSession, now: datetime, ticket: Ticket, message_id: str | None) -> None:
    """Reopen a request for its person; Conflict when it is too late."""
    await _do_as_person(session, now, ticket, Kind.REOPEN, message_id)
    ticket.rating, ticket.rating_reason = None, ""


async def rate(session: AsyncSession, now: datetime, conversation: Conversation, *, well: bool, message_id: str
               ) -> Ticket | None:  # fmt: skip
    """Keep whether the person is satisfied of the newest finished request."""
    ticket = await _newest(session, conversation, (states.RESOLVED, states.CLOSED))
    if ticket is None:
        return None
    ticket.rating = well
    session.add(
        TicketEvent(
            ticket_id=ticket.id, message_id=message_id, kind="avis", author=states.PERSON, data={"well": well}, at=now
        )
    )
    return ticket


async def _do_as_person(session: AsyncSession, now: datetime, ticket: Ticket, kind: Kind, message_id: str | None,
                        text: str = "") -> None:  # fmt: skip
    before, command = state_of(ticket), Command(kind, states.PERSON, now)
    await write(session, ticket, before, command, states.apply(before, command), states.PERSON, text, message_id)


async def _newest(session: AsyncSession, conversation: Conversation, among: tuple[str, ...], number: str | None = None
                  ) -> Ticket | None:  # fmt: skip
    query = (
        sa.select(Ticket)
        .where(Ticket.person_id == conversation.person_id, SHOWN_STATE.in_(among))
        .order_by(Ticket.id.desc())
        .limit(1)
        .with_for_update(of=Ticket)
    )
    return await session.scalar(query.where(Ticket.number == number) if number else query)


async def _done(session: AsyncSession, message_id: str) -> bool:
    return await session.scalar(sa.select(TicketEvent.id).where(TicketEvent.message_id == message_id)) is not None
