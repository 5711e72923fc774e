"""What makes spans in this process, and where they go: Logfire, any OTLP backend, both or neither."""

from typing import Any, Final

import logfire
from fastapi import FastAPI
from opentelemetry import trace
from starlette.types import Scope

from src.common.config import Settings
from src.common.exporters import exporters_of
from src.common.light_trace import LightTracer
from src.common.process_environment import process_environment
from src.common.sampling import Sampling
from src.common.server_span import ServerSpan
from src.common.span_outlet import SpanOutlet
from src.common.tracing import MuteTracer, use_tracer

NS_PER_MS: Final = 1_000_000


def bootstrap_logfire(app: FastAPI, settings: Settings, *, default_service_name: str) -> SpanOutlet:
    """Have the application traced as the settings say, and return the way out of its spans, to be shut down in the end.

    Never raises and never waits. A token that is missing, malformed or revoked, or a collector that is away, costs one
    warning. Logfire's own functions work in any case.
    """
    outlet = SpanOutlet(exporters_of(settings), limit_spans=settings.trace_queue_spans)
    _configure_logfire(settings, outlet, service_name=settings.service_name or default_service_name)
    if settings.tracing == "instrumented":
        use_tracer(trace.get_tracer("cos"))
        logfire.instrument_fastapi(
            app, request_attributes_mapper=_without_arguments, server_request_hook=_without_query_and_header
        )
    if settings.tracing == "light":
        tracer = LightTracer(_sampling(settings), outlet if outlet.queues else None)
        use_tracer(tracer)
        app.add_middleware(ServerSpan, tracer=tracer, trusts_callers=settings.traceparent_trusted)
    if settings.tracing == "off":
        use_tracer(MuteTracer())
    return outlet


def _without_arguments(_request: object, _arguments: dict[str, Any]) -> None:
    """Keep what a route was called with, bodies and headers among it, off its span."""


def _without_query_and_header(span: trace.Span, scope: Scope) -> None:
    if span.is_recording():
        span.set_attributes({"http.url": scope["path"], "http.target": scope["path"], "http.user_agent": ""})


def _sampling(settings: Settings) -> Sampling:
    return Sampling(
        head_rate=settings.trace_head_rate,
        keep_one_in=settings.trace_keep_one_in,
        slow_ns=settings.trace_slow_ms * NS_PER_MS,
    )


def _configure_logfire(settings: Settings, outlet: SpanOutlet, *, service_name: str) -> None:
    # Logfire would read OTEL_EXPORTER_OTLP_ENDPOINT too, and send each span a second time.
    with process_environment(OTEL_TRACES_EXPORTER="none", OTEL_LOGS_EXPORTER="none"):
        logfire.configure(
            # Logfire's own exporter would send spans before the fate of their request is known; `outlet` has one.
            send_to_logfire=False,
            additional_span_processors=[outlet],
            service_name=service_name,
            environment=settings.environment,
            sampling=logfire.SamplingOptions(head=settings.trace_head_rate),
            distributed_tracing=settings.traceparent_trusted,
            console=False,
            metrics=False,
        )
    outlet.resource = logfire.DEFAULT_LOGFIRE_INSTANCE.config.get_tracer_provider().resource
