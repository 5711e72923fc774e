"""Which faults of PostgreSQL mean that it is away, so that a client should try again, rather than a bug of ours."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from src.common.errors import UnavailableError

# asyncpg connects and times out with plain OSErrors; nearly all else arrives wrapped by SQLAlchemy.
DATABASE_FAULTS: Final = (DBAPIError, PoolTimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError)

AWAY = "PostgreSQL does not answer. Try again shortly; start it if it is not running."
BUSY = "All database connections are in use. Try again shortly."
CHANGED = "The tables changed under a running service. Try again."
MIGRATE = "Run `alembic upgrade heads`; where that changes nothing, check MEM0_SCHEMA."
# PostgreSQL's error codes, appendix A of its manual; two characters are a whole class.
SENTENCES = {
    "08": "The connection to PostgreSQL broke. Try again shortly.",
    "28": "PostgreSQL refused the login. Check user and password of DATABASE_URL.",
    "3D000": "PostgreSQL has no database of that name. Create it, or check the end of DATABASE_URL.",
    "3F000": f"The database lacks a schema of this release. {MIGRATE}",
    "40": "PostgreSQL ended the transaction in favour of another. Try again.",
    "42501": "The role of DATABASE_URL lacks a right on the database. Grant it, or connect as the owner.",
    "42703": f"The database lacks a column of this release. {MIGRATE}",
    "42P01": f"The database lacks a table of this release. {MIGRATE}",
    "42P06": "The database has a schema of that name already. Rename or drop it, or change MEM0_SCHEMA.",
    "53": "PostgreSQL is out of connections, memory or disk space. Try again shortly.",
    "55P03": "A lock was not to be had in time. Try again shortly.",
    "57014": "PostgreSQL ended a statement that took too long. Try again shortly, or ask for less.",
    "57": "PostgreSQL is shutting down or starting up. Try again shortly.",
}


class DatabaseUnavailableError(UnavailableError):
    """PostgreSQL cannot do this now."""


@contextmanager
def outages_refused() -> Iterator[None]:
    """Turn a fault that means PostgreSQL is away into a refusal; let every other one pass.

    Raises:
        DatabaseUnavailableError: PostgreSQL cannot do what the block asks of it now.
    """
    try:
        yield
    except DATABASE_FAULTS as fault:
        if (refusal := unavailable(fault)) is None:
            raise
        raise refusal from fault


def unavailable(fault: BaseException) -> DatabaseUnavailableError | None:
    """Return the refusal that a fault calls for, or None where it is a bug that should be seen as one."""
    sentence = _sentence(fault)
    return DatabaseUnavailableError(sentence) if sentence else None


def _sentence(fault: BaseException) -> str | None:
    if isinstance(fault, PoolTimeoutError):
        return BUSY
    original = fault.driver_exception if isinstance(fault, DBAPIError) else fault
    if isinstance(original, asyncpg.InvalidCachedStatementError):
        return CHANGED
    if isinstance(original, asyncpg.ClientConfigurationError):
        return f"DATABASE_URL cannot be used: {original}. Check its sslmode, and the certificates of this machine."
    if sqlstate := getattr(original, "sqlstate", None):
        return SENTENCES.get(sqlstate) or SENTENCES.get(sqlstate[:2])
    is_disconnect = isinstance(fault, DBAPIError) and fault.connection_invalidated
    return AWAY if is_disconnect or (isinstance(original, OSError) and _comes_from_driver(original)) else None


def _comes_from_driver(fault: BaseException) -> bool:
    """Tell an OSError or a time-out of the driver from one that a route ran into by itself."""
    frames = (frame for frame, _line in traceback.walk_tb(fault.__traceback__))
    return any(frame.f_globals.get("__name__", "").startswith("asyncpg.") for frame in frames)
