"""The server span of a request, from its start to the end of the response; pure ASGI."""

import traceback
from time import time_ns
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.sdk.trace import Event, ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from src.common.config import Settings
from src.common.request_id_middleware import current_request_id
from src.common.tracing import SERVER_ERROR

_SCOPE: Final = InstrumentationScope("cos")
_PROPAGATOR: Final = TraceContextTextMapPropagator()


class TracingMiddleware:
    """Start a trace for each request and WebSocket; continue the caller's trace if `TRACEPARENT_TRUSTED` is set.

    The span of a failed or slow request is exported even if its trace is not sampled.
    """

    def __init__(self, app: ASGIApp, *, provider: TracerProvider, exports: SpanProcessor, settings: Settings) -> None:
        self.app = app
        self.provider = provider
        self.tracer = provider.get_tracer(_SCOPE.name)
        self.exports = exports
        self.trusts_callers = settings.traceparent_trusted
        self.slow_ns = settings.trace_slow_ms * 1_000_000

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Trace a request; the lifespan is not one."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        caller = _PROPAGATOR.extract(Headers(scope=scope), Context()) if self.trusts_callers else Context()
        span = self.tracer.start_span(scope.get("method", "WEBSOCKET"), caller, SpanKind.SERVER)
        started_ns, status, raised = time_ns(), 0, None

        async def send_and_note_status(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        token = attach(trace.set_span_in_context(span))
        try:
            await self.app(scope, receive, send_and_note_status)
            detach(token)  # not after an exception: the server logs it next, with the trace id
        except Exception as exception:
            raised, status = exception, status or SERVER_ERROR
            raise
        finally:
            if span.is_recording():
                _end(span, **_described(scope, status, raised))
            elif raised or status >= SERVER_ERROR or time_ns() - started_ns >= self.slow_ns:
                parent = trace.get_current_span(caller).get_span_context()
                self._export(span.get_span_context(), parent, started_ns, _described(scope, status, raised))

    def _export(self, context: SpanContext, parent: SpanContext, started_ns: int, described: dict[str, Any]) -> None:
        """Export a span for a request whose trace is not sampled, under the ids that its log lines have."""
        span = ReadableSpan(
            context=SpanContext(context.trace_id, context.span_id, False, TraceFlags(TraceFlags.SAMPLED)),  # noqa: FBT003
            parent=parent if parent.is_valid else None,
            resource=self.provider.resource,
            kind=SpanKind.SERVER,
            instrumentation_scope=_SCOPE,
            start_time=started_ns,
            end_time=time_ns(),
            **described,
        )
        self.exports.on_end(span)


def _described(scope: Scope, status: int, raised: Exception | None) -> dict[str, Any]:
    """Return name, attributes, status and events of the span; the route is known only after the request."""
    method, route = scope.get("method", "WEBSOCKET"), _route_of(scope)
    attributes = {"layer": "api", "request_id": current_request_id(), "http.request.method": method}
    attributes |= {"url.path": scope["path"], "http.route": route, "http.response.status_code": status or None}
    is_failed = raised is not None or status >= SERVER_ERROR
    return {
        "name": f"{method} {route}" if route else method,
        "attributes": {name: value for name, value in attributes.items() if value is not None},
        "status": Status(StatusCode.ERROR, type(raised).__name__ if raised else None) if is_failed else Status(),
        "events": [Event("exception", _exception_attributes(raised))] if raised else [],
    }


def _exception_attributes(raised: Exception) -> dict[str, str]:
    """Return type and stack; the messages of databases and validators quote what the client sent."""
    stack = "".join(traceback.format_tb(raised.__traceback__))
    return {"exception.type": type(raised).__qualname__, "exception.stacktrace": stack}


def _end(span: trace.Span, *, name: str, attributes: dict[str, Any], status: Status, events: list[Event]) -> None:
    span.update_name(name)
    span.set_attributes(attributes)
    span.set_status(status)
    for event in events:
        span.add_event(event.name, event.attributes)
    span.end()


def _route_of(scope: Scope) -> str | None:
    """Return the path of the route with its placeholders and prefixes."""
    included = scope.get("fastapi", {}).get("effective_route_context")
    return getattr(included, "path", None) or getattr(scope.get("route"), "path", None)
