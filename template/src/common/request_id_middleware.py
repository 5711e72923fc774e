"""A name for each request, in its answer, its log lines and its spans; pure ASGI."""

import re
from contextvars import ContextVar
from typing import Final

from opentelemetry import trace
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uuid_utils import uuid4

HEADER: Final = "X-Request-ID"
SAFE: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")
# What opens an answer: HTTP's, a WebSocket's that is accepted, and one's that is declined with a response.
OPENINGS: Final = {"http.response.start", "websocket.accept", "websocket.http.response.start"}

_NAME: Final = HEADER.lower().encode()
_current: ContextVar[str | None] = ContextVar("request_id", default=None)


def current_request_id() -> str | None:
    """Return the id of the request that this code works for, also in tasks that the request started."""
    return _current.get()


class RequestIdMiddleware:
    """Give each request the id its client sent, where that is safe to repeat, else a fresh UUID; echo it.

    An unsafe id is forgotten at once: it is never logged. Routes find the id in `request.state.request_id`.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Name the request and pass it on; the lifespan has no name."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        request_id = _chosen(scope)
        header = (_NAME, request_id.encode())

        async def send_named(message: Message) -> None:
            if message["type"] in OPENINGS:
                message["headers"] = [*message.get("headers", ()), header]
            await send(message)

        scope.setdefault("state", {})["request_id"] = request_id
        trace.get_current_span().set_attribute("request_id", request_id)
        token = _current.set(request_id)
        await self.app(scope, receive, send_named)
        _current.reset(token)  # not after an exception: the server logs it next, with the request's id


def _chosen(scope: Scope) -> str:
    """Return the one id that the client sent, unless it is unsafe; two ids are as bad as none."""
    sent = [value for name, value in scope["headers"] if name == _NAME]
    return sent[0].decode() if len(sent) == 1 and SAFE.fullmatch(sent[0]) else str(uuid4())
