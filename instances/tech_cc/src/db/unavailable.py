"""Which faults of PostgreSQL mean that it is away, so that a client should try again, rather than a bug of ours."""

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from common.errors import UnavailableError

# asyncpg connects and times out with plain OSErrors; all else arrives wrapped by SQLAlchemy.
DATABASE_FAULTS = (DBAPIError, PoolTimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError)

SENTENCES = {
    "28": "PostgreSQL refused the login. Check user and password of DATABASE_URL.",
    "3D000": "PostgreSQL has no database of that name. Create it, or check the end of DATABASE_URL.",
    "3F000": "The database lacks a schema of this release. Run `alembic upgrade heads`.",
    "42P01": "The database lacks a table of this release. Run `alembic upgrade heads`.",
    "40": "PostgreSQL ended the transaction in favour of another. Try again.",
    "53": "PostgreSQL is out of connections, memory or disk space. Try again shortly.",
    "55P03": "A lock was not to be had in time. Try again shortly.",
    "57": "PostgreSQL is shutting down, or ended the query. Try again shortly.",
    "08": "The connection to PostgreSQL broke. Try again shortly.",
}
AWAY = "PostgreSQL does not answer. Try again shortly; start it if it is not running."
BUSY = "All database connections are in use. Try again shortly."


class DatabaseUnavailableError(UnavailableError):
    """PostgreSQL cannot do this now."""


def unavailable(fault: BaseException) -> DatabaseUnavailableError | None:
    """Return the refusal that a fault calls for, or None where it is a bug that should be seen as one.

    PostgreSQL's error codes: appendix A of its manual; the first two characters are the class.
    """
    if isinstance(fault, PoolTimeoutError):
        return DatabaseUnavailableError(BUSY)
    original = fault.orig if isinstance(fault, DBAPIError) else fault
    if sqlstate := getattr(original, "sqlstate", None):
        sentence = SENTENCES.get(sqlstate) or SENTENCES.get(sqlstate[:2])
        return DatabaseUnavailableError(sentence) if sentence else None
    is_away = isinstance(original, OSError) or (isinstance(fault, DBAPIError) and fault.connection_invalidated)
    return DatabaseUnavailableError(AWAY) if is_away else None
