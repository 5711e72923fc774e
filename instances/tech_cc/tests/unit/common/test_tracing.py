import asyncio

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from src.common.errors import ConflictError, UnavailableError
from src.common.tracing import current_trace_id, span, start_span, traced
from unit.common.conftest import MakeProvider, Spans


def attributes_of(span: ReadableSpan) -> dict[str, object]:
    return dict(span.attributes or {})


def test_spans_nest(trace_to: MakeProvider, spans: Spans) -> None:
    trace_to()
    with span("outer", layer="api"), span("inner", **{"mem0.event_type": "thing"}) as inner:
        inner.set_attribute("mem0.record_id", "1")

    assert spans.one("inner").parent == spans.one("outer").context
    assert attributes_of(spans.one("outer"))["layer"] == "api"
    assert attributes_of(spans.one("inner")) == {"layer": "service", "mem0.event_type": "thing", "mem0.record_id": "1"}


async def test_a_traced_function_is_a_span_of_its_name(trace_to: MakeProvider, spans: Spans) -> None:
    trace_to()

    @traced(layer="service")
    async def find_thing(number: int) -> int:
        await asyncio.sleep(0)
        return number

    assert await find_thing(7) == 7
    assert attributes_of(spans.one("find_thing"))["layer"] == "service"


@pytest.mark.parametrize(
    ("raised", "status"),
    [
        (RuntimeError("s3cret"), StatusCode.ERROR),
        (UnavailableError("s3cret"), StatusCode.ERROR),
        (ConflictError("s3cret"), StatusCode.UNSET),
    ],
)
def test_a_failure_sets_the_status_and_a_refusal_does_not(
    trace_to: MakeProvider, spans: Spans, raised: Exception, status: StatusCode
) -> None:
    trace_to()
    with pytest.raises(type(raised)), span("work"):
        raise raised

    assert spans.one("work").status.status_code is status
    assert "s3cret" not in spans.one("work").to_json()


async def test_a_cancelled_block_ends_its_span(trace_to: MakeProvider, spans: Spans) -> None:
    trace_to()
    with pytest.raises(asyncio.CancelledError), span("work"):
        raise asyncio.CancelledError

    assert spans.one("work").status.status_code is StatusCode.UNSET


def test_no_span_is_made_below_one_that_is_not_sampled(trace_to: MakeProvider, spans: Spans) -> None:
    trace_to(head_rate=0)
    with span("outer") as outer:
        trace_id = current_trace_id()
        with span("inner") as inner:
            assert current_trace_id() == trace_id
        assert start_span("sql", SpanKind.CLIENT, {}) is None

    assert inner is trace.INVALID_SPAN
    assert trace_id == format(outer.get_span_context().trace_id, "032x")
    assert spans.all() == []


def test_without_a_trace_there_is_no_id() -> None:
    with span("work"):
        assert current_trace_id() is None
