"""exchange the requests with other tools: connectors, exchanges, their steps and receipts"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bot.db import Instant

revision = "20261122_exchanges"
down_revision = "20261122_delays"
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "connectors",
        sa.Column("group_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("address", sa.String(length=300), nullable=False),
        sa.Column("secrets", sa.JSON(), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("cursor", sa.String(length=100), nullable=True),
        sa.Column("poll_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("group_id", name=op.f("pk_connectors")),
        sa.ForeignKeyConstraint(["group_id"], ["ticket_groups.id"], name=op.f("fk_connectors_group_id_ticket_groups")),
    )
    op.create_table(
        "exchanges",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("ticket_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("group_id", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=36), nullable=False),
        sa.Column("remote_id", sa.String(length=100), nullable=True),
        sa.Column("remote_state", sa.String(length=12), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchanges")),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_exchanges_ticket_id_tickets"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["group_id"], ["ticket_groups.id"], name=op.f("fk_exchanges_group_id_ticket_groups")),
        sa.UniqueConstraint("ticket_id", "group_id", name=op.f("uq_exchanges_ticket_id_group_id")),
        sa.UniqueConstraint("group_id", "remote_id", name=op.f("uq_exchanges_group_id_remote_id")),
        sa.UniqueConstraint("key", name=op.f("uq_exchanges_key")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "exchange_steps",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("exchange_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", Instant(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("sent_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchange_steps")),
        sa.ForeignKeyConstraint(
            ["exchange_id"], ["exchanges.id"], name=op.f("fk_exchange_steps_exchange_id_exchanges"), ondelete="CASCADE"
        ),
        sa.UniqueConstraint("key", name=op.f("uq_exchange_steps_key")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_exchange_steps_exchange_id"), "exchange_steps", ["exchange_id"])
    op.create_index("ix_exchange_steps_state_next_at", "exchange_steps", ["state", "next_at"])
    op.create_table(
        "exchange_receipts",
        sa.Column("exchange_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.String(length=100), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("exchange_id", "key", name=op.f("pk_exchange_receipts")),
        sa.ForeignKeyConstraint(
            ["exchange_id"], ["exchanges.id"], name=op.f("fk_exchange_receipts_exchange_id_exchanges"),
            ondelete="CASCADE",
        ),
    )  # fmt: skip


def downgrade() -> None:
    for table in ("exchange_receipts", "exchange_steps", "exchanges", "connectors"):
        op.drop_table(table)
