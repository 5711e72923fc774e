"""Light traces whose kept spans are there to look at."""

from collections.abc import Callable, Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan

from src.common.light_span import LightSpan
from src.common.light_trace import Ended, LightTracer
from src.common.sampling import Sampling
from src.common.span_outlet import readable
from src.common.tracing import use_tracer

type MakeTracer = Callable[..., LightTracer]


@pytest.fixture
def kept() -> list[ReadableSpan]:
    """The spans of kept traces, as exporters get them, in the order in which they ended."""
    return []


@pytest.fixture
def use_light(kept: list[ReadableSpan]) -> Iterator[MakeTracer]:
    """Have `span` make light spans, sampled as the arguments say; afterwards OpenTelemetry's again."""

    def outlet(spans: list[Ended]) -> None:
        kept.extend(readable(span, Resource.get_empty()) if isinstance(span, LightSpan) else span for span in spans)

    def use(*, is_exported: bool = True, **sampling: float) -> LightTracer:
        tracer = LightTracer(Sampling(**sampling), outlet if is_exported else None)  # type: ignore[arg-type]  # either
        use_tracer(tracer)
        return tracer

    yield use
    use_tracer(trace.get_tracer("cos"))
