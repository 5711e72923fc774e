import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import logfire
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import StatusCode

from src.common import span_outlet
from src.common.light_trace import LightTracer
from src.common.sampling import Sampling
from src.common.span_outlet import SpanOutlet
from src.common.tracing import span, use_tracer

NEVER = 1 << 64


class Backend(SpanExporter):
    """Takes spans, refuses them, breaks, or keeps everybody waiting."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []
        self.result = SpanExportResult.SUCCESS
        self.fault: Exception | None = None
        self.is_open = threading.Event()
        self.is_open.set()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.is_open.wait()
        if self.fault:
            raise self.fault
        if self.result is SpanExportResult.SUCCESS:
            self.spans.extend(spans)
        return self.result

    def names(self) -> list[str]:
        return [each.name for each in self.spans]


@pytest.fixture
def backend() -> Iterator[Backend]:
    backend = Backend()
    yield backend
    backend.is_open.set()


@pytest.fixture
def outlet(backend: Backend) -> Iterator[SpanOutlet]:
    outlet = SpanOutlet({"the backend": backend}, limit_spans=100)
    yield outlet
    backend.is_open.set()
    outlet.shutdown()


@pytest.fixture
def their_tracer(outlet: SpanOutlet) -> trace.Tracer:
    """OpenTelemetry's own tracer, which shares our way out."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(outlet)
    return provider.get_tracer("theirs")


@pytest.fixture
def sample(outlet: SpanOutlet) -> Iterator[Callable[..., None]]:
    """Have `span` make light spans that leave by the outlet."""
    yield lambda **sampling: use_tracer(LightTracer(Sampling(**sampling), outlet))
    use_tracer(trace.get_tracer("cos"))


def test_spans_of_others_nest_in_ours_and_ours_in_theirs(
    sample: Callable[..., None], outlet: SpanOutlet, their_tracer: trace.Tracer, backend: Backend
) -> None:
    sample()
    with span("root"), their_tracer.start_as_current_span("theirs"), span("ours"):
        pass

    assert outlet.force_flush()
    ours, theirs, root = backend.spans
    assert (ours.name, theirs.name, root.name) == ("ours", "theirs", "root")
    assert (ours.parent, theirs.parent, root.parent) == (theirs.context, root.context, None)
    assert len({each.context.trace_id for each in backend.spans}) == 1


@pytest.mark.parametrize("is_kept", [True, False])
def test_spans_of_others_share_the_fate_of_the_request(
    sample: Callable[..., None], outlet: SpanOutlet, their_tracer: trace.Tracer, backend: Backend, *, is_kept: bool
) -> None:
    sample(keep_one_in=1 if is_kept else NEVER)
    with span("root"), their_tracer.start_as_current_span("theirs"):
        late = their_tracer.start_span("late")
    late.end()

    outlet.force_flush()
    assert backend.names() == (["theirs", "root", "late"] if is_kept else [])


def test_a_failed_span_of_others_has_the_whole_trace_kept(
    sample: Callable[..., None], outlet: SpanOutlet, their_tracer: trace.Tracer, backend: Backend
) -> None:
    sample(keep_one_in=NEVER)
    with span("root"), their_tracer.start_as_current_span("theirs") as theirs:
        theirs.set_status(StatusCode.ERROR)

    outlet.force_flush()
    assert backend.names() == ["theirs", "root"]


def test_spans_of_others_are_not_recorded_where_the_request_is_not(
    sample: Callable[..., None], outlet: SpanOutlet, their_tracer: trace.Tracer, backend: Backend
) -> None:
    sample(head_rate=0)
    with span("root"), their_tracer.start_as_current_span("theirs") as theirs:
        assert not theirs.is_recording()

    outlet.force_flush()
    assert backend.names() == []


def test_a_span_of_others_outside_of_our_traces_passes_through(
    outlet: SpanOutlet, their_tracer: trace.Tracer, backend: Backend
) -> None:
    with their_tracer.start_as_current_span("theirs"):
        pass

    outlet.force_flush()
    assert backend.names() == ["theirs"]


def test_spans_that_nobody_ends_are_forgotten(
    sample: Callable[..., None], outlet: SpanOutlet, their_tracer: trace.Tracer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(span_outlet, "OPEN_SPAN_LIMIT", 3)
    sample()
    with span("root"):
        started = [their_tracer.start_span(f"{number}") for number in range(10)]

    assert len(started) == 10
    assert len(outlet._open) == 3


@pytest.mark.parametrize("fault", [None, OSError("away")])
def test_an_outage_is_said_once_and_its_end_too(
    sample: Callable[..., None],
    outlet: SpanOutlet,
    backend: Backend,
    caplog: pytest.LogCaptureFixture,
    fault: Exception | None,
) -> None:
    sample()
    backend.result, backend.fault = SpanExportResult.FAILURE, fault
    for _ in range(3):
        with span("lost"):
            pass
        outlet.force_flush()
    backend.result, backend.fault = SpanExportResult.SUCCESS, None
    with span("found"):
        pass
    outlet.force_flush()

    assert backend.names() == ["found"]
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == [
        "Traces do not reach the backend. They are dropped until it answers; requests do not notice.",
        "Traces reach the backend again; 3 spans were lost.",
    ]


def test_a_backend_that_hangs_costs_a_bounded_memory(
    sample: Callable[..., None], outlet: SpanOutlet, backend: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    sample()
    backend.is_open.clear()
    for _ in range(1000):
        with span("root"):
            pass

    assert not outlet.force_flush(10)
    assert outlet.queues[0].dropped == 900
    backend.is_open.set()
    assert outlet.force_flush()
    assert len(backend.spans) == 100
    assert caplog.text.count("Traces come faster than the backend takes them") == 1


def test_the_end_does_not_wait_for_a_backend_that_hangs(
    sample: Callable[..., None], outlet: SpanOutlet, backend: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    sample()
    backend.is_open.clear()
    with span("root"):
        pass

    before = time.monotonic()
    outlet.shutdown()
    outlet.shutdown()
    with span("too late"):
        pass

    assert time.monotonic() - before < 5  # a hang, not a benchmark
    assert "1 spans did not reach the backend before the end." in caplog.text
    assert outlet.queues[0].dropped == 1


def test_logfires_spans_nest_in_ours(sample: Callable[..., None], outlet: SpanOutlet, backend: Backend) -> None:
    logfire.configure(send_to_logfire=False, console=False, metrics=False, additional_span_processors=[outlet])
    sample()
    with span("root"), logfire.span("hello {name}", name="you", password="s3cret"), span("inner"):  # noqa: S106
        logfire.info("said")

    outlet.force_flush()
    by_name = {each.name: each for each in backend.spans}
    assert set(by_name) == {"root", "hello {name}", "inner", "said"}
    assert by_name["inner"].parent == by_name["hello {name}"].context
    assert by_name["said"].parent == by_name["inner"].context
    assert by_name["hello {name}"].parent == by_name["root"].context
    assert "s3cret" not in by_name["hello {name}"].to_json()
