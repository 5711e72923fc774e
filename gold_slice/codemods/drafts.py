"""Draft migrations for users' own tables whose columns have another name since; nothing applies them."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from ..answers import Module
from ..migrations import VERSIONS, heads_of
from .source import Draft

TEXT = '''"""Rename {old} of {table}: a draft. Review it, and drop `.draft` from its name.

Revision ID: {revision}
Revises: {head}
"""

from alembic import op

revision = "{revision}"
down_revision = "{head}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Give the column its new name."""
    op.alter_column("{table}", "{old}", new_column_name="{new}", schema="{module}")


def downgrade() -> None:
    """Give the column its old name."""
    op.alter_column("{table}", "{new}", new_column_name="{old}", schema="{module}")
'''


def write_drafts(folder: Path, drafts: Iterable[Draft], modules: Iterable[Module]) -> Iterator[tuple[str, bytes]]:
    """Yield path and text of each draft that the project does not have yet, as a draft or as a migration."""
    known = {module.name: module for module in modules}
    for draft in drafts:
        if draft.module not in known:
            continue
        revision = f"{draft.module}_rename_{draft.table}_{draft.old}"
        path = f"{VERSIONS}/{draft.module}/{revision}.py"
        heads = heads_of(folder, known[draft.module])
        if heads and not (folder / path).exists() and not (folder / f"{path}.draft").exists():
            text = TEXT.format(
                revision=revision, head=heads[0], table=draft.table, old=draft.old, new=draft.new, module=draft.module
            )
            yield f"{path}.draft", text.encode()
