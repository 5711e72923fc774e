"""The way out of the process for the spans of kept traces, ours and those that Logfire or OpenTelemetry made."""

from collections.abc import Mapping, Sequence
from typing import Final

from opentelemetry.context import Context, get_value
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanKind, Status, StatusCode
from opentelemetry.util.types import Attributes, AttributeValue

from src.common.light_span import TRACE_KEY, LightSpan
from src.common.light_trace import Ended, LightTrace
from src.common.redaction import attribute
from src.common.request_id_middleware import current_request_id
from src.common.span_queue import SpanQueue

OPEN_SPAN_LIMIT: Final = 10_000
SHUTDOWN_S: Final = 0.5
SCOPE: Final = InstrumentationScope("cos")
DATA_IS_JSON: Final = '{"type":"object","properties":{"data":{"type":"object"}}}'
UNSET: Final = Status(StatusCode.UNSET)
# Logfire's level numbers; they colour its page.
INFO: Final = 9
WARN: Final = 13
ERROR: Final = 17
FIRST_REFUSAL: Final = 400


class SpanOutlet(SpanProcessor):
    """Queue what is kept for each exporter, and hold spans of others until their trace is decided."""

    def __init__(self, exporters: Mapping[str, SpanExporter], *, limit_spans: int) -> None:
        """Take the exporters by the names that warnings call them by."""
        self.queues = [
            SpanQueue(exporter, readable=self._readable, limit_spans=limit_spans, name=name)
            for name, exporter in exporters.items()
        ]
        self.resource = Resource.get_empty()
        self._open: dict[int, LightTrace] = {}

    def __call__(self, spans: Sequence[Ended]) -> None:
        """Pass spans of a kept trace on."""
        for queue in self.queues:
            queue.put(spans)

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Name the request on somebody else's span, and remember which of our traces it is in."""
        if request_id := current_request_id():
            span.set_attribute("request_id", request_id)
        light_trace = get_value(TRACE_KEY, parent_context)
        if isinstance(light_trace, LightTrace) and (context := span.get_span_context()):
            self._open[context.span_id] = light_trace
            if len(self._open) > OPEN_SPAN_LIMIT:  # somebody never ends theirs
                self._open.pop(next(iter(self._open)), None)

    def on_end(self, span: ReadableSpan) -> None:
        """Give somebody else's span to its trace, or pass it on where it is in none of ours."""
        context = span.get_span_context()
        light_trace = self._open.pop(context.span_id, None) if context else None
        if light_trace is None:
            self([span])
            return
        if span.status.status_code is StatusCode.ERROR:
            light_trace.has_failed = True
        light_trace.take(span)

    def shutdown(self) -> None:
        """Let spans out that wait, for half a second and no longer."""
        for queue in self.queues:
            queue.close(timeout_s=SHUTDOWN_S / len(self.queues))

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Say whether all that was put in is out, after waiting for it a while."""
        return all(queue.flush(timeout_s=timeout_millis / 1000) for queue in self.queues)

    def _readable(self, span: Ended) -> ReadableSpan:
        return readable(span, self.resource) if isinstance(span, LightSpan) else span


def readable(span: LightSpan, resource: Resource) -> ReadableSpan:
    """Return the span as exporters take it, with what Logfire's page shows it by."""
    return ReadableSpan(
        name=span.name,
        context=span.get_span_context(),
        parent=span.parent,
        resource=resource,
        attributes=_attributes_of(span),
        events=[_event(*event) for event in span.events or ()],
        links=[Link(context, _cleaned(attributes)) for context, attributes in span.links or ()],
        kind=span.kind,
        status=span.status or UNSET,
        start_time=span.start_ns,
        end_time=span.end_ns,
        instrumentation_scope=SCOPE,
    )


def _attributes_of(span: LightSpan) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {
        "logfire.msg": span.name,
        "logfire.msg_template": span.name,
        "logfire.span_type": "span",
        "logfire.level_num": _level_of(span),
    }
    if span.attributes.get("logfire.span_type") == "log":
        attributes["logfire.json_schema"] = DATA_IS_JSON
    for name, value in span.attributes.items():
        attributes[name] = attribute(name, value)
    if span.light_trace.request_id:
        attributes["request_id"] = span.light_trace.request_id
    if span.light_trace.dropped:
        attributes["dropped_spans"] = span.light_trace.dropped
    return attributes


def _level_of(span: LightSpan) -> int:
    if span.status is not None and span.status.status_code is StatusCode.ERROR:
        return ERROR
    status = span.attributes.get("http.response.status_code", 0)
    is_refusal = isinstance(status, int) and status >= FIRST_REFUSAL and span.kind is SpanKind.SERVER
    return WARN if is_refusal or "refused_by" in span.attributes else INFO


def _event(name: str, timestamp_ns: int, attributes: Attributes) -> Event:
    return Event(name, _cleaned(attributes), timestamp_ns)


def _cleaned(attributes: Attributes) -> dict[str, AttributeValue]:
    return {name: attribute(name, value) for name, value in (attributes or {}).items()}
