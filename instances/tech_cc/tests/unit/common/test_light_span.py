import asyncio
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext, StatusCode, TraceFlags

from src.common.errors import ConflictError, UnavailableError
from src.common.light_span import ATTRIBUTE_LIMIT, EVENT_LIMIT, LINK_LIMIT
from src.common.tracing import begin_client_span, current_trace_id, span, traced
from unit.common.conftest import MakeTracer

OTHER = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1))
NOWHERE = SpanContext(0, 0, is_remote=False)


@pytest.fixture(autouse=True)
def light(use_light: MakeTracer) -> None:
    use_light()


def attributes_of(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def test_spans_nest_and_share_a_trace(kept: list[ReadableSpan]) -> None:
    with span("outer", layer="api"), span("inner", layer="service", count=2):
        trace_id = current_trace_id()

    inner, outer = kept
    assert (inner.name, outer.name) == ("inner", "outer")
    assert inner.parent == outer.context
    assert outer.parent is None
    assert {format(each.context.trace_id, "032x") for each in kept} == {trace_id}
    assert attributes_of(inner) | {"layer": "service", "count": 2} == attributes_of(inner)
    assert (inner.start_time or 0) <= (inner.end_time or 0)


def test_logfire_finds_what_it_shows_a_span_by(kept: list[ReadableSpan]) -> None:
    with span("reserve"):
        pass

    assert attributes_of(kept[0]) == {
        "logfire.msg": "reserve",
        "logfire.msg_template": "reserve",
        "logfire.span_type": "span",
        "logfire.level_num": 9,
    }


async def test_spans_of_tasks_nest_below_the_one_that_started_them(kept: list[ReadableSpan]) -> None:
    async def work(name: str) -> None:
        with span(name):
            await asyncio.sleep(0)

    with span("root"):
        await asyncio.gather(work("a"), work("b"))

    root = kept[-1]
    assert [each.parent for each in kept] == [root.context, root.context, None]
    assert current_trace_id() is None


async def test_a_decorated_function_is_a_span_of_its_name(kept: list[ReadableSpan]) -> None:
    @traced(layer="service")
    async def reserve_seat(number: int) -> int:
        """Reserve."""
        return number

    assert await reserve_seat(3) == 3
    assert reserve_seat.__doc__ == "Reserve."
    assert (kept[0].name, attributes_of(kept[0])["layer"]) == ("reserve_seat", "service")


def test_a_fault_is_recorded_once_without_its_words(kept: list[ReadableSpan]) -> None:
    with pytest.raises(RuntimeError), span("outer"), span("inner"):
        raise RuntimeError("s3cret")

    inner, outer = kept
    assert {each.status.status_code for each in kept} == {StatusCode.ERROR}
    assert [len(inner.events), len(outer.events)] == [1, 0]
    event = dict(inner.events[0].attributes or {})
    assert event["exception.type"] == "RuntimeError"
    assert "test_a_fault_is_recorded_once" in str(event["exception.stacktrace"])
    assert attributes_of(inner)["logfire.level_num"] == 17
    assert "exception.message" not in event


@pytest.mark.parametrize(
    ("fault", "status", "name"),
    [
        (ConflictError("taken"), StatusCode.UNSET, "src.common.errors.ConflictError"),
        (UnavailableError("away"), StatusCode.ERROR, None),
    ],
)
def test_a_refusal_is_no_failure_but_an_outage_is(
    kept: list[ReadableSpan], fault: Exception, status: StatusCode, name: str | None
) -> None:
    with pytest.raises(type(fault)), span("reserve"):
        raise fault

    assert kept[0].status.status_code is status
    assert attributes_of(kept[0]).get("refused_by") == name


async def test_a_cancelled_span_says_so_and_has_not_failed(kept: list[ReadableSpan]) -> None:
    with pytest.raises(asyncio.CancelledError), span("reserve"):
        raise asyncio.CancelledError

    assert kept[0].status.is_unset
    assert attributes_of(kept[0])["ended_by"] == "asyncio.exceptions.CancelledError"


def test_what_opentelemetry_lets_a_span_do_it_does(kept: list[ReadableSpan]) -> None:
    with span("draft") as current:
        assert current is trace.get_current_span()
        assert current.is_recording()
        current.update_name("final")
        current.set_attributes({"a": 1, "b": [1, 2]})
        current.add_event("happened", {"n": 1}, timestamp=7)
        current.add_link(OTHER, {"why": "because"})
        current.record_exception(ValueError("words"), {"more": True})
        current.set_status(StatusCode.ERROR, "bad")
        current.set_status(StatusCode.UNSET)
        current.set_status(StatusCode.OK)
        current.set_status(StatusCode.ERROR)

    done = kept[0]
    assert done.name == "final"
    assert attributes_of(done) | {"a": 1, "b": [1, 2]} == attributes_of(done)
    assert [event.name for event in done.events] == ["happened", "exception"]
    assert done.events[0].timestamp == 7
    assert dict(done.events[1].attributes or {})["exception.message"] == "words"
    assert [link.context for link in done.links] == [OTHER]
    assert done.status.status_code is StatusCode.OK


def test_an_ended_span_stays_as_it_is(kept: list[ReadableSpan]) -> None:
    with span("done") as current:
        current.end()
        current.end()
        current.set_attribute("late", 1)
        current.add_event("late")
        current.add_link(OTHER)
        current.update_name("late")
        current.set_status(StatusCode.ERROR)
        assert not current.is_recording()

    assert [each.name for each in kept] == ["done"]
    assert "late" not in attributes_of(kept[0])
    assert (kept[0].events, kept[0].links) == ((), ())
    assert kept[0].status.is_unset


def test_a_span_holds_as_much_as_opentelemetry_lets_it(kept: list[ReadableSpan]) -> None:
    with span("full") as current:
        for number in range(200):
            current.set_attribute(f"a{number}", number)
            current.add_event(f"e{number}")
            current.add_link(OTHER)
        current.set_attribute("a0", "changed")
        current.add_link(NOWHERE)

    own = [name for name in attributes_of(kept[0]) if not name.startswith("logfire.")]
    assert (len(own), len(kept[0].events), len(kept[0].links)) == (ATTRIBUTE_LIMIT, EVENT_LIMIT, LINK_LIMIT)
    assert attributes_of(kept[0])["a0"] == "changed"


def test_secrets_and_odd_values_do_not_leave(kept: list[ReadableSpan]) -> None:
    odd: Any = object()
    with span("odd", password="s3cret", big=1 << 70, text="\ud800", thing=odd, tokens_in=3):  # noqa: S106
        pass

    shown = attributes_of(kept[0])
    assert shown["password"] == "[redacted]"  # noqa: S105
    assert shown["big"] == "an integer of more than 64 bits"
    assert shown["text"] == "?"
    assert str(shown["thing"]).startswith("<object")
    assert shown["tokens_in"] == 3


def test_a_client_span_ends_by_itself_and_is_current_for_nobody(kept: list[ReadableSpan]) -> None:
    with span("root") as root:
        call = begin_client_span("SELECT", {"db.system.name": "postgresql"})
        assert trace.get_current_span() is root
        call.end()

    assert kept[0].parent == root.get_span_context()
    assert kept[0].kind is trace.SpanKind.CLIENT


def test_a_client_span_outside_of_a_trace_is_mute(kept: list[ReadableSpan]) -> None:
    begin_client_span("SELECT", {}).end()

    assert kept == []
