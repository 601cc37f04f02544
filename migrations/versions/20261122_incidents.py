"""known incidents: who is attached to them, the requests and the announcement of each; worries of the messages"""

import sqlalchemy as sa
from alembic import op

from bot.db import Instant

revision = "20261122_incidents"
down_revision = "20261122_federation"
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "incidents",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("topic", sa.String(length=80), nullable=False),
        sa.Column("scope", sa.String(length=16), nullable=False),
        sa.Column("territory", sa.String(length=120), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("end_text", sa.Text(), nullable=False),
        sa.Column("announcement_id", sa.String(length=36), nullable=True),
        sa.Column("ticket_number", sa.String(length=16), nullable=True),
        sa.Column("opened_by", sa.String(length=120), nullable=False),
        sa.Column("opened_at", Instant(), nullable=False),
        sa.Column("closed_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incidents")),
    )
    op.create_index(op.f("ix_incidents_closed_at"), "incidents", ["closed_at"])
    op.create_table(
        "incident_persons",
        sa.Column("incident_id", sa.String(length=36), nullable=False),
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("person_id", sa.String(length=36), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("told_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_incident_persons_conversation_id_conversations"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.id"], name=op.f("fk_incident_persons_incident_id_incidents"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_incident_persons_person_id_persons")),
        sa.PrimaryKeyConstraint("incident_id", "conversation_id", name=op.f("pk_incident_persons")),
    )  # fmt: skip
    op.create_index(op.f("ix_incident_persons_conversation_id"), "incident_persons", ["conversation_id"])
    op.create_index(op.f("ix_incident_persons_person_id"), "incident_persons", ["person_id"])
    with op.batch_alter_table("tickets") as batch:
        batch.add_column(sa.Column("incident_id", sa.String(length=36), nullable=True))
        batch.create_foreign_key(
            op.f("fk_tickets_incident_id_incidents"), "incidents", ["incident_id"], ["id"], ondelete="SET NULL"
        )
        batch.create_index(op.f("ix_tickets_incident_id"), ["incident_id"])
    with op.batch_alter_table("announcements") as batch:
        batch.add_column(sa.Column("scope", sa.String(length=16), nullable=True))
        batch.add_column(sa.Column("territory", sa.String(length=120), nullable=True))
    # Not by batch: a million rows would be copied.
    op.add_column("results", sa.Column("worry", sa.String(length=20), nullable=True))


def downgrade() -> None:
    op.drop_column("results", "worry")
    with op.batch_alter_table("announcements") as batch:
        batch.drop_column("territory")
        batch.drop_column("scope")
    with op.batch_alter_table("tickets") as batch:
        batch.drop_index(op.f("ix_tickets_incident_id"))
        batch.drop_constraint(op.f("fk_tickets_incident_id_incidents"), type_="foreignkey")
        batch.drop_column("incident_id")
    op.drop_table("incident_persons")
    op.drop_table("incidents")
