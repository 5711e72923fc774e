"""A PostgreSQL of a test's own, which it may kill, freeze and stop."""

import asyncio
import signal
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncpg
import psutil  # type: ignore[import-untyped]  # it ships no types
from sqlalchemy import URL

from embedded.postgres import create_role_and_database, running_postgres, url_of


class FaultServer:
    """A server that is a child of this process, and so dies when it is told to."""

    def __init__(self, url: URL, command: Sequence[str], user: str | None) -> None:
        self.url = url
        self._command = command
        self._user = user

    async def start(self) -> None:
        """Start it, or start it again after a fault; return when it answers."""
        self._process = _launch(self._command, self._user)
        while not await self._answers():
            assert self._process.poll() is None, f"{self._command} does not start"
            await asyncio.sleep(0.01)

    def kill(self) -> None:
        """End the server and all its backends at once, as a power cut does."""
        self._signal(signal.SIGKILL)
        self._process.wait()

    def freeze(self) -> None:
        """Let it hold all connections and answer none."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on where it was."""
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        """Stop it as an administrator does, which ends every connection."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(psutil.NoSuchProcess):
            postmaster = psutil.Process(self._process.pid)
            for process in (postmaster, *postmaster.children()):
                process.send_signal(number)

    async def _answers(self) -> bool:
        _, arguments = self.url.get_dialect()().create_connect_args(self.url)
        try:
            connection = await asyncpg.connect(**arguments)
        except (OSError, asyncpg.PostgresError):
            return False
        await connection.close()
        return True


def _launch(command: Sequence[str], user: str | None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, user=user, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@asynccontextmanager
async def fault_server(directory: Path) -> AsyncIterator[FaultServer]:
    """Yield a running server with a database of its own, and end it whatever became of it."""
    with running_postgres(directory) as server:
        await create_role_and_database(server)
        url = url_of(server)
        binary = str(server.bin_path / "postgres")
        user = server.system_user
    faulty = FaultServer(url, [binary, "-D", str(directory), "-h", "", "-k", str(url.query["host"])], user)
    await faulty.start()
    try:
        yield faulty
    finally:
        faulty.kill()
