"""The span of a whole request, from its entry to the end of its answer, a streamed one's too; pure ASGI."""

from typing import Final

from opentelemetry.context import Context, get_current
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AnyValue
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from src.common.light_span import OUR_FAULT, LightSpan
from src.common.light_trace import LightTracer

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
        within = _context_of_caller(scope) if self.trusts_callers else get_current()
        return self.tracer.start_trace(method, attributes=attributes, kind=SpanKind.SERVER, within=within)


def _context_of_caller(scope: Scope) -> Context:
    """Return a context in the span that `traceparent` names; the current one where it is missing or nonsense."""
    for name, _value in scope["headers"]:
        if name == b"traceparent":
            return _PROPAGATOR.extract(Headers(scope=scope), context=get_current())
    return get_current()


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
