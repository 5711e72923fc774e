"""How long a request may take to bring its body; pure ASGI. How large it may be, FastAPI's `max_body_size` says."""

import asyncio
from http import HTTPStatus
from typing import Final

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_TIMEOUT_S: Final = 10.0


class BodyTimeout:
    """Refuse a request (408) whose body has not arrived in time, so that slow senders cannot hold the service."""

    def __init__(self, app: ASGIApp, *, timeout_s: float = BODY_TIMEOUT_S) -> None:
        self.app = app
        self.timeout_s = timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with a `receive` that watches the clock until the body has ended."""
        await self.app(scope, self._timed(receive) if scope["type"] == "http" else receive, send)

    def _timed(self, receive: Receive) -> Receive:
        deadline = asyncio.get_running_loop().time() + self.timeout_s
        has_ended = False

        async def timed() -> Message:
            nonlocal has_ended
            if has_ended:
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                detail = f"The body did not arrive within {self.timeout_s:g} s. Check Content-Length and send it again."
                raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, detail, {"Connection": "close"}) from None
            has_ended = not message.get("more_body", False)
            return message

        return timed
