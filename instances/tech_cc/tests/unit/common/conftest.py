"""Spans that a test can look at, made by OpenTelemetry's SDK."""

from collections.abc import Callable, Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio

from src.common.tracing import use_tracer

type MakeProvider = Callable[..., TracerProvider]


class Spans(InMemorySpanExporter):
    """What was exported, in the order in which it ended."""

    def all(self) -> list[ReadableSpan]:
        return list(self.get_finished_spans())

    def one(self, name: str) -> ReadableSpan:
        (span,) = [each for each in self.all() if each.name == name]
        return span


@pytest.fixture
def spans() -> Spans:
    return Spans()


@pytest.fixture
def trace_to(spans: Spans) -> Iterator[MakeProvider]:
    """Let `span` record a share of traces into `spans`; afterwards nothing is recorded."""

    def trace_to(*, head_rate: float = 1.0) -> TracerProvider:
        provider = TracerProvider(ParentBasedTraceIdRatio(head_rate), shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(spans))
        use_tracer(provider.get_tracer("test"))
        return provider

    yield trace_to
    use_tracer(trace.NoOpTracer())
