import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, WebSocket
from fastapi.responses import StreamingResponse
from httpx2 import ASGITransport, AsyncClient
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode
from starlette.testclient import TestClient

from src.common.config import Settings
from src.common.errors import ConflictError, UnavailableError, add_error_handlers
from src.common.request_id_middleware import RequestIdMiddleware
from src.common.telemetry.tracing_middleware import TracingMiddleware
from src.common.tracing import current_trace_id, span
from unit.common.conftest import MakeProvider, Spans

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
    with span("find_thing"):
        raise UnavailableError(f"Away {number}.")


@router.get("/{number}/bug")
async def fail(number: int) -> None:
    secret = str(number) * 3
    raise RuntimeError(secret)


@router.get("/{number}/stream")
async def stream(number: int) -> StreamingResponse:
    async def parts() -> AsyncIterator[str]:
        for _ in range(number):
            with span("part"):
                await asyncio.sleep(0)
                yield "."

    return StreamingResponse(parts())


@router.get("/{number}/broken-stream")
async def break_off(number: int) -> StreamingResponse:
    async def parts() -> AsyncIterator[str]:
        yield "."
        raise RuntimeError(number)

    return StreamingResponse(parts())


@router.websocket("/socket")
async def socket(socket: WebSocket) -> None:
    await socket.accept()
    with span("talk"):
        await socket.send_text(current_trace_id() or "")
    await socket.close()


@pytest.fixture
def client_of(trace_to: MakeProvider, spans: Spans) -> Any:
    """Return a client of a traced application with these settings."""

    def client_of(*, head_rate: float = 1.0, **settings: Any) -> AsyncClient:
        transport = ASGITransport(app=traced_app(trace_to, spans, head_rate, **settings), raise_app_exceptions=False)
        return AsyncClient(transport=transport, base_url="http://test", headers={"X-Request-ID": "mine"})

    return client_of


def traced_app(trace_to: MakeProvider, spans: Spans, head_rate: float = 1.0, **settings: Any) -> FastAPI:
    """Return an application whose requests are traced."""
    app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})
    add_error_handlers(app)
    app.add_middleware(
        TracingMiddleware,
        provider=trace_to(head_rate=head_rate),
        exports=SimpleSpanProcessor(spans),
        settings=Settings.model_validate(settings),
    )
    app.add_middleware(RequestIdMiddleware)
    app.include_router(router, prefix="/v1")
    return app


def attributes_of(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


async def test_a_request_is_a_trace_of_its_route(client_of: Any, spans: Spans) -> None:
    answer = await client_of().get("/v1/things/7?secret=s3cret")

    service, server = spans.all()
    assert (service.name, server.name, server.kind) == ("find_thing", "GET /v1/things/{number}", SpanKind.SERVER)
    assert service.parent == server.context
    assert answer.json() == format(server.context.trace_id, "032x")
    assert attributes_of(service) == {"layer": "service", "request_id": "mine", "number": 7}
    assert attributes_of(server) == {
        "layer": "api",
        "request_id": "mine",
        "http.request.method": "GET",
        "http.route": "/v1/things/{number}",
        "http.response.status_code": 200,
        "url.path": "/v1/things/7",
    }


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/things/7/refusal", 409, StatusCode.UNSET),
        ("/v1/things/7/outage", 503, StatusCode.ERROR),
        ("/v1/things/7/bug", 500, StatusCode.ERROR),
        ("/v1/things/7/broken-stream", 200, StatusCode.ERROR),
        ("/v1/things/seven", 422, StatusCode.UNSET),
        ("/nowhere", 404, StatusCode.UNSET),
    ],
)
async def test_the_server_span_of_a_failed_request_is_kept_in_any_case(
    client_of: Any, spans: Spans, path: str, status: int, code: StatusCode
) -> None:
    await client_of().get(path)
    await client_of(head_rate=0).get(path)

    kept = [each for each in spans.all() if each.kind is SpanKind.SERVER]
    assert [each.status.status_code for each in kept] == ([code] * 2 if code is StatusCode.ERROR else [code])
    assert {attributes_of(each)["http.response.status_code"] for each in kept} == {status}
    assert {attributes_of(each)["request_id"] for each in kept} == {"mine"}


@pytest.mark.parametrize("head_rate", [1.0, 0.0])
async def test_an_exception_is_on_the_server_span_without_its_message(
    client_of: Any, spans: Spans, head_rate: float
) -> None:
    await client_of(head_rate=head_rate).get("/v1/things/7/bug")

    (server,) = spans.all()
    (event,) = server.events
    assert server.status.description == "RuntimeError"
    assert (event.attributes or {})["exception.type"] == "RuntimeError"
    assert "in fail" in str((event.attributes or {})["exception.stacktrace"])
    assert "777" not in str(event.attributes)


