"""handle the requests: groups, routes, stages, assignment, rating, conversations taken over"""

import sqlalchemy as sa
from alembic import op

from bot.db import Instant

revision = "20261122_requests"
down_revision = "20261122_accounts"
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:

    op.create_table(
        "ticket_groups",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_groups")),
    )
    op.create_table(
        "ticket_routes",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("topic", sa.String(length=80), nullable=True),
        sa.Column("theme", sa.String(length=40), nullable=True),
        sa.Column("profile", sa.String(length=20), nullable=True),
        sa.Column("scope", sa.String(length=16), nullable=True),
        sa.Column("territory", sa.String(length=120), nullable=True),
        sa.Column("group_id", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_routes")),
        sa.ForeignKeyConstraint(
            ["group_id"], ["ticket_groups.id"], name=op.f("fk_ticket_routes_group_id_ticket_groups")
        ),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("conversations") as batch_op:
        batch_op.add_column(sa.Column("taken_by", sa.String(length=36), nullable=True))
    with op.batch_alter_table("tickets") as batch_op:
        batch_op.add_column(sa.Column("group_id", sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column("assignee_id", sa.String(length=36), nullable=True))
        batch_op.add_column(sa.Column("since", Instant(), nullable=True))
        batch_op.add_column(sa.Column("pauses", sa.JSON(), nullable=True))
        batch_op.add_column(
            sa.Column("follows_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
        )
        batch_op.add_column(sa.Column("answer_by", Instant(), nullable=True))
        batch_op.add_column(sa.Column("answered_at", Instant(), nullable=True))
        batch_op.add_column(sa.Column("resolved_at", Instant(), nullable=True))
        batch_op.add_column(sa.Column("rating", sa.Boolean(), nullable=True))
        batch_op.add_column(sa.Column("rating_reason", sa.Text(), server_default=sa.text("''"), nullable=False))
        batch_op.create_foreign_key(
            batch_op.f("fk_tickets_group_id_ticket_groups"), "ticket_groups", ["group_id"], ["id"]
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_tickets_follows_id_tickets"), "tickets", ["follows_id"], ["id"], ondelete="SET NULL"
        )
        batch_op.create_index(batch_op.f("ix_tickets_group_id"), ["group_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_tickets_assignee_id"), ["assignee_id"], unique=False)
        batch_op.create_index("ix_tickets_state_answer_by", ["state", "answer_by"], unique=False)
        batch_op.create_index("ix_tickets_uai_state", ["uai", "state"], unique=False)
    with op.batch_alter_table("ticket_events") as batch_op:
        batch_op.alter_column("author", existing_type=sa.String(length=20), type_=sa.String(length=120))


def downgrade() -> None:
    with op.batch_alter_table("ticket_events") as batch_op:
        batch_op.alter_column("author", existing_type=sa.String(length=120), type_=sa.String(length=20))
    with op.batch_alter_table("tickets") as batch_op:
        batch_op.drop_index("ix_tickets_uai_state")
        batch_op.drop_index("ix_tickets_state_answer_by")
        batch_op.drop_index(batch_op.f("ix_tickets_assignee_id"))
        batch_op.drop_index(batch_op.f("ix_tickets_group_id"))
        batch_op.drop_constraint(batch_op.f("fk_tickets_follows_id_tickets"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_tickets_group_id_ticket_groups"), type_="foreignkey")
        for column in (
            "rating_reason", "rating", "resolved_at", "answered_at", "answer_by", "follows_id", "pauses", "since",
            "assignee_id", "group_id",
        ):  # fmt: skip
            batch_op.drop_column(column)
    with op.batch_alter_table("conversations") as batch_op:
        batch_op.drop_column("taken_by")
    op.drop_table("ticket_routes")
    op.drop_table("ticket_groups")
