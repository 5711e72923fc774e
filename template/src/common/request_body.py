"""Limits on a request's body: its size, its time of arrival, and how much JSON it holds; pure ASGI.

FastAPI has `max_body_size` for the first, but answers a too large Content-Length in plain text.
"""

import asyncio
from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from src.common.errors import is_json

# Parsing and validating holds the event loop, in a thread too: the parsers of JSON never release the GIL. 1 MiB of
# `[],` takes 40 ms to parse, and 95,000 unknown fields 0.5 s to report; docs/decisions/0014 has the figures.
JSON_VALUES_LIMIT: Final = 5_000


class RequestBodyLimits:
    """Refuse a body that is too large or holds too many values (413), or that arrives too slowly (408)."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        limit_bytes: int,
        timeout_s: float,
        values_limit: int = JSON_VALUES_LIMIT,
    ) -> None:
        self.app = app
        self.limit_bytes = limit_bytes
        self.timeout_s = timeout_s
        self.values_limit = values_limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a `receive` that checks the body as it arrives."""
        await self.app(scope, self._limited(scope, receive) if scope["type"] == "http" else receive, send)

    def _limited(self, scope: Scope, receive: Receive) -> Receive:
        deadline = asyncio.get_running_loop().time() + self.timeout_s
        headers = Headers(scope=scope)
        announced = headers.get("content-length", "0")
        size_bytes = int(announced) if announced.isdecimal() else 0
        holds_json = is_json(headers.get("content-type", ""))
        chunks: list[bytes] = []
        seen_bytes = 0
        has_ended = False

        async def limited() -> Message:
            nonlocal seen_bytes, has_ended
            if has_ended:
                return await receive()
            if size_bytes > self.limit_bytes:
                raise self._too_large()
            message = await self._before(deadline, receive)
            chunk: bytes = message.get("body", b"")
            seen_bytes += len(chunk)
            has_ended = not message.get("more_body", False)
            if seen_bytes > self.limit_bytes:
                raise self._too_large()
            if holds_json:
                chunks.append(chunk)
            if has_ended and await holds_more_values(chunks, limit=self.values_limit):
                raise self._too_many_values()
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

    def _too_many_values(self) -> HTTPException:
        detail = f"The body holds more than {self.values_limit} JSON values. Send less, or in several requests."
        return HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)


async def holds_more_values(chunks: list[bytes], *, limit: int) -> bool:
    """Return whether the JSON in these chunks holds more values than `limit`, without parsing it.

    Every value follows a comma or opens an object or an array, so these characters are counted. If there are too many,
    they are counted again without those inside of texts. Each step takes a few milliseconds; other tasks run between.
    """
    if sum(map(_separators, chunks)) <= limit:
        return False
    await asyncio.sleep(0)
    unescaped = b"".join(chunks).replace(rb"\\", b"")
    await asyncio.sleep(0)
    unescaped = unescaped.replace(rb"\"", b"")
    await asyncio.sleep(0)
    if unescaped.count(b'"') > 4 * limit:  # a value has at most two texts: its key and itself
        return True
    is_over = sum(map(_separators, unescaped.split(b'"')[::2])) > limit
    await asyncio.sleep(0)
    return is_over


def _separators(json: bytes) -> int:
    return json.count(b",") + json.count(b"[") + json.count(b"{")
