"""Tables of the schools and of the territories that they belong to."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from bot.db import Base


class School(Base):
    """A school, with the territories that contain it (codes or names as the deployment writes them)."""

    __tablename__ = "schools"

    uai: Mapped[str] = mapped_column(sa.String(8), primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(200))
    commune: Mapped[str] = mapped_column(sa.String(120))
    degree: Mapped[str] = mapped_column(sa.String(3))
    circonscription: Mapped[str | None] = mapped_column(sa.String(120))
    departement: Mapped[str | None] = mapped_column(sa.String(120))
    academie: Mapped[str | None] = mapped_column(sa.String(120))
