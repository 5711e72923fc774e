"""Spans of our own code, whatever it is that records them (`logger_logfire` chooses)."""

from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from typing import Any, ClassVar, Protocol

from opentelemetry import trace
from opentelemetry.util.types import AnyValue


class Tracer(Protocol):
    """What makes spans: OpenTelemetry's tracers, and our light one."""

    def start_as_current_span(
        self, name: str, /, *, attributes: dict[str, AnyValue]
    ) -> AbstractContextManager[trace.Span]: ...

    def start_span(self, name: str, /, *, kind: trace.SpanKind, attributes: dict[str, AnyValue]) -> trace.Span: ...


class MuteTracer:
    """Makes nothing of a span, where tracing is off."""

    _NOTHING: ClassVar = nullcontext(trace.INVALID_SPAN)

    def start_as_current_span(self, _name: str, **_rest: object) -> AbstractContextManager[trace.Span]:
        return self._NOTHING

    def start_span(self, _name: str, **_rest: object) -> trace.Span:
        return trace.INVALID_SPAN


class _Process:
    tracer: Tracer = trace.get_tracer("cos")


def use_tracer(tracer: Tracer) -> None:
    """Have the tracer make the spans of this process from now on."""
    _Process.tracer = tracer


def span(name: str, *, layer: str | None = None, **attributes: AnyValue) -> AbstractContextManager[trace.Span]:
    """Return a span to be entered with `with`, at once; awaits may stand in the block. It nests below the current one.

    An exception that leaves the block marks the span as failed, and goes on.

    Args:
        name: What is done, in words that do not vary: `register_module`, never an id.
        layer: `api` or `service`.
        attributes: What is worth finding again; no bodies, no secrets. Dotted names: `**{"mem0.record_id": …}`.
    """
    if layer is not None:
        attributes["layer"] = layer
    return _Process.tracer.start_as_current_span(name, attributes=attributes)


def traced[**P, T](*, layer: str) -> Callable[[Callable[P, Awaitable[T]]], Callable[P, Coroutine[Any, Any, T]]]:
    """Have each call of the decorated coroutine function be a span of the function's name."""

    def decorate(function: Callable[P, Awaitable[T]]) -> Callable[P, Coroutine[Any, Any, T]]:
        @wraps(function)
        async def call(*args: P.args, **kwargs: P.kwargs) -> T:
            with span(function.__name__, layer=layer):
                return await function(*args, **kwargs)

        return call

    return decorate


def begin_client_span(name: str, attributes: dict[str, AnyValue]) -> trace.Span:
    """Return a span of a call to another system, which has begun, is current for nobody, and ends by `end()`."""
    return _Process.tracer.start_span(name, kind=trace.SpanKind.CLIENT, attributes=attributes)


def current_trace_id() -> str | None:
    """Return the 32 hex digits that name the current trace, whether or not it will be kept; None outside of one."""
    context = trace.get_current_span().get_span_context()
    return format(context.trace_id, "032x") if context.is_valid else None
