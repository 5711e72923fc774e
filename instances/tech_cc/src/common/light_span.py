"""A span that costs little until its trace is kept.

It fulfils OpenTelemetry's `Span`, so that spans of others find their parent in it; it becomes a `ReadableSpan`, the
form that exporters take, only when its trace is kept, after the request (`span_outlet`).
"""

import traceback
from collections.abc import Mapping
from contextvars import Token
from time import time_ns
from types import TracebackType
from typing import Final, Protocol, Self

from opentelemetry import trace
from opentelemetry.context import Context, attach, create_key, detach
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode
from opentelemetry.util.types import AnyValue, Attributes

# As many as OpenTelemetry's SDK takes by default.
ATTRIBUTE_LIMIT: Final = 128
EVENT_LIMIT: Final = 128
LINK_LIMIT: Final = 128
OUR_FAULT: Final = 500

TRACE_KEY: Final = create_key("light-trace")
# OpenTelemetry does not publish the key of the current span; this context holds nothing but it.
SPAN_KEY: Final = next(iter(trace.set_span_in_context(trace.INVALID_SPAN, Context())))

type Event = tuple[str, int, Attributes]
type Link = tuple[SpanContext, Attributes]


class Holder(Protocol):
    """What a span asks of the trace that it is part of; `light_trace.LightTrace` is one."""

    is_recorded: bool
    has_failed: bool
    request_id: str | None
    dropped: int  # spans that were too many

    def new_span_context(self) -> SpanContext: ...

    def is_first_to_see(self, exception: BaseException, /) -> bool: ...

    def take(self, span: "LightSpan", /) -> None: ...


class LightSpan(trace.Span):
    """A span of a light trace; it has begun when it is made, entering it makes it current, leaving it ends it."""

    # Most spans end without any of these: a default on the class costs them nothing.
    status: Status | None = None
    events: list[Event] | None = None
    links: list[Link] | None = None
    end_ns = 0
    _context: SpanContext | None = None
    _token: Token[Context] | None = None

    def __init__(
        self,
        name: str,
        attributes: dict[str, AnyValue],
        light_trace: Holder,
        within: Context,
        kind: SpanKind = SpanKind.INTERNAL,
    ) -> None:
        """Begin within a context, whose current span, if there is one, is the parent."""
        self.name = name
        self.attributes = attributes
        self.light_trace = light_trace
        self.kind = kind
        self._within = within
        self.start_ns = time_ns()

    @property
    def parent(self) -> SpanContext | None:
        """What names the span above; None where this one is the first."""
        context = trace.get_current_span(self._within).get_span_context()
        return context if context.is_valid else None

    def __enter__(self) -> Self:
        self._token = attach(Context({**self._within, TRACE_KEY: self.light_trace, SPAN_KEY: self}))
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        if self._token is not None:
            detach(self._token)
        if exc_val is not None:
            self.fail(exc_val)
        self.end()

    def end(self, end_time: int | None = None) -> None:
        """End the span, once; its trace takes it."""
        if not self.end_ns:
            self.end_ns = end_time or time_ns()
            self.light_trace.take(self)

    def get_span_context(self) -> SpanContext:
        """Return what names the span; made when first asked for, which in most spans nobody does."""
        if self._context is None:
            self._context = self.light_trace.new_span_context()
        return self._context

    def is_recording(self) -> bool:
        return self.light_trace.is_recorded and not self.end_ns

    def set_attribute(self, key: str, value: AnyValue) -> None:
        if not self.end_ns and (len(self.attributes) < ATTRIBUTE_LIMIT or key in self.attributes):
            self.attributes[key] = value

    def set_attributes(self, attributes: Mapping[str, AnyValue]) -> None:
        for key, value in attributes.items():
            self.set_attribute(key, value)

    def update_name(self, name: str) -> None:
        if not self.end_ns:
            self.name = name

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """Set the status, unless it is OK already, which is final; a span that fails has its trace kept."""
        new = Status(status, description) if isinstance(status, StatusCode) else status
        if self.end_ns or new.is_unset or (self.status and self.status.status_code is StatusCode.OK):
            return
        self.status = new
        if not new.is_ok:
            self.light_trace.has_failed = True

    def add_event(self, name: str, attributes: Attributes = None, timestamp: int | None = None) -> None:
        if self.events is None:
            self.events = []
        if not self.end_ns and len(self.events) < EVENT_LIMIT:
            self.events.append((name, timestamp or time_ns(), attributes))

    def add_link(self, context: SpanContext, attributes: Attributes = None) -> None:
        if self.links is None:
            self.links = []
        if not self.end_ns and context.is_valid and len(self.links) < LINK_LIMIT:
            self.links.append((context, attributes))

    def record_exception(
        self,
        exception: BaseException,
        attributes: Attributes = None,
        timestamp: int | None = None,
        escaped: bool = False,  # noqa: FBT001, FBT002  # OpenTelemetry's signature
    ) -> None:
        """Add the exception as an event, its message included: whoever calls this has read it."""
        recorded = {
            "exception.type": _name(exception),
            "exception.message": str(exception),
            "exception.stacktrace": "".join(traceback.format_exception(exception)),
            "exception.escaped": str(escaped),
        }
        self.add_event("exception", {**recorded, **(attributes or {})}, timestamp)

    def fail(self, exception: BaseException) -> None:
        """Record that the exception left the block: a refusal by name alone, a fault with where it was raised.

        Messages stay out: those of databases and validators quote what the client sent.
        """
        if not isinstance(exception, Exception):
            self.set_attribute("ended_by", _name(exception))
        elif _status_of(exception) < OUR_FAULT:
            self.set_attribute("refused_by", _name(exception))
        else:
            if self.light_trace.is_first_to_see(exception):
                stack = "".join(traceback.format_tb(exception.__traceback__))
                self.add_event("exception", {"exception.type": _name(exception), "exception.stacktrace": stack})
            self.set_status(StatusCode.ERROR, _name(exception))


def _status_of(exception: Exception) -> int:
    """Return the HTTP status that the exception brings, ours or Starlette's; a bug brings none, and is our fault."""
    status = getattr(exception, "status", None) or getattr(exception, "status_code", None)
    return status if isinstance(status, int) else OUR_FAULT


def _name(exception: BaseException) -> str:
    kind = type(exception)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
