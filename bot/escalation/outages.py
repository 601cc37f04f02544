"""Known incidents: proposed from what is asked, opened by a référent or an agent, and told to everyone at their end."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import Clock
from bot.conversations.models import Conversation, Message, Person, Result
from bot.conversations.service import BOT, Said, say_in
from bot.db import Database
from bot.errors import Conflict, Forbidden, InvalidInput, NotFound
from bot.escalation import handling, phrases, telling
from bot.escalation.incidents import FLOORS, WINDOW, Incident, Proposal, Signal, Usual, detect, find_incident
from bot.escalation.models import IncidentPerson, IncidentRow, Ticket, TicketEvent
from bot.escalation.routing import EVERYWHERE, Territory, chain_of
from bot.escalation.rules import PARIS
from bot.escalation.setup import group_for
from bot.escalation.states import NEW, OPEN_STATES
from bot.knowledge.service import read_all_topics
from bot.people.audit import audit
from bot.people.models import School
from bot.people.rules import Permission, Scope, grants_for
from bot.people.service import COLUMNS, covered
from bot.people.sign_in import Caller
from bot.rollout import service as rollout
from bot.topics import load_topics

ATTACHED = "incident"
MAX_TITLE, MAX_TEXT = 200, 1_000
# What is usual is the mean of as many days at the same hour.
USUAL_DAYS = 28
# As many people are told in one transaction, so that others may write in between.
BATCH = 50
_CLOSED_SHOWN = 30

# Outcomes of questions that say that somebody meets a topic.
_MET = ("answer", "choices", "incident", "ticket")


@dataclass(frozen=True)
class Outage:
    """An incident with how many people are attached to it, and how many of them have been told of its end."""

    row: IncidentRow
    persons: int
    told: int
    requests: int


class OpenIncidents:
    """The topics of the open incidents, in memory: they are looked at for every message, and mostly there is none."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._topics: frozenset[str] = frozenset()

    async def refresh(self) -> None:
        """Read them again."""
        async with self._database.reading() as session:
            self._topics = frozenset(row.topic for row in await _open_rows(session))

    def may_cover(self, topic: str | None) -> bool:
        """Tell whether an incident is open on a topic, somewhere."""
        return topic in self._topics


async def covering(session: AsyncSession, topic: str | None, uai: str | None) -> IncidentRow | None:
    """Return the open incident that covers a topic at a school, as the database has it now."""
    rows = {_incident(row): row for row in await _open_rows(session)}
    if not rows:
        return None
    school = await session.get(School, uai) if uai else None
    found = find_incident(rows, topic, chain_of(school))
    return rows[found] if found else None


async def _open_rows(session: AsyncSession) -> list[IncidentRow]:
    return list((await session.scalars(sa.select(IncidentRow).where(IncidentRow.closed_at.is_(None)))).all())


def _incident(row: IncidentRow) -> Incident:
    return Incident(row.topic, (row.scope, row.territory))


# --- the person -------------------------------------------------------------------------------


async def meet(database: Database, clock: Clock, topic: str, conversation: Conversation) -> IncidentRow | None:
    """Attach whoever asked to the incident that covers the question; None when there is none, or he knows of it."""
    async with database.reading() as session:
        row = await covering(session, topic, conversation.uai)
        if row is None or await session.get(IncidentPerson, (row.id, conversation.id)) is not None:
            return None
    async with database.transaction() as session:
        # The incident may have ended in between, or the conversation have been erased.
        row = await covering(session, topic, conversation.uai)
        if row is None or await session.get(Conversation, conversation.id) is None:
            return None
        return row if await attach(session, clock.now(), row.id, conversation) else None


async def attach(session: AsyncSession, now: datetime, incident_id: str, conversation: Conversation) -> bool:
    """Do the same within a transaction, the incident being open."""
    if await session.get(IncidentPerson, (incident_id, conversation.id)) is not None:
        return False
    session.add(
        IncidentPerson(
            incident_id=incident_id, conversation_id=conversation.id, person_id=conversation.person_id, at=now
        )
    )
    await session.flush()
    return True


async def tell_ended(database: Database, clock: Clock) -> int:
    """Tell those attached to incidents that ended, and resolve their requests, some at a time; return how many."""
    now = clock.now()
    waiting = (
        sa.select(IncidentPerson, IncidentRow)
        .join(IncidentRow, IncidentRow.id == IncidentPerson.incident_id)
        .where(IncidentRow.closed_at.is_not(None), IncidentPerson.told_at.is_(None))
        .order_by(IncidentPerson.at)
        .limit(BATCH)
    )
    # Looked at every other second, mostly for nothing: only what is to be told takes a writer's turn.
    async with database.reading() as session:
        if (await session.execute(waiting.limit(1))).first() is None:
            return 0
    async with database.transaction() as session:
        rows = (await session.execute(waiting.with_for_update(of=IncidentPerson))).all()
        for attached, incident in rows:
            attached.told_at = now
            await _tell_end(session, now, attached, incident)
        return len(rows)


