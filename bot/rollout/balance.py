"""Closing a wave: what it was is frozen by reference, its balance is written, the next one may open. Undone within a day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import Clock
from bot.db import Database
from bot.errors import Conflict, InvalidField, NotFound
from bot.escalation.models import Ticket
from bot.knowledge.models import Article, ArticleVersion
from bot.learning.models import Utterance
from bot.learning.runs import read_in_use
from bot.people.audit import audit
from bot.people.sign_in import Caller
from bot.rollout.figures import count_by, count_worries, handle_times, while_in
from bot.rollout.models import Question, Wave, WaveArticle, WaveBalance, WaveSchool
from bot.rollout.questions import UNANSWERED
from bot.rollout.rules import CLOSED, OPEN, PILOT, PLANNED, Stage, advance, undo_closing
from bot.rollout.sheets import (
    NO_TOPIC,
    Count,
    Sheet,
    changed_sheet,
    count_sheet,
    delays_sheet,
    first_sheet,
    satisfaction_sheet,
    tally_sheet,
    worries_sheet,
    worry_label,
)
from bot.rollout.waves import check_reach, find_wave, put_stage, stage_of
from bot.topics import PROFILE_NAMES

# Topics by which a resource or a service that the school does not have is asked for.
ABSENT_TOPICS = ("ressources_numeriques", "admin_services")


@dataclass(frozen=True)
class Balance:
    """A wave's figures: those written when it was closed, or, while it is open, what they would be."""

    wave: Wave
    at: datetime
    author: str
    model: str | None
    schools: int
    articles: int
    sheets: tuple[Sheet, ...]
    written: bool


@dataclass(frozen=True)
class _Span:
    """The wave's time, and as long before its opening."""

    wave_id: int
    before: datetime
    opened: datetime
    now: datetime

    def asked(self) -> list[sa.ColumnElement[bool]]:
        """What the wave's schools asked while they were in it."""
        return [
            Question.at >= self.opened, Question.at < self.now, while_in(self.wave_id, Question.uai, Question.at)
        ]  # fmt: skip

    def schools(self) -> sa.ColumnElement[bool]:
        """What the schools of today asked, whenever."""
        now = sa.select(WaveSchool.uai).where(WaveSchool.wave_id == self.wave_id, WaveSchool.until.is_(None))
        return Question.uai.in_(now)

    def requests(self) -> list[sa.ColumnElement[bool]]:
        """What they asked people."""
        return [
            Ticket.opened_at >= self.opened, Ticket.opened_at < self.now,
            while_in(self.wave_id, Ticket.uai, Ticket.opened_at),
        ]  # fmt: skip


# --- reading ----------------------------------------------------------------------------------


async def read_balance(session: AsyncSession, caller: Caller, wave_id: int, now: datetime, titles: Mapping[str, str]
                       ) -> Balance:  # fmt: skip
    """Return the balance of a closed wave as it was written, of an open one as it would be; NotFound before it opens."""
    wave = await find_wave(session, wave_id)
    await check_reach(session, caller.grants, wave_id)
    if wave.opened_at is None:
        raise NotFound("Cette vague n’est pas encore ouverte : elle n’a pas de bilan.")
    row = await session.get(WaveBalance, wave_id)
    if row is not None:
        frozen = await session.scalar(
            sa.select(sa.func.count()).select_from(WaveArticle).where(WaveArticle.wave_id == wave_id)
        )
        sheets = tuple(Sheet.from_json(sheet) for sheet in row.sheets)
        return Balance(wave, row.at, row.author, row.model, row.schools, frozen or 0, sheets, written=True)
    articles = await session.scalar(sa.select(sa.func.count()).select_from(Article))
    return Balance(
        wave, now, "", await _model(session), await _count_schools(session, wave_id), articles or 0,
        tuple(await _sheets(session, wave, now, titles)), written=False,
    )  # fmt: skip


async def _count_schools(session: AsyncSession, wave_id: int) -> int:
    return (
        await session.scalar(
            sa.select(sa.func.count())
            .select_from(WaveSchool)
            .where(WaveSchool.wave_id == wave_id, WaveSchool.until.is_(None))
        )
        or 0
    )


async def _model(session: AsyncSession) -> str | None:
    """Return the name of the model in service; None before one was ever put in service."""
    in_use = await read_in_use(session)
    return in_use[0][1] if in_use else None


