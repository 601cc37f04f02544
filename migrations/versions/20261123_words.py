"""PostgreSQL finds words in requests by an index: ILIKE read the letters of each, a hundred thousand of them"""

import sqlalchemy as sa
from alembic import op

revision = "20261123_words"
down_revision = "20261123_inbox"
branch_labels = None
depends_on = None

_SEARCHED = ("number", "problem", "school")


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    # Part of PostgreSQL, and trusted: whoever owns the database may add it. Its schema is that of the tables.
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    op.create_index(
        "ix_tickets_words",
        "tickets",
        [sa.column(name) for name in _SEARCHED],
        postgresql_using="gin",
        postgresql_ops=dict.fromkeys(_SEARCHED, "gin_trgm_ops"),
    )


def downgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    op.drop_index("ix_tickets_words", "tickets")
    op.execute("DROP EXTENSION IF EXISTS pg_trgm")
