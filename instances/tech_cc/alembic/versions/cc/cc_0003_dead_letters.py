"""The dead letters of cc: records that a consumer could not handle.

Revision ID: cc_0003_dead_letters
Revises: cc_0002_l1
"""

import sqlalchemy as sa
from alembic import op

from src.common.config import get_settings

revision = "cc_0003_dead_letters"
down_revision = "cc_0002_l1"
branch_labels = None
depends_on = None

MEM0_SCHEMA = get_settings().mem0_schema_of("cc")


def upgrade() -> None:
    """Create the table; a record with a dead letter cannot be deleted."""
    op.create_table(
        "dead_letter",
        sa.Column("consumer", sa.String(63), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("failed_at", sa.TIMESTAMP(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("consumer", "record_id", name=op.f("pk_dead_letter")),
        sa.ForeignKeyConstraint(["record_id"], [f"{MEM0_SCHEMA}.base_log.id"], name=op.f("fk_dead_letter_record_id")),
        schema=MEM0_SCHEMA,
    )
    op.create_index(op.f("ix_dead_letter_record_id"), "dead_letter", ["record_id"], schema=MEM0_SCHEMA)


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("dead_letter", schema=MEM0_SCHEMA)
