"""A client of the modules' MCP servers, in this process or over a network."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from httpx2 import AsyncClient
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult

from src.mcp_host.own_task import in_own_task

VERSIONS: Final = {"auto": "2026-07-28", "legacy": "2025-11-25"}  # of the protocol, by the client's mode


@asynccontextmanager
async def connected(http: AsyncClient, module: str, *, mode: str = "auto") -> AsyncIterator[Client]:
    """Yield a client of a module's server."""
    transport = streamable_http_client(f"{str(http.base_url).rstrip('/')}/{module}/mcp", http_client=http)
    async with in_own_task(Client(transport, mode=mode)) as client:
        assert client.protocol_version == VERSIONS[mode]
        yield client


def text_of(result: CallToolResult) -> str:
    """Return the last text of a result: its data, or its error."""
    return str(getattr(result.content[-1], "text", ""))


def data_of(result: CallToolResult) -> dict[str, Any]:
    """Return the structured content of a result that is no error."""
    assert not result.is_error, text_of(result)
    assert isinstance(result.structured_content, dict)
    return result.structured_content


def envelope(method: str, **params: Any) -> dict[str, Any]:
    """Return a request of 2026-07-28, for what no client sends."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": VERSIONS["auto"],
        "io.modelcontextprotocol/clientInfo": {"name": "tests", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": meta}}


def headers_for(method: str, name: str = "", **more: str) -> dict[str, str]:
    """Return the headers that belong to it."""
    given = {
        "Accept": "application/json, text/event-stream",
        "Content-Type": "application/json",
        "MCP-Protocol-Version": VERSIONS["auto"],
        "Mcp-Method": method,
        **({"Mcp-Name": name} if name else {}),
    }
    return {**given, **more}
