"""The one engine of development, test and production, its session factory, and the transaction of a request."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import asyncpg
import orjson
from fastapi.requests import HTTPConnection
from sqlalchemy import URL, NullPool, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from src.common.config import Settings
from src.common.startup_errors import StartupError
from src.common.telemetry.sql_spans import trace_statements
from src.common.tracing import span
from src.db.autocommit import AutocommitSession
from src.db.fair_pool import FairPool
from src.db.liveness import check_liveness
from src.db.pooler import limit_transactions, pooled_arguments
from src.db.unavailable import DatabaseUnavailableError, outages_refused

# With the default STATEMENT_TIMEOUT_MS a request fails within 4 s of a network that drops packets: a ping that times
# out, then a connection that does.
CONNECT_TIMEOUT_S: Final = 1.5
COMMAND_MARGIN_S: Final = 0.1
POOL_TIMEOUT_S: Final = 2.0
TRANSACTIONS: Final = "READ COMMITTED"
TIME_LIMITS: Final = {
    "lock_timeout": "1000ms",
    # A transaction left open holds back VACUUM and every reader of the log.
    "idle_in_transaction_session_timeout": "10s",
}
ROLE_AND_CONNECTIONS: Final = """
SELECT rolsuper,
    current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
FROM pg_roles WHERE rolname = current_user
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """An application's access to PostgreSQL: transactions, and single statements, on one pool."""

    engine: AsyncEngine
    sessions: async_sessionmaker[AsyncSession]
    autocommit: AutocommitSession


def create_engine(settings: Settings) -> AsyncEngine:
    """Return the pooled engine of a process that serves requests; it connects when first used.

    Each statement commits by itself (AUTOCOMMIT). `transactions_of` makes the engine for transactions: changing
    the isolation level of a connection costs a quarter of a short statement, and most requests are one statement.
    Behind PgBouncer, all connections begin and commit transactions.
    """
    limits = _limits(settings)
    engine = create_async_engine(
        settings.sqlalchemy_url,
        **_dialect_options(settings),
        isolation_level=TRANSACTIONS if settings.is_pooled else "AUTOCOMMIT",
        poolclass=FairPool,
        pool_size=settings.database_pool_size,
        max_overflow=0,  # a connection beyond the pool is opened and closed for each use, which costs more than waiting
        pool_timeout=POOL_TIMEOUT_S,
        connect_args=pooled_arguments(limits) if settings.is_pooled else limits,
    )
    check_liveness(engine)
    if settings.is_pooled:
        limit_transactions(engine, _time_limits(settings))
    return engine


def transactions_of(engine: AsyncEngine) -> AsyncEngine:
    """Return an engine on the same pool whose connections begin and commit transactions."""
    return engine.execution_options(isolation_level=TRANSACTIONS)


def create_single_use_engine(settings: Settings, *, server_settings: dict[str, str]) -> AsyncEngine:
    """Return an engine for one task, such as a migration: no pool or pooler, no client-side limit on a command."""
    connect_args = {"timeout": CONNECT_TIMEOUT_S, "server_settings": server_settings}
    return create_async_engine(
        settings.direct_url, **_dialect_options(settings), poolclass=NullPool, connect_args=connect_args
    )


async def connect_driver(settings: Settings) -> asyncpg.Connection:
    """Return a connection of the plain driver to PostgreSQL itself, with the limits of the pool's connections."""
    url = settings.direct_url
    _, address_arguments = url.get_dialect()().create_connect_args(url)
    return await asyncpg.connect(**address_arguments, **_limits(settings))


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[Database]:
    """Yield a database that has answered once, and close it afterwards.

    Raises:
        StartupError: It does not answer, or the role is a superuser in production.
    """
    engine = create_engine(settings)
    trace_statements(engine, tracing=settings.tracing)
    try:
        await _check_connection(engine, settings)
        if settings.is_pooled:
            await _check_direct_connection(settings)
        transactions = transactions_of(engine)
        yield Database(
            engine=transactions,
            sessions=async_sessionmaker(transactions, expire_on_commit=False),
            autocommit=AutocommitSession(engine.begin if settings.is_pooled else engine.connect),
        )
    finally:
        await engine.dispose()


async def get_db_session(connection: HTTPConnection) -> AsyncIterator[AsyncSession]:
    """Yield the request's session and commit before the response is sent, so a failed commit is never a 200.

    Depend on it with `scope="function"`, as every slice's `deps` does.
    """
    database: Database = connection.app.state.database
    with outages_refused(), span("transaction", layer="api"):
        async with database.sessions() as session, session.begin():
            yield session


async def _check_connection(engine: AsyncEngine, settings: Settings) -> None:
    source = "from DATABASE_URL" if settings.database_is_named else "the default; scripts/dev.py starts a server"
    try:
        with outages_refused():
            async with engine.connect() as connection:
                is_superuser, accepted = (await connection.execute(text(ROLE_AND_CONNECTIONS))).one()
    except DatabaseUnavailableError as away:
        raise StartupError(f"{away} The address is {address(settings.sqlalchemy_url)}, {source}.") from away
    if is_superuser and settings.is_production:
        raise StartupError("DATABASE_URL names a superuser. Give the service a role of its own in production.")
    # One more for the writer of L1; PgBouncer has limits of its own.
    workers, each = settings.web_concurrency, 1 if settings.is_pooled else settings.database_pool_size + 1
    if workers * each > accepted:
        raise StartupError(
            f"PostgreSQL accepts {accepted} connections, and {workers} workers with {each} each may open "
            f"{workers * each}. Lower DATABASE_POOL_SIZE or WEB_CONCURRENCY, or raise max_connections."
        )


async def _check_direct_connection(settings: Settings) -> None:
    try:
        with outages_refused():
            connection = await connect_driver(settings)
            await connection.close()
    except DatabaseUnavailableError as away:
        place = address(settings.direct_url)
        raise StartupError(f"{away} The address is {place}, from DATABASE_DIRECT_URL.") from away


def address(url: URL) -> str:
    """Return where the database is, without user or password."""
    return f"{url.host or url.query.get('host', 'localhost')}:{url.port or 5432}/{url.database}"


def _limits(settings: Settings) -> dict[str, Any]:
    """Return the limits of a connection. While PostgreSQL answers, it reports itself which statement took too long."""
    return {
        "timeout": CONNECT_TIMEOUT_S,
        "command_timeout": settings.statement_timeout_ms / 1000 + COMMAND_MARGIN_S,
        "server_settings": {"application_name": "cos", **_time_limits(settings)},
    }


def _time_limits(settings: Settings) -> dict[str, str]:
    return TIME_LIMITS | {"statement_timeout": f"{settings.statement_timeout_ms}ms"}


def _dialect_options(settings: Settings) -> dict[str, Any]:
    return {
        "json_serializer": lambda document: orjson.dumps(document).decode(),
        "json_deserializer": orjson.loads,
        "hide_parameters": settings.is_production,
    }
