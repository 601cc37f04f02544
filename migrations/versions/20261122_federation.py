"""bind the identities of providers to the accounts"""

import sqlalchemy as sa
from alembic import op

from bot.db import Instant

revision = "20261122_federation"
down_revision = "20261122_attachments"
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "account_identities",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("issuer", sa.String(length=300), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("bound_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_account_identities_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_identities")),
        sa.UniqueConstraint("account_id", "issuer", name=op.f("uq_account_identities_account_id_issuer")),
        sa.UniqueConstraint("issuer", "subject", name=op.f("uq_account_identities_issuer_subject")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "sign_in_attempts",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("browser", sa.String(length=64), nullable=False),
        sa.Column("provider", sa.String(length=40), nullable=False),
        sa.Column("nonce", sa.String(length=64), nullable=False),
        sa.Column("verifier", sa.String(length=64), nullable=False),
        sa.Column("after", sa.String(length=2000), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_sign_in_attempts")),
    )
    with op.batch_alter_table("sign_in_attempts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sign_in_attempts_expires_at"), ["expires_at"], unique=False)


def downgrade() -> None:
    op.drop_table("sign_in_attempts")
    op.drop_table("account_identities")
