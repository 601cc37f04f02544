"""the models put in service: what serves is a row"""

import sqlalchemy as sa
from alembic import op

from bot.db import Instant

revision = "20261123_serving"
down_revision = "20261123_waves"
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "swaps",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("model", sa.String(length=120), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("trained_at", Instant(), nullable=True),
        sa.Column("slot", sa.String(length=1), nullable=False),
        sa.Column("former", sa.String(length=120), nullable=False),
        sa.Column("origin", sa.String(length=12), nullable=False),
        sa.Column("account_id", sa.String(length=36), nullable=True),
        sa.Column("step", sa.String(length=12), nullable=False),
        sa.Column("asked_at", Instant(), nullable=False),
        sa.Column("turned_at", Instant(), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("failure", sa.String(length=400), nullable=False),
        sa.Column("under_way", sa.Boolean(), nullable=True),
        sa.Column("runner", sa.String(length=36), nullable=False),
        sa.Column("alive_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_swaps_account_id_accounts"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_swaps")),
        sa.UniqueConstraint("under_way", name=op.f("uq_swaps_under_way")),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    op.drop_table("swaps")
