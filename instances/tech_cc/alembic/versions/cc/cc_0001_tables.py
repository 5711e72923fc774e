"""The schemas and tables of cc: health, the module registry, scratch notes.

Revision ID: cc_0001_tables
Revises: nothing; the module's own base.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from src.common.config import get_settings

revision = "cc_0001_tables"
down_revision = None
branch_labels = ("tech_cc",)
depends_on = None

SCHEMA = "cc"
MEM0_SCHEMA = get_settings().mem0_schema_of("cc")


def upgrade() -> None:
    """Create both schemas and their tables."""
    op.execute(sa.schema.CreateSchema(SCHEMA))
    op.create_table(
        "health_status",
        *record_columns(),
        sa.Column("component", sa.String(63), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("detail", sa.String(1000)),
        sa.Column("reported_at", sa.TIMESTAMP(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_health_status")),
        sa.UniqueConstraint("component", name=op.f("uq_health_status_component")),
        sa.CheckConstraint("status IN ('healthy', 'degraded', 'unhealthy')", name=op.f("ck_health_status_status")),
        schema=SCHEMA,
    )
    op.create_table(
        "modules",
        *record_columns(),
        sa.Column("name", sa.String(63), nullable=False),
        sa.Column("version", sa.String(64), nullable=False),
        sa.Column("description", sa.String(1000)),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_modules")),
        sa.UniqueConstraint("name", name=op.f("uq_modules_name")),
        schema=SCHEMA,
    )
    op.execute(sa.schema.CreateSchema(MEM0_SCHEMA))
    op.create_table(
        "scratch_note",
        *record_columns(),
        sa.Column("content", JSONB(), nullable=False),
        sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scratch_note")),
        schema=MEM0_SCHEMA,
    )
    op.create_index(op.f("ix_scratch_note_expires_at"), "scratch_note", ["expires_at"], schema=MEM0_SCHEMA)


def downgrade() -> None:
    """Drop what `upgrade` made; a schema that holds anything else is kept, and the downgrade refused."""
    op.drop_table("scratch_note", schema=MEM0_SCHEMA)
    op.execute(sa.schema.DropSchema(MEM0_SCHEMA))
    op.drop_table("modules", schema=SCHEMA)
    op.drop_table("health_status", schema=SCHEMA)
    op.execute(sa.schema.DropSchema(SCHEMA))


def record_columns() -> list[sa.Column[object]]:
    """Return the columns that every record has; copied here, because a migration must not change with the models."""
    now = sa.func.now()
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), server_default=now, nullable=False),
        sa.Column("updated_at", sa.TIMESTAMP(timezone=True), server_default=now, nullable=False),
    ]
