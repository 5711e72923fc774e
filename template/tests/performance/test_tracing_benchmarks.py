"""What tracing costs a process: CPU of POST /<module>/test-log with PostgreSQL, beside the same with TRACING=off.

The application is called in process, without a client or a server. CPU time counts all threads of the process, so
it includes encoding and sending; the backend is a process of its own. All ways take turns, block by block.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from fastapi import FastAPI
from opentelemetry import trace
from pytest_benchmark.fixture import BenchmarkFixture
from starlette.types import Message, Receive

from embedded.child_process import free_port
from ratios import Judge, Samples
from slices import SAMPLE_SLICE
from src.common import tracing
from src.common.config import Settings
from src.common.tracing import use_tracer
from src.cos_main import create_app

pytestmark = pytest.mark.benchmark

BLOCKS = 20
REQUESTS_A_BLOCK = 160
BODY = b'{"message": "Hello, L1."}'
PATH = f"/{SAMPLE_SLICE.rpartition('.')[2]}/test-log"
WAYS: dict[str, dict[str, Any]] = {
    "off": {"tracing": "off"},
    "every trace kept": {},
    "every trace dropped": {"trace_head_rate": 0.0},
}
SCOPE: dict[str, Any] = {
    "type": "http",
    "http_version": "1.1",
    "method": "POST",
    "scheme": "http",
    "path": PATH,
    "raw_path": PATH.encode(),
    "root_path": "",
    "query_string": b"",
    "headers": [(b"host", b"test"), (b"content-type", b"application/json"), (b"content-length", b"%d" % len(BODY))],
    "client": ("test", 1),
    "server": ("test", 80),
}
BACKEND = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@dataclass(frozen=True, kw_only=True)
class Way:
    """An application that is traced in one way, and the tracer that belongs to it."""

    app: FastAPI
    tracer: trace.Tracer

    async def block(self, *, tasks: int, requests: int) -> float:
        """Return the seconds of CPU of so many requests, with the export of their spans."""
        use_tracer(self.tracer)
        started = time.process_time()
        await asyncio.gather(*[self._ask(requests // tasks) for _ in range(tasks)])
        await asyncio.to_thread(self.app.state.spans.force_flush)
        return time.process_time() - started

    async def _ask(self, times: int) -> None:
        for _ in range(times):
            statuses: list[int] = []
            await self.app({**SCOPE, "state": {}}, body_once(), partial(note_status, statuses))
            assert statuses == [200]


def body_once() -> Receive:
    """Return a `receive` that yields the body, and then a disconnect."""
    messages: list[Message] = [{"type": "http.disconnect"}, {"type": "http.request", "body": BODY, "more_body": False}]

    async def receive() -> Message:
        return messages.pop()

    return receive


async def note_status(statuses: list[int], message: Message) -> None:
    """Take a part of the response."""
    if "status" in message:
        statuses.append(message["status"])


@pytest.fixture(scope="module")
def backend() -> Iterator[str]:
    """The address of a backend that takes all spans."""
    port = free_port()
    with subprocess.Popen([sys.executable, "-c", BACKEND, str(port)]) as process:
        time.sleep(0.5)
        yield f"http://127.0.0.1:{port}"
        process.terminate()


@pytest.fixture(scope="module")
async def ways(measured_settings: Settings, backend: str) -> AsyncIterator[dict[str, Way]]:
    """Running applications on one database."""
    ways = {}
    async with AsyncExitStack() as running:
        for name, settings in WAYS.items():
            values = {**measured_settings.model_dump(), "otel_exporter_otlp_traces_endpoint": f"{backend}/v1/traces"}
            app = create_app(Settings.model_validate({**values, **settings}))
            await running.enter_async_context(app.router.lifespan_context(app))
            ways[name] = Way(app=app, tracer=tracing._Process.tracer or trace.NoOpTracer())
        yield ways
    use_tracer(trace.NoOpTracer())


@pytest.mark.parametrize("tasks", [1, 32])
def test_cpu_of_a_traced_request(
    loop: asyncio.AbstractEventLoop, ways: dict[str, Way], judge: Judge, benchmark: BenchmarkFixture, tasks: int
) -> None:
    async def measured() -> dict[str, Samples]:
        samples: dict[str, Samples] = {name: [] for name in ways}
        requests = tasks if benchmark.disabled else REQUESTS_A_BLOCK
        for block in range(2 if benchmark.disabled else BLOCKS + 2):
            for name, way in ways.items():
                taken = await way.block(tasks=tasks, requests=requests)
                if block > 1 or benchmark.disabled:  # before that, all is cold
                    samples[name].append(taken)
        return samples

    judge(f"tracing, {tasks} tasks", benchmark.pedantic(loop.run_until_complete, (measured(),)))  # type: ignore[no-untyped-call]
