"""Tables of the announcements and of the waves."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from bot.db import Base, Instant

_BIG_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


class Announcement(Base):
    """Something shown at the top of the chat between two dates: an information, or a known incident."""

    __tablename__ = "announcements"

    id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    level: Mapped[str] = mapped_column(sa.String(10))
    title: Mapped[str] = mapped_column(sa.String(200))
    text: Mapped[str] = mapped_column(sa.Text)
    profiles: Mapped[list[str]] = mapped_column(sa.JSON, default=list)
    # Shown in one territory only, or everywhere.
    scope: Mapped[str | None] = mapped_column(sa.String(16))
    territory: Mapped[str | None] = mapped_column(sa.String(120))
    starts_at: Mapped[datetime] = mapped_column(Instant)
    ends_at: Mapped[datetime | None] = mapped_column(Instant)


class Wave(Base):
    """A wave of the deployment: schools that open together, between two dates."""

    __tablename__ = "waves"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(_BIG_ID, primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(120), unique=True)
    # prevue, pilote, ouverte, close (bot.rollout.rules).
    state: Mapped[str] = mapped_column(sa.String(8))
    starts_on: Mapped[date] = mapped_column(sa.Date)
    ends_on: Mapped[date | None] = mapped_column(sa.Date)
    # What precedes the opening, as the assistant tells it: training, accounts, letters.
    before: Mapped[str] = mapped_column(sa.Text, default="")
    closed_at: Mapped[datetime | None] = mapped_column(Instant)


class WaveSchool(Base):
    """A school in a wave: the row without `until` is where it is now, the others where it was."""

    __tablename__ = "wave_schools"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(_BIG_ID, primary_key=True)
    wave_id: Mapped[int] = mapped_column(_BIG_ID, sa.ForeignKey("waves.id"), index=True)
    uai: Mapped[str] = mapped_column(sa.String(8), index=True)
    since: Mapped[datetime] = mapped_column(Instant)
    until: Mapped[datetime | None] = mapped_column(Instant)
