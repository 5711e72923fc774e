"""Histograms reach a collector, which here is a server that keeps what it is sent."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from httpx2 import ASGITransport, AsyncClient
from pydantic import SecretStr

from common.config import Settings
from common.metrics import bootstrap_metrics
from cos_main import SLICES, create_app
from databases import upgrade


class Collector(ThreadingHTTPServer):
    """What was sent, by path; the key that came with it."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}
        self.keys: set[str | None] = set()
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:  # called by name
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies[self.path] = self.server.bodies.get(self.path, b"") + body
        self.server.keys.add(self.headers["x-key"])
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        Thread(target=collector.serve_forever, daemon=True).start()
        yield collector
        collector.shutdown()


async def test_the_durations_of_requests_and_records_reach_a_collector(
    empty_database: Settings, collector: Collector
) -> None:
    await upgrade(empty_database)
    named = {
        "otel_exporter_otlp_metrics_endpoint": SecretStr(f"{collector.address}/v1/metrics"),
        "otel_exporter_otlp_headers": SecretStr("x-key=abc"),
    }
    app = create_app(empty_database.model_copy(update=named))

    async with (
        app.router.lifespan_context(app),
        AsyncClient(transport=ASGITransport(app=app), base_url="http://test") as client,
    ):
        assert (await client.post("/test-log", json={})).status_code == 200

    sent = collector.bodies["/v1/metrics"]
    for name in (b"http.server.request.duration", b"mem0.record.duration", b"/test-log", b"source_module"):
        assert name in sent
    assert collector.keys == {"abc"}
    assert SLICES[0].rpartition(".")[2].encode() in sent


@pytest.mark.parametrize(
    ("given", "metrics"),
    [
        ({}, None),
        ({"otel_exporter_otlp_endpoint": "http://c/"}, "http://c/v1/metrics"),
        ({"otel_exporter_otlp_endpoint": "http://c", "otel_exporter_otlp_metrics_endpoint": "http://m"}, "http://m"),
    ],
)
def test_a_collector_is_named_as_opentelemetry_does(given: dict[str, str], metrics: str | None) -> None:
    assert Settings.model_validate(given).otlp_metrics_endpoint == metrics


@pytest.mark.parametrize("given", [{}, {"otel_exporter_otlp_endpoint": "http://c", "tracing": "off"}])
def test_without_a_collector_nothing_is_collected(given: dict[str, str]) -> None:
    assert bootstrap_metrics(Settings.model_validate(given), service_name="cos") is None
