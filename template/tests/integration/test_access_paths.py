"""What the guard does before a route: which paths are open, what is read of a refused request, and WebSockets."""

import pytest
from fastapi import FastAPI
from starlette.types import Message, Scope

from slices import SAMPLE_SLICE
from src.backend.slice import load_slice

MODULE = load_slice(SAMPLE_SLICE).module


async def answer_of(app: FastAPI, scope: Scope) -> tuple[list[Message], int]:
    """Return what the application sends, and how often it asks for a part of the body."""
    sent: list[Message] = []
    received = 0

    async def receive() -> Message:
        nonlocal received
        received += 1
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    usual = {"headers": [], "query_string": b"", "root_path": "", "server": ("test", 80), "scheme": "http"}
    await app({**usual, "raw_path": scope["path"].encode(), **scope}, receive, send)
    return sent, received


async def test_the_body_of_a_refused_request_is_not_read(guarded_app: FastAPI) -> None:
    sent, received = await answer_of(guarded_app, {"type": "http", "method": "POST", "path": f"/{MODULE}/modules"})

    assert (sent[0]["status"], received) == (401, 0)


async def test_a_web_socket_needs_a_token_as_well(guarded_app: FastAPI) -> None:
    sent, _ = await answer_of(guarded_app, {"type": "websocket", "scheme": "ws", "path": "/anything"})

    assert (sent[0]["type"], sent[0]["status"]) == ("websocket.http.response.start", 401)


@pytest.mark.parametrize(
    ("root_path", "path", "status"),
    [
        ("/api", "/api/health/live", 200),
        ("/api", "/api/docs", 401),
        ("/health", "/health/docs", 401),
        ("", "/health/../docs", 404),
        ("", "//health/live", 401),
        ("", "/HEALTH/live", 401),
    ],
)
async def test_a_path_is_open_if_the_router_takes_it_for_an_open_one(
    guarded_app: FastAPI, root_path: str, path: str, status: int
) -> None:
    sent, _ = await answer_of(guarded_app, {"type": "http", "method": "GET", "root_path": root_path, "path": path})

    assert sent[0]["status"] == status
