"""Use cases of the formateurs' inbox: what was not understood, by groups; given to a topic, discarded, struck out, undone."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from bot.clock import Clock
from bot.db import Database
from bot.dialogue.decision import OUT_OF_SCOPE
from bot.errors import Conflict, InvalidField, InvalidInput, NotFound
from bot.knowledge.service import read_all_topics
from bot.language.normalise import normalise
from bot.learning.collecting import KINDS, MAX_LINE, OPEN
from bot.learning.likeness import Neighbourhood, Warned, warn
from bot.learning.models import InboxGesture, InboxGroup, InboxLine, Utterance
from bot.learning.utterances import COMMON, HEARD, MAX_TEXT, add_utterance, in_use, withdraw_utterances
from bot.people.audit import audit
from bot.people.models import Account, Grant, School
from bot.people.rules import Permission, Scope, grants_for
from bot.people.service import covered
from bot.people.sign_in import Caller
from bot.rollout.models import WaveSchool
from bot.topics import load_topics

# What became of lines, and the kinds of gestures that make it so.
GIVEN, DISCARDED = "donnee", "ecartee"
GROUPS_PAGE, SENTENCES_PAGE, GESTURES_PAGE = 20, 50, 20
# What a formateur strikes out of a message.
STRUCK = "[masqué]"


@dataclass(frozen=True)
class InboxFilter:
    """Which messages are wanted; empty fields want all."""

    kind: str = ""
    profile: str = ""
    uai: str = ""
    wave: int | None = None


@dataclass(frozen=True)
class GroupShown:
    """A group as the list shows it: a message that stands for it, how many are alike, and why they came."""

    id: int
    face: str
    count: int
    kinds: dict[str, int]


@dataclass(frozen=True)
class Sentence:
    """What was said in the same words, once or more: the newest line of it, how many, why they came, and who speaks so."""

    line: InboxLine
    count: int
    kinds: dict[str, int]
    speaker: str


@dataclass(frozen=True)
class Weighed:
    """A sentence to be kept under a topic, and what is to be known first."""

    sentence: Sentence
    warned: Warned
    too_long: bool = False

    @property
    def may_be_kept(self) -> bool:
        """Tell whether it would become an utterance if one insists."""
        return not self.too_long and not self.warned.refused


@dataclass(frozen=True)
class Done:
    """A gesture that was made: how many messages it settled, and how many sentences it kept."""

    gesture: int
    lines: int
    kept: int


@dataclass(frozen=True)
class GestureShown:
    """A gesture of the list, and who made it."""

    row: InboxGesture
    author: str


@dataclass(frozen=True)
class Voices:
    """What is said already, in memory: the topic of each form of the files, and what a sentence is compared with.

    `neighbours` is empty until there is a model and it has been read.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    neighbours: tuple[Neighbourhood, ...] = ()


def seen_by(grants: Iterable[Grant]) -> sa.ColumnElement[bool]:
    """Return the condition under which these roles see a line: their territories, and nothing else."""
    held = grants_for(grants, Permission.WRITE_KNOWLEDGE)
    if any(grant.scope == Scope.TOUT for grant in held):
        return sa.true()
    place = InboxLine.uai.in_(sa.select(School.uai).where(covered(held)))
    if any(grant.scope == Scope.ACADEMIE for grant in held):
        # A person whose school is not known is in no territory: somebody has to read it all the same.
        place = sa.or_(place, InboxLine.uai.is_(None))
    return place


def _wanted(wanted: InboxFilter) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if wanted.kind:
        conditions.append(InboxLine.kind == wanted.kind)
    if wanted.profile:
        conditions.append(InboxLine.profile == wanted.profile)
    if wanted.uai:
        conditions.append(InboxLine.uai == wanted.uai)
    if wanted.wave is not None:
        schools = sa.select(WaveSchool.uai).where(WaveSchool.wave_id == wanted.wave, WaveSchool.until.is_(None))
        conditions.append(InboxLine.uai.in_(schools))
    return conditions


