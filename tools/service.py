"""Serve an application on a free port of this machine, for a job that talks to it."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from httpx2 import ConnectError, get


@contextmanager
def served(environment: Mapping[str, str], *arguments: str, ready: str) -> Iterator[str]:
    """Yield the address at which uvicorn serves what the arguments name, once it answers the path `ready`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", *arguments, "--no-access-log", "--port", str(port)]
    service = subprocess.Popen(command, env=environment)
    try:
        _wait_for(f"http://127.0.0.1:{port}{ready}", service)
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
