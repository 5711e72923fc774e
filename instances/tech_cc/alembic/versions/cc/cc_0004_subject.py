"""Who made each record of cc: the subject of the caller's token.

Revision ID: cc_0004_subject
Revises: cc_0003_dead_letters
"""

import sqlalchemy as sa
from alembic import op

from src.common.config import get_settings

revision = "cc_0004_subject"
down_revision = "cc_0003_dead_letters"
branch_labels = None
depends_on = None

MEM0_SCHEMA = get_settings().mem0_schema_of("cc")


def upgrade() -> None:
    """Add the column; no row is written, so that it takes no longer on a long log."""
    op.add_column("base_log", sa.Column("subject", sa.String(255)), schema=MEM0_SCHEMA)


def downgrade() -> None:
    """Drop the column, and with it who made the records."""
    op.drop_column("base_log", "subject", schema=MEM0_SCHEMA)