async def list_groups(
    session: AsyncSession, caller: Caller, wanted: InboxFilter, page: int = 1
) -> tuple[list[GroupShown], bool]:
    """Return a page of the groups that `caller` may see and wants, the most frequent first, and whether more follow."""
    # What costs the most to tell of a line comes last.
    conditions = [InboxLine.state == OPEN, *_wanted(wanted), seen_by(caller.grants)]
    # Read once, however many lines there are: by kind, then the page of the largest groups is taken of that.
    counted = (
        sa.select(InboxLine.group_id, InboxLine.kind, sa.func.count().label("lines"))
        .where(*conditions, InboxLine.group_id.is_not(None))
        .group_by(InboxLine.group_id, InboxLine.kind)
        .cte("counted")
    )
    size = sa.func.sum(counted.c.lines)
    listed = (
        sa.select(counted.c.group_id, size.label("size"))
        .group_by(counted.c.group_id)
        .order_by(size.desc(), counted.c.group_id.desc())
        .limit(GROUPS_PAGE + 1)
        .offset((page - 1) * GROUPS_PAGE)
        .cte("listed")
    )
    kinds: dict[int, dict[str, int]] = {}
    for group, kind, lines in await session.execute(
        sa.select(counted.c.group_id, counted.c.kind, counted.c.lines)
        .join(listed, listed.c.group_id == counted.c.group_id)
        .order_by(listed.c.size.desc(), listed.c.group_id.desc())
    ):
        kinds.setdefault(group, {})[kind] = lines
    ids = list(kinds)[:GROUPS_PAGE]
    faces = dict(
        (
            await session.execute(
                sa.select(InboxGroup.id, InboxLine.text)
                .join(InboxLine, InboxLine.id == InboxGroup.face_id)
                .where(InboxGroup.id.in_(ids), *conditions)
            )
        )
        .tuples()
        .all()
    )
    if left := [group for group in ids if group not in faces]:
        # The face was settled, erased, or is not for this caller: any other line of the group stands for it.
        newest = sa.select(sa.func.max(InboxLine.id)).where(InboxLine.group_id.in_(left), *conditions).group_by(InboxLine.group_id)  # fmt: skip
        others = await session.execute(sa.select(InboxLine.group_id, InboxLine.text).where(InboxLine.id.in_(newest)))
        faces.update(others.tuples().all())
    shown = [GroupShown(group, faces[group], sum(kinds[group].values()), _in_order(kinds[group])) for group in ids]
    return shown, len(kinds) > GROUPS_PAGE


def _in_order(kinds: Mapping[str, int]) -> dict[str, int]:
    return {kind: kinds[kind] for kind in KINDS if kind in kinds}


async def count_ungrouped(session: AsyncSession, caller: Caller) -> int:
    """Return how many messages wait to be grouped."""
    waiting = sa.select(sa.func.count()).select_from(InboxLine).where(InboxLine.state == OPEN, InboxLine.group_id.is_(None), seen_by(caller.grants))  # fmt: skip
    return await session.scalar(waiting) or 0


async def list_sentences(
    session: AsyncSession, caller: Caller, group: int, page: int = 1
) -> tuple[list[Sentence], bool]:
    """Return a page of what is said in a group, the most frequent first, and whether more follows.

    NotFound: there is no such group, or nothing of it is left that `caller` may see.
    """
    conditions = [InboxLine.group_id == group, InboxLine.state == OPEN, seen_by(caller.grants)]
    count = sa.func.count()
    rows = (
        await session.execute(
            sa.select(InboxLine.form, sa.func.max(InboxLine.id))
            .where(*conditions)
            .group_by(InboxLine.form)
            .order_by(count.desc(), InboxLine.form)
            .limit(SENTENCES_PAGE + 1)
            .offset((page - 1) * SENTENCES_PAGE)
        )
    ).all()
    if not rows and page == 1:
        raise NotFound("Ce groupe n’existe pas, ou tous ses messages ont été rangés.")
    newest = [row[1] for row in rows[:SENTENCES_PAGE]]
    return await find_sentences(session, caller.grants, newest), len(rows) > SENTENCES_PAGE


