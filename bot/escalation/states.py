"""The states of a request and what moves it from one to the other. Pure: instants are arguments.

    nouveau ──prise, réponse──▶ en_cours ◀──précision, réponse── en_attente (de l’usager)
       ▲                          │  └───────────question──────────▲
       └──remise dans la file─────┘
    nouveau, en_cours, en_attente ──▶ resolu ──▶ clos, or at once ──▶ clos
    resolu, clos ──réouverture, within REOPEN_DAYS──▶ nouveau or en_cours
    nouveau, en_cours, en_attente ──fusion──▶ clos ──séparation, while the main one is open──▶ nouveau or en_cours

« Escaladé » is no state: it is level 3. Whatever changes the level puts the request at « nouveau » there. « Fusionnée » is
none either: the request is closed, and follows another, its main one; it may be reopened by itself once that is finished.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from bot.errors import AssistentError, Conflict, Forbidden, InvalidInput
from bot.people.rules import Role

NEW = "nouveau"
IN_PROGRESS = "en_cours"
WAITING = "en_attente"
RESOLVED = "resolu"
CLOSED = "clos"
OPEN_STATES = (NEW, IN_PROGRESS, WAITING)
STATES = (*OPEN_STATES, RESOLVED, CLOSED)

ACADEMIE_LEVEL = 2
VENDOR_LEVEL = 3

# Who acts beside the accounts: the person who asked, and the software (outbox, incidents, deadlines).
PERSON = "usager"
SYSTEM = "systeme"

# Two weeks: what comes back after one weekend and one school week is the same problem, later it is a follow-up.
REOPEN_DAYS = 14


class Kind(StrEnum):
    """What can be done to a request; the value is the kind of the event that is kept."""

    TAKE = "pris"
    ASSIGN = "affecte"
    REPLY = "repondu"
    ASK = "question"
    ANSWER = "precise"
    RESOLVE = "resolu"
    CLOSE = "clos"
    REOPEN = "rouvert"
    ESCALATE = "escalade"
    GIVE_BACK = "rendu"
    JOIN = "joint"
    MERGE = "fusionne"
    UNMERGE = "separe"


@dataclass(frozen=True)
class Command:
    """One gesture: what, in which role, when, by whom (account or person); `assignee_id` None puts back in the queue.

    `main` is the state of the request that another is merged into.
    """

    kind: Kind
    role: str
    at: datetime
    by: str = ""
    reason: str = ""
    assignee_id: str | None = None
    main: str = NEW


@dataclass(frozen=True)
class TicketState:
    """What the rules know of a request.

    `since`, `answered_at` and `pauses` are about the request's present stage: a change of level and a reopening begin
    a new one, with deadlines of its own. A pause (from, to) is a time spent « en attente de l’usager »; the last one has
    no end while it lasts. `resolved_at` is when it was resolved, or closed without. `main` is the state of the request that
    it is merged into, None when there is none.
    """

    level: int
    since: datetime
    state: str = NEW
    assignee_id: str | None = None
    answered_at: datetime | None = None
    resolved_at: datetime | None = None
    pauses: tuple[tuple[datetime, datetime | None], ...] = ()
    main: str | None = None

    @property
    def followed(self) -> bool:
        """Tell whether it is dealt with as another, open one."""
        return self.main in OPEN_STATES


_AGENTS = frozenset({Role.AGENT_N2, Role.AGENT_N3})
# The référent answers and closes; nothing is assigned to him, for nothing waits for him.
_STAFF = _AGENTS | {Role.REFERENT, SYSTEM}
# An administrator reads no one's request; he may only hand on those of an account that leaves.
_WHO: dict[Kind, frozenset[str]] = {
    Kind.TAKE: _AGENTS,
    Kind.ASSIGN: _AGENTS | {Role.ADMINISTRATEUR, SYSTEM},
    Kind.REPLY: _STAFF,
    Kind.ASK: _STAFF,
    Kind.ANSWER: frozenset({PERSON}),
    Kind.RESOLVE: _STAFF,
    Kind.CLOSE: _STAFF | {PERSON},
    Kind.REOPEN: _STAFF | {PERSON},
    Kind.ESCALATE: frozenset({Role.AGENT_N2}),
    Kind.GIVE_BACK: frozenset({Role.AGENT_N3, SYSTEM}),
    Kind.JOIN: frozenset({PERSON}),
    Kind.MERGE: _AGENTS,
    # The software: when the main request is closed by the person who asked it, the others go on without it.
    Kind.UNMERGE: _AGENTS | {SYSTEM},
}
_FROM: dict[Kind, tuple[str, ...]] = {
    # A word more may follow the solution, from another tool as well: it reopens nothing.
    Kind.REPLY: (*OPEN_STATES, RESOLVED),
    Kind.CLOSE: (*OPEN_STATES, RESOLVED),
    Kind.REOPEN: (RESOLVED, CLOSED),
    Kind.UNMERGE: (),
}
# What may be done to a request while another is dealt with in its place.
_WHEN_FOLLOWED = (Kind.JOIN, Kind.CLOSE, Kind.UNMERGE)
_LEVEL_OF = {Role.AGENT_N2: ACADEMIE_LEVEL, Role.AGENT_N3: VENDOR_LEVEL}
# What only the agents of the request's own level do; level 2 follows what it escalated, and may still answer there.
_OWN_LEVEL = (Kind.TAKE, Kind.ASSIGN, Kind.ESCALATE, Kind.GIVE_BACK, Kind.MERGE)
_WITH_REASON = (Kind.ESCALATE, Kind.GIVE_BACK)


def apply(ticket: TicketState, command: Command) -> TicketState:
    """Return the request after `command`.

    Forbidden: nobody in this role ever may. InvalidInput: the reason is missing. Conflict: not in this state, at this
    level or so late.
    """
    refusal = _refusal(ticket, command)
    if refusal:
        raise refusal
    at = command.at
    match command.kind:
        case Kind.TAKE:
            state = WAITING if ticket.state == WAITING else IN_PROGRESS
            return replace(_enter(ticket, state, at), assignee_id=command.by)
        case Kind.ASSIGN if command.assignee_id is None:
            return replace(_enter(ticket, NEW, at), assignee_id=None)
        case Kind.ASSIGN:
            state = WAITING if ticket.state == WAITING else IN_PROGRESS
            return replace(_enter(ticket, state, at), assignee_id=command.assignee_id)
        case Kind.REPLY | Kind.ASK:
            return _answered(_worked_on(ticket, command), at)
        case Kind.JOIN if ticket.followed:
            return ticket
        case Kind.ANSWER | Kind.JOIN:
            return _enter(ticket, IN_PROGRESS if ticket.state == WAITING else ticket.state, at)
        case Kind.RESOLVE:
            return _answered(replace(_enter(ticket, RESOLVED, at), resolved_at=at), at)
        case Kind.CLOSE if ticket.followed:
            # The person wants no more of it: it follows nothing any longer.
            return replace(ticket, resolved_at=at, main=None)
        case Kind.CLOSE:
            return replace(_enter(ticket, CLOSED, at), resolved_at=ticket.resolved_at or at)
        case Kind.MERGE:
            return replace(_enter(ticket, CLOSED, at), resolved_at=at, main=command.main)
        case Kind.REOPEN | Kind.UNMERGE:
            state = IN_PROGRESS if ticket.assignee_id else NEW
            return TicketState(ticket.level, at, state, ticket.assignee_id)
        case Kind.ESCALATE:
            return TicketState(VENDOR_LEVEL, at)
        case Kind.GIVE_BACK:
            return TicketState(ACADEMIE_LEVEL, at)


def possible_commands(ticket: TicketState, role: str, by: str, at: datetime) -> tuple[Kind, ...]:
    """Return what `by`, in `role`, may do now: the buttons to show."""
    return tuple(kind for kind in Kind if _refusal(ticket, Command(kind, role, at, by, reason="…")) is None)


def reopen_until(ticket: TicketState) -> datetime | None:
    """Return until when a resolved or closed request may be reopened; afterwards a linked follow-up is opened."""
    return ticket.resolved_at + timedelta(days=REOPEN_DAYS) if ticket.resolved_at else None


def is_too_late(ticket: TicketState, at: datetime) -> bool:
    """Tell whether a finished request may no longer be reopened: what comes back is then a follow-up of it."""
    until = reopen_until(ticket)
    return until is not None and at > until and not ticket.followed and ticket.state in (RESOLVED, CLOSED)


def event_data(before: TicketState, command: Command, after: TicketState) -> dict[str, Any]:
    """Return what the history keeps of an accepted command, beside its kind, author and instant."""
    data: dict[str, Any] = {"state": after.state, "level": after.level, "role": str(command.role)}
    if command.reason.strip():
        data["reason"] = command.reason.strip()
    if after.assignee_id != before.assignee_id:
        data["assignee"] = after.assignee_id
    return data


def _refusal(ticket: TicketState, command: Command) -> AssistentError | None:
    if command.role not in _WHO[command.kind]:
        return Forbidden("Votre rôle ne permet pas cette action sur une demande.")
    if command.kind in _WITH_REASON and not command.reason.strip():
        return InvalidInput("Indiquez la raison : elle est lue par l’équipe qui reçoit la demande.")
    if ticket.followed:
        if command.kind not in _WHEN_FOLLOWED or (command.kind == Kind.CLOSE and command.role != PERSON):
            return Conflict(
                "Cette demande est fusionnée avec une autre, encore ouverte : c’est l’autre qu’il faut traiter."
            )
    elif ticket.state not in _FROM.get(command.kind, OPEN_STATES):
        return Conflict(_wrong_state(ticket, command.kind))
    if command.kind == Kind.MERGE and command.main not in OPEN_STATES:
        return Conflict("La demande principale n’est plus ouverte : choisissez-en une autre.")
    own_level = _LEVEL_OF.get(command.role, ticket.level)
    if own_level != ticket.level and (command.kind in _OWN_LEVEL or command.role == Role.AGENT_N3):
        return Conflict(f"Cette demande est maintenant au niveau {ticket.level} : c’est à lui d’agir.")
    # What the software gives back may have been given back by an agent a moment before.
    if command.kind == Kind.GIVE_BACK and ticket.level != VENDOR_LEVEL:
        return Conflict("Cette demande est déjà au niveau 2.")
    if command.kind == Kind.TAKE and ticket.assignee_id:
        mine = ticket.assignee_id == command.by
        return Conflict(
            "Vous avez déjà pris cette demande."
            if mine
            else "Une autre personne a déjà pris cette demande. Pour la reprendre, affectez-la à votre nom."
        )
    if command.kind == Kind.REOPEN and is_too_late(ticket, command.at):
        return Conflict(
            f"Le délai de {REOPEN_DAYS} jours pour rouvrir cette demande est passé : ouvrez une nouvelle demande, qui en sera la suite."
        )
    return None


def _wrong_state(ticket: TicketState, kind: Kind) -> str:
    if kind == Kind.REOPEN:
        return "Cette demande est déjà ouverte."
    if kind == Kind.UNMERGE:
        if ticket.main is None:
            return "Cette demande n’est fusionnée avec aucune autre."
        return "La demande principale est terminée : rouvrez celle-ci si elle n’est pas réglée."
    if ticket.state == CLOSED:
        return "Cette demande est déjà close." if kind == Kind.CLOSE else "Cette demande est close."
    if kind == Kind.RESOLVE:
        return "Cette demande est déjà résolue."
    return "Cette demande est résolue. Pour la reprendre, il faut d’abord la rouvrir."


def _worked_on(ticket: TicketState, command: Command) -> TicketState:
    """Answering takes a request for whoever works on it; a référent, or level 2 at level 3, leaves it as it is."""
    works = command.role == SYSTEM or _LEVEL_OF.get(command.role) == ticket.level
    if not works or ticket.state == RESOLVED:
        return ticket
    taken = ticket.assignee_id or (None if command.role == SYSTEM else command.by)
    state = WAITING if command.kind == Kind.ASK else IN_PROGRESS
    return replace(_enter(ticket, state, command.at), assignee_id=taken)


def _answered(ticket: TicketState, at: datetime) -> TicketState:
    return ticket if ticket.answered_at else replace(ticket, answered_at=at)


def _enter(ticket: TicketState, state: str, at: datetime) -> TicketState:
    """Change the state; entering « en attente » begins a pause, leaving it ends the pause."""
    pauses = ticket.pauses
    if ticket.state == WAITING != state:
        begun = pauses[-1][0]
        # Two processes' clocks may differ by a little: a pause never ends before it began.
        pauses = (*pauses[:-1], (begun, max(begun, at)))
    elif state == WAITING != ticket.state:
        pauses = (*pauses, (at, None))
    return replace(ticket, state=state, pauses=pauses)
