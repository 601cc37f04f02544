"""views of the queue, and the one that an account begins with"""

import sqlalchemy as sa
from alembic import op

from bot.db import Instant

revision = "20261123_desk"
down_revision = "20261123_workshop"
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


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


def downgrade() -> None:
    op.drop_table("start_views")
    op.drop_table("queue_views")
