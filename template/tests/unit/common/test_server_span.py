import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, WebSocket
from fastapi.responses import StreamingResponse
from httpx2 import ASGITransport, AsyncClient
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode
from starlette.testclient import TestClient

from src.common.errors import ConflictError, UnavailableError, add_error_handlers
from src.common.request_id_middleware import RequestIdMiddleware
from src.common.server_span import ServerSpan
from src.common.tracing import current_trace_id, span
from unit.common.conftest import MakeTracer

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
SPAN_ID = "b7ad6b7169203331"
router = APIRouter(prefix="/things")


@router.get("/{number}")
async def get_thing(number: int) -> str | None:
    with span("find_thing", layer="service", number=number):
        await asyncio.sleep(0)
        return current_trace_id()


@router.get("/{number}/refusal")
async def refuse(number: int) -> None:
    raise ConflictError(f"No {number}.")


@router.get("/{number}/outage")
async def be_away(number: int) -> None:
    raise UnavailableError(f"Away {number}.")


@router.get("/{number}/bug")
async def fail(number: int) -> None:
    raise RuntimeError(f"bug {number}")


@router.get("/{number}/stream")
async def stream(number: int) -> StreamingResponse:
    async def parts() -> AsyncIterator[str]:
        for _ in range(number):
            with span("part"):
                await asyncio.sleep(0)
                yield "."

    return StreamingResponse(parts())


@router.websocket("/socket")
async def socket(socket: WebSocket) -> None:
    await socket.accept()
    with span("talk"):
        await socket.send_text(current_trace_id() or "")
    await socket.close()


def traced_app(use_light: MakeTracer, *, trusts_callers: bool = True, **sampling: Any) -> FastAPI:
    """An application whose requests are traced."""
    app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})
    add_error_handlers(app)
    app.add_middleware(ServerSpan, tracer=use_light(**sampling), trusts_callers=trusts_callers)
    app.add_middleware(RequestIdMiddleware)
    app.include_router(router, prefix="/v1")
    return app


def client_of(app: FastAPI) -> AsyncClient:
    transport = ASGITransport(app=app, raise_app_exceptions=False)
    return AsyncClient(transport=transport, base_url="http://test", headers={"X-Request-ID": "mine"})


