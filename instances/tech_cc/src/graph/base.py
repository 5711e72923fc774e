"""The Neo4j driver: one of the process, pooled, imported only where NEO4J_URI is set."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Final

from src.common.config import Settings
from src.common.errors import UnavailableError

if TYPE_CHECKING:
    from neo4j import AsyncDriver
    from neo4j.exceptions import Neo4jError

POOL_SIZE: Final = 32
CONNECT_LIMIT_S: Final = 2.0
ACQUIRE_LIMIT_S: Final = 3.0
RETRY_LIMIT_S: Final = 1.0  # the driver's default would try a transaction again for 30 s while Neo4j is away
CLOSE_LIMIT_S: Final = 1.0

AWAY: Final = "Neo4j does not answer. Try again shortly; start it if it is not running."
NOT_CONFIGURED: Final = "This service has no graph. Set NEO4J_URI to have one."
# Neo4j's error codes by their beginnings; what is missing here is a bug.
SENTENCES: Final = {
    "Neo.ClientError.Security.": "Neo4j refused the login. Check NEO4J_USER and NEO4J_PASSWORD.",
    "Neo.ClientError.Database.": "Neo4j has no database of that name. Create it, or check NEO4J_DATABASE.",
    "Neo.ClientError.Transaction.TransactionTimedOut": "Neo4j took too long. Ask for less, or try again shortly.",
    "Neo.TransientError.": "Neo4j cannot do this now. Try again shortly.",
    "Neo.DatabaseError.": "Neo4j failed by itself. Its log has the cause.",
}


class GraphUnavailableError(UnavailableError):
    """The graph cannot do this now, or there is none."""

    problem_type: ClassVar[str] = "graph-unavailable"


@asynccontextmanager
async def open_driver(settings: Settings) -> AsyncIterator["AsyncDriver | None"]:
    """Yield the driver, which connects when it is first used; None where NEO4J_URI is not set."""
    if settings.neo4j_uri is None:
        yield None
        return
    from neo4j import AsyncGraphDatabase, NotificationMinimumSeverity  # noqa: PLC0415  # 160 ms, for those who use it

    password = settings.neo4j_password.get_secret_value() if settings.neo4j_password else ""
    driver = AsyncGraphDatabase.driver(
        **_address(settings),
        auth=(settings.neo4j_user, password),
        max_connection_pool_size=POOL_SIZE,
        connection_timeout=CONNECT_LIMIT_S,
        connection_acquisition_timeout=ACQUIRE_LIMIT_S,
        max_transaction_retry_time=RETRY_LIMIT_S,
        notifications_min_severity=NotificationMinimumSeverity.OFF,
        telemetry_disabled=True,
    )
    try:
        yield driver
    finally:
        try:
            async with asyncio.timeout(CLOSE_LIMIT_S):
                await driver.close()
        except TimeoutError:
            pass  # the server does not answer, so that its connections are dropped


def _address(settings: Settings) -> dict[str, Any]:
    """Return the options that say where Neo4j is, and whose certificates are trusted."""
    from neo4j import TrustCustomCAs  # noqa: PLC0415  # see above

    if settings.neo4j_ca_file is None:
        return {"uri": settings.neo4j_uri}
    assert settings.neo4j_uri
    # The driver accepts `trusted_certificates` only with an address without +s.
    uri = settings.neo4j_uri.replace("+s:", ":", 1)
    return {"uri": uri, "encrypted": True, "trusted_certificates": TrustCustomCAs(settings.neo4j_ca_file)}


def driver_name() -> str:
    """Return the version of the driver, and whether its Rust extension is in use."""
    import neo4j  # noqa: PLC0415  # see above

    agent: str = neo4j.get_user_agent()  # type: ignore[no-untyped-call]  # it has no annotations
    extension = "with" if "Python-Rust" in agent else "without"
    return f"neo4j {neo4j.__version__} {extension} its Rust extension"


@contextmanager
def graph_outages_refused() -> Iterator[None]:
    """Raise an outage of Neo4j as a refusal; let every other error pass.

    Raises:
        GraphUnavailableError: Neo4j cannot do now what the block asks for.
    """
    from neo4j.exceptions import DriverError, Neo4jError  # noqa: PLC0415  # see above

    try:
        yield
    except Neo4jError as fault:
        if sentence := _sentence(fault):
            raise GraphUnavailableError(sentence) from fault
        raise
    except (DriverError, OSError) as fault:
        raise GraphUnavailableError(_tls_sentence(fault) or AWAY) from fault


def _sentence(fault: "Neo4jError") -> str | None:
    code = fault.code or ""
    found = (sentence for beginning, sentence in SENTENCES.items() if code.startswith(beginning))
    return next(found, AWAY if fault.is_retryable() else None)


def _tls_sentence(fault: BaseException) -> str | None:
    """Return why there is no TLS connection; None if TLS is not the reason."""
    for cause in _causes(fault):
        if isinstance(cause, ssl.SSLCertVerificationError):
            reason = cause.verify_message.rstrip(".")
            return f"Neo4j's certificate is not trusted: {reason}. Check NEO4J_CA_FILE and the host in NEO4J_URI."
        if isinstance(cause, ssl.SSLError):
            return f"There is no TLS connection to Neo4j: {cause.reason}. Check NEO4J_URI and NEO4J_CA_FILE."
    return None


def _causes(fault: BaseException) -> Iterator[BaseException]:
    """Yield an error and what caused it; the driver groups the errors of a cluster's servers."""
    yield fault
    for each in fault.exceptions if isinstance(fault, BaseExceptionGroup) else ():
        yield from _causes(each)
    if cause := fault.__cause__ or fault.__context__:
        yield from _causes(cause)