async def list_next(session: AsyncSession, wave_id: int) -> list[Wave]:
    """Return the waves that may be opened when this one is closed."""
    waves = await session.scalars(
        sa.select(Wave).where(Wave.state.in_((PLANNED, PILOT)), Wave.id != wave_id).order_by(Wave.starts_on, Wave.id)
    )
    return list(waves.all())


# --- closing, undoing -------------------------------------------------------------------------


async def close_wave(
    database: Database,
    clock: Clock,
    caller: Caller,
    wave_id: int,
    titles: Mapping[str, str],
    *,
    then: int | None = None,
) -> None:
    """Close a wave: freeze knowledge and model by reference, write the balance, open the wave `then` if one is named."""
    now = clock.now()
    # Counted before the transaction: nobody waits for it to write.
    async with database.reading() as session:
        balance = await read_balance(session, caller, wave_id, now, titles)
    async with database.transaction() as session:
        wave = await find_wave(session, wave_id, to_write=True)
        await check_reach(session, caller.grants, wave_id)
        put_stage(wave, advance(stage_of(wave), CLOSED, now))
        opened, opened_from = await _open_next(session, caller, then, now)
        session.add(
            WaveBalance(
                wave_id=wave_id, at=now, author=caller.account.name, model=balance.model, schools=balance.schools,
                sheets=[sheet.to_json() for sheet in balance.sheets], opened_id=opened.id if opened else None,
                opened_from=opened_from,
            )
        )  # fmt: skip
        versions = (await session.execute(sa.select(Article.topic, Article.version))).all()
        session.add_all(WaveArticle(wave_id=wave_id, topic=topic, version=version) for topic, version in versions)
        audit(
            session, now, caller.account.id, "wave_closed", "wave", wave_id, name=wave.name,
            opened=opened.name if opened else "",
        )  # fmt: skip


async def _open_next(session: AsyncSession, caller: Caller, then: int | None, now: datetime
                     ) -> tuple[Wave | None, str | None]:  # fmt: skip
    if then is None:
        return None, None
    wave = await session.get(Wave, then, with_for_update=True)
    if wave is None or wave.state not in (PLANNED, PILOT):
        raise InvalidField("then", "Choisissez une vague prévue ou pilote.")
    await check_reach(session, caller.grants, then)
    was = wave.state
    put_stage(wave, advance(stage_of(wave), OPEN, now))
    return wave, was


async def undo(database: Database, clock: Clock, caller: Caller, wave_id: int) -> None:
    """Take a closing of less than a day back: the wave is open, its balance gone, the wave that it opened as it was."""
    now = clock.now()
    async with database.transaction() as session:
        wave = await find_wave(session, wave_id, to_write=True)
        await check_reach(session, caller.grants, wave_id)
        put_stage(wave, undo_closing(stage_of(wave), now))
        row = await session.get(WaveBalance, wave_id)
        following = await session.get(Wave, row.opened_id or 0, with_for_update=True) if row else None
        if following is not None:
            if following.state == CLOSED:
                raise Conflict(f"La vague « {following.name} », ouverte par cette clôture, est close à son tour.")
            # Moved by hand since, it stays where it was put.
            if following.state == OPEN and following.opened_at == row.at:
                put_stage(following, Stage(row.opened_from))
        await session.execute(sa.delete(WaveArticle).where(WaveArticle.wave_id == wave_id))
        await session.execute(sa.delete(WaveBalance).where(WaveBalance.wave_id == wave_id))
        audit(session, now, caller.account.id, "wave_closing_undone", "wave", wave_id, name=wave.name)


# --- the balance ------------------------------------------------------------------------------


