"""A proxy between clients and a server, which can drop bytes or reset connections."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

CHUNK_BYTES = 64 * 1024
RESET = struct.pack("ii", 1, 0)  # SO_LINGER with no time: the socket is closed with RST


class FaultProxy:
    """A TCP port that leads to a server's socket file."""

    def __init__(self, server: Path) -> None:
        self._server = server
        self._flows = asyncio.Event()
        self._flows.set()
        self._is_resetting = False
        self._clients: set[asyncio.StreamWriter] = set()

    @asynccontextmanager
    async def black_hole(self) -> AsyncIterator[None]:
        """Hold back every byte in the block; afterwards they arrive late, as TCP repeats what a network lost."""
        self._flows.clear()
        try:
            yield
        finally:
            self._flows.set()

    @asynccontextmanager
    async def resetting(self) -> AsyncIterator[None]:
        """Reset every connection, and in the block every new one."""
        self._is_resetting = True
        for client in list(self._clients):
            _reset(client)
        try:
            yield
        finally:
            self._is_resetting = False

    async def serve(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        """Carry one connection."""
        if self._is_resetting:
            _reset(client)
            return
        self._clients.add(client)
        try:
            with suppress(OSError):
                from_server, server = await asyncio.open_unix_connection(str(self._server))
                async with asyncio.TaskGroup() as pumps:
                    pumps.create_task(self._pump(reader, server))
                    pumps.create_task(self._pump(from_server, client))
        finally:
            self._clients.discard(client)
            client.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError):
                while data := await source.read(CHUNK_BYTES):
                    await self._flows.wait()
                    target.write(data)
                    await target.drain()
        finally:
            target.close()


@asynccontextmanager
async def fault_proxy(server: Path) -> AsyncIterator[tuple[FaultProxy, int]]:
    """Yield a proxy to a socket file, and its port."""
    proxy = FaultProxy(server)
    listener = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    try:
        yield proxy, int(listener.sockets[0].getsockname()[1])
    finally:
        listener.close()
        listener.close_clients()
        await asyncio.sleep(0.05)


def _reset(client: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        client.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    client.transport.abort()
