"""promise delays: calendars and delays of each level, the priority of a request and its alert"""

import sqlalchemy as sa
from alembic import op

from bot.db import Instant

revision = "20261122_delays"
down_revision = "20261122_requests"
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:

    op.create_table(
        "ticket_calendars",
        sa.Column("academie", sa.String(length=120), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("academie", name=op.f("pk_ticket_calendars")),
    )
    op.create_table(
        "ticket_delays",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("priority", sa.String(length=10), nullable=True),
        sa.Column("first_answer_minutes", sa.Integer(), nullable=False),
        sa.Column("solution_minutes", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_delays")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("tickets") as batch:
        batch.add_column(
            sa.Column("priority", sa.String(length=10), nullable=False, server_default=sa.text("'normale'"))
        )
        batch.add_column(sa.Column("warn_by", Instant(), nullable=True))
        batch.add_column(sa.Column("alert", sa.String(length=8), nullable=True))
        batch.create_index("ix_tickets_state_warn_by", ["state", "warn_by"])


def downgrade() -> None:
    with op.batch_alter_table("tickets") as batch:
        batch.drop_index("ix_tickets_state_warn_by")
        batch.drop_column("alert")
        batch.drop_column("warn_by")
        batch.drop_column("priority")
    op.drop_table("ticket_delays")
    op.drop_table("ticket_calendars")