def attributes_of(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


async def test_a_request_is_a_trace_of_its_route(use_light: MakeTracer, kept: list[ReadableSpan]) -> None:
    answer = await client_of(traced_app(use_light)).get("/v1/things/7?secret=s3cret")

    service, server = kept
    assert (service.name, server.name, server.kind) == ("find_thing", "GET /v1/things/{number}", SpanKind.SERVER)
    assert service.parent == server.context
    assert answer.json() == format(server.context.trace_id, "032x")
    assert {attributes_of(each)["request_id"] for each in kept} == {"mine"}
    assert attributes_of(server) == {
        "logfire.msg": server.name,
        "logfire.msg_template": server.name,
        "logfire.span_type": "span",
        "logfire.level_num": 9,
        "layer": "api",
        "http.request.method": "GET",
        "http.route": "/v1/things/{number}",
        "http.response.status_code": 200,
        "url.path": "/v1/things/7",
        "request_id": "mine",
    }


@pytest.mark.parametrize(
    ("path", "status", "level"),
    [
        ("/v1/things/7/refusal", 409, 13),
        ("/v1/things/7/outage", 503, 17),
        ("/v1/things/7/bug", None, 17),
        ("/v1/things/seven", 422, 13),
        ("/nowhere", 404, 13),
    ],
)
async def test_the_answer_decides_how_a_request_is_shown(
    use_light: MakeTracer, kept: list[ReadableSpan], path: str, status: int | None, level: int
) -> None:
    await client_of(traced_app(use_light)).get(path)

    shown = attributes_of(kept[-1])
    assert kept[-1].status.status_code is (StatusCode.ERROR if level == 17 else StatusCode.UNSET)
    assert (shown.get("http.response.status_code"), shown["logfire.level_num"]) == (status, level)


@pytest.mark.parametrize(("path", "is_kept"), [("outage", True), ("bug", True), ("refusal", False)])
async def test_failed_requests_are_kept_though_others_are_not(
    use_light: MakeTracer, kept: list[ReadableSpan], path: str, *, is_kept: bool
) -> None:
    await client_of(traced_app(use_light, keep_one_in=1 << 64)).get(f"/v1/things/7/{path}")

    assert bool(kept) is is_kept


async def test_a_streamed_answer_is_traced_to_its_end(use_light: MakeTracer, kept: list[ReadableSpan]) -> None:
    await client_of(traced_app(use_light)).get("/v1/things/3/stream")

    assert [each.name for each in kept] == ["part"] * 3 + ["GET /v1/things/{number}/stream"]


def test_a_websocket_is_a_trace(use_light: MakeTracer, kept: list[ReadableSpan]) -> None:
    with TestClient(traced_app(use_light)).websocket_connect("/v1/things/socket") as socket:
        trace_id = socket.receive_text()

    assert [each.name for each in kept] == ["talk", "WEBSOCKET /v1/things/socket"]
    assert trace_id == format(kept[-1].context.trace_id, "032x")


def test_a_start_is_no_request(use_light: MakeTracer, kept: list[ReadableSpan]) -> None:
    with TestClient(traced_app(use_light)):
        pass

    assert kept == []


@pytest.mark.parametrize(("flags", "is_recorded"), [("01", True), ("00", False)])
async def test_a_trusted_caller_decides(
    use_light: MakeTracer, kept: list[ReadableSpan], flags: str, *, is_recorded: bool
) -> None:
    header = f"00-{TRACE_ID}-{SPAN_ID}-{flags}"

    answer = await client_of(traced_app(use_light)).get("/v1/things/7", headers={"traceparent": header})

    assert answer.json() == TRACE_ID
    assert bool(kept) is is_recorded
    if is_recorded:
        assert kept[-1].parent is not None
        assert format(kept[-1].parent.span_id, "016x") == SPAN_ID


async def test_a_caller_that_is_not_trusted_is_not_followed(use_light: MakeTracer, kept: list[ReadableSpan]) -> None:
    header = f"00-{TRACE_ID}-{SPAN_ID}-00"
    client = client_of(traced_app(use_light, trusts_callers=False))

    answer = await client.get("/v1/things/7", headers={"traceparent": header})

    assert answer.json() != TRACE_ID
    assert kept[-1].parent is None


@pytest.mark.parametrize("header", ["", "nonsense", f"00-{'0' * 32}-{SPAN_ID}-01", f"00-{TRACE_ID}-{SPAN_ID}-01-x"])
async def test_nonsense_of_a_caller_is_passed_over(
    use_light: MakeTracer, kept: list[ReadableSpan], header: str
) -> None:
    answer = await client_of(traced_app(use_light)).get("/v1/things/7", headers={"traceparent": header})

    assert answer.status_code == 200
    assert kept[-1].parent is None


async def test_no_header_query_or_body_is_on_a_span(use_light: MakeTracer, kept: list[ReadableSpan]) -> None:
    headers = {"Authorization": "Bearer s3cret", "Cookie": "a=s3cret", "User-Agent": "s3cret"}

    await client_of(traced_app(use_light)).request(
        "GET", "/v1/things/7?a=s3cret", headers=headers, json={"a": "s3cret"}
    )

    assert "s3cret" not in str([each.to_json() for each in kept])


async def test_requests_at_once_keep_their_traces_apart(use_light: MakeTracer, kept: list[ReadableSpan]) -> None:
    client = client_of(traced_app(use_light))

    answers = await asyncio.gather(
        *[client.get(f"/v1/things/{each}", headers={"X-Request-ID": f"id-{each}"}) for each in range(50)]
    )

    assert len({answer.json() for answer in answers}) == 50
    by_trace: dict[int, set[object]] = {}
    for each in kept:
        by_trace.setdefault(each.context.trace_id, set()).add(attributes_of(each)["request_id"])
    assert sorted(map(len, by_trace.values())) == [1] * 50
