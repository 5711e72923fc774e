"""The log of cc: records, their prompts and events, and the positions of consumers.

Revision ID: cc_0002_l1
Revises: cc_0001_tables
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from src.common.config import get_settings
from src.l1.xid8 import Xid8

revision = "cc_0002_l1"
down_revision = "cc_0001_tables"
branch_labels = None
depends_on = None

MEM0_SCHEMA = get_settings().mem0_schema_of("cc")
APPEND_ONLY = {
    "autovacuum_vacuum_insert_scale_factor": 0,
    "autovacuum_vacuum_insert_threshold": 50_000,
    "autovacuum_vacuum_scale_factor": 0,
    "autovacuum_vacuum_threshold": 50_000,
    "autovacuum_analyze_scale_factor": 0,
    "autovacuum_analyze_threshold": 50_000,
    "autovacuum_freeze_min_age": 0,
}
OFTEN_UPDATED = {"fillfactor": 50, "autovacuum_vacuum_scale_factor": 0, "autovacuum_vacuum_threshold": 1000}


def upgrade() -> None:
    """Create the tables; consumers read the log by the index on (xid, seq)."""
    now = sa.func.now()
    op.create_table(
        "base_log",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("timestamp", sa.TIMESTAMP(timezone=True), server_default=now, nullable=False),
        sa.Column("source_module", sa.String(63), nullable=False),
        sa.Column("request_id", sa.String(64)),
        sa.Column("trace_id", sa.String(32)),
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("xid", Xid8(), server_default=sa.func.pg_current_xact_id(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_base_log")),
        schema=MEM0_SCHEMA,
        postgresql_with=APPEND_ONLY,
    )
    op.create_index(op.f("ix_base_log_xid_seq"), "base_log", ["xid", "seq"], schema=MEM0_SCHEMA)
    op.create_table(
        "prompt_trace",
        *link_to_record("prompt_trace"),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("tokens_in", sa.Integer()),
        sa.Column("tokens_out", sa.Integer()),
        sa.CheckConstraint("tokens_in >= 0 AND tokens_out >= 0", name=op.f("ck_prompt_trace_tokens")),
        schema=MEM0_SCHEMA,
        postgresql_with=APPEND_ONLY,
    )
    op.create_table(
        "event_log",
        *link_to_record("event_log"),
        sa.Column("event_type", sa.String(100), nullable=False),
        sa.Column("payload", JSONB(), nullable=False),
        schema=MEM0_SCHEMA,
        postgresql_with=APPEND_ONLY,
    )
    op.create_table(
        "consumer_checkpoint",
        sa.Column("consumer", sa.String(63), nullable=False),
        sa.Column("xid", Xid8(), server_default=sa.text("'0'"), nullable=False),
        sa.Column("seq", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("updated_at", sa.TIMESTAMP(timezone=True), server_default=now, nullable=False),
        sa.PrimaryKeyConstraint("consumer", name=op.f("pk_consumer_checkpoint")),
        schema=MEM0_SCHEMA,
        postgresql_with=OFTEN_UPDATED,
    )


def downgrade() -> None:
    """Drop the tables, and the log with them."""
    for table in ("consumer_checkpoint", "event_log", "prompt_trace", "base_log"):
        op.drop_table(table, schema=MEM0_SCHEMA)


def link_to_record(table: str) -> list[sa.schema.SchemaItem]:
    """Return the key of a table whose rows are parts of a record; it serves joins and cascades as well."""
    return [
        sa.Column("base_log_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("base_log_id", "position", name=op.f(f"pk_{table}")),
        sa.ForeignKeyConstraint(
            ["base_log_id"],
            [f"{MEM0_SCHEMA}.base_log.id"],
            name=op.f(f"fk_{table}_base_log_id"),
            ondelete="CASCADE",
        ),
    ]
