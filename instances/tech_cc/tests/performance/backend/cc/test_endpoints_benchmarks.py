"""What each endpoint costs in process; the p95 of each is told at the end, and kept with `--benchmark-json=FILE`."""

from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

import pytest
from httpx2 import AsyncClient

pytestmark = [pytest.mark.benchmark(group="cc: endpoints"), pytest.mark.database]

ROOT = "/cc"
CALLS: list[tuple[str, str, Any]] = [
    ("GET", "/health/live", None),
    ("GET", "/health/ready", None),
    ("POST", f"{ROOT}/test-log", {}),
    ("GET", f"{ROOT}/health", None),
    ("PUT", f"{ROOT}/health/queue", {"status": "healthy"}),
    ("GET", f"{ROOT}/health/queue", None),
    ("GET", f"{ROOT}/modules", None),
    ("POST", f"{ROOT}/modules", {"version": "1"}),
    ("GET", "{module}", None),
    ("PATCH", "{module}", {"version": "2"}),
    ("POST", f"{ROOT}/scratch-notes", {"content": {"step": 1}}),
    ("GET", f"{ROOT}/scratch-notes", None),
    ("GET", "{note}", None),
    ("PATCH", "{note}", {"content": {"step": 2}}),
    ("POST", f"{ROOT}/scratch-notes/purge", None),
]

type Measure = Callable[[Callable[[], Awaitable[object]]], None]


@pytest.fixture
async def places(committing_client: AsyncClient) -> dict[str, str]:
    """Where a module and a note are that exist; a component has reported as well."""
    module = await committing_client.post(f"{ROOT}/modules", json={"name": "billing", "version": "1"})
    note = await committing_client.post(f"{ROOT}/scratch-notes", json={"content": {"step": 1}})
    await committing_client.put(f"{ROOT}/health/queue", json={"status": "healthy"})
    return {"module": module.headers["location"], "note": note.headers["location"]}


@pytest.mark.parametrize("call", CALLS, ids=lambda call: " ".join(call[:2]))
def test_an_endpoint(
    measure: Measure, committing_client: AsyncClient, places: dict[str, str], call: tuple[str, str, Any]
) -> None:
    method, path, body = call
    address, numbers = path.format(**places), count()

    async def send() -> None:
        is_new = {"name": f"m{next(numbers)}"} if method == "POST" and path.endswith("/modules") else {}
        answer = await committing_client.request(method, address, json=body if body is None else body | is_new)
        assert answer.is_success, answer.text

    measure(send)
