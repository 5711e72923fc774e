"""An id for each request, in its response, its log lines and its spans; pure ASGI."""

import re
from contextvars import ContextVar
from typing import Final

from opentelemetry import trace
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uuid_utils import uuid4

HEADER: Final = "X-Request-ID"
SAFE: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")
# The messages that start a response: of HTTP, of an accepted WebSocket, and of one that is refused with a response.
OPENINGS: Final = {"http.response.start", "websocket.accept", "websocket.http.response.start"}

_NAME: Final = HEADER.lower().encode()
_current: ContextVar[str | None] = ContextVar("request_id", default=None)


def current_request_id() -> str | None:
    """Return the id of the current request, also in tasks that the request started."""
    return _current.get()


class RequestIdMiddleware:
    """Give each request the id that its client sent if it is safe, else a new UUID; return it in a response header.

    An unsafe id is never logged. Routes find the id in `request.state.request_id`.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Set the id and pass the request on; the lifespan has no id."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        request_id = _id_of(scope)
        header = (_NAME, request_id.encode())

        async def send_with_id(message: Message) -> None:
            if message["type"] in OPENINGS:
                message["headers"] = [*message.get("headers", ()), header]
            await send(message)

        scope.setdefault("state", {})["request_id"] = request_id
        trace.get_current_span().set_attribute("request_id", request_id)
        token = _current.set(request_id)
        await self.app(scope, receive, send_with_id)
        _current.reset(token)  # not after an exception: the server logs it next, with the request's id


def _id_of(scope: Scope) -> str:
    """Return the id that the client sent; a new one if it sent none, an unsafe one, or several."""
    sent = [value for name, value in scope["headers"] if name == _NAME]
    return sent[0].decode() if len(sent) == 1 and SAFE.fullmatch(sent[0]) else str(uuid4())