async def _tell_end(session: AsyncSession, now: datetime, attached: IncidentPerson, incident: IncidentRow) -> None:
    conversation = await session.get(Conversation, attached.conversation_id)
    pupil = conversation is not None and conversation.profile == phrases.PUPIL
    text = phrases.INCIDENT_ENDED.format(title=incident.title, text=incident.end_text)
    tickets = (
        await session.scalars(
            sa.select(Ticket).where(
                Ticket.incident_id == incident.id, Ticket.conversation_id == attached.conversation_id,
                Ticket.state.in_(OPEN_STATES),
            )
        )
    ).all()  # fmt: skip
    extras = {}
    for ticket in tickets:
        await handling.resolve_for_all(session, now, ticket, incident.title)
        extras = {"ticket": telling.card(ticket), "buttons": list(phrases.RATING_BUTTONS)}
        text += "\n\n" + phrases.RESOLVED[pupil].format(number=ticket.number)
    await say_in(session, now, attached.conversation_id, [Said(text.strip(), extras, BOT)])


# --- référents and agents ---------------------------------------------------------------------


async def _may_manage(session: AsyncSession, caller: Caller, territory: Territory) -> bool:
    """Tell whether `caller` manages the incidents of a territory: all of its schools, some there being."""
    managing = grants_for(caller.grants, Permission.MANAGE_INCIDENTS)
    if any(grant.scope == Scope.TOUT for grant in managing):
        return True
    scope, name = territory
    if scope == Scope.TOUT:
        return False
    inside = COLUMNS[Scope(scope)] == name
    out_of_reach = sa.exists().where(inside, sa.not_(covered(managing)))
    return bool(await session.scalar(sa.select(sa.and_(sa.exists().where(inside), sa.not_(out_of_reach)))))


async def _check_may(session: AsyncSession, caller: Caller, territory: Territory) -> None:
    if not await _may_manage(session, caller, territory):
        raise Forbidden("Cet incident dépasse votre territoire : demandez à un agent de l’académie de l’ouvrir.")


async def open_incident(
    database: Database, clock: Clock, caller: Caller, *, topic: str, territory: Territory, title: str, text: str
) -> str:
    """Open an incident: its announcement, one request for all, and those who have just met it attached; return its id."""
    title, text = title.strip(), text.strip()
    if not 0 < len(title) <= MAX_TITLE or not 0 < len(text) <= MAX_TEXT:
        raise InvalidInput(
            f"Le titre compte au plus {MAX_TITLE} caractères, le texte {MAX_TEXT} : ni l’un ni l’autre n’est vide."
        )
    if territory[0] not in FLOORS or (territory[0] == Scope.TOUT) == bool(territory[1]):
        raise InvalidInput("Choisissez le territoire de l’incident.")
    now = clock.now()
    async with database.transaction() as session:
        known = (await read_all_topics(session, load_topics())).get(topic)
        if known is None or known.is_dialogue or known.is_urgent:
            raise InvalidInput("Choisissez le sujet de l’incident dans la liste.")
        await _check_may(session, caller, territory)
        if any(_incident(row) == Incident(topic, territory) for row in await _open_rows(session)):
            raise Conflict("Un incident est déjà ouvert sur ce sujet dans ce territoire.")
        row = IncidentRow(
            id=str(uuid.uuid4()), topic=topic, scope=territory[0], territory=territory[1], title=title, text=text,
            opened_by=caller.account.name, opened_at=now,
            announcement_id=rollout.publish_in(
                session, now, level="incident", title=title, text=text, territory=territory
            ),
        )  # fmt: skip
        session.add(row)
        await session.flush()
        row.ticket_number = await _request_for_all(session, now, row)
        await _attach_recent(session, now, row)
        details = {"topic": topic, "scope": territory[0], "territory": territory[1]}
        audit(session, now, caller.account.id, "incident_opened", "incident", row.id, **details)
        return row.id


