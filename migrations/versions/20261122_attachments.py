"""join screenshots: the images of a request, with what holds them until it is sent"""

import sqlalchemy as sa
from alembic import op

from bot.db import Instant

revision = "20261122_attachments"
down_revision = "20261122_exchanges"
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "ticket_attachments",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("conversation_id", sa.String(length=36), nullable=True),
        sa.Column("ticket_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("media_type", sa.String(length=20), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("thumbnail", sa.LargeBinary(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_ticket_attachments_conversation_id_conversations"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_ticket_attachments_ticket_id_tickets"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_attachments")),
    )
    with op.batch_alter_table("ticket_attachments") as batch:
        batch.create_index(op.f("ix_ticket_attachments_conversation_id"), ["conversation_id"])
        batch.create_index(op.f("ix_ticket_attachments_ticket_id"), ["ticket_id"])


def downgrade() -> None:
    op.drop_table("ticket_attachments")
