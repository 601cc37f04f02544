"""Tables of what formateurs teach."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from bot.db import Base, Instant

_BIG_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


class Utterance(Base):
    """What somebody says of a topic, beside the files' own: the next training learns it, the search knows it at once.

    `form` is the text as `bot.language.normalise` writes it: one utterance is kept once. `origin` is « formateur » (written)
    or « message » (from the inbox, masked; `message_id` is then where it came from). Withdrawn rows stay: models were made of them.
    """

    __tablename__ = "utterances"
    __table_args__ = (sa.Index("ix_utterances_form_in_use", "form", unique=True, sqlite_where=sa.text("withdrawn_at IS NULL"),
                               postgresql_where=sa.text("withdrawn_at IS NULL")),
                      {"sqlite_autoincrement": True})  # fmt: skip

    id: Mapped[int] = mapped_column(_BIG_ID, primary_key=True)
    topic: Mapped[str] = mapped_column(sa.String(80), index=True)
    text: Mapped[str] = mapped_column(sa.String(1000))
    form: Mapped[str] = mapped_column(sa.String(1000))
    # A profile of bot.topics.PROFILES, or « commun ».
    speaker: Mapped[str] = mapped_column(sa.String(16))
    origin: Mapped[str] = mapped_column(sa.String(12))
    message_id: Mapped[str | None] = mapped_column(sa.String(36), index=True)
    author_id: Mapped[str | None] = mapped_column(sa.ForeignKey("accounts.id", ondelete="SET NULL"))
    at: Mapped[datetime] = mapped_column(Instant)
    withdrawn_at: Mapped[datetime | None] = mapped_column(Instant)
