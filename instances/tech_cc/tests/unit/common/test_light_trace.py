from collections.abc import Callable

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.trace import StatusCode

from src.common import light_trace
from src.common.sampling import Sampling
from src.common.tracing import begin_client_span, current_trace_id, span, traced
from unit.common.conftest import MakeTracer

NEVER = 1 << 64
PROVIDER = TracerProvider(shutdown_on_exit=False)


def names(spans: list[ReadableSpan]) -> list[str]:
    return [each.name for each in spans]


def test_a_trace_that_is_neither_failed_nor_slow_is_dropped(use_light: MakeTracer, kept: list[ReadableSpan]) -> None:
    use_light(keep_one_in=NEVER)
    with span("root"), span("child"):
        assert current_trace_id() is not None

    assert kept == []


def fails() -> None:
    trace.get_current_span().set_status(StatusCode.ERROR)


def raises() -> None:
    raise RuntimeError


@pytest.mark.parametrize("work", [fails, raises])
def test_a_trace_that_failed_is_kept_whole(
    use_light: MakeTracer, kept: list[ReadableSpan], work: Callable[[], None]
) -> None:
    use_light(keep_one_in=NEVER)
    try:
        with span("root"):
            with span("good"):
                pass
            with span("bad"):
                work()
    except RuntimeError:
        pass

    assert names(kept) == ["good", "bad", "root"]


def test_a_slow_trace_is_kept_whole(use_light: MakeTracer, kept: list[ReadableSpan]) -> None:
    use_light(keep_one_in=NEVER, slow_ns=0)
    with span("root"), span("child"):
        pass

    assert names(kept) == ["child", "root"]


def test_one_in_so_many_is_kept() -> None:
    sampling = Sampling(keep_one_in=4)

    kept = [sampling.keeps(number << 64, duration_ns=1, has_failed=False) for number in range(8)]

    assert kept == [True, False, False, False] * 2


@pytest.mark.parametrize(("rate", "records"), [(0.0, [False, False]), (0.5, [True, False]), (1.0, [True, True])])
def test_the_head_rate_decides_by_the_trace_id(rate: float, records: list[bool]) -> None:
    sampling = Sampling(head_rate=rate)

    assert [sampling.records(trace_id) for trace_id in (1 << 62, (1 << 64) - 1)] == records


@pytest.mark.parametrize("why", [{"head_rate": 0}, {"is_exported": False}])
async def test_a_trace_that_is_not_recorded_still_has_a_name(
    use_light: MakeTracer, kept: list[ReadableSpan], why: dict[str, float]
) -> None:
    use_light(**why)

    @traced(layer="service")
    async def service() -> str | None:
        begin_client_span("SELECT", {}).end()
        return current_trace_id()

    with span("root") as root:
        seen = await service()
        assert not root.is_recording()
        assert not root.get_span_context().trace_flags.sampled
        root.set_attribute("a", 1)

    assert seen == format(root.get_span_context().trace_id, "032x")
    assert kept == []


@pytest.mark.parametrize(("one_in", "expected"), [(1, ["root", "late"]), (NEVER, [])])
def test_a_span_that_ends_after_its_root_shares_its_fate(
    use_light: MakeTracer, kept: list[ReadableSpan], one_in: int, expected: list[str]
) -> None:
    use_light(keep_one_in=one_in)
    with span("root"):
        late = begin_client_span("late", {})

    late.end()

    assert names(kept) == expected


def test_a_trace_holds_a_bounded_number_of_spans(
    use_light: MakeTracer, kept: list[ReadableSpan], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(light_trace, "SPAN_LIMIT", 3)
    use_light()
    with span("root"):
        for number in range(10):
            with span(f"child {number}"):
                pass

    assert names(kept) == ["child 0", "child 1", "child 2", "root"]
    assert dict(kept[-1].attributes or {})["dropped_spans"] == 7


def test_spans_below_somebody_elses_go_where_theirs_go(use_light: MakeTracer, kept: list[ReadableSpan]) -> None:
    use_light(keep_one_in=NEVER)
    with PROVIDER.get_tracer("theirs").start_as_current_span("theirs") as theirs, span("ours"):
        pass

    assert names(kept) == ["ours"]
    assert kept[0].parent == theirs.get_span_context()
