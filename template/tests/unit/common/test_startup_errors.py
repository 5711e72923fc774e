from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.types import Message

from src.common.startup_errors import StartupError, StartupErrorMiddleware


async def messages_of_a_start(fault: Exception | None) -> list[Message]:
    """Start and stop an application whose lifespan fails in the given way, and return what the server is told."""
    sent: list[Message] = []

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        if fault:
            raise fault
        yield

    async def receive() -> Message:
        return {"type": "lifespan.shutdown" if sent else "lifespan.startup"}

    async def send(message: Message) -> None:
        sent.append(message)

    app = Starlette(lifespan=lifespan, middleware=[Middleware(StartupErrorMiddleware)])
    try:
        await app({"type": "lifespan", "state": {}}, receive, send)
    except KeyError:
        sent.append({"type": "raised"})
    return sent


async def test_a_start_that_succeeds_is_left_alone() -> None:
    assert [message["type"] for message in await messages_of_a_start(None)] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]


async def test_a_start_that_fails_for_a_known_reason_says_one_sentence() -> None:
    sent = await messages_of_a_start(StartupError("PostgreSQL is away."))

    assert sent == [{"type": "lifespan.startup.failed", "message": "PostgreSQL is away."}]


async def test_a_start_that_fails_for_an_unknown_reason_keeps_its_traceback() -> None:
    failed, raised = await messages_of_a_start(KeyError("bug"))

    assert "Traceback" in failed["message"]
    assert raised["type"] == "raised"


@pytest.mark.parametrize("kind", ["http", "websocket"])
async def test_requests_pass_through(kind: str) -> None:
    seen: list[str] = []

    async def app(scope: dict[str, str], _receive: object, _send: object) -> None:
        seen.append(scope["type"])

    async def unused() -> Message:
        raise AssertionError

    async def ignore(_message: Message) -> None: ...

    await StartupErrorMiddleware(app)({"type": kind}, unused, ignore)  # type: ignore[arg-type]  # a scope is a mutable mapping

    assert seen == [kind]
