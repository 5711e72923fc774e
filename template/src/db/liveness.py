"""Check that a pooled connection is alive, without a round trip if it was used a moment ago.

SQLAlchemy's `pool_pre_ping` costs three round trips at each checkout, because it begins a transaction for PgBouncer.
asyncpg notices when PostgreSQL closes a connection; only an idle one can be dead unnoticed.
"""

import time
from typing import Any, Final

from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError, InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine

IDLE_LIMIT_S: Final = 1.0


def check_liveness(engine: AsyncEngine, *, idle_limit_s: float = IDLE_LIMIT_S) -> None:
    """Replace dead connections of the engine's pool at checkout; ping those that were idle for longer."""
    dialect = engine.dialect

    def note(_connection: Any, record: Any) -> None:
        record.info["idle_since"] = time.monotonic()

    def check(connection: Any, record: Any, _proxy: Any) -> None:
        if connection.driver_connection.is_closed():
            raise DisconnectionError("PostgreSQL closed the connection")
        idle_since = record.info.pop("idle_since", None)
        if idle_since is None or time.monotonic() - idle_since < idle_limit_s:
            return
        try:
            dialect.do_ping(connection)
        except (dialect.loaded_dbapi.Error, OSError) as fault:
            raise InvalidatePoolError("PostgreSQL does not answer on the connection") from fault

    event.listen(engine.sync_engine, "checkin", note)
    event.listen(engine.sync_engine, "checkout", check)
