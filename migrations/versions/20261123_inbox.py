"""what was not understood: lines, groups and gestures of the inbox; requests that taught an article"""

import sqlalchemy as sa
from alembic import op

from bot.db import Instant

revision = "20261123_inbox"
down_revision = "20261123_articles"
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "inbox_groups",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("face_id", _BIG_ID, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox_groups")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "inbox_gestures",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("account_id", sa.String(length=36), nullable=True),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("topic", sa.String(length=80), nullable=True),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("utterances", sa.JSON(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("undone_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_inbox_gestures_account_id_accounts"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox_gestures")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_inbox_gestures_account_id"), "inbox_gestures", ["account_id"])
    op.create_table(
        "inbox_lines",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("message_id", sa.String(length=36), nullable=False),
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("text", sa.String(length=1000), nullable=False),
        sa.Column("form", sa.String(length=1000), nullable=False),
        sa.Column("profile", sa.String(length=20), nullable=True),
        sa.Column("uai", sa.String(length=8), nullable=True),
        sa.Column("ranking", sa.JSON(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("group_id", _BIG_ID, nullable=True),
        sa.Column("gesture_id", _BIG_ID, nullable=True),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name=op.f("fk_inbox_lines_message_id_messages"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["group_id"], ["inbox_groups.id"], name=op.f("fk_inbox_lines_group_id_inbox_groups"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["gesture_id"], ["inbox_gestures.id"], name=op.f("fk_inbox_lines_gesture_id_inbox_gestures"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox_lines")),
        sa.UniqueConstraint("message_id", name=op.f("uq_inbox_lines_message_id")),
        sqlite_autoincrement=True,
    )  # fmt: skip
    op.create_index("ix_inbox_lines_listed", "inbox_lines", ["state", "group_id", "kind", "profile", "uai"])
    op.create_index("ix_inbox_lines_said", "inbox_lines", ["group_id", "state", "form"])
    for column in ("conversation_id", "gesture_id"):
        op.create_index(op.f(f"ix_inbox_lines_{column}"), "inbox_lines", [column])
    op.create_table(
        "inbox_mark",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("until", Instant(), nullable=False),
        sa.Column("grouped_line", _BIG_ID, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox_mark")),
    )
    op.create_table(
        "ticket_lessons",
        sa.Column("ticket_id", _BIG_ID, autoincrement=False, nullable=False),
        sa.Column("drawn", sa.Boolean(), nullable=False),
        sa.Column("account_id", sa.String(length=36), nullable=True),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_ticket_lessons_account_id_accounts"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_ticket_lessons_ticket_id_tickets"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("ticket_id", name=op.f("pk_ticket_lessons")),
    )


def downgrade() -> None:
    op.drop_table("ticket_lessons")
    op.drop_table("inbox_mark")
    op.drop_table("inbox_lines")
    op.drop_table("inbox_gestures")
    op.drop_table("inbox_groups")
