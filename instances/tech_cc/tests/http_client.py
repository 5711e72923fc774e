"""A client with little overhead, so that the benchmark measures the server."""

import asyncio
from dataclasses import dataclass
from types import TracebackType
from typing import Self


@dataclass(frozen=True, slots=True)
class Call:
    """A request, as it goes over the wire."""

    method: str
    path: str
    body: bytes = b""
    headers: str = ""  # further ones, each with its line end

    @property
    def wire(self) -> bytes:
        head = (
            f"{self.method} {self.path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{self.headers}"
        )
        return f"{head}Content-Length: {len(self.body)}\r\n\r\n".encode() + self.body


class Connections:
    """Connections to a port, kept alive; as many as requests are under way at once."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _fault: BaseException | None, _trace: TracebackType | None
    ) -> None:
        for _reader, writer in self._idle:
            writer.close()
            await writer.wait_closed()

    async def send(self, call: Call) -> bytes:
        """Return the body of the answer, which must be a 2xx."""
        reader, writer = self._idle.pop() if self._idle else await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(call.wire)
        head = await reader.readuntil(b"\r\n\r\n")
        if b"transfer-encoding: chunked" in head.lower():
            body = await reader.readuntil(b"\r\n0\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 2"), head + body
            self._idle.append((reader, writer))
            return body
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        body = await reader.readexactly(int(length or b"0"))
        assert head.startswith(b"HTTP/1.1 2"), head + body
        self._idle.append((reader, writer))
        return body
