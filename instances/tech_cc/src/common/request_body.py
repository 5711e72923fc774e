"""How much of a body a request may bring, and how long it may take over it; pure ASGI.

FastAPI has `max_body_size` for the first; where a Content-Length is too large it answers in plain text, not in ours.
"""

import asyncio
from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_LIMIT_BYTES: Final = 1024 * 1024
BODY_TIMEOUT_S: Final = 10.0


class RequestBodyLimits:
    """Refuse a body that is too large (413) or too slow (408), at the byte or the second at which it becomes so."""

    def __init__(self, app: ASGIApp, *, limit_bytes: int = BODY_LIMIT_BYTES, timeout_s: float = BODY_TIMEOUT_S) -> None:
        self.app = app
        self.limit_bytes = limit_bytes
        self.timeout_s = timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with a `receive` that counts and watches the clock until the body has ended."""
        await self.app(scope, self._limited(scope, receive) if scope["type"] == "http" else receive, send)

    def _limited(self, scope: Scope, receive: Receive) -> Receive:
        deadline = asyncio.get_running_loop().time() + self.timeout_s
        announced = Headers(scope=scope).get("content-length", "0")
        size_bytes = int(announced) if announced.isdecimal() else 0
        seen_bytes = 0
        has_ended = False

        async def limited() -> Message:
            nonlocal seen_bytes, has_ended
            if has_ended:
                return await receive()
            if size_bytes > self.limit_bytes:
                raise self._too_large()
            message = await self._before(deadline, receive)
            seen_bytes += len(message.get("body", b""))
            has_ended = not message.get("more_body", False)
            if seen_bytes > self.limit_bytes:
                raise self._too_large()
            return message

        return limited

    async def _before(self, deadline: float, receive: Receive) -> Message:
        try:
            async with asyncio.timeout_at(deadline):
                return await receive()
        except TimeoutError:
            detail = f"The body did not arrive within {self.timeout_s:g} s. Check its Content-Length and send it again."
            raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, detail, {"Connection": "close"}) from None

    def _too_large(self) -> HTTPException:
        detail = f"The body is larger than {self.limit_bytes} bytes. Send less, or in several requests."
        return HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail, {"Connection": "close"})