async def _request_for_all(session: AsyncSession, now: datetime, row: IncidentRow) -> str:
    """Open the request that stands for everybody's; nobody in particular asked it."""
    person = Person(id=str(uuid.uuid4()), created_at=now)
    session.add(person)
    await session.flush()
    uai = row.territory if row.scope == Scope.ETABLISSEMENT else None
    group, level = await group_for(session, topic=row.topic, profile=None, uai=uai)
    ticket = Ticket(
        message_id=str(uuid.uuid4()), person_id=person.id, uai=uai, school=row.territory or "Tous les établissements",
        school_checked=True, topic=row.topic, level=level, group_id=group.id if group else None, state=NEW, since=now,
        priority="haute", problem=f"Incident : {row.title}\n\n{row.text}", context={}, opened_at=now, updated_at=now,
    )  # fmt: skip
    await handling.register(session, ticket, author=row.opened_by)
    return ticket.number


async def _attach_recent(session: AsyncSession, now: datetime, row: IncidentRow) -> None:
    """Attach those who asked about it in the last WINDOW, and their requests."""
    here = (row.scope, row.territory)
    met = await _met(session, Message.at > now - WINDOW, [row.topic], Conversation.id)
    persons = {
        conversation: person for person, _, _, school, conversation in met if here in (*chain_of(school), EVERYWHERE)
    }  # fmt: skip
    # Nobody can be attached to it yet.
    session.add_all(
        IncidentPerson(incident_id=row.id, conversation_id=conversation, person_id=person, at=now)
        for conversation, person in persons.items()
    )
    await session.flush()
    attached = sa.select(IncidentPerson.conversation_id).where(IncidentPerson.incident_id == row.id)
    await session.execute(
        sa.update(Ticket)
        .where(
            Ticket.conversation_id.in_(attached), Ticket.topic == row.topic, Ticket.state.in_(OPEN_STATES),
            Ticket.opened_at > now - WINDOW,
        )
        .values(incident_id=row.id)
        .execution_options(synchronize_session=False)
    )  # fmt: skip


async def close_incident(database: Database, clock: Clock, caller: Caller, incident_id: str, text: str) -> None:
    """End an incident: no banner, no answer of its own any more; those attached are told by `tell_ended`."""
    text = text.strip()
    if len(text) > MAX_TEXT:
        raise InvalidInput(f"Le texte compte au plus {MAX_TEXT} caractères.")
    now = clock.now()
    async with database.transaction() as session:
        row = await _find(session, caller, incident_id)
        if row.closed_at is not None:
            raise Conflict("Cet incident est déjà terminé.")
        row.closed_at, row.end_text = now, text
        if row.announcement_id:
            await rollout.withdraw_in(session, now, row.announcement_id)
        parent = await session.scalar(sa.select(Ticket).where(Ticket.number == row.ticket_number))
        if parent is not None:
            await handling.resolve_for_all(session, now, parent, text or "Incident terminé")
        audit(session, now, caller.account.id, "incident_closed", "incident", row.id)


async def _find(session: AsyncSession, caller: Caller, incident_id: str) -> IncidentRow:
    row = await session.get(IncidentRow, incident_id, with_for_update=True)
    if row is None:
        raise NotFound("Cet incident n’existe pas.")
    await _check_may(session, caller, (row.scope, row.territory))
    return row


async def attach_request(database: Database, clock: Clock, caller: Caller, number: str, incident_id: str) -> None:
    """Attach a request to an open incident, or detach it when `incident_id` is empty."""
    now = clock.now()
    async with database.transaction() as session:
        ticket = await handling.hold(session, caller, number)
        row = await session.get(IncidentRow, incident_id) if incident_id else None
        if incident_id and (row is None or row.closed_at is not None):
            raise InvalidInput("Choisissez un incident ouvert dans la liste.")
        if row is not None and row.ticket_number == ticket.number:
            raise InvalidInput("Cette demande est celle de l’incident : elle n’a pas à lui être rattachée.")
        if ticket.incident_id == (incident_id or None):
            return
        ticket.incident_id, ticket.updated_at = incident_id or None, now
        conversation = await session.get(Conversation, ticket.conversation_id) if ticket.conversation_id else None
        if row is not None and conversation is not None:
            await attach(session, now, row.id, conversation)
        data = {"text": row.title if row else "Détachée"}
        session.add(TicketEvent(ticket_id=ticket.id, kind=ATTACHED, author=caller.account.name, data=data, at=now))
        audit(session, now, caller.account.id, "ticket_handled", "ticket", ticket.number, gesture=ATTACHED)


