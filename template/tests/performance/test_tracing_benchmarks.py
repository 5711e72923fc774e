"""What tracing costs a request in process: a POST with a model, four spans (server, service, record, SQL), no I/O.

Absolute times are this machine's and this minute's; `test_ratios` alternates between all ways, and its ratios hold.
"""

import statistics
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from typing import Any

import pytest
from fastapi import FastAPI
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from pydantic import BaseModel
from pytest_benchmark.fixture import BenchmarkFixture
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from src.common import logger_logfire
from src.common.config import Settings
from src.common.logger_logfire import bootstrap_logfire
from src.common.request_id_middleware import RequestIdMiddleware
from src.common.tracing import Tracer, begin_client_span, span, use_tracer

pytestmark = pytest.mark.benchmark(group="a traced request, in process")

BODY = b'{"name":"lamp","price":3}'
HEADERS = [(b"host", b"test"), (b"content-type", b"application/json"), (b"content-length", b"%d" % len(BODY))]
SQL = "INSERT INTO cc.things (name, price) VALUES ($1, $2) RETURNING cc.things.id"
REQUESTS_A_ROUND = 20
ROUNDS = 200
NEVER = 1 << 62
WAYS = [
    "untraced",
    "head-dropped",
    "light, dropped",
    "light, kept",
    "OpenTelemetry SDK",
    "Logfire spans",
    "instrumented",
]


class Thing(BaseModel):
    name: str
    price: int


class Nowhere(SpanExporter):
    """Takes all spans at no cost."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:  # noqa: ARG002
        return SpanExportResult.SUCCESS


class TracedBy:
    """The server span that a plain tracer makes; what instrumentation does at the least."""

    def __init__(self, app: ASGIApp, *, tracer: trace.Tracer) -> None:
        self.app = app
        self.tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        attributes = {"layer": "api", "http.request.method": scope["method"], "url.path": scope["path"]}
        with self.tracer.start_as_current_span("POST /things", kind=trace.SpanKind.SERVER, attributes=attributes):
            await self.app(scope, receive, send)


class Way:
    """An application that is traced in one way, and the tracer that belongs to it."""

    def __init__(self, name: str) -> None:
        self.app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})
        self.app.add_api_route("/things", post_untraced if name == "untraced" else post_thing, methods=["POST"])
        self.tracer = self._traced(name)
        self.app.add_middleware(RequestIdMiddleware)

    def _traced(self, name: str) -> Tracer:
        if name == "OpenTelemetry SDK":
            provider = TracerProvider(shutdown_on_exit=False)
            provider.add_span_processor(BatchSpanProcessor(Nowhere(), max_queue_size=100_000))
            return self._traced_by(provider.get_tracer("sdk"))
        tracing = {"untraced": "off", "instrumented": "instrumented"}.get(name, "light")
        one_in, rate = NEVER if name == "light, dropped" else 1, 0 if name == "head-dropped" else 1
        settings = {"tracing": tracing, "trace_keep_one_in": one_in, "trace_head_rate": rate}
        chosen: list[Tracer] = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(logger_logfire, "exporters_of", lambda _settings: {"nowhere": Nowhere()})
            patch.setattr(logger_logfire, "use_tracer", chosen.append)
            if name == "Logfire spans":
                bootstrap_logfire(FastAPI(), Settings.model_validate(settings), default_service_name="cos")
                return self._traced_by(trace.get_tracer("logfire"))
            bootstrap_logfire(self.app, Settings.model_validate(settings), default_service_name="cos")
        return chosen[0]

    def _traced_by(self, tracer: trace.Tracer) -> Tracer:
        self.app.add_middleware(TracedBy, tracer=tracer)
        return tracer


async def post_untraced(thing: Thing) -> Thing:
    """Do the same without a word about it."""
    return thing


async def post_thing(thing: Thing) -> Thing:
    """Do what POST /test-log does, as far as spans go."""
    with span("record_thing", layer="service"), span("log_l1", layer="service", **{"mem0.event_type": "thing"}):
        begin_client_span("INSERT cc.things", {"db.system.name": "postgresql", "db.query.text": SQL}).end()
    return thing


async def ask(way: Way, *, times: int = REQUESTS_A_ROUND) -> None:
    """Send requests one after the other, without a client between."""
    use_tracer(way.tracer)
    for _ in range(times):
        await way.app({**SCOPE, "headers": HEADERS, "state": {}}, body_once(), nothing)


SCOPE: dict[str, Any] = {
    "type": "http",
    "http_version": "1.1",
    "method": "POST",
    "scheme": "http",
    "path": "/things",
    "raw_path": b"/things",
    "root_path": "",
    "query_string": b"",
    "client": ("test", 1),
    "server": ("test", 80),
}


def body_once() -> Receive:
    """Return a `receive` that brings the body, and then says that the client has left."""
    messages: list[Message] = [{"type": "http.disconnect"}, {"type": "http.request", "body": BODY, "more_body": False}]

    async def receive() -> Message:
        return messages.pop()

    return receive


async def nothing(_message: Message) -> None:
    """Take a part of the answer."""


@pytest.fixture(autouse=True)
def tracer_afterwards() -> Iterator[None]:
    yield
    use_tracer(trace.get_tracer("cos"))


@pytest.mark.parametrize("name", WAYS)
def test_a_request(measure: Callable[[Callable[[], Awaitable[object]]], None], name: str) -> None:
    measure(partial(ask, Way(name)))


async def test_ratios(benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str]) -> None:
    """Print each way beside the untraced request, round by round in turn."""
    took_us: dict[str, list[float]] = {name: [] for name in WAYS}
    ways = {name: Way(name) for name in WAYS}
    for round_ in range(ROUNDS):
        for name, way in ways.items():
            started = time.perf_counter()
            await ask(way)
            if round_ > ROUNDS // 10:  # before that, all is cold
                took_us[name].append((time.perf_counter() - started) / REQUESTS_A_ROUND * 1e6)
    medians = {name: statistics.median(each) for name, each in took_us.items()}
    ratios = {name: round(each / medians["untraced"], 2) for name, each in medians.items()}
    benchmark.extra_info.update(ratios)
    benchmark.pedantic(lambda: None)  # type: ignore[no-untyped-call]  # so that the ratios are stored with the others
    with capsys.disabled():
        for name in WAYS:
            print(f"\n{name:18} {medians[name]:7.1f} µs  {ratios[name]:5.2f} ×", end="")  # noqa: T201
