"""The spans of one request, kept or dropped together when the first of them ends."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from random import getrandbits
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context, get_current
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags
from opentelemetry.util.types import AnyValue

from src.common.light_span import TRACE_KEY, LightSpan
from src.common.request_id_middleware import current_request_id
from src.common.sampling import Sampling

SPAN_LIMIT: Final = 1000  # of one trace; a request that does more loses the rest, not the service its memory

SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)
NOT_SAMPLED: Final = TraceFlags(TraceFlags.DEFAULT)

type Ended = LightSpan | ReadableSpan
type Outlet = Callable[[Sequence[Ended]], None]


class LightTrace:
    """What the spans of one trace share; it is in the context of all of them, also of those that others make."""

    __slots__ = (
        "_ended",
        "_outlet",
        "_sampling",
        "_seen",
        "dropped",
        "has_failed",
        "is_kept",
        "is_recorded",
        "request_id",
        "root",
        "trace_id",
        "trace_state",
    )

    def __init__(self, sampling: Sampling, outlet: Outlet | None, parent: SpanContext | None) -> None:
        """Begin a trace, or go on with the parent's; without an outlet it is never recorded, only named."""
        self.trace_id = parent.trace_id if parent else _random_id(128)
        self.trace_state = parent.trace_state if parent else None
        is_chosen = parent.trace_flags.sampled if parent else sampling.records(self.trace_id)
        self.is_recorded = is_chosen and outlet is not None
        # A parent in this process is somebody else's span and exported without us: what is below it is, too.
        self.is_kept = True if parent and not parent.is_remote else None
        self.request_id = current_request_id()
        self.root: LightSpan | None = None
        self.has_failed = False
        self.dropped = 0
        self._ended: list[Ended] = []
        self._seen: BaseException | None = None
        self._sampling = sampling
        self._outlet = outlet

    def new_span_context(self) -> SpanContext:
        """Return a name for a span of this trace."""
        flags = SAMPLED if self.is_recorded else NOT_SAMPLED
        return SpanContext(self.trace_id, _random_id(64), False, flags, self.trace_state)  # noqa: FBT003

    def is_first_to_see(self, exception: BaseException) -> bool:
        """Say whether no span below has recorded the exception on its way up."""
        is_first = exception is not self._seen
        self._seen = exception
        return is_first

    def take(self, span: Ended) -> None:
        """Hold an ended span until the root has ended; decide then; pass on or drop at once what ends later."""
        if not self.is_recorded:
            return
        if self.is_kept:
            self._send([span])
        elif self.is_kept is None and (len(self._ended) < SPAN_LIMIT or span is self.root):
            self._ended.append(span)
        elif self.is_kept is None:
            self.dropped += 1
        if span is self.root:
            self._decide(span)
            self.root = self._seen = None  # no cycles: a trace is freed when its last span is

    def _decide(self, root: LightSpan) -> None:
        if self.is_kept is None:
            duration_ns = root.end_ns - root.start_ns
            self.is_kept = self._sampling.keeps(self.trace_id, duration_ns=duration_ns, has_failed=self.has_failed)
            if self.is_kept:
                self._send(self._ended)
            self._ended = []

    def _send(self, spans: Sequence[Ended]) -> None:
        if self._outlet is not None:
            self._outlet(spans)


def _random_id(bits: int) -> int:
    return getrandbits(bits) or 1  # nosec B311  # a name, no secret; 0 is nobody's


class LightTracer:
    """Makes light spans; takes the place of OpenTelemetry's tracer in `tracing.span`."""

    def __init__(self, sampling: Sampling, outlet: Outlet | None) -> None:
        self.sampling = sampling
        self.outlet = outlet

    def start_as_current_span(
        self, name: str, *, attributes: dict[str, AnyValue], kind: SpanKind = SpanKind.INTERNAL
    ) -> AbstractContextManager[trace.Span]:
        """Return a span below the current one, to be entered at once; nothing new where the trace is not recorded."""
        current = get_current()
        light_trace = current.get(TRACE_KEY)
        if not isinstance(light_trace, LightTrace):
            return self.start_trace(name, attributes=attributes, kind=kind, within=current)
        if not light_trace.is_recorded:
            return nullcontext(trace.get_current_span(current))
        return LightSpan(name, attributes, light_trace, current, kind)

    def start_span(self, name: str, *, kind: SpanKind, attributes: dict[str, AnyValue]) -> trace.Span:
        """Return a span below the current one, begun and not entered; a mute one where no trace is recorded."""
        current = get_current()
        light_trace = current.get(TRACE_KEY)
        if not isinstance(light_trace, LightTrace) or not light_trace.is_recorded:
            return trace.INVALID_SPAN
        return LightSpan(name, attributes, light_trace, current, kind)

    def start_trace(self, name: str, *, attributes: dict[str, AnyValue], kind: SpanKind, within: Context) -> LightSpan:
        """Return the first span of a trace of ours; it goes on with the one that the context is in, if any."""
        parent = trace.get_current_span(within).get_span_context()
        light_trace = LightTrace(self.sampling, self.outlet, parent if parent.is_valid else None)
        root = LightSpan(name, attributes, light_trace, within, kind)
        light_trace.root = root if light_trace.is_recorded else None
        return root
