"""The span of a whole request, from its entry to the end of its answer, a streamed one's too; pure ASGI."""

from typing import Final

from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AnyValue
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.light_span import OUR_FAULT, LightSpan
from common.light_trace import LightTracer

STATUS: Final = "http.response.status_code"
_PROPAGATOR: Final = TraceContextTextMapPropagator()


class ServerSpan:
    """Begin a trace with each request and WebSocket, or go on with the caller's where callers are trusted."""

    def __init__(self, app: ASGIApp, *, tracer: LightTracer, trusts_callers: bool) -> None:
        self.app = app
        self.tracer = tracer
        self.trusts_callers = trusts_callers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Trace a request; the lifespan is none."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        with self._begun(scope) as span:
            if not span.is_recording():
                await self.app(scope, receive, send)
                return
            try:
                await self.app(scope, receive, _noting_status(span, send))
            finally:
                _conclude(span, scope)

    def _begun(self, scope: Scope) -> LightSpan:
        method = scope.get("method", "WEBSOCKET")
        attributes: dict[str, AnyValue] = {"layer": "api", "http.request.method": method, "url.path": scope["path"]}
        parent = _caller_of(scope) if self.trusts_callers else None
        return self.tracer.start_trace(method, attributes=attributes, kind=SpanKind.SERVER, parent=parent)


def _caller_of(scope: Scope) -> trace.Span | None:
    """Return the caller's span as its `traceparent` names it; None where there is none, or two, or nonsense."""
    if all(name != b"traceparent" for name, _value in scope["headers"]):
        return None
    carrier = {
        name.decode(): value.decode("latin-1")
        for name, value in scope["headers"]
        if name in (b"traceparent", b"tracestate")
    }
    return trace.get_current_span(_PROPAGATOR.extract(carrier))


def _noting_status(span: LightSpan, send: Send) -> Send:
    async def send_noted(message: Message) -> None:
        if "status" in message:
            span.attributes[STATUS] = message["status"]
        await send(message)

    return send_noted


def _conclude(span: LightSpan, scope: Scope) -> None:
    """Name the span by its route, which is known only now."""
    route = _route_of(scope)
    if route:
        span.attributes["http.route"] = route
        span.name = f"{span.name} {route}"
    status = span.attributes.get(STATUS)
    if isinstance(status, int) and status >= OUR_FAULT:
        span.set_status(StatusCode.ERROR)


def _route_of(scope: Scope) -> str | None:
    """Return the path of the route with its placeholders, prefixes included."""
    included = scope.get("fastapi", {}).get("effective_route_context")
    return getattr(included, "path", None) or getattr(scope.get("route"), "path", None)
