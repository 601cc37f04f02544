"""when a wave opened, and what it was when it was closed; the questions that the indicators count"""

import sqlalchemy as sa
from alembic import op

from bot.db import Instant

revision = "20261123_waves"
down_revision = "20261123_joins"
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.add_column("waves", sa.Column("opened_at", Instant(), nullable=True))
    op.add_column("waves", sa.Column("edition", sa.Integer(), server_default=sa.text("1"), nullable=False))
    now = sa.text("until IS NULL")
    op.create_index("ix_wave_schools_now", "wave_schools", ["uai"], unique=True, sqlite_where=now, postgresql_where=now)
    op.create_table(
        "wave_articles",
        sa.Column("wave_id", _BIG_ID, nullable=False),
        sa.Column("topic", sa.String(length=80), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["wave_id"], ["waves.id"], name=op.f("fk_wave_articles_wave_id_waves"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("wave_id", "topic", name=op.f("pk_wave_articles")),
    )
    op.create_table(
        "wave_balances",
        sa.Column("wave_id", _BIG_ID, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("author", sa.String(length=120), nullable=False),
        sa.Column("model", sa.String(length=80), nullable=True),
        sa.Column("schools", sa.Integer(), nullable=False),
        sa.Column("sheets", sa.JSON(), nullable=False),
        sa.Column("opened_id", _BIG_ID, nullable=True),
        sa.Column("opened_from", sa.String(length=8), nullable=True),
        sa.ForeignKeyConstraint(
            ["wave_id"], ["waves.id"], name=op.f("fk_wave_balances_wave_id_waves"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("wave_id", name=op.f("pk_wave_balances")),
    )
    op.create_table(
        "questions",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("asker", sa.BigInteger(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=False),
        sa.Column("topic", sa.String(length=80), nullable=True),
        sa.Column("profile", sa.String(length=20), nullable=True),
        sa.Column("uai", sa.String(length=8), nullable=True),
        sa.Column("verdict", sa.String(length=12), nullable=False),
        sa.Column("worry", sa.String(length=20), nullable=True),
        sa.Column("returned", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_questions_conversation_id_conversations"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_questions")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_questions_conversation_id"), "questions", ["conversation_id"])
    op.create_index(op.f("ix_questions_at"), "questions", ["at"])
    op.create_index("ix_questions_uai_at", "questions", ["uai", "at"])
    op.create_index("ix_questions_asker_topic", "questions", ["asker", "topic"])
    op.create_table(
        "question_marks",
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("key", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_question_marks")),
    )
    # What is said of an answer comes after it: found by when it was said.
    op.create_index(op.f("ix_feedback_at"), "feedback", ["at"])


def downgrade() -> None:
    op.drop_index(op.f("ix_feedback_at"), "feedback")
    op.drop_table("question_marks")
    op.drop_table("questions")
    op.drop_table("wave_balances")
    op.drop_table("wave_articles")
    op.drop_index("ix_wave_schools_now", "wave_schools")
    op.drop_column("waves", "edition")
    op.drop_column("waves", "opened_at")
