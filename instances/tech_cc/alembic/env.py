"""Migrations run here: every module keeps its own base, and all of them share one metadata."""

import asyncio
import re
import sys
from importlib import import_module
from typing import Any, Final

from alembic import context
from alembic.ddl.postgresql import PostgresqlImpl
from alembic.runtime.migration import MigrationInfo
from alembic.util import CommandError
from sqlalchemy import Connection, String, Table, func, select

from src.common.config import Settings, settings_or_exit
from src.db.base import Base
from src.db.connection import address, create_single_use_engine
from src.db.unavailable import DatabaseUnavailableError, outages_refused

# The generator keeps the model files of each module here, sorted; entries of your own may stand among them.
MODEL_MODULES: list[str] = [
    "src.backend.cc.mem0_models",
    "src.backend.cc.models",
]
# End of the model files.

MIGRATION_LOCK: Final = 0x636F73  # any number will do, as long as all who migrate this database use the same one
# A migration that waits for a lock makes everybody behind it wait: rather fail, and try again in a quieter hour.
# For one that must take longer: `alembic -x lock_timeout=30s -x statement_timeout=1h upgrade heads`.
TIME_LIMITS: Final = {"lock_timeout": "5s", "statement_timeout": "15min"}


ORPHANED: Final = (
    "If a module was removed, downgrade the database in a checkout that still has it, or delete the row from "
    "alembic_version and drop the module's schemas."
)


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
    """Connect, with time limits on locks and statements, and migrate; of several at once, one after the other."""
    engine = create_single_use_engine(settings, server_settings=time_limits())
    try:
        async with engine.connect() as connection:
            await connection.execute(select(func.pg_advisory_lock(MIGRATION_LOCK)))
            await connection.commit()  # the lock is the session's; Alembic begins its own transactions
            await connection.run_sync(migrate)
    finally:
        await engine.dispose()


def time_limits() -> dict[str, str]:
    """Return the limits, as `-x` on the command line changes them."""
    given = {key: str(value) for key, value in context.get_x_argument(as_dictionary=True).items()}
    wrong = [
        key for key, value in given.items() if key not in TIME_LIMITS or not re.fullmatch(r"\d+(ms|s|min|h)", value)
    ]
    if wrong:
        sys.exit(f"-x {wrong[0]}: takes {' or '.join(TIME_LIMITS)}, with a time such as 500ms, 30s, 15min or 1h.")
    return TIME_LIMITS | given


def print_sql(settings: Settings) -> None:
    """Print the SQL that would run (`--sql`), for whoever applies it by hand."""
    url = settings.sqlalchemy_url
    context.configure(url=url, target_metadata=Base.metadata, literal_binds=True, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


def main(settings: Settings) -> None:
    """Migrate; a database that is away, or has what no module here has, ends the process with one sentence."""
    if context.is_offline_mode():
        print_sql(settings)
        return
    try:
        with outages_refused():
            asyncio.run(migrate_online(settings))
    except DatabaseUnavailableError as away:
        sys.exit(f"{away} The database is {address(settings)}, from DATABASE_URL.")
    except CommandError as fault:
        if "Can't locate revision" not in str(fault):
            raise
        sys.exit(f"{fault}: {address(settings)} has it, and no module here. {ORPHANED}")


def _is_ours(name: str | None, kind: str, _parents: object) -> bool:
    """Leave schemas alone that no model names, `public` among them."""
    return kind != "schema" or name in {table.schema for table in Base.metadata.tables.values()}


def _report(ctx: object, step: MigrationInfo, heads: object, run_args: object) -> None:  # noqa: ARG001  # called by name
    done = "upgraded to" if step.is_upgrade else "downgraded from"
    print(f"{address(settings)}: {done} {step.up_revision_id}", file=sys.stderr)  # noqa: T201


packages = {name.rpartition(".")[0] for name in MODEL_MODULES}
settings: Settings = context.config.attributes.get("settings") or settings_or_exit(modules=len(packages))
for model_module in MODEL_MODULES:
    import_module(model_module)
main(settings)
