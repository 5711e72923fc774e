import asyncio
import logging
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from fastapi import APIRouter, FastAPI, Request, WebSocket
from fastapi.responses import PlainTextResponse, StreamingResponse
from httpx2 import ASGITransport, AsyncClient
from starlette.testclient import TestClient, WebSocketDenialResponse

from src.common.errors import ConflictError, add_error_handlers
from src.common.request_id_middleware import RequestIdMiddleware, current_request_id

UNSAFE = ["", "a" * 65, "a b", "a\tb", "id;drop", "{jndi}", "50%", "a/b", "ü", "[ERROR]", "\x01"]


router = APIRouter()


@router.get("/state")
async def state(request: Request) -> list[str | None]:
    return [request.state.request_id, current_request_id()]


@router.get("/task")
async def task() -> str | None:
    async def later() -> str | None:
        await asyncio.sleep(0)
        return current_request_id()

    return await asyncio.create_task(later())


@router.get("/thread")
def thread() -> str | None:
    return current_request_id()


@router.get("/bug")
async def bug() -> None:
    raise RuntimeError("bug")


@router.get("/refusal")
async def refusal() -> None:
    raise ConflictError("No.")


@router.get("/stream")
async def stream() -> StreamingResponse:
    async def parts() -> AsyncIterator[str]:
        for _ in range(2):
            await asyncio.sleep(0)
            yield f"{current_request_id()} "

    return StreamingResponse(parts())


@router.websocket("/socket")
async def socket(socket: WebSocket) -> None:
    await socket.accept(headers=[(b"x-other", b"kept")])
    await socket.send_text(current_request_id() or "")
    await socket.close()


@router.websocket("/declined")
async def declined(socket: WebSocket) -> None:
    await socket.send_denial_response(PlainTextResponse("no", 403))


def named_app() -> FastAPI:
    """An application whose routes say under which id they ran."""
    app = FastAPI()
    add_error_handlers(app)
    app.add_middleware(RequestIdMiddleware)
    app.include_router(router)
    return app


@pytest.fixture
async def client() -> AsyncIterator[AsyncClient]:
    """A client of `named_app` that sees a 500 as a client does."""
    transport = ASGITransport(app=named_app(), raise_app_exceptions=False)
    async with AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def test_a_safe_id_is_kept_everywhere(client: AsyncClient) -> None:
    answer = await client.get("/state", headers={"X-Request-ID": "abc-1.2_Z"})

    assert answer.headers["x-request-id"] == "abc-1.2_Z"
    assert answer.json() == ["abc-1.2_Z", "abc-1.2_Z"]


async def test_a_request_without_an_id_gets_a_fresh_one(client: AsyncClient) -> None:
    first, second = [(await client.get("/state")).headers["x-request-id"] for _ in range(2)]

    assert UUID(first).version == 4
    assert first != second


@pytest.mark.parametrize("sent", UNSAFE)
async def test_an_unsafe_id_is_replaced_and_never_logged(
    client: AsyncClient, sent: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        answer = await client.get("/state", headers=[(b"x-request-id", sent.encode())])

    assert answer.status_code == 200
    assert UUID(answer.headers["x-request-id"]).version == 4
    assert not any(sent and sent in record.getMessage() for record in caplog.records)


async def test_two_ids_are_as_bad_as_none(client: AsyncClient) -> None:
    answer = await client.get("/state", headers=[(b"x-request-id", b"one"), (b"x-request-id", b"two")])

    assert UUID(answer.headers["x-request-id"]).version == 4
    assert answer.headers.get_list("x-request-id") == [answer.json()[0]]


@pytest.mark.parametrize("path", ["/task", "/thread"])
async def test_what_a_request_starts_knows_its_id(client: AsyncClient, path: str) -> None:
    assert (await client.get(path, headers={"X-Request-ID": "mine"})).json() == "mine"


async def test_requests_at_once_keep_their_ids_apart(client: AsyncClient) -> None:
    ids = [f"id-{number}" for number in range(50)]

    answers = await asyncio.gather(*[client.get("/task", headers={"X-Request-ID": each}) for each in ids])

    assert [answer.json() for answer in answers] == ids


async def test_the_id_is_gone_after_the_request(client: AsyncClient) -> None:
    await client.get("/state")

    assert current_request_id() is None


async def test_the_500_of_a_bug_names_the_request(client: AsyncClient) -> None:
    answer = await client.get("/bug", headers={"X-Request-ID": "mine"})

    assert answer.status_code == 500
    assert answer.headers.get_list("x-request-id") == ["mine"]
    assert answer.json()["request_id"] == "mine"


@pytest.mark.parametrize(("path", "status"), [("/refusal", 409), ("/nowhere", 404), ("/stream", 200)])
async def test_every_answer_echoes_the_id_once(client: AsyncClient, path: str, status: int) -> None:
    answer = await client.get(path, headers={"X-Request-ID": "mine"})

    assert answer.status_code == status
    assert answer.headers.get_list("x-request-id") == ["mine"]


async def test_a_stream_keeps_its_id_to_the_end(client: AsyncClient) -> None:
    assert (await client.get("/stream", headers={"X-Request-ID": "mine"})).text == "mine mine "


def test_a_websocket_handshake_echoes_the_id() -> None:
    client = TestClient(named_app())
    with client.websocket_connect("/socket", headers={"X-Request-ID": "mine"}) as socket:
        assert socket.extra_headers is not None
        assert dict(socket.extra_headers) == {b"x-other": b"kept", b"x-request-id": b"mine"}
        assert socket.receive_text() == "mine"


def test_a_declined_websocket_echoes_the_id() -> None:
    client = TestClient(named_app())
    with (
        pytest.raises(WebSocketDenialResponse) as denied,
        client.websocket_connect("/declined", headers={"X-Request-ID": "mine"}),
    ):
        pass

    assert denied.value.headers["x-request-id"] == "mine"
