"""Servers and processes that a test may kill, freeze, stop and start again."""

import asyncio
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncpg
import psutil  # type: ignore[import-untyped]  # it ships no types
from sqlalchemy import URL

from embedded.child_process import start_child
from embedded.postgres import create_role_and_database, running_postgres, url_of
from embedded.redis import start_redis

START_LIMIT_S = 60.0

type Launch = Callable[[], subprocess.Popen[bytes]]
type Check = Callable[[], Awaitable[bool]]


async def _at_once() -> bool:
    return True


class FaultProcess:
    """A process and its children.

    Args:
        launch: Starts the process.
        is_ready: Whether it does its work; by default it is not waited for.
        start_limit_s: How long the start may take.
    """

    def __init__(self, launch: Launch, *, is_ready: Check = _at_once, start_limit_s: float = START_LIMIT_S) -> None:
        self._launch = launch
        self._is_ready = is_ready
        self._start_limit_s = start_limit_s
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start it, or start it again after a fault; return when it is ready."""
        deadline = time.monotonic() + self._start_limit_s
        self._process = self._launch()
        while not await self._is_ready():
            assert time.monotonic() < deadline, f"{self._process.args!r} is not ready after {self._start_limit_s} s"
            if self._process.poll() is not None:  # PostgreSQL, while the memory of the killed one is still in use
                await asyncio.sleep(0.1)
                self._process = self._launch()
            await asyncio.sleep(0.01)

    def kill(self) -> None:
        """End it and its children at once, as a power cut does."""
        if self._process:
            self._signal(signal.SIGKILL)
            self._process.wait()

    def freeze(self) -> None:
        """Let it hold all connections and answer none."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on where it was."""
        self._signal(signal.SIGCONT)

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Ask it to end, and wait until it has."""
        if self._process:
            self._process.send_signal(number)
            await asyncio.to_thread(self._process.wait)

    def _signal(self, number: signal.Signals) -> None:
        with suppress(psutil.NoSuchProcess):
            assert self._process
            parent = psutil.Process(self._process.pid)
            for process in (parent, *parent.children()):
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(number)


@asynccontextmanager
async def fault_postgres(directory: Path) -> AsyncIterator[tuple[FaultProcess, URL]]:
    """Yield a running PostgreSQL that waits for the disk, and the address of a database on it."""
    with running_postgres(directory) as server:
        await create_role_and_database(server)
        url = url_of(server)
        command = [str(server.bin_path / "postgres"), "-D", str(directory), "-h", "", "-k", str(url.query["host"])]
        user = server.system_user

    def launch() -> subprocess.Popen[bytes]:
        return start_child(command, user=user, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    async def answers() -> bool:
        try:
            await (await connect_directly(url)).close()
        except (OSError, asyncpg.PostgresError):
            return False
        return True

    process = FaultProcess(launch, is_ready=answers)
    await process.start()
    try:
        yield process, url
    finally:
        process.kill()


@asynccontextmanager
async def fault_redis(folder: Path) -> AsyncIterator[FaultProcess]:
    """Yield a running Valkey whose socket lies in the folder."""
    process = FaultProcess(lambda: start_redis(folder))
    await process.start()
    try:
        yield process
    finally:
        process.kill()


async def connect_directly(url: URL) -> asyncpg.Connection:
    """Return a connection that no fault of a proxy reaches and no time-out of the application limits."""
    return await asyncpg.connect(
        host=str(url.query["host"]),
        user=url.username,
        database=url.database,
        server_settings={"application_name": "faults"},
    )
