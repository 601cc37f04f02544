"""What is decided of an exchange without asking anybody: delays, marks, words, states. Pure."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.escalation import states
from bot.escalation.models import Ticket
from bot.escalation.states import Kind
from bot.privacy.names import mask_names
from bot.topics import PROFILE_NAMES, Topics

# The steps of an exchange.
CREATE, COMMENT, STATE = "creation", "commentaire", "etat"
STEP_NAMES = {CREATE: "la demande", COMMENT: "un message", STATE: "un changement d’état"}
# Where a step is: to be sent, sent, or given up until somebody sends it again.
WAITING, SENT, DEAD = "a_envoyer", "envoye", "abandonne"
# What a tool's request can be; every tool has more names for it than this.
OPEN, RESOLVED, CLOSED = "ouvert", "resolu", "clos"

TOOL_NAMES = {"webhook": "adresse d’échange", "redmine": "Redmine", "email": "courriel", "glpi_v1": "GLPI", "glpi_v2": "GLPI",
              "zammad": "Zammad"}  # fmt: skip

# A call that was given up may still be served by the other side: the first retry waits much longer than a call.
_FIRST_RETRY = timedelta(minutes=1)
# A tool that comes back must have what it missed within a quarter of an hour.
_LONGEST_RETRY = timedelta(minutes=10)
# About sixteen hours with the delays above: a night out is caught up by itself, a weekend asks for somebody to look.
MAX_ATTEMPTS = 100

MAX_TEXT = 5_000
_CUT = "\n\n[Suite coupée : le texte entier est dans l’outil de l’équipe.]"

_MARK = re.compile(r"^\[AssistENT ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\]$")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_BREAK = re.compile(r"<br\s*/?>|</(?:p|div|li|h[1-6]|tr|blockquote)>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")


@dataclass(frozen=True)
class Outgoing:
    """A request as another tool receives it: what the person agreed to send, and no contact of theirs."""

    number: str
    title: str
    text: str
    fields: dict[str, str | int | None]


def retry_at(now: datetime, attempts: int) -> datetime:
    """Return when to try again after `attempts` failures."""
    return now + min(_FIRST_RETRY * 2 ** min(attempts - 1, 10), _LONGEST_RETRY)


def describe(ticket: Ticket, topics: Topics) -> Outgoing:
    """Return what leaves of a request: no name of a person, as far as the rules know one."""
    problem, page = (mask_names(text, keep=[ticket.school]) for text in (ticket.problem, ticket.page))
    topic = topics.get(ticket.topic)
    profile = PROFILE_NAMES.get(ticket.profile or "", "")
    school = ticket.school + ("" if ticket.school_checked else " (à vérifier)")
    lines = [
        ("Demande", ticket.number),
        ("Suite de la demande", ticket.follows.number if ticket.follows_id else ""), ("École", " ".join(filter(None, (school, ticket.uai)))), ("Profil", profile),
        ("Sujet", topic.meaning if topic else ""), ("Page de l’ENT", page), ("Navigateur", ticket.browser),
    ]  # fmt: skip
    head = "\n".join(f"{name} : {value}" for name, value in lines if value)
    return Outgoing(
        number=ticket.number or "",
        title=f"Demande {ticket.number} – {ticket.school}"[:200],
        text=f"{head}\n\n{problem}",
        fields={
            "number": ticket.number, "level": ticket.level, "profile": ticket.profile, "uai": ticket.uai,
            "school": ticket.school, "topic": ticket.topic, "page": page, "browser": ticket.browser,
            "problem": problem,
        },
    )  # fmt: skip


def comment_of(kind: Kind, text: str) -> str:
    """Return what a tool is told of a gesture; empty when there is nothing to tell."""
    if not text:
        return ""
    said_by = {Kind.ANSWER: "Précision de la personne", Kind.ESCALATE: "Escaladée au niveau 3",
               Kind.GIVE_BACK: "Rendue au niveau 2", Kind.JOIN: "La personne ajoute",
               Kind.MERGE: "Fusionnée avec la demande"}.get(kind, "Réponse envoyée à la personne")  # fmt: skip
    return f"{said_by} :\n{text}"


def state_after(kind: Kind) -> str | None:
    """Return the state that a gesture gives to the request in the other tools, None when it keeps the one it has."""
    return {Kind.RESOLVE: RESOLVED, Kind.CLOSE: CLOSED, Kind.REOPEN: OPEN, Kind.MERGE: CLOSED, Kind.UNMERGE: OPEN}.get(
        kind
    )


def gesture_for(remote_state: str, state: str) -> Kind | None:
    """Return what a tool's state does to a request in `state`.

    Closed there is resolved here: the person is asked whether all is well, and may reopen.
    """
    if remote_state == OPEN:
        return None if state in states.OPEN_STATES else Kind.REOPEN
    if state in states.OPEN_STATES:
        return Kind.RESOLVE
    return Kind.CLOSE if (remote_state, state) == (CLOSED, states.RESOLVED) else None


def mark(text: str, key: str) -> str:
    """Return a text with the line that says which step it is."""
    return f"{text}\n\n[AssistENT {key}]"


def marked_with(text: str) -> str | None:
    """Return the key of a text of ours, None of another's: a quotation of ours in the middle does not count."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    found = _MARK.match(lines[-1]) if lines else None
    return found[1] if found else None


def clean(text: str) -> str:
    """Return what came from a tool as it may be kept: no control character, and no longer than an answer may be."""
    text = _CONTROL.sub("", text.replace("\r\n", "\n")).strip()
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - len(_CUT)] + _CUT


def to_html(text: str) -> str:
    """Return a text for a tool that takes HTML."""
    return html.escape(text, quote=False).replace("\n", "<br>")


def from_html(text: str) -> str:
    """Return the words of what a tool wrote in HTML, which some escape once more on the way out."""
    for _ in range(2):
        text = _TAG.sub("", _BREAK.sub("\n", html.unescape(text)))
    return html.unescape(text).replace("\xa0", " ").strip()