async def _sheets(session: AsyncSession, wave: Wave, now: datetime, titles: Mapping[str, str]) -> list[Sheet]:
    span = _Span(wave.id, wave.opened_at - (now - wave.opened_at), wave.opened_at, now)

    def topic(key: str | None) -> str:
        return NO_TOPIC if not key else titles.get(key, key)

    def profile(key: str | None) -> str:
        return PROFILE_NAMES.get(key or "", "Profil inconnu")

    def both(key: str | None) -> str:
        first, _, second = (key or "").partition("|")
        return f"{topic(first)} – {profile(second)}"

    total = await count_by(session, None, span.asked(), now)
    pair = sa.func.coalesce(Question.topic, "").concat("|").concat(sa.func.coalesce(Question.profile, ""))
    handled = await handle_times(session, span.requests())
    unit = "heures ouvrées" if handled.in_working_time else "heures écoulées"
    return [
        count_sheet("ensemble", "Ensemble", "Vague", [Count(wave.name) + one for one in total], lambda key: key or ""),
        count_sheet(
            "sujets", "Questions par sujet", "Sujet", await count_by(session, Question.topic, span.asked(), now), topic
        ),
        count_sheet(
            "profils", "Questions par profil", "Profil", await count_by(session, Question.profile, span.asked(), now),
            profile,
        ),
        tally_sheet(
            "sujets-profils", "Questions par sujet et profil", ("Sujet et profil", "Questions"),
            await count_by(session, pair, span.asked(), now), both,
        ),
        tally_sheet(
            "niveaux", "Demandes confiées à une personne, par niveau", ("Niveau", "Demandes"),
            await _by_level(session, span), lambda key: f"Niveau {key}",
        ),
        delays_sheet(handled.hours, handled.levels, unit),
        satisfaction_sheet(total[0] if total else Count(None), handled.rated),
        await _new(session, span, topic),
        await _changed(session, span, now, topic),
        await _absent(session, span, topic),
        worries_sheet(
            await count_worries(
                session, [span.schools(), Question.at >= span.before, Question.at < span.opened]
            ),
            await count_worries(session, span.asked()),
            lambda key: worry_label(key, PROFILE_NAMES),
        ),
    ]  # fmt: skip


async def _by_level(session: AsyncSession, span: _Span) -> list[Count]:
    rows = await session.execute(
        sa.select(Ticket.level, sa.func.count(Ticket.person_id.distinct()), sa.func.count())
        .where(*span.requests())
        .group_by(Ticket.level)
    )
    return [Count(str(level), persons, asked) for level, persons, asked in rows.all()]


async def _new(session: AsyncSession, span: _Span, topic) -> Sheet:
    """What had never been asked by anybody, what phrases and articles came."""
    known = sa.select(Question.topic).where(Question.topic.is_not(None), Question.at < span.opened)
    first = await count_by(
        session, Question.topic, [*span.asked(), Question.topic.is_not(None), Question.topic.not_in(known)], span.now
    )
    phrases = dict(
        (
            await session.execute(
                sa.select(Utterance.topic, sa.func.count())
                .where(Utterance.at >= span.opened, Utterance.at < span.now, Utterance.withdrawn_at.is_(None))
                .group_by(Utterance.topic)
            )
        ).tuples().all()
    )  # fmt: skip
    articles = await session.scalars(
        sa.select(ArticleVersion.topic).where(
            ArticleVersion.number == 1, ArticleVersion.at >= span.opened, ArticleVersion.at < span.now
        )
    )
    return first_sheet(first, phrases, articles.all(), topic)


async def _changed(session: AsyncSession, span: _Span, now: datetime, topic) -> Sheet:
    """Which articles were written again, and the share solved on their topic before and after."""
    rows = (
        await session.execute(
            sa.select(ArticleVersion.topic, sa.func.count(), sa.func.min(ArticleVersion.at), sa.func.max(ArticleVersion.at))
            .where(ArticleVersion.number > 1, ArticleVersion.at >= span.opened, ArticleVersion.at < span.now)
            .group_by(ArticleVersion.topic)
        )
    ).all()  # fmt: skip
    changes = []
    for name, versions, first, last in rows:
        about = [span.schools(), Question.topic == name]
        sides = [
            await count_by(session, None, [*about, *when], now)
            for when in (
                (Question.at >= span.before, Question.at < first), (Question.at >= last, Question.at < span.now)
            )
        ]  # fmt: skip
        before, after = (side[0] if side else Count(None) for side in sides)
        changes.append((topic(name), versions, before, after))
    return changed_sheet(sorted(changes, key=lambda one: one[0].casefold()))


async def _absent(session: AsyncSession, span: _Span, topic) -> Sheet:
    """What was asked for and is not there: everything on the topics of resources, and what nobody could answer on the others."""
    missing = sa.or_(Question.verdict == UNANSWERED, Question.topic.in_(ABSENT_TOPICS))
    counts = await count_by(session, Question.topic, [*span.asked(), missing], span.now)
    return tally_sheet(
        "manques", "Ressources et services demandés qui manquent", ("Sujet", "Questions"), counts, topic,
        note="Toutes les questions sur les ressources et les services, et celles qui sont restées sans réponse sur le reste.",
    )  # fmt: skip
