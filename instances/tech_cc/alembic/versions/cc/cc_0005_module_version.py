"""An index for lists of the modules of one version, in cc.

Revision ID: cc_0005_module_version
Revises: cc_0004_subject
"""

from alembic import op

revision = "cc_0005_module_version"
down_revision = "cc_0004_subject"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the index; the registry is small, so that it need not be built concurrently."""
    op.create_index("ix_modules_version_id", "modules", ["version", "id"], schema="cc")


def downgrade() -> None:
    """Drop the index."""
    op.drop_index("ix_modules_version_id", "modules", schema="cc")
