"""What a tool call costs beside the same REST call: one worker, both versions of the protocol, 32 connections."""

import json
from collections.abc import AsyncIterator, Iterator
from functools import partial

import pytest

from http_client import Call, Connections
from mcp_client import VERSIONS, envelope, headers_for
from ratios import Contest
from served import served
from slices import SAMPLE_SLICE
from src.backend.slice import load_slice
from src.common.config import Settings

pytestmark = pytest.mark.benchmark

MODULE = load_slice(SAMPLE_SLICE).module
NAMES = {"auto": "tool", "legacy": "tool, 2025-11-25"}


def tool_call(name: str, arguments: dict[str, object], *, version: str) -> Call:
    """Return a call of a tool as a client of this version sends it."""
    headers = headers_for("tools/call", name) | {"MCP-Protocol-Version": version}
    del headers["Content-Type"]
    body = json.dumps(envelope("tools/call", name=name, arguments=arguments)).encode()
    return Call("POST", f"/{MODULE}/mcp", body, "".join(f"{key}: {value}\r\n" for key, value in headers.items()))


@pytest.fixture(scope="session")
def port(measured_settings: Settings) -> Iterator[int]:
    """The port of a running service."""
    with served(measured_settings, "src.cos_main:app") as port:
        yield port


@pytest.fixture
async def connections(port: int) -> AsyncIterator[Connections]:
    async with Connections(port) as connections:
        yield connections


@pytest.mark.parametrize("count", [1, 32])
def test_a_tool_call_beside_the_rest_call(count: int, contest: Contest, connections: Connections) -> None:
    works = {"REST": partial(connections.send, Call("GET", f"/{MODULE}/modules?limit=20"))}
    for mode, version in VERSIONS.items():
        works[NAMES[mode]] = partial(connections.send, tool_call("list_modules", {"limit": 20}, version=version))

    contest(f"MCP, {count} connections", works, tasks=count, rounds=dict.fromkeys(works, 600))
