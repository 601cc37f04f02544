"""what formateurs teach: utterances, added topics; the waves and their schools"""

import sqlalchemy as sa
from alembic import op

from bot.db import Instant

revision = "20261123_workshop"
down_revision = "20261122_incidents"
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "utterances",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("topic", sa.String(length=80), nullable=False),
        sa.Column("text", sa.String(length=1000), nullable=False),
        sa.Column("form", sa.String(length=1000), nullable=False),
        sa.Column("speaker", sa.String(length=16), nullable=False),
        sa.Column("origin", sa.String(length=12), nullable=False),
        sa.Column("message_id", sa.String(length=36), nullable=True),
        sa.Column("author_id", sa.String(length=36), nullable=True),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("withdrawn_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["author_id"], ["accounts.id"], name=op.f("fk_utterances_author_id_accounts"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_utterances")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_utterances_topic"), "utterances", ["topic"])
    op.create_index(op.f("ix_utterances_message_id"), "utterances", ["message_id"])
    in_use = sa.text("withdrawn_at IS NULL")
    op.create_index(
        "ix_utterances_form_in_use", "utterances", ["form"], unique=True, sqlite_where=in_use, postgresql_where=in_use
    )
    op.create_table(
        "added_topics",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("theme", sa.String(length=40), nullable=False),
        sa.Column("profiles", sa.JSON(), nullable=False),
        sa.Column("meaning", sa.String(length=400), nullable=False),
        sa.Column("limits", sa.String(length=400), nullable=False),
        sa.Column("neighbours", sa.JSON(), nullable=False),
        sa.Column("author", sa.String(length=120), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_added_topics")),
    )
    op.create_table(
        "waves",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("closed_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waves")),
        sa.UniqueConstraint("name", name=op.f("uq_waves_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "wave_schools",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("wave_id", _BIG_ID, nullable=False),
        sa.Column("uai", sa.String(length=8), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("until", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["wave_id"], ["waves.id"], name=op.f("fk_wave_schools_wave_id_waves")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wave_schools")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_wave_schools_wave_id"), "wave_schools", ["wave_id"])
    op.create_index(op.f("ix_wave_schools_uai"), "wave_schools", ["uai"])


def downgrade() -> None:
    op.drop_table("wave_schools")
    op.drop_table("waves")
    op.drop_table("added_topics")
    op.drop_table("utterances")