async def find_sentences(session: AsyncSession, grants: Iterable[Grant], lines: Sequence[int]) -> list[Sentence]:
    """Return, in this order, what is said by lines that stand each for their words: those still open that these roles see."""
    grants = list(grants)
    # Told the state, SQLite would read all that is open rather than these few.
    rows = await session.scalars(sa.select(InboxLine).where(InboxLine.id.in_(lines), seen_by(grants)))
    chosen = {line.id: line for line in rows if line.state == OPEN}
    groups = {line.group_id for line in chosen.values()}
    conditions = [InboxLine.group_id.in_(groups), InboxLine.state == OPEN, seen_by(grants)]
    forms = [line.form for line in chosen.values()]
    kinds: dict[str, dict[str, int]] = defaultdict(dict)
    for form, kind, number in await session.execute(
        sa.select(InboxLine.form, InboxLine.kind, sa.func.count())
        .where(InboxLine.form.in_(forms), *conditions)
        .group_by(InboxLine.form, InboxLine.kind)
    ):
        kinds[form][kind] = number
    speakers: dict[str, set[str | None]] = defaultdict(set)
    said_by = sa.select(InboxLine.form, InboxLine.profile).where(InboxLine.form.in_(forms), *conditions).distinct()
    for form, profile in await session.execute(said_by):
        speakers[form].add(profile)
    return [
        Sentence(
            line, sum(kinds[line.form].values()), _in_order(kinds[line.form]),
            next(iter(speakers[line.form])) or COMMON if len(speakers[line.form]) == 1 else COMMON,
        )
        for line in (chosen[identifier] for identifier in lines if identifier in chosen)
    ]  # fmt: skip


async def topic_choices(session: AsyncSession) -> dict[str, str]:
    """Return what each topic that messages may be given to means, by its id: those of the files, and those added."""
    topics = await read_all_topics(session, load_topics())
    return {topic.id: topic.meaning for topic in topics.answerable}


async def weigh(
    session: AsyncSession, caller: Caller, group: int, lines: Sequence[int], topic: str, voices: Voices
) -> list[Weighed]:
    """Return what is to be known before these sentences of a group are kept under a topic.

    InvalidField says what to choose; Conflict: somebody else settled them meanwhile.
    """
    if topic != OUT_OF_SCOPE and topic not in await topic_choices(session):
        raise InvalidField("topic", "Choisissez un sujet dans la liste.")
    chosen = await _chosen(session, caller, group, lines)
    kept = {utterance.form: utterance.topic for utterance in await session.scalars(in_use().where(Utterance.form.in_([one.line.form for one in chosen])))}  # fmt: skip
    compare = partial(warn, topic=topic, files=voices.files, kept=kept, neighbours=voices.neighbours)
    # Beside the loop: each comparison is with all that is said of everything.
    warned = await asyncio.to_thread(lambda: [compare(one.line.text) for one in chosen])
    return [Weighed(one, told, too_long=len(one.line.text) > MAX_TEXT) for one, told in zip(chosen, warned)]


async def _chosen(session: AsyncSession, caller: Caller, group: int, lines: Sequence[int]) -> list[Sentence]:
    if not lines:
        raise InvalidField("line", "Cochez au moins un message.")
    if len(lines) > SENTENCES_PAGE:
        raise InvalidField("line", f"Rangez {SENTENCES_PAGE} messages au plus à la fois.")
    chosen = [one for one in await find_sentences(session, caller.grants, lines) if one.line.group_id == group]
    if not chosen:
        raise Conflict("Ces messages ont été rangés par quelqu’un d’autre, ou effacés. Rien n’a été changé.")
    return chosen


async def give(
    database: Database, clock: Clock, caller: Caller, group: int, lines: Sequence[int], topic: str, voices: Voices
) -> Done:
    """Give sentences of a group to a topic, with all who said the same: those that may be kept become utterances."""
    now = clock.now()
    try:
        async with database.transaction() as session:
            # What is close was shown already; while others wait to write, only what is the same is looked for.
            weighed = await weigh(session, caller, group, lines, topic, replace(voices, neighbours=()))
            kept = [
                await _keep(session, now, caller.account.id, one.sentence, topic) for one in weighed if one.may_be_kept
            ]
            return await _settle(
                session, now, caller.account, group, [one.sentence for one in weighed], GIVEN, topic, kept
            )
    except IntegrityError as error:
        raise Conflict("Quelqu’un a gardé la même phrase au même moment. Recommencez.") from error


