"""Run the migrations: each module has a base of its own, and all share one metadata."""

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
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

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

MIGRATION_LOCK: Final = 0x636F73  # an arbitrary number; all migrations of this database must use the same one
LOCK_POLL_S: Final = 0.2
# A migration that waits for a table's lock blocks all queries behind it. It fails instead, and can be tried again.
# To allow more time: `alembic -x lock_timeout=30s -x statement_timeout=1h upgrade heads`.
TIME_LIMITS: Final = {"lock_timeout": "5s", "statement_timeout": "15min"}

ORPHANED: Final = (
    "If a module was removed, downgrade the database in a checkout that still has it, or delete the row from "
    "alembic_version and drop the module's schemas."
)
REFUSALS: Final = {
    "42501": "Its role lacks a right on the database. Grant it, or connect as the owner.",
    "42P06": "The database already has a schema of that name. Rename or drop it, or change MEM0_SCHEMA.",
}


class LongRevisionIds(PostgresqlImpl):
    """Alembic's PostgreSQL support, with revision ids long enough to begin with a module's name."""

    __dialect__ = "postgresql"

    def version_table_impl(self, **options: Any) -> Table:
        """Return the table of applied revisions; Alembic's own allows 32 characters."""
        table = super().version_table_impl(**options)
        table.c.version_num.type = String(128)
        return table


def migrate(connection: Connection) -> None:
    """Run the requested migrations, each in a transaction of its own, and print the name of each."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        include_schemas=True,
        include_name=_is_ours,
        compare_server_default=True,
        transaction_per_migration=True,
        on_version_apply=_print_step,
    )
    with context.begin_transaction():
        context.run_migrations()


async def migrate_online(settings: Settings) -> None:
    """Connect with time limits on locks and statements, wait until no other migration runs, and migrate."""
    engine = create_single_use_engine(settings, server_settings=time_limits())
    try:
        async with engine.connect() as connection:
            await take_turn(connection, place=address(settings.direct_url))
            await connection.run_sync(migrate)
    finally:
        await engine.dispose()


async def take_turn(connection: AsyncConnection, *, place: str) -> None:
    """Take the lock that keeps migrations apart, however long the other one takes, and say so on stderr.

    It asks again and again. `pg_advisory_lock` would obey `lock_timeout`, and its open snapshot would block a
    `CREATE INDEX CONCURRENTLY` of the migration that it waits for.
    """
    is_told = False
    while not await connection.scalar(select(func.pg_try_advisory_lock(MIGRATION_LOCK))):
        await connection.commit()
        if not is_told:
            print(f"{place}: waiting for another migration to end", file=sys.stderr)  # noqa: T201
            is_told = True
        await asyncio.sleep(LOCK_POLL_S)
    await connection.commit()  # the session keeps the lock; Alembic begins its own transactions


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
    """Print the SQL that would run (`--sql`), to be applied by hand."""
    url = settings.direct_url
    context.configure(url=url, target_metadata=Base.metadata, literal_binds=True, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


def main(settings: Settings) -> None:
    """Migrate; end the process with one sentence if the database does not answer or has an unknown revision."""
    if context.is_offline_mode():
        print_sql(settings)
        return
    try:
        with outages_refused():
            asyncio.run(migrate_online(settings))
    except DatabaseUnavailableError as outage:
        sys.exit(f"{outage} The database is {address(settings.direct_url)}, from {SOURCE}.")
    except DBAPIError as error:
        if (sqlstate := getattr(error.orig, "sqlstate", None)) not in REFUSALS:
            raise
        sys.exit(f"{REFUSALS[sqlstate]} The database is {address(settings.direct_url)}, from {SOURCE}.")
    except CommandError as fault:
        if "Can't locate revision" not in str(fault):
            raise
        sys.exit(f"{fault}: it is in {address(settings.direct_url)}, but in no module of this project. {ORPHANED}")


def _is_ours(name: str | None, kind: str, _parents: object) -> bool:
    """Compare only the schemas that the models name."""
    return kind != "schema" or name in {table.schema for table in Base.metadata.tables.values()}


def _print_step(ctx: object, step: MigrationInfo, heads: object, run_args: object) -> None:  # noqa: ARG001  # called by name
    done = "upgraded to" if step.is_upgrade else "downgraded from"
    print(f"{address(settings.direct_url)}: {done} {step.up_revision_id}", file=sys.stderr)  # noqa: T201


packages = {name.rpartition(".")[0] for name in MODEL_MODULES}
settings: Settings = context.config.attributes.get("settings") or settings_or_exit(modules=len(packages))
SOURCE: Final = "DATABASE_DIRECT_URL" if settings.is_pooled else "DATABASE_URL"
for model_module in MODEL_MODULES:
    import_module(model_module)
main(settings)
