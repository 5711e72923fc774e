"""What the service does over HTTP: one worker, a process of its own, 1 and 32 connections."""

from collections.abc import AsyncIterator, Iterator
from functools import partial

import pytest

from http_client import Call, Connections
from ratios import Contest
from served import served
from src.common.config import Settings

pytestmark = pytest.mark.benchmark

BODY = b'{"message": "Hello, L1."}'
CALLS = {
    "without L1": Call("POST", "/without-l1", BODY),
    "with L1": Call("POST", "/test-log", BODY),
    "liveness": Call("GET", "/health/live"),
}
REQUESTS = dict.fromkeys(CALLS, 600)


@pytest.fixture(scope="session")
def port(measured_settings: Settings) -> Iterator[int]:
    """The port of a running service."""
    with served(measured_settings, "measured_app:app", "--app-dir", "tests/performance") as port:
        yield port


@pytest.fixture
async def connections(port: int) -> AsyncIterator[Connections]:
    async with Connections(port) as connections:
        yield connections


@pytest.mark.parametrize("count", [1, 32])
def test_the_test_route_beside_itself_without_l1(count: int, contest: Contest, connections: Connections) -> None:
    works = {name: partial(connections.send, call) for name, call in CALLS.items()}

    contest(f"{count} connections", works, tasks=count, rounds=REQUESTS)
