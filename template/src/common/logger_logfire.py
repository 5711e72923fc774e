"""Tracing of the process: one provider of OpenTelemetry's SDK, and Logfire beside it on the same exporters."""

import logging
import sys
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from fastapi import FastAPI
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBasedTraceIdRatio, Sampler
from opentelemetry.trace import SpanKind

from src.common.config import Settings, export_otel_variables
from src.common.request_id_middleware import current_request_id
from src.common.telemetry.otlp import SpanExports, exporters, hidden_backend
from src.common.telemetry.scrubber import use_configuration
from src.common.telemetry.tracing_middleware import TracingMiddleware
from src.common.tracing import use_tracer

if TYPE_CHECKING:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

log = logging.getLogger(__name__)

SECRETS: Final = ["pwd"]  # beside Logfire's own patterns
# What instrumentations record of query strings and headers.
FROM_CLIENTS: Final = {"url.query", "url.full", "http.url", "http.target", "user_agent.original", "http.user_agent"}


def bootstrap_logfire(app: FastAPI, settings: Settings, *, default_service_name: str) -> SpanExports:
    """Trace the application as the settings say; return the exports, which the application shuts down at its end.

    Never raises and never waits. Without a usable backend there is one warning, and every trace still has an id.
    """
    export_otel_variables()
    found = {} if settings.tracing == "off" else exporters(settings, _span_exporter, signal="traces")
    exports = SpanExports(found, queue_size=settings.otel_bsp_max_queue_size)
    sampler = ParentBasedTraceIdRatio(settings.trace_head_rate) if found else ALWAYS_OFF
    service_name = settings.service_name or default_service_name
    configure = cache(lambda: _configure_logfire(settings, exports, sampler, service_name=service_name))
    use_configuration(configure)
    # Logfire's import takes a fifth of the start; without a backend only code that uses Logfire needs it.
    is_used = bool(found) or settings.tracing == "logfire" or "logfire" in sys.modules
    resource = configure() if is_used else Resource.create({"service.name": service_name})
    if settings.tracing == "off":
        use_tracer(trace.NoOpTracer())
        return exports
    if not found:
        log.warning("Traces are not exported: set LOGFIRE_TOKEN to a write token, or OTEL_EXPORTER_OTLP_ENDPOINT.")
    provider = TracerProvider(sampler, resource, shutdown_on_exit=False)
    provider.add_span_processor(exports)
    use_tracer(provider.get_tracer("cos"))
    if settings.tracing == "on":
        app.add_middleware(TracingMiddleware, provider=provider, exports=exports, settings=settings)
    if settings.tracing == "logfire":
        import logfire  # noqa: PLC0415

        logfire.instrument_fastapi(
            app,
            request_attributes_mapper=_without_arguments,
            server_request_hook=lambda span, _scope: _hide_query_and_header(span),
        )
    return exports


class _OtherSpans(SpanProcessor):
    """Export the spans of Logfire and of OpenTelemetry's API with ours, with `request_id` and `layer`."""

    def __init__(self, exports: SpanExports) -> None:
        self.exports = exports

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002
        if request_id := current_request_id():
            span.set_attribute("request_id", request_id)
        if "layer" not in (span.attributes or {}):
            span.set_attribute("layer", "api" if span.kind is SpanKind.SERVER else "service")
        _hide_query_and_header(span)

    def on_end(self, span: ReadableSpan) -> None:
        self.exports.on_end(span)


def _span_exporter(endpoint: str, **for_logfire: Any) -> "OTLPSpanExporter":
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415

    return OTLPSpanExporter(endpoint, **for_logfire)


def _configure_logfire(settings: Settings, exports: SpanExports, sampler: Sampler, *, service_name: str) -> Resource:
    """Configure Logfire and return the resource that it makes."""
    import logfire  # noqa: PLC0415

    with hidden_backend():
        logfire.configure(
            send_to_logfire=False,  # `exports` sends there, and delays neither start nor stop
            additional_span_processors=[_OtherSpans(exports)],
            service_name=service_name,
            environment=settings.environment,
            sampling=logfire.SamplingOptions(head=sampler),
            scrubbing=logfire.ScrubbingOptions(extra_patterns=SECRETS),
            distributed_tracing=settings.traceparent_trusted,
            console=False,
            metrics=False,
        )
    return logfire.DEFAULT_LOGFIRE_INSTANCE.config.get_tracer_provider().resource


def _without_arguments(_request: object, _arguments: dict[str, Any]) -> None:
    """Keep the arguments of a route, among them bodies and headers, off its span."""


def _hide_query_and_header(span: trace.Span) -> None:
    for name in FROM_CLIENTS & getattr(span, "attributes", {}).keys():
        span.set_attribute(name, "")
