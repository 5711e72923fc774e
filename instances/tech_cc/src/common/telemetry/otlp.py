"""Export over OTLP: to Logfire if `LOGFIRE_TOKEN` is set, to any backend by the `OTEL_EXPORTER_OTLP_…` variables."""

import logging
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Thread
from time import monotonic
from typing import Final

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from src.common.config import Settings, Signal
from src.common.telemetry.scrubber import scrubbed_span

log = logging.getLogger(__name__)

STOP_S: Final = 0.8
WRITE_TOKEN: Final = re.compile(r"(pylf_v\d+_[a-z]+_)?[A-Za-z0-9]{20,}")


def exporters[T](settings: Settings, kind: Callable[..., T], *, signal: Signal) -> dict[str, T]:
    """Return an exporter of this kind for each backend that is configured, by the name used in log lines.

    Args:
        settings: Which backends there are.
        kind: What makes an `OTLPSpanExporter` or an `OTLPMetricExporter`.
        signal: What they export.
    """
    found = {}
    token = settings.logfire_token.get_secret_value() if settings.logfire_token else ""
    if WRITE_TOKEN.fullmatch(token):
        import logfire  # noqa: PLC0415  # takes a fifth of the start, and is needed with a token only
        from opentelemetry.exporter.otlp.proto.http import Compression  # noqa: PLC0415

        base_url = logfire.AdvancedOptions(base_url=settings.logfire_base_url).generate_base_url(token)
        with hidden_backend():
            arguments = {"headers": {"Authorization": token}, "compression": Compression.Gzip}
            found["Logfire"] = kind(f"{base_url.rstrip('/')}/v1/{signal}", **arguments)
    if endpoint := settings.otlp_endpoint(signal):
        found["the OTLP backend"] = kind(endpoint)
    return found


@contextmanager
def hidden_backend() -> Iterator[None]:
    """Hide the `OTEL_EXPORTER_OTLP_…` variables from Logfire: it would send the headers, and each span twice."""
    hidden = {name: value for name, value in os.environ.items() if name.startswith("OTEL_EXPORTER_OTLP_")}
    for name in hidden:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(hidden)


class SpanExports(SpanProcessor):
    """One queue and thread for each backend; a backend that is away costs its spans and one warning."""

    def __init__(self, exporters: Mapping[str, SpanExporter], *, queue_size: int) -> None:
        # `_Export` warns once for an outage; OpenTelemetry logs each batch, each retry, and the full queue.
        logging.getLogger("opentelemetry.exporter").setLevel(logging.CRITICAL)
        logging.getLogger("opentelemetry.sdk._shared_internal").setLevel(logging.ERROR)
        self.batches = [
            BatchSpanProcessor(_Export(exporter, name), max_queue_size=queue_size)
            for name, exporter in exporters.items()
        ]

    def on_end(self, span: ReadableSpan) -> None:
        """Queue the span."""
        for batch in self.batches:
            batch.on_end(span)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Export all that is queued."""
        return all(batch.force_flush(timeout_millis) for batch in self.batches)

    def shutdown(self) -> None:
        """Export what is queued, as far as `STOP_S` allows."""
        stop([batch.shutdown for batch in self.batches])


def stop(shutdowns: Sequence[Callable[[], object]]) -> None:
    """Run the shutdowns at once, and return when they are done or `STOP_S` is over."""
    threads = [Thread(target=each, daemon=True) for each in shutdowns]
    deadline = monotonic() + STOP_S
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - monotonic()))
    if any(thread.is_alive() for thread in threads):
        log.warning("A telemetry backend does not answer. What was queued for it is lost.")


class _Export(SpanExporter):
    """Scrub spans and export them, in the thread of the queue."""

    def __init__(self, exporter: SpanExporter, name: str) -> None:
        self.exporter = exporter
        self.name = name
        self.is_failing = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self.exporter.export([scrubbed_span(span) for span in spans])
        has_failed = result is not SpanExportResult.SUCCESS
        if has_failed and not self.is_failing:
            log.warning("Traces do not reach %s. They are lost until it answers; requests are not affected.", self.name)
        if self.is_failing and not has_failed:
            log.warning("Traces reach %s again.", self.name)
        self.is_failing = has_failed
        return result

    def shutdown(self) -> None:
        self.exporter.shutdown()
