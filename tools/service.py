"""Start the service of the project in the current folder, on a free port of this machine."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from httpx2 import ConnectError, get


@contextmanager
def serving(settings: Mapping[str, str]) -> Iterator[str]:
    """Migrate the database of DATABASE_URL, and yield the address of a service with these settings that is ready."""
    environment = {**os.environ, "ENVIRONMENT": "test", **settings}
    subprocess.run(["alembic", "upgrade", "heads"], env=environment, check=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "src.cos_main:app", "--no-access-log", "--port", str(port)]
    service = subprocess.Popen(command, env=environment)
    try:
        _wait_for(f"http://127.0.0.1:{port}/health/ready", service)
        yield f"http://127.0.0.1:{port}"
    finally:
        service.terminate()
        service.wait()


def _wait_for(url: str, service: subprocess.Popen[bytes]) -> None:
    while service.poll() is None:
        try:
            if get(url).is_success:
                return
        except ConnectError:
            time.sleep(0.1)
    sys.exit("The service did not start.")
