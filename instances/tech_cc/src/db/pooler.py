"""What is different behind PgBouncer in transaction mode: DATABASE_DIRECT_URL is set then.

Two transactions may run on different connections of PostgreSQL. So nothing is kept on a connection from one transaction
to the next, neither a prepared statement nor a time limit, and every statement runs inside BEGIN and COMMIT.
What needs a connection for longer uses DATABASE_DIRECT_URL: migrations, the writer of L1, the consumers.
"""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, event, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

# Without its caches, asyncpg prepares unnamed statements, which the next one replaces; named ones would stay forever.
NO_PREPARED_STATEMENTS: Final = {"statement_cache_size": 0, "prepared_statement_cache_size": 0}


def limit_transactions(engine: AsyncEngine, limits: Mapping[str, str]) -> None:
    """Set these settings at the start of each transaction; PgBouncer refuses them as parameters of a connection."""
    statement = select(*(func.set_config(name, value, True) for name, value in limits.items()))  # noqa: FBT003  # local

    def set_limits(connection: Connection) -> None:
        connection.execute(statement)

    event.listen(engine.sync_engine, "begin", set_limits)


def pooled_arguments(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a connection without settings that PgBouncer does not know."""
    name = {"application_name": arguments["server_settings"]["application_name"]}
    return {**arguments, "server_settings": name, **NO_PREPARED_STATEMENTS}
