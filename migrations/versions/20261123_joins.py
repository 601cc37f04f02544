"""requests merged into another, and follow-ups found from what they follow"""

import sqlalchemy as sa
from alembic import op

revision = "20261123_joins"
down_revision = "20261123_workshop"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("tickets") as batch:
        batch.add_column(sa.Column("main_id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=True))
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