async def test_a_slow_request_is_kept_under_the_trace_id_that_it_had(client_of: Any, spans: Spans) -> None:
    answer = await client_of(head_rate=0, trace_slow_ms=0).get("/v1/things/7")

    (server,) = spans.all()
    assert format(server.context.trace_id, "032x") == answer.json()
    assert (server.name, server.parent) == ("GET /v1/things/{number}", None)
    assert server.end_time and server.start_time and server.end_time >= server.start_time  # noqa: PT018


async def test_a_streamed_answer_is_traced_to_its_end(client_of: Any, spans: Spans) -> None:
    await client_of().get("/v1/things/3/stream")

    assert [each.name for each in spans.all()] == ["part"] * 3 + ["GET /v1/things/{number}/stream"]


def test_a_websocket_is_a_trace(trace_to: MakeProvider, spans: Spans) -> None:
    with TestClient(traced_app(trace_to, spans)).websocket_connect("/v1/things/socket") as socket:
        trace_id = socket.receive_text()

    assert [each.name for each in spans.all()] == ["talk", "WEBSOCKET /v1/things/socket"]
    assert trace_id == format(spans.all()[-1].context.trace_id, "032x")


def test_the_lifespan_is_not_a_trace(trace_to: MakeProvider, spans: Spans) -> None:
    with TestClient(traced_app(trace_to, spans)):
        pass

    assert spans.all() == []


@pytest.mark.parametrize(("flags", "is_recorded"), [("01", True), ("00", False)])
async def test_a_trusted_caller_decides(client_of: Any, spans: Spans, flags: str, *, is_recorded: bool) -> None:
    header = {"traceparent": f"00-{TRACE_ID}-{SPAN_ID}-{flags}"}

    answer = await client_of(traceparent_trusted=True).get("/v1/things/7", headers=header)

    assert answer.json() == TRACE_ID
    assert bool(spans.all()) is is_recorded


@pytest.mark.parametrize("flags", ["01", "00"])
async def test_a_failed_request_is_kept_whatever_its_caller_decided(client_of: Any, spans: Spans, flags: str) -> None:
    header = {"traceparent": f"00-{TRACE_ID}-{SPAN_ID}-{flags}"}

    await client_of(traceparent_trusted=True).get("/v1/things/7/bug", headers=header)

    (server,) = spans.all()
    assert format(server.context.trace_id, "032x") == TRACE_ID
    assert server.parent is not None
    assert format(server.parent.span_id, "016x") == SPAN_ID
    assert attributes_of(server)["http.response.status_code"] == 500


async def test_by_default_no_caller_is_trusted(client_of: Any, spans: Spans) -> None:
    header = {"traceparent": f"00-{TRACE_ID}-{SPAN_ID}-00"}

    answer = await client_of().get("/v1/things/7", headers=header)

    assert answer.json() != TRACE_ID
    assert spans.all()[-1].parent is None


@pytest.mark.parametrize("header", ["", "nonsense", f"00-{'0' * 32}-{SPAN_ID}-01", f"00-{TRACE_ID}-{SPAN_ID}-01-x"])
async def test_a_malformed_traceparent_is_ignored(client_of: Any, spans: Spans, header: str) -> None:
    answer = await client_of(traceparent_trusted=True).get("/v1/things/7", headers={"traceparent": header})

    assert answer.status_code == 200
    assert spans.all()[-1].parent is None


async def test_no_header_query_or_body_is_on_a_span(client_of: Any, spans: Spans) -> None:
    headers = {"Authorization": "Bearer s3cret", "Cookie": "a=s3cret", "User-Agent": "s3cret"}

    await client_of().request("GET", "/v1/things/7?a=s3cret", headers=headers, json={"a": "s3cret"})

    assert "s3cret" not in str([each.to_json() for each in spans.all()])


async def test_requests_at_once_keep_their_traces_apart(client_of: Any, spans: Spans) -> None:
    client = client_of()

    answers = await asyncio.gather(
        *[client.get(f"/v1/things/{each}", headers={"X-Request-ID": f"id-{each}"}) for each in range(50)]
    )

    assert len({answer.json() for answer in answers}) == 50
    by_trace: dict[int, set[object]] = {}
    for each in spans.all():
        by_trace.setdefault(each.context.trace_id, set()).add(attributes_of(each)["request_id"])
    assert sorted(map(len, by_trace.values())) == [1] * 50


async def test_a_server_logs_an_exception_with_the_ids_of_its_request(
    trace_to: MakeProvider, spans: Spans, caplog: pytest.LogCaptureFixture
) -> None:
    app = traced_app(trace_to, spans)

    async def serve_and_log() -> str | None:
        """Do as uvicorn does."""
        try:
            await AsyncClient(transport=ASGITransport(app=app), base_url="http://test").get("/v1/things/7/bug")
        except RuntimeError:
            logging.getLogger("server").exception("Exception in ASGI application")
            return current_trace_id()
        return None

    trace_id = await asyncio.create_task(serve_and_log())

    assert trace_id == format(spans.all()[-1].context.trace_id, "032x")
    assert [record.name for record in caplog.records if record.levelname == "ERROR"] == ["server"]
