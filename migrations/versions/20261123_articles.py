"""drafts of articles, and the day from which an article is withdrawn"""

import sqlalchemy as sa
from alembic import op

from bot.db import Instant

revision = "20261123_articles"
down_revision = "20261123_training"
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.add_column("articles", sa.Column("expires_at", Instant(), nullable=True))
    op.create_table(
        "article_drafts",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("topic", sa.String(length=80), nullable=False),
        sa.Column("base_version", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.String(length=400), nullable=False),
        sa.Column("new_topic", sa.JSON(), nullable=True),
        sa.Column("author_id", sa.String(length=36), nullable=False),
        sa.Column("ticket_number", sa.String(length=20), nullable=True),
        sa.Column("reviewer_id", sa.String(length=36), nullable=True),
        sa.Column("review_note", sa.String(length=1000), nullable=False),
        sa.Column("publish_at", Instant(), nullable=True),
        sa.Column("expires_at", Instant(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["author_id"], ["accounts.id"], name=op.f("fk_article_drafts_author_id_accounts")),
        sa.ForeignKeyConstraint(["reviewer_id"], ["accounts.id"], name=op.f("fk_article_drafts_reviewer_id_accounts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_article_drafts")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_article_drafts_topic"), "article_drafts", ["topic"])
    op.create_index(op.f("ix_article_drafts_author_id"), "article_drafts", ["author_id"])
    op.create_index("ix_article_drafts_state_id", "article_drafts", ["state", "id"])


def downgrade() -> None:
    op.drop_table("article_drafts")
    with op.batch_alter_table("articles") as articles:
        articles.drop_column("expires_at")
