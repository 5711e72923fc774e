"""A PgBouncer in transaction mode, out of the distribution's package."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import create_connection
from typing import Final

from sqlalchemy import URL

from embedded.child_process import free_port

PROGRAM: Final = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}{os.pathsep}/usr/sbin")
SERVER_CONNECTIONS: Final = 3
START_TIMEOUT_S: Final = 10
CONFIGURATION: Final = """
[databases]
* = {server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {size}
max_client_conn = 500
"""


@contextmanager
def running_pgbouncer(direct: URL) -> Iterator[URL]:
    """Yield an address under which PgBouncer lends a few connections to the server of the database."""
    assert PROGRAM is not None
    folder = Path(tempfile.mkdtemp(prefix="pgbouncer-"))
    folder.chmod(0o755)
    port = free_port()
    host, server_port = direct.host or direct.query["host"], direct.port or 5432
    server = {"host": host, "port": server_port, "user": direct.username, "password": direct.password or "unused"}
    line = " ".join(f"{name}='{value}'" for name, value in server.items())
    file = folder / "pgbouncer.ini"
    file.write_text(CONFIGURATION.format(server=line, port=port, size=SERVER_CONNECTIONS))
    log = (folder / "log").open("wb")
    # It refuses to run as root; only the server's own user may open a socket in the folder of the data.
    others = Path(str(host)).owner() if str(host).startswith("/") else "nobody"
    user = others if os.geteuid() == 0 else None
    process = subprocess.Popen([PROGRAM, str(file)], stdout=log, stderr=log, user=user)
    try:
        _wait_for(port, process, folder / "log")
        yield URL.create(direct.drivername, direct.username, "unused", "127.0.0.1", port, direct.database)
    finally:
        process.terminate()
        process.wait()
        log.close()
        shutil.rmtree(folder)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"PgBouncer did not start: {log.read_text()[-500:]}")
