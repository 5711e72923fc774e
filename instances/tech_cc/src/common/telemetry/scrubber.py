"""Secrets in spans and log lines, replaced by Logfire's scrubber."""

from collections.abc import Callable
from typing import Any

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import Link


class _Process:
    configure_logfire: Callable[[], object] = dict  # does nothing


def use_configuration(configure: Callable[[], object]) -> None:
    """Let `scrub` call this first; it configures Logfire's scrubber, once. `logger_logfire` calls it."""
    _Process.configure_logfire = configure


def scrub(value: Any) -> tuple[Any, list[Any]]:
    """Return the value as Logfire's scrubber shows it, and notes of what it replaced."""
    import logfire  # noqa: PLC0415  # takes a fifth of the start

    _Process.configure_logfire()
    return logfire.DEFAULT_LOGFIRE_INSTANCE.config.scrubber.scrub_value((), value)


def scrubbed_span(span: ReadableSpan) -> ReadableSpan:
    """Return the span without secrets; the same one if there are none."""
    events, links = span.events, span.links
    shown, notes = scrub([span.attributes, [each.attributes for each in events], [each.attributes for each in links]])
    if not notes:
        return span
    attributes, of_events, of_links = shown
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=attributes,
        events=[Event(each.name, shown, each.timestamp) for each, shown in zip(events, of_events, strict=True)],
        links=[Link(each.context, shown) for each, shown in zip(links, of_links, strict=True)],
        kind=span.kind,
        instrumentation_scope=span.instrumentation_scope,
        status=span.status,
        start_time=span.start_time,
        end_time=span.end_time,
    )
