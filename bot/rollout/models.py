"""Tables of the announcements."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from bot.db import Base, Instant


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