async def give_with_topic(
    session: AsyncSession, now: datetime, author_id: str, lines: Sequence[int], topic: str
) -> None:
    """Give messages to the topic that its author chose them for, as it is published; what was settled or erased since is left."""
    author = await session.scalar(
        sa.select(Account).where(Account.id == author_id).options(selectinload(Account.grants))
    )
    by_group: dict[int | None, list[Sentence]] = defaultdict(list)
    for one in await find_sentences(session, author.grants, lines):
        by_group[one.line.group_id].append(one)
    for group, sentences in by_group.items():
        kept = []
        for one in sentences:
            # Kept elsewhere meanwhile: the message is settled all the same, it is no longer one that nobody answers.
            with contextlib.suppress(InvalidField):
                kept.append(await _keep(session, now, author_id, one, topic))
        await _settle(session, now, author, group, sentences, GIVEN, topic, kept)


async def _keep(session: AsyncSession, now: datetime, author_id: str, sentence: Sentence, topic: str) -> int:
    utterance = await add_utterance(
        session, now, topic=topic, text=sentence.line.text, speaker=sentence.speaker, origin=HEARD, author_id=author_id,
        message_id=sentence.line.message_id,
    )  # fmt: skip
    return utterance.id


async def discard(database: Database, clock: Clock, caller: Caller, group: int, lines: Sequence[int]) -> Done:
    """Put sentences of a group aside, with all who said the same: nothing is learnt of them."""
    async with database.transaction() as session:
        chosen = await _chosen(session, caller, group, lines)
        return await _settle(session, clock.now(), caller.account, group, chosen, DISCARDED)


async def _settle(session: AsyncSession, now: datetime, account: Account, group: int | None, sentences: Sequence[Sentence],
                  kind: str, topic: str | None = None, utterances: Sequence[int] = ()) -> Done:  # fmt: skip
    gesture = InboxGesture(account_id=account.id, kind=kind, topic=topic, count=0, utterances=list(utterances), at=now)
    session.add(gesture)
    await session.flush()
    settled = await session.execute(
        sa.update(InboxLine)
        .where(
            InboxLine.group_id == group, InboxLine.state == OPEN, seen_by(account.grants),
            InboxLine.form.in_([sentence.line.form for sentence in sentences]),
        )
        .values(state=kind, gesture_id=gesture.id)
        .execution_options(synchronize_session=False)
    )  # fmt: skip
    gesture.count = settled.rowcount
    audit(
        session, now, account.id, "messages_settled", "inbox_gesture", gesture.id,
        gesture={GIVEN: "donner", DISCARDED: "écarter"}[kind], topic=topic or "", messages=settled.rowcount,
    )  # fmt: skip
    return Done(gesture.id, settled.rowcount, len(utterances))


async def is_left(session: AsyncSession, caller: Caller, group: int) -> bool:
    """Tell whether a group still has open messages for `caller`."""
    line = sa.select(InboxLine.id).where(InboxLine.group_id == group, InboxLine.state == OPEN, seen_by(caller.grants))
    return await session.scalar(line.limit(1)) is not None


# --- gestures ---------------------------------------------------------------------------------


def _made_by(caller: Caller) -> sa.ColumnElement[bool]:
    """Return the condition under which `caller` sees a gesture: his own, and all of them when he sees every territory."""
    everywhere = any(grant.scope == Scope.TOUT for grant in grants_for(caller.grants, Permission.WRITE_KNOWLEDGE))
    return sa.true() if everywhere else InboxGesture.account_id == caller.account.id


