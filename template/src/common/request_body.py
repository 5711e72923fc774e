"""How much of a body a request may bring, and how long it may take over it; pure ASGI."""

import asyncio
from http import HTTPStatus
from typing import Final

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_LIMIT_BYTES: Final = 1024 * 1024
BODY_TIMEOUT_S: Final = 10.0


class RequestBodyLimit:
    """Refuse a body that is too large (413) or too slow (408), at the byte or the second where it becomes so."""

    def __init__(
        self, app: ASGIApp, *, limit_bytes: int = BODY_LIMIT_BYTES, timeout_s: float = BODY_TIMEOUT_S
    ) -> None:
        self.app = app
        self.limit_bytes = limit_bytes
        self.timeout_s = timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with a `receive` that counts and watches the clock until the body has ended."""
        if scope["type"] == "http":
            receive = self._limited(receive)
        await self.app(scope, receive, send)

    def _limited(self, receive: Receive) -> Receive:
        deadline = asyncio.get_running_loop().time() + self.timeout_s
        seen_bytes = 0
        has_ended = False

        async def limited() -> Message:
            nonlocal seen_bytes, has_ended
            if has_ended:
                return await receive()
            message = await self._before(deadline, receive)
            seen_bytes += len(message.get("body", b""))
            has_ended = not message.get("more_body", False)
            if seen_bytes > self.limit_bytes:
                detail = f"The body is larger than {self.limit_bytes} bytes. Send less, or in several requests."
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail, {"Connection": "close"})
            return message

        return limited

    async def _before(self, deadline: float, receive: Receive) -> Message:
        try:
            async with asyncio.timeout_at(deadline):
                return await receive()
        except TimeoutError:
            detail = f"The body did not arrive within {self.timeout_s:g} s. Check its Content-Length and send it again."
            raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, detail, {"Connection": "close"}) from None
