"""Spans of our own code, whatever it is that records them."""

from contextlib import AbstractContextManager

from opentelemetry import trace
from opentelemetry.util.types import AttributeValue


def span(name: str, *, layer: str | None = None, **attributes: AttributeValue) -> AbstractContextManager[trace.Span]:
    """Return a span to be entered with `with`, around awaits too; it nests below the current one.

    An exception that leaves the block marks the span as failed and goes on.

    Args:
        name: What is done, in words that do not vary: `register_module`, never an id.
        layer: `api` or `service`.
        attributes: What is worth finding again; no bodies, no secrets. Dots in names: `**{"mem0.record_id": …}`.
    """
    if layer is not None:
        attributes["layer"] = layer
    return trace.get_tracer(__name__).start_as_current_span(name, attributes=attributes)


def current_trace_id() -> str | None:
    """Return the 32 hex digits that name the current trace, whether or not it will be kept; None outside of one."""
    context = trace.get_current_span().get_span_context()
    return format(context.trace_id, "032x") if context.is_valid else None
