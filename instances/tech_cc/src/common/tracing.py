"""Spans of our own code: `span`, `traced`, `current_trace_id`."""

from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import wraps
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.context import attach, detach
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.util.types import AnyValue

from src.common.request_id_middleware import current_request_id

SERVER_ERROR: Final = 500
NO_SPAN: Final = nullcontext(trace.INVALID_SPAN)


class _Process:
    tracer: trace.Tracer | None = None  # with TRACING=off there is none, and a span costs next to nothing


def use_tracer(tracer: trace.Tracer) -> None:
    """Let this tracer make the spans of the process; `logger_logfire` calls it."""
    _Process.tracer = None if isinstance(tracer, trace.NoOpTracer) else tracer


def span(name: str, *, layer: str = "service", **attributes: AnyValue) -> AbstractContextManager[trace.Span]:
    """Make the block a span below the current one.

    An exception that leaves the block sets the status to ERROR, unless it is a refusal: its HTTP status is below 500.

    Args:
        name: What is done, in words that do not vary: `register_module`, never an id.
        layer: `api` or `service`.
        attributes: Values to search for later; no bodies, no secrets. Dotted names: `**{"mem0.record_id": …}`.
    """
    if _Process.tracer is None:
        return NO_SPAN
    started = start_span(name, SpanKind.INTERNAL, {"layer": layer, **attributes})
    return NO_SPAN if started is None else _current(started)


@contextmanager
def _current(started: trace.Span) -> Iterator[trace.Span]:
    token = attach(trace.set_span_in_context(started))
    try:
        yield started
    except Exception as raised:
        if is_failure(raised):
            started.set_status(StatusCode.ERROR, type(raised).__name__)
        raise
    finally:
        detach(token)
        started.end()


def traced[**P, T](*, layer: str) -> Callable[[Callable[P, Awaitable[T]]], Callable[P, Coroutine[Any, Any, T]]]:
    """Make each call of the decorated coroutine function a span with the function's name."""

    def decorate(function: Callable[P, Awaitable[T]]) -> Callable[P, Coroutine[Any, Any, T]]:
        @wraps(function)
        async def call(*args: P.args, **kwargs: P.kwargs) -> T:
            with span(function.__name__, layer=layer):
                return await function(*args, **kwargs)

        return call

    return decorate


def start_span(name: str, kind: SpanKind, attributes: dict[str, AnyValue]) -> trace.Span | None:
    """Start a span that the caller must end; None below a span that is not sampled, and for a client span alone."""
    if _Process.tracer is None:
        return None
    parent = trace.get_current_span().get_span_context()
    if not (parent.trace_flags.sampled if parent.is_valid else kind is not SpanKind.CLIENT):
        return None
    if request_id := current_request_id():
        attributes = {"request_id": request_id, **attributes}
    return _Process.tracer.start_span(name, kind=kind, attributes=attributes)


def is_failure(raised: Exception) -> bool:
    """Return whether the exception is a server error; an exception without an HTTP status is one."""
    status = getattr(raised, "status_code", None) or getattr(raised, "status", None)
    return not isinstance(status, int) or status >= SERVER_ERROR


def current_trace_id() -> str | None:
    """Return the 32 hex digits of the current trace's id, sampled or not; None outside a trace."""
    context = trace.get_current_span().get_span_context()
    return format(context.trace_id, "032x") if context.is_valid else None
