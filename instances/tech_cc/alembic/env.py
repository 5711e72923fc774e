"""Migrations run here: every module keeps its own base, and all of them share one metadata."""

import asyncio
import sys
from importlib import import_module
from typing import Any, Final

from alembic import context
from alembic.ddl.postgresql import PostgresqlImpl
from alembic.runtime.migration import MigrationInfo
from sqlalchemy import Connection, String, Table

from common.config import Settings, settings_or_exit
from db.base import Base
from db.connection import address, create_single_use_engine
from db.unavailable import DATABASE_FAULTS, unavailable

# The generator keeps the model files of each module here, sorted; entries of your own may stand among them.
MODEL_MODULES: list[str] = [
    "backend.cc.mem0_models",
    "backend.cc.models",
]
# End of the model files.

# A migration that waits for a lock makes everybody behind it wait: rather fail, and try again in a quieter hour.
# For one that must take longer: `alembic -x lock_timeout=30s -x statement_timeout=1h upgrade heads`.
TIME_LIMITS: Final = {"lock_timeout": "5s", "statement_timeout": "15min"}


class RoomyVersions(PostgresqlImpl):
    """PostgreSQL as Alembic knows it, with room for revision ids that begin with a module's name."""

    __dialect__ = "postgresql"

    def version_table_impl(self, **options: Any) -> Table:
        """Return the table of applied revisions; Alembic's own ends an id at 32 characters."""
        table = super().version_table_impl(**options)
        table.c.version_num.type = String(128)
        return table


def migrate(connection: Connection) -> None:
    """Run the migrations that were asked for, each in a transaction of its own, and name each one done."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        include_schemas=True,
        include_name=_is_ours,
        compare_server_default=True,
        transaction_per_migration=True,
        on_version_apply=_report,
    )
    with context.begin_transaction():
        context.run_migrations()


async def migrate_online(settings: Settings) -> None:
    """Connect, with time limits on locks and statements, and migrate."""
    limits = TIME_LIMITS | context.get_x_argument(as_dictionary=True)
    engine = create_single_use_engine(settings, server_settings={key: str(value) for key, value in limits.items()})
    try:
        async with engine.connect() as connection:
            await connection.run_sync(migrate)
    finally:
        await engine.dispose()


def print_sql(settings: Settings) -> None:
    """Print the SQL that would run (`--sql`), for whoever applies it by hand."""
    url = settings.sqlalchemy_url
    context.configure(url=url, target_metadata=Base.metadata, literal_binds=True, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


def main(settings: Settings) -> None:
    """Migrate; a database that is away ends the process with one sentence."""
    if context.is_offline_mode():
        print_sql(settings)
        return
    try:
        asyncio.run(migrate_online(settings))
    except DATABASE_FAULTS as fault:
        if (refusal := unavailable(fault)) is None:
            raise
        sys.exit(f"{refusal} The database is {address(settings)}, from DATABASE_URL.")


def _is_ours(name: str | None, kind: str, _parents: object) -> bool:
    """Leave schemas alone that no model names, `public` among them."""
    return kind != "schema" or name in {table.schema for table in Base.metadata.tables.values()}


def _report(ctx: object, step: MigrationInfo, heads: object, run_args: object) -> None:  # noqa: ARG001  # called by name
    print(f"{'upgraded to' if step.is_upgrade else 'downgraded from'} {step.up_revision_id}", file=sys.stderr)  # noqa: T201


settings: Settings = context.config.attributes.get("settings") or settings_or_exit()
for model_module in MODEL_MODULES:
    import_module(model_module)
main(settings)
