import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import logfire
import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient
from opentelemetry import trace

from collector import Collector, plain_attributes, running_collector
from src.common.config import Settings
from src.common.errors import add_error_handlers
from src.common.logger_logfire import bootstrap_logfire
from src.common.request_id_middleware import RequestIdMiddleware
from src.common.span_outlet import SpanOutlet
from src.common.tracing import current_trace_id, span, use_tracer

TOKEN = "pylf_v1_us_abcdefghijklmnopqrstuvwxyz0123456789"  # noqa: S105
VARIABLES = ["LOGFIRE_TOKEN", "LOGFIRE_BASE_URL", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS"]


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No `.env`, none of our variables; OpenTelemetry's tracer again afterwards."""
    monkeypatch.chdir(tmp_path)
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    yield
    use_tracer(trace.get_tracer("cos"))


@pytest.fixture
def collector() -> Iterator[Collector]:
    with running_collector() as collector:
        yield collector


def bootstrapped(settings: Settings) -> tuple[FastAPI, SpanOutlet]:
    """Return a small traced application and the way out of its spans."""
    app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})
    add_error_handlers(app)
    outlet = bootstrap_logfire(app, settings, default_service_name="cos-cc")
    app.add_middleware(RequestIdMiddleware)

    @app.post("/things/{number}")
    async def post_thing(number: int, body: dict[str, Any]) -> str | None:
        with span("make_thing", layer="service"), logfire.span("theirs"):
            assert body
            return current_trace_id() if number else None

    return app, outlet


async def post(app: FastAPI) -> str:
    """Return the trace id of one request, which brings secrets."""
    headers = {"X-Request-ID": "mine", "Authorization": "s3cret", "Cookie": "s3cret"}
    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://test") as client:
        return str((await client.post("/things/7?q=s3cret", json={"a": "s3cret"}, headers=headers)).json())


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize("tracing", ["light", "instrumented"])
async def test_a_collector_receives_the_whole_trace(collector: Collector, tracing: str) -> None:
    settings = Settings.model_validate({"tracing": tracing, "otel_exporter_otlp_endpoint": collector.url})
    app, outlet = bootstrapped(settings)

    trace_id = await post(app)

    assert outlet.force_flush(5000)
    outlet.shutdown()
    assert sorted(each.name for each in collector.spans) == ["POST /things/{number}", "make_thing", "theirs"]
    assert {each.trace_id.hex() for each in collector.spans} == {trace_id}
    assert {plain_attributes(each.attributes).get("request_id") for each in collector.spans} == {"mine"}
    layers = {each.name: plain_attributes(each.attributes).get("layer") for each in collector.spans}
    assert layers["make_thing"] == "service"
    assert collector.resources[0]["service.name"] == "cos-cc"
    assert collector.resources[0]["deployment.environment.name"] == "development"
    assert not any(b"s3cret" in body for body in collector.bodies)


async def test_a_token_in_dotenv_reaches_logfire(collector: Collector, caplog: pytest.LogCaptureFixture) -> None:
    lines = [f"LOGFIRE_TOKEN={TOKEN}", f"LOGFIRE_BASE_URL={collector.url}", "OTEL_SERVICE_NAME=my-service"]
    Path(".env").write_text("\n".join(lines))  # noqa: ASYNC240  # nothing else waits
    app, outlet = bootstrapped(Settings())

    await post(app)

    assert outlet.force_flush(5000)
    outlet.shutdown()
    assert collector.headers[0]["authorization"] == TOKEN
    assert collector.resources[0]["service.name"] == "my-service"
    assert warnings_in(caplog) == []
    assert not any(TOKEN.encode() in body for body in collector.bodies)


async def test_a_collectors_key_is_not_sent_to_logfire(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-api-key=s3cret")
    with running_collector() as logfires:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        monkeypatch.setenv("LOGFIRE_TOKEN", TOKEN)
        monkeypatch.setenv("LOGFIRE_BASE_URL", logfires.url)
        app, outlet = bootstrapped(Settings())
        await post(app)
        outlet.force_flush(5000)
        outlet.shutdown()

        assert (len(collector.spans), len(logfires.spans)) == (3, 3)
        assert collector.headers[0]["x-api-key"] == "s3cret"
        assert "x-api-key" not in logfires.headers[0]
        assert "authorization" not in collector.headers[0]
    assert warnings_in(caplog) == []


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "Traces stay in this process: neither LOGFIRE_TOKEN nor OTEL_EXPORTER_OTLP_ENDPOINT is set."),
        ({"logfire_token": "s3cret\n!"}, "LOGFIRE_TOKEN does not look like a write token of Logfire"),
        ({"otel_exporter_otlp_endpoint": "s3cret"}, "OTEL_EXPORTER_OTLP_ENDPOINT is not an address of http or https"),
    ],
)
async def test_without_a_destination_there_is_one_warning_and_a_trace_id(
    settings: dict[str, str], sentence: str, caplog: pytest.LogCaptureFixture
) -> None:
    app, outlet = bootstrapped(Settings.model_validate(settings))

    assert len(await post(app)) == 32

    outlet.shutdown()
    (warning,) = warnings_in(caplog)
    assert warning.startswith(sentence)
    assert "s3cret" not in warning


@pytest.mark.parametrize("status", [401, 500])
async def test_a_backend_that_refuses_costs_one_warning(
    collector: Collector, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    collector.status = status
    settings = Settings.model_validate({"logfire_token": TOKEN, "logfire_base_url": collector.url})
    app, outlet = bootstrapped(settings)
    for _ in range(3):
        await post(app)
    outlet.force_flush(10_000)
    outlet.shutdown()

    assert warnings_in(caplog) == [
        "Traces do not reach Logfire. They are dropped until it answers; requests do not notice."
    ]
    assert TOKEN not in caplog.text


@pytest.mark.parametrize("delay_s", [None, 3.0])
async def test_a_collector_that_is_away_or_frozen_holds_up_neither_start_nor_stop(
    collector: Collector, delay_s: float | None
) -> None:
    collector.delay_s = delay_s or 0
    url = "http://127.0.0.1:1" if delay_s is None else collector.url
    before = time.monotonic()
    app, outlet = bootstrapped(Settings.model_validate({"otel_exporter_otlp_endpoint": url}))
    started = time.monotonic()
    await post(app)
    ended = time.monotonic()

    outlet.shutdown()

    assert started - before < 1
    assert time.monotonic() - ended < 1


async def test_tracing_can_be_off(collector: Collector, caplog: pytest.LogCaptureFixture) -> None:
    app, outlet = bootstrapped(
        Settings.model_validate({"tracing": "off", "otel_exporter_otlp_endpoint": collector.url})
    )

    await post(app)

    outlet.shutdown()
    assert collector.spans == []
    assert warnings_in(caplog) == []


def test_logfires_functions_work_without_a_token() -> None:
    bootstrapped(Settings())

    with logfire.span("anything"):
        logfire.info("said")


def test_no_token_is_shown_by_the_settings() -> None:
    settings = Settings.model_validate({"logfire_token": TOKEN, "otel_exporter_otlp_headers": "a=s3cret"})

    assert TOKEN not in repr(settings)
    assert "s3cret" not in repr(settings)
