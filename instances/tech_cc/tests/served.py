"""The service as a process of its own."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from httpx2 import ConnectError, get

from databases import PROJECT
from embedded.child_process import free_port
from src.common.config import Settings


@contextmanager
def served(settings: Settings, *arguments: str, **environment: str) -> Iterator[int]:
    """Yield the port on which uvicorn serves what the arguments name, with one worker, on the settings' database."""
    port = free_port()
    # A connection may rest while others are measured.
    options = ["--port", str(port), "--no-access-log", "--timeout-keep-alive", "600"]
    command = [sys.executable, "-m", "uvicorn", *arguments, *options]
    environment["DATABASE_URL"] = settings.sqlalchemy_url.render_as_string(hide_password=False)
    process = subprocess.Popen(command, cwd=PROJECT, env={**os.environ, **environment})
    try:
        wait_until_ready(port, process)
        yield port
    finally:
        process.terminate()
        process.wait()


def wait_until_ready(port: int, process: subprocess.Popen[Any]) -> None:
    """Return once the service answers that it is ready."""
    while not _is_ready(port):
        assert process.poll() is None, "the service did not start"
        time.sleep(0.05)


def _is_ready(port: int) -> bool:
    try:
        return get(f"http://127.0.0.1:{port}/health/ready").is_success
    except ConnectError:
        return False
