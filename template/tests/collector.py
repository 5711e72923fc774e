"""An OTLP collector whose data a test can read, and which it can slow down and stop."""

import gzip
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

type Attributes = dict[str, Any]


class Collector(ThreadingHTTPServer):
    """Receives OTLP over HTTP on a loopback port."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.spans: list[Span] = []
        self.resources: list[Attributes] = []
        self.headers: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self.histograms: list[bytes] = []  # as they were sent: names and attributes are readable in it
        self.status = 200
        self.delay_s = 0.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:  # http.server's name
        body = self.rfile.read(int(self.headers["Content-Length"]))
        body = gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body
        time.sleep(self.server.delay_s)
        if self.server.status == 200 and self.path.endswith("/metrics"):
            self.server.histograms.append(body)
        elif self.server.status == 200:
            self._take(body)
        self.send_response(self.server.status)
        self.end_headers()

    def _take(self, body: bytes) -> None:
        self.server.bodies.append(body)
        self.server.headers.append({name.lower(): value for name, value in self.headers.items()})
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.server.resources.append(plain_attributes(resource.resource.attributes))
            for scope in resource.scope_spans:
                self.server.spans.extend(scope.spans)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # http.server's name
        """Say nothing."""


@contextmanager
def running_collector() -> Iterator[Collector]:
    """Yield a collector that answers until the block ends."""
    with Collector() as collector:
        threading.Thread(target=collector.serve_forever, args=(0.01,), daemon=True).start()
        yield collector
        collector.shutdown()


def plain_attributes(pairs: Iterable[KeyValue]) -> Attributes:
    """Return attributes as Python has them."""
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value") or "string_value") for pair in pairs}
