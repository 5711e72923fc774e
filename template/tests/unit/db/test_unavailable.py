import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from src.db.unavailable import unavailable


def wrapped(original: Exception, *, is_disconnect: bool = False) -> DBAPIError:
    return DBAPIError("SELECT 1", {}, original, connection_invalidated=is_disconnect)


@pytest.mark.parametrize(
    "fault",
    [
        PoolTimeoutError("QueuePool limit"),
        wrapped(asyncpg.TooManyConnectionsError("53300")),
        wrapped(asyncpg.DiskFullError("53100")),
        wrapped(asyncpg.DeadlockDetectedError("40P01")),
        wrapped(asyncpg.SerializationError("40001")),
        wrapped(asyncpg.LockNotAvailableError("55P03")),
        wrapped(asyncpg.QueryCanceledError("57014")),
        wrapped(asyncpg.AdminShutdownError("57P01")),
        wrapped(asyncpg.CannotConnectNowError("57P03")),
        wrapped(asyncpg.ConnectionDoesNotExistError("08003")),
        wrapped(asyncpg.InvalidCachedStatementError("0A000")),
        wrapped(asyncpg.ClientConfigurationError("no root certificate")),
        wrapped(asyncpg.InvalidPasswordError("28P01")),
        wrapped(asyncpg.InvalidCatalogNameError("3D000")),
        wrapped(asyncpg.InterfaceError("connection is closed"), is_disconnect=True),
    ],
    ids=lambda fault: type(getattr(fault, "orig", fault)).__qualname__ + type(fault).__module__,
)
def test_a_database_that_is_away_is_a_503_with_a_next_step(fault: Exception) -> None:
    refusal = unavailable(fault)

    assert refusal is not None
    assert refusal.status == 503
    assert str(refusal).count(". ") >= 1


async def test_a_server_that_cannot_be_reached_is_away() -> None:
    with pytest.raises(OSError) as unreachable:  # noqa: PT011  # which one depends on the system
        await asyncpg.connect(host="127.0.0.1", port=1, user="u", database="d")

    assert str(unavailable(unreachable.value)).startswith("PostgreSQL does not answer.")


@pytest.mark.parametrize(
    "fault",
    [
        FileNotFoundError("a file that a route looked for"),
        TimeoutError("a time limit that a route set itself"),
        wrapped(asyncpg.UniqueViolationError("23505")),
        wrapped(asyncpg.NumericValueOutOfRangeError("22003")),
        wrapped(asyncpg.PostgresSyntaxError("42601")),
        wrapped(asyncpg.UndefinedTableError("42P01")),
        wrapped(asyncpg.UndefinedColumnError("42703")),
        wrapped(asyncpg.InsufficientPrivilegeError("42501")),
        wrapped(asyncpg.InterfaceError("another operation is in progress")),
    ],
    ids=lambda fault: type(getattr(fault, "orig", fault)).__name__,
)
def test_a_bug_is_not_taken_for_an_outage(fault: Exception) -> None:
    assert unavailable(fault) is None
