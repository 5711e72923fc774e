"""Tell an outage of PostgreSQL, which is a 503, from a bug, which is a 500."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar, Final

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from src.common.errors import UnavailableError

# asyncpg connects and times out with plain OSErrors; SQLAlchemy wraps nearly all other errors.
DATABASE_FAULTS: Final = (DBAPIError, PoolTimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError)

AWAY = "PostgreSQL does not answer. Try again shortly; start it if it is not running."
BUSY = "All database connections are in use. Try again shortly."
CHANGED = "The tables changed while the service was running. Try again."
POOLER = "DATABASE_URL does not name PostgreSQL but a pooler. Set DATABASE_DIRECT_URL to PostgreSQL's own address."
# PostgreSQL's error codes, appendix A of its manual; two characters are a whole class. What is missing here is a bug.
SENTENCES = {
    "08": "The connection to PostgreSQL broke. Try again shortly.",
    "28": "PostgreSQL refused the login. Check user and password of DATABASE_URL.",
    "3D000": "PostgreSQL has no database of that name. Create it, or check the end of DATABASE_URL.",
    "40": "PostgreSQL rolled the transaction back because of another one. Try again.",
    "53": "PostgreSQL is out of connections, memory or disk space. Try again shortly.",
    "55P03": "A lock could not be acquired in time. Try again shortly.",
    "57014": "PostgreSQL cancelled a statement that took too long. Try again shortly, or ask for less.",
    "57": "PostgreSQL is shutting down or starting up. Try again shortly.",
}


class DatabaseUnavailableError(UnavailableError):
    """PostgreSQL cannot do this now."""

    problem_type: ClassVar[str] = "database-unavailable"


@contextmanager
def outages_refused() -> Iterator[None]:
    """Raise an outage of PostgreSQL as a refusal; let every other error pass.

    Raises:
        DatabaseUnavailableError: PostgreSQL cannot do now what the block asks for.
    """
    try:
        yield
    except DATABASE_FAULTS as fault:
        if (refusal := unavailable(fault)) is None:
            raise
        raise refusal from fault


def unavailable(fault: BaseException) -> DatabaseUnavailableError | None:
    """Return the refusal for an outage, or None for a bug."""
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
    if isinstance(original, asyncpg.ProtocolViolationError) and "startup parameter" in str(original):
        return POOLER
    if sqlstate := getattr(original, "sqlstate", None):
        return SENTENCES.get(sqlstate) or SENTENCES.get(sqlstate[:2])
    is_disconnect = isinstance(fault, DBAPIError) and fault.connection_invalidated
    return AWAY if is_disconnect or (isinstance(original, OSError) and _comes_from_driver(original)) else None


def _comes_from_driver(fault: BaseException) -> bool:
    """Return whether asyncpg raised the OSError or time-out, rather than code of a route."""
    frames = (frame for frame, _line in traceback.walk_tb(fault.__traceback__))
    return any(frame.f_globals.get("__name__", "").startswith("asyncpg.") for frame in frames)