async def list_outages(session: AsyncSession, caller: Caller) -> list[Outage]:
    """Return the incidents that `caller` may manage: the open ones, then the last that ended."""
    rows = (
        await session.scalars(
            sa.select(IncidentRow)
            .order_by(IncidentRow.closed_at.is_not(None), IncidentRow.opened_at.desc())
            .limit(_CLOSED_SHOWN)
        )
    ).all()
    return [
        await _outage(session, row) for row in rows if await _may_manage(session, caller, (row.scope, row.territory))
    ]


async def list_open(session: AsyncSession, caller: Caller) -> list[IncidentRow]:
    """Return the open incidents that `caller` may attach a request to."""
    rows = await _open_rows(session)
    return [row for row in rows if await _may_manage(session, caller, (row.scope, row.territory))]


async def read_outage(session: AsyncSession, caller: Caller, incident_id: str) -> tuple[Outage, list[Ticket]]:
    """Return an incident and the requests attached to it, newest first."""
    row = await session.get(IncidentRow, incident_id)
    if row is None:
        raise NotFound("Cet incident n’existe pas.")
    await _check_may(session, caller, (row.scope, row.territory))
    tickets = await session.scalars(
        sa.select(Ticket).where(Ticket.incident_id == row.id).order_by(Ticket.id.desc()).limit(200)
    )
    return await _outage(session, row), list(tickets.all())


async def _outage(session: AsyncSession, row: IncidentRow) -> Outage:
    persons, told = (
        await session.execute(
            sa.select(sa.func.count(), sa.func.count(IncidentPerson.told_at)).where(
                IncidentPerson.incident_id == row.id
            )
        )
    ).one()
    requests = await session.scalar(sa.select(sa.func.count()).select_from(Ticket).where(Ticket.incident_id == row.id))
    return Outage(row, persons, told, requests or 0)


async def propose(session: AsyncSession, caller: Caller, now: datetime) -> list[Proposal]:
    """Return the incidents to propose to `caller`: what is asked unusually often, within what he manages."""
    signals = await _signals(session, Message.at > now - WINDOW)
    counts: dict[str, set[str]] = {}
    for signal in signals:
        counts.setdefault(signal.topic, set()).add(signal.person)
    likely = {topic for topic, persons in counts.items() if len(persons) >= min(FLOORS.values())}
    if not likely:
        return []
    known = map(_incident, await _open_rows(session))
    usual = await _usual(session, likely, now)
    found = detect([signal for signal in signals if signal.topic in likely], now, usual=usual, known=known)
    return [proposal for proposal in found if await _may_manage(session, caller, proposal.incident.territory)]


async def _signals(session: AsyncSession, when: sa.ColumnElement[bool], topics: Iterable[str] = ()) -> list[Signal]:
    known = await read_all_topics(session, load_topics())
    rows = await _met(session, when, topics or {topic.id for topic in known.answerable if not topic.is_urgent})
    return [Signal(person, topic, at, chain_of(school)) for person, topic, at, school in rows]


async def _met(session: AsyncSession, when: sa.ColumnElement[bool], topics: Iterable[str], *more: sa.ColumnElement
               ) -> Sequence[sa.Row]:  # fmt: skip
    """Return who met these topics, with the topic, the instant, the school, and `more`."""
    rows = await session.execute(
        sa.select(Conversation.person_id, Result.topic, Message.at, School, *more)
        .join(Message, Message.id == Result.message_id)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .outerjoin(School, School.uai == Conversation.uai)
        .where(when, Result.outcome.in_(_MET), Result.topic.in_(sorted(topics)))
    )
    return rows.all()


async def _usual(session: AsyncSession, topics: set[str], now: datetime) -> Usual:
    """Return how many people, on average, meet these topics in a WINDOW at this hour of the day."""
    hour = now.astimezone(PARIS).replace(minute=0, second=0, microsecond=0)
    hours = [hour - timedelta(days=days) for days in range(1, USUAL_DAYS + 1)]
    within = sa.or_(*(sa.and_(Message.at >= start, Message.at < start + timedelta(hours=1)) for start in hours))
    met: set[tuple[str, Territory, str, datetime]] = set()
    for signal in await _signals(session, within, topics):
        half = signal.at.replace(minute=signal.at.minute // 30 * 30, second=0, microsecond=0)
        met.update((signal.topic, place, signal.person, half) for place in (*signal.chain, EVERYWHERE))
    usual: dict[tuple[str, Territory, int], float] = {}
    windows = USUAL_DAYS * (timedelta(hours=1) / WINDOW)
    for topic, place, _, _ in met:
        usual[topic, place, hour.hour] = usual.get((topic, place, hour.hour), 0.0) + 1 / windows
    return usual