async def list_gestures(session: AsyncSession, caller: Caller, page: int = 1) -> tuple[list[GestureShown], bool]:
    """Return a page of the last gestures, newest first, and whether more follow."""
    rows = (
        await session.execute(
            sa.select(InboxGesture, Account.name)
            .outerjoin(Account, Account.id == InboxGesture.account_id)
            .where(_made_by(caller))
            .order_by(InboxGesture.id.desc())
            .limit(GESTURES_PAGE + 1)
            .offset((page - 1) * GESTURES_PAGE)
        )
    ).all()
    return [GestureShown(row, name or "") for row, name in rows[:GESTURES_PAGE]], len(rows) > GESTURES_PAGE


async def find_gesture(
    session: AsyncSession, caller: Caller, identifier: int, *, to_write: bool = False
) -> InboxGesture:
    """Return a gesture that `caller` may undo; NotFound when there is none."""
    query = sa.select(InboxGesture).where(InboxGesture.id == identifier, _made_by(caller))
    gesture = await session.scalar(query.with_for_update() if to_write else query)
    if gesture is None:
        raise NotFound("Ce geste n’existe pas, ou n’est pas à vous.")
    return gesture


async def undo(database: Database, clock: Clock, caller: Caller, identifier: int) -> None:
    """Undo a gesture: its messages wait again, what it kept is withdrawn. Conflict: it is undone already."""
    now = clock.now()
    async with database.transaction() as session:
        gesture = await find_gesture(session, caller, identifier, to_write=True)
        if gesture.undone_at is not None:
            raise Conflict("Ce geste est déjà annulé.")
        gesture.undone_at = now
        await withdraw_utterances(session, now, gesture.utterances)
        await session.execute(
            sa.update(InboxLine).where(InboxLine.gesture_id == identifier).values(state=OPEN, gesture_id=None)
        )
        audit(session, now, caller.account.id, "messages_back", "inbox_gesture", identifier, messages=gesture.count)


# --- striking out -----------------------------------------------------------------------------


async def find_line(session: AsyncSession, caller: Caller, identifier: int) -> InboxLine:
    """Return an open line that `caller` may see; NotFound when there is none."""
    line = await session.scalar(
        sa.select(InboxLine).where(InboxLine.id == identifier, InboxLine.state == OPEN, seen_by(caller.grants))
    )
    if line is None:
        raise NotFound("Ce message n’existe pas, ou a été rangé.")
    return line


async def strike(
    database: Database, clock: Clock, caller: Caller, identifier: int, text: str, places: Iterable[int]
) -> InboxLine:
    """Replace words of a message by a mark, for good: what they were is kept nowhere here. InvalidField says what to choose.

    `text` is the message as it was shown: Conflict when somebody changed it meanwhile.
    """
    async with database.transaction() as session:
        line = await find_line(session, caller, identifier)
        if line.text != text:
            raise Conflict("Ce message vient de changer. Relisez-le, puis choisissez de nouveau.")
        struck = strike_words(text, places)
        if struck == text:
            raise InvalidField("word", "Cochez les mots à masquer.")
        same = sa.update(InboxLine).where(
            InboxLine.group_id == line.group_id, InboxLine.text == text, InboxLine.state == OPEN, seen_by(caller.grants)
        ) if line.group_id else sa.update(InboxLine).where(InboxLine.id == line.id)  # fmt: skip
        values = {"text": struck, "form": normalise(struck)[:MAX_LINE]}
        done = await session.execute(same.values(**values).execution_options(synchronize_session=False))
        audit(session, clock.now(), caller.account.id, "message_struck", "inbox_line", line.id, messages=done.rowcount)
        return line


def strike_words(text: str, places: Iterable[int]) -> str:
    """Return `text` with a mark for the words at these places, one for several that follow each other."""
    chosen = set(places)
    kept: list[str] = []
    for place, word in enumerate(text.split()):
        if place not in chosen:
            kept.append(word)
        elif not kept or kept[-1] != STRUCK:
            kept.append(STRUCK)
    struck = " ".join(kept)
    if len(struck) > MAX_LINE:
        raise InvalidInput("Masquez des mots qui se suivent : le message deviendrait trop long.")
    return struck
