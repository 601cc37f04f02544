"""Canned answers: texts that a group keeps for the questions that come back, with what each request fills in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import Clock
from bot.db import Database
from bot.errors import Conflict, Forbidden, InvalidField, NotFound
from bot.escalation.desk import AGENT_OF
from bot.escalation.models import CannedAnswer, Group, Ticket
from bot.knowledge.article import load_variables
from bot.knowledge.service import read_all_topics
from bot.people.audit import audit
from bot.people.rules import Permission
from bot.people.sign_in import Caller
from bot.topics import Topics, load_topics

MAX_TITLE, MAX_TEXT = 120, 4_000
PAGE = 50
# As many are offered on the page of a request: more would have to be searched, not chosen from.
OFFERED = 200

# What the request itself fills in, with an example; the knowledge base's variables come beside.
OWN_VARIABLES: Mapping[str, tuple[str, str]] = {
    "numero": ("Numéro de la demande", "26-00042-7"),
    "ecole": ("École ou établissement de la demande", "École Les Tilleuls"),
    "sujet": ("Sujet de la demande", "Mot de passe oublié"),
    "signature": ("Votre nom, et votre groupe ou votre rôle", "Camille Exemple, équipe ENT"),
}

# What stands where a variable has no value; nothing that holds it is sent.
GAP = "[à compléter :"

_VARIABLE = re.compile(r"\{([^{}\n]*)\}")
_BRACE = re.compile(r"[{}]")


@dataclass(frozen=True)
class Filled:
    """A text with its variables filled, and what those that have no value are called."""

    text: str
    gaps: tuple[str, ...]


@dataclass(frozen=True)
class Entry:
    """A canned answer as a form gives it; `group_id` is empty for everybody's, `topic` for any."""

    title: str
    text: str
    group_id: str = ""
    topic: str = ""


@dataclass(frozen=True)
class Kept:
    """A canned answer with its group (None: everybody's), and whether the caller may change it."""

    answer: CannedAnswer
    group: Group | None
    writable: bool


# --- the text ---------------------------------------------------------------------------------


def meaning_of(name: str) -> str:
    """Return what a variable is called by those who write."""
    return OWN_VARIABLES[name][0] if name in OWN_VARIABLES else load_variables()[name]["sens"]


def list_variables() -> dict[str, tuple[str, str]]:
    """Return every variable: its name, what it is called, an example."""
    return {**OWN_VARIABLES, **{name: (one["sens"], one["exemple"]) for name, one in load_variables().items()}}


def fill(text: str, values: Mapping[str, str]) -> Filled:
    """Fill the variables of a text; one without a value leaves a mark that says what to write there."""
    gaps: dict[str, None] = {}

    def value_of(match: re.Match[str]) -> str:
        name = match[1]
        value = values.get(name, "").strip() or load_variables().get(name, {}).get("generique", "")
        if value:
            return value
        # A variable that was taken off the list since is a gap too.
        called = meaning_of(name) if name in OWN_VARIABLES or name in load_variables() else name
        gaps[called] = None
        return f"{GAP} {called}]"

    return Filled(_VARIABLE.sub(value_of, text), tuple(gaps))


def values_of(ticket: Ticket, *, local: Mapping[str, str], title: str | None, signature: str) -> dict[str, str]:
    """Return what fills an answer to a request: `local` are the knowledge base's values at its school, `title` its topic's."""
    known = {name: local[name] for name in load_variables() if name in local}
    return {
        **known,
        "numero": ticket.number or "",
        "ecole": ticket.school,
        "sujet": title or "",
        "signature": signature,
    }


def examples() -> dict[str, str]:
    """Return an example of every variable."""
    return {name: example for name, (_, example) in list_variables().items()}


def check_entry(entry: Entry, topics: Topics) -> Entry:
    """Return the entry as it may be kept, its topic and variables known; InvalidField says what to change."""
    title, text = " ".join(entry.title.split()), entry.text.strip()
    if not 0 < len(title) <= MAX_TITLE:
        raise InvalidField("title", f"Donnez un titre, de {MAX_TITLE} caractères au plus.")
    if not 0 < len(text) <= MAX_TEXT:
        raise InvalidField("text", f"Écrivez le texte de la réponse, de {MAX_TEXT} caractères au plus.")
    unknown = sorted(set(_VARIABLE.findall(text)) - set(list_variables()))
    if unknown:
        named = ", ".join(f"{{{name[:40]}}}" for name in unknown[:5])
        raise InvalidField("text", f"Ces variables n’existent pas : {named}. La liste est sous le texte.")
    if _BRACE.search(_VARIABLE.sub("", text)):
        raise InvalidField("text", "Une accolade est seule : une variable s’écrit {numero}.")
    known = topics.get(entry.topic)
    if entry.topic and (known is None or known.is_dialogue):
        raise InvalidField("topic", "Choisissez le sujet dans la liste.")
    return Entry(title, text, entry.group_id, entry.topic)


# --- reading ----------------------------------------------------------------------------------


def may_write(caller: Caller, group: Group | None) -> bool:
    """Tell whether `caller` manages the answers of a group: its level's agents do, an administrator everybody's too."""
    if caller.may(Permission.CONFIGURE):
        return True
    return group is not None and any(grant.role == AGENT_OF[group.level] for grant in caller.grants)


