"""requests merged into another, follow-ups found from what they follow, letters to the persons"""

import sqlalchemy as sa
from alembic import op

from bot.db import Instant

revision = "20261123_joins"
down_revision = "20261123_desk"
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "letters",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("key", sa.String(length=36), nullable=False),
        sa.Column("ticket_id", _BIG_ID, nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", Instant(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("sent_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_letters_ticket_id_tickets"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letters")),
        sa.UniqueConstraint("key", name=op.f("uq_letters_key")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_letters_ticket_id"), "letters", ["ticket_id"])
    op.create_index("ix_letters_state_next_at", "letters", ["state", "next_at"])
    with op.batch_alter_table("tickets") as batch:
        batch.add_column(sa.Column("main_id", _BIG_ID, nullable=True))
        batch.create_foreign_key(
            op.f("fk_tickets_main_id_tickets"), "tickets", ["main_id"], ["id"], ondelete="SET NULL"
        )
        batch.create_index(op.f("ix_tickets_main_id"), ["main_id"])
        batch.create_index(op.f("ix_tickets_follows_id"), ["follows_id"])


def downgrade() -> None:
    with op.batch_alter_table("tickets") as batch:
        batch.drop_index(op.f("ix_tickets_follows_id"))
        batch.drop_index(op.f("ix_tickets_main_id"))
        batch.drop_constraint(op.f("fk_tickets_main_id_tickets"), type_="foreignkey")
        batch.drop_column("main_id")
    op.drop_table("letters")
