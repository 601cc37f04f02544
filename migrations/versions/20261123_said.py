"""What a group says is counted for an académie from the index alone"""

from alembic import op

revision = "20261123_said"
down_revision = "20261123_words"
branch_labels = None
depends_on = None

_BEFORE = ["group_id", "state", "form"]


def upgrade() -> None:
    op.drop_index("ix_inbox_lines_said", "inbox_lines")
    op.create_index("ix_inbox_lines_said", "inbox_lines", [*_BEFORE, "uai"])


def downgrade() -> None:
    op.drop_index("ix_inbox_lines_said", "inbox_lines")
    op.create_index("ix_inbox_lines_said", "inbox_lines", _BEFORE)
