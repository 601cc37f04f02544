"""views of the queue, the one that an account begins with; canned answers; the orders of the queue"""

import sqlalchemy as sa
from alembic import op

from bot.db import Instant

revision = "20261123_desk"
down_revision = "20261123_workshop"
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
# What the queue is sorted by, a state at a time.
_SORTED = ("updated_at", "level", "profile", "school")


def upgrade() -> None:
    op.create_table(
        "queue_views",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("owner_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("query", sa.JSON(), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=True),
        sa.Column("scope", sa.String(length=20), nullable=True),
        sa.Column("territory", sa.String(length=120), nullable=True),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("removed_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["owner_id"], ["accounts.id"], name=op.f("fk_queue_views_owner_id_accounts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_queue_views")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_queue_views_owner_id"), "queue_views", ["owner_id"])
    op.create_index(op.f("ix_queue_views_removed_at"), "queue_views", ["removed_at"])
    op.create_index("ix_queue_views_role_territory", "queue_views", ["role", "territory"])
    op.create_table(
        "start_views",
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("view_id", _BIG_ID, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_start_views_account_id_accounts")),
        sa.ForeignKeyConstraint(
            ["view_id"], ["queue_views.id"], name=op.f("fk_start_views_view_id_queue_views"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_start_views")),
    )
    op.create_index(op.f("ix_start_views_view_id"), "start_views", ["view_id"])
    op.create_table(
        "canned_answers",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("group_id", sa.String(length=40), nullable=True),
        sa.Column("topic", sa.String(length=80), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("author", sa.String(length=120), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("removed_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["group_id"], ["ticket_groups.id"], name=op.f("fk_canned_answers_group_id_ticket_groups")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_canned_answers")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_canned_answers_group_id"), "canned_answers", ["group_id"])
    op.create_index(op.f("ix_canned_answers_removed_at"), "canned_answers", ["removed_at"])
    for column in _SORTED:
        op.create_index(f"ix_tickets_state_{column}", "tickets", ["state", column])


def downgrade() -> None:
    for column in _SORTED:
        op.drop_index(f"ix_tickets_state_{column}", table_name="tickets")
    op.drop_table("canned_answers")
    op.drop_table("start_views")
    op.drop_table("queue_views")