async def list_answers(session: AsyncSession, caller: Caller, words: str = "", group_id: str = "", page: int = 1
                       ) -> tuple[list[Kept], bool]:  # fmt: skip
    """Return a page of the answers, by title, and whether another follows; `group_id` « tous » is everybody's."""
    query = _in_use().order_by(CannedAnswer.title, CannedAnswer.id)
    for word in words.split()[:8]:
        query = query.where(
            sa.or_(CannedAnswer.title.icontains(word, autoescape=True), CannedAnswer.text.icontains(word, autoescape=True))
        )  # fmt: skip
    if group_id:
        query = query.where(
            CannedAnswer.group_id.is_(None) if group_id == "tous" else CannedAnswer.group_id == group_id
        )
    rows = (await session.execute(query.limit(PAGE + 1).offset((page - 1) * PAGE))).all()
    return [Kept(answer, group, may_write(caller, group)) for answer, group in rows[:PAGE]], len(rows) > PAGE


def _in_use() -> sa.Select:
    return (
        sa.select(CannedAnswer, Group)
        .outerjoin(Group, Group.id == CannedAnswer.group_id)
        .where(CannedAnswer.removed_at.is_(None))
    )


async def read_answer(session: AsyncSession, caller: Caller, answer_id: int) -> Kept:
    """Return an answer; NotFound."""
    row = (await session.execute(_in_use().where(CannedAnswer.id == answer_id))).first()
    if row is None:
        raise NotFound("Cette réponse type n’existe pas, ou a été retirée.")
    return Kept(row[0], row[1], may_write(caller, row[1]))


async def list_for(session: AsyncSession, ticket: Ticket) -> list[CannedAnswer]:
    """Return the answers to offer for a request, its group's and everybody's: those on its topic first."""
    of_it = sa.case((CannedAnswer.topic == ticket.topic, 0), (CannedAnswer.topic.is_(None), 1), else_=2)
    query = _for(ticket).order_by(of_it, CannedAnswer.title, CannedAnswer.id).limit(OFFERED)
    return list((await session.scalars(query)).all())


async def pick(session: AsyncSession, ticket: Ticket, answer_id: int) -> CannedAnswer:
    """Return an answer that is offered for a request; InvalidField when it is not."""
    answer = await session.scalar(_for(ticket).where(CannedAnswer.id == answer_id))
    if answer is None:
        raise InvalidField("canned", "Choisissez une réponse type dans la liste.")
    return answer


def _for(ticket: Ticket) -> sa.Select:
    everybody = CannedAnswer.group_id.is_(None)
    return sa.select(CannedAnswer).where(
        CannedAnswer.removed_at.is_(None), sa.or_(everybody, CannedAnswer.group_id == ticket.group_id)
    )


# --- gestures ---------------------------------------------------------------------------------


async def add_answer(database: Database, clock: Clock, caller: Caller, entry: Entry) -> int:
    """Add an answer and return its id."""
    async with database.transaction() as session:
        entry = check_entry(entry, await read_all_topics(session, load_topics()))
        await _check_group(session, caller, entry)
        answer = CannedAnswer(version=1, author=caller.account.name, updated_at=clock.now())
        _put(answer, entry)
        session.add(answer)
        await session.flush()
        audit(session, clock.now(), caller.account.id, "canned_added", "canned", answer.id, name=entry.title)
        return answer.id


async def change_answer(
    database: Database, clock: Clock, caller: Caller, answer_id: int, entry: Entry, seen: int
) -> None:
    """Change an answer; Conflict when it is no longer the version that was `seen`."""
    async with database.transaction() as session:
        entry = check_entry(entry, await read_all_topics(session, load_topics()))
        answer = await _hold(session, caller, answer_id)
        if answer.removed_at is not None:
            raise NotFound("Cette réponse type a été retirée.")
        if answer.version != seen:
            raise Conflict(
                f"{answer.author} a modifié cette réponse pendant que vous écriviez. Comparez avec son texte, plus bas, puis enregistrez de nouveau."
            )
        await _check_group(session, caller, entry)
        before = answer.title
        _put(answer, entry)
        answer.version, answer.author, answer.updated_at = answer.version + 1, caller.account.name, clock.now()
        audit(
            session, clock.now(), caller.account.id, "canned_changed", "canned", answer.id, before=before,
            after=entry.title,
        )  # fmt: skip


async def remove_answer(
    database: Database, clock: Clock, caller: Caller, answer_id: int, *, back: bool = False
) -> None:
    """Take an answer away, or put it `back`."""
    async with database.transaction() as session:
        answer = await _hold(session, caller, answer_id)
        if (answer.removed_at is None) == back:
            return
        answer.removed_at = None if back else clock.now()
        action = "canned_restored" if back else "canned_removed"
        audit(session, clock.now(), caller.account.id, action, "canned", answer.id, name=answer.title)


async def _hold(session: AsyncSession, caller: Caller, answer_id: int) -> CannedAnswer:
    answer = await session.get(CannedAnswer, answer_id, with_for_update=True)
    if answer is None:
        raise NotFound("Cette réponse type n’existe pas.")
    if not may_write(caller, await session.get(Group, answer.group_id) if answer.group_id else None):
        raise Forbidden("Cette réponse type est à un autre groupe : ses agents, ou un administrateur, la modifient.")
    return answer


async def _check_group(session: AsyncSession, caller: Caller, entry: Entry) -> None:
    group = await session.get(Group, entry.group_id) if entry.group_id else None
    if (entry.group_id and group is None) or not may_write(caller, group):
        raise InvalidField("group", "Choisissez dans la liste qui emploie cette réponse.")


def _put(answer: CannedAnswer, entry: Entry) -> None:
    answer.title, answer.text = entry.title, entry.text
    answer.group_id, answer.topic = entry.group_id or None, entry.topic or None


def writable_groups(caller: Caller, groups: Iterable[Group]) -> dict[str, str]:
    """Return whose answers `caller` manages, by what names them in a form."""
    everybody = {"": "Tout le monde"} if may_write(caller, None) else {}
    return {**everybody, **{group.id: group.name for group in groups if may_write(caller, group)}}
