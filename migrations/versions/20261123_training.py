"""trainings asked for in the workshop, and when they begin by themselves"""

import sqlalchemy as sa
from alembic import op

from bot.db import Instant

revision = "20261123_training"
down_revision = "20261123_serving"
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "training_runs",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("active", sa.SmallInteger(), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("scheduled", sa.Boolean(), nullable=False),
        sa.Column("author_id", sa.String(length=36), nullable=True),
        sa.Column("asked_at", Instant(), nullable=False),
        sa.Column("seen_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("cancel_asked_at", Instant(), nullable=True),
        sa.Column("step", sa.String(length=200), nullable=False),
        sa.Column("log", sa.Text(), nullable=False),
        sa.Column("failure", sa.Text(), nullable=False),
        sa.Column("made_of", sa.JSON(), nullable=True),
        sa.Column("archive", sa.String(length=80), nullable=True),
        sa.Column("report", sa.JSON(), nullable=True),
        sa.Column("verdict", sa.JSON(), nullable=True),
        sa.Column("overruled_at", Instant(), nullable=True),
        sa.Column("overruled_by", sa.String(length=36), nullable=True),
        sa.Column("overruled_reason", sa.String(length=500), nullable=True),
        sa.ForeignKeyConstraint(
            ["author_id"], ["accounts.id"], name=op.f("fk_training_runs_author_id_accounts"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["overruled_by"], ["accounts.id"], name=op.f("fk_training_runs_overruled_by_accounts"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_training_runs")),
        sa.UniqueConstraint("active", name=op.f("uq_training_runs_active")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_training_runs_asked_at"), "training_runs", ["asked_at"])
    op.create_index(op.f("ix_training_runs_archive"), "training_runs", ["archive"])
    op.create_table(
        "training_schedule",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rhythm", sa.String(length=8), nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("next_at", Instant(), nullable=True),
        sa.Column("missed", sa.String(length=300), nullable=False),
        sa.Column("author_id", sa.String(length=36), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["author_id"], ["accounts.id"], name=op.f("fk_training_schedule_author_id_accounts"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_training_schedule")),
    )


def downgrade() -> None:
    op.drop_table("training_schedule")
    op.drop_table("training_runs")
