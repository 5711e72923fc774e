"""Spans of our own code."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry import trace


@contextmanager
def span(name: str, *, layer: str | None = None, **attributes: Any) -> Iterator[trace.Span]:
    """Open a span for the block."""
    with trace.get_tracer("cos").start_as_current_span(name, attributes=attributes) as current:
        if layer:
            current.set_attribute("layer", layer)
        yield current


def current_trace_id() -> str | None:
    """Return the id of the trace that this code is part of, in 32 hexadecimal digits, or None outside of one."""
    context = trace.get_current_span().get_span_context()
    return format(context.trace_id, "032x") if context.trace_id else None
