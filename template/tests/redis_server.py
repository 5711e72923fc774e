"""A Valkey of a test's own, which it may kill, freeze and start again, and a cluster of them."""

import asyncio
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from embedded.child_process import free_port
from embedded.redis import address_of, start_redis

SLOTS = 16_384
BUS_PORT_OFFSET = 10_000  # the nodes of a cluster talk to each other on a second port
PORT_MAX = 65_535


class RedisServer:
    """A server that is a child of this process."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        self.url = address_of(folder)
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, or start it again; return when it answers."""
        (self.folder / "socket").unlink(missing_ok=True)
        self._process = start_redis(self.folder, *self._arguments)

    def freeze(self) -> None:
        """Let it hold all connections and answer none."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on where it was."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once."""
        self._signal(signal.SIGKILL)
        assert self._process
        self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        assert self._process
        self._process.send_signal(number)


@contextmanager
def redis_server(*arguments: str) -> Iterator[RedisServer]:
    """Yield a running server, and end it whatever became of it."""
    folder = Path(tempfile.mkdtemp(prefix="cos-redis-"))
    server = RedisServer(folder, *arguments)
    server.start()
    try:
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def redis_cluster(nodes: int = 3) -> AsyncIterator[dict[int, RedisServer]]:
    """Yield the nodes of a running cluster by their ports on 127.0.0.1; each has an equal share of the slots."""
    with ExitStack() as servers:
        ports = [_cluster_port() for _ in range(nodes)]
        cluster = {port: servers.enter_context(redis_server(*_cluster_options(port))) for port in ports}
        async with AsyncExitStack() as clients:
            connected = [await clients.enter_async_context(Redis(port=port)) for port in ports]
            await _join(connected, ports)
        yield cluster


async def _join(clients: list[Redis], ports: list[int]) -> None:
    share = -(-SLOTS // len(clients))
    for number, client in enumerate(clients):
        last = min(SLOTS, (number + 1) * share) - 1
        await _ask(client, "CLUSTER ADDSLOTSRANGE", number * share, last)
        await _ask(client, "CLUSTER MEET", "127.0.0.1", ports[0])
    async with asyncio.timeout(10):
        for client in clients:
            while not _is_complete(await _ask(client, "CLUSTER INFO"), len(clients)):  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def _ask(client: Redis, *command: str | int) -> Any:
    return await client.execute_command(*command)


def _is_complete(information: dict[str, Any], nodes: int) -> bool:
    return bool(information["cluster_state"] == "ok" and information["cluster_known_nodes"] == str(nodes))


def _cluster_port() -> int:
    while (port := free_port()) + BUS_PORT_OFFSET > PORT_MAX:
        pass
    return port


def _cluster_options(port: int) -> tuple[str, ...]:
    address = ("--port", str(port), "--bind", "127.0.0.1")
    return (*address, "--cluster-enabled", "yes", "--cluster-node-timeout", "1000")
