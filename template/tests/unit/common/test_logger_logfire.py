import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

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
from src.common.telemetry.otlp import SpanExports
from src.common.tracing import current_trace_id, span, use_tracer

TOKEN = "pylf_v1_us_abcdefghijklmnopqrstuvwxyz0123456789"  # noqa: S105


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No `.env`, no variable of Logfire or OpenTelemetry; no tracer afterwards."""
    monkeypatch.chdir(tmp_path)
    # `TRACING=logfire` in an earlier test has silenced FastAPI's own spans for the whole process.
    logfire.DEFAULT_LOGFIRE_INSTANCE.config.get_tracer_provider().suppressed_scopes.clear()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LOGFIRE_", "OTEL_"))}
    with patch.dict(os.environ, kept, clear=True):
        yield
    use_tracer(trace.NoOpTracer())


@pytest.fixture
def collector() -> Iterator[Collector]:
    with running_collector() as collector:
        yield collector


def bootstrapped(settings: Settings) -> tuple[FastAPI, SpanExports]:
    """Return a small traced application and what exports its spans."""
    tracing = settings.tracing == "fastapi"
    app = FastAPI(telemetry={"tracing": tracing, "metrics": False, "logs": False, "operation_spans": False})
    add_error_handlers(app)
    exports = bootstrap_logfire(app, settings, default_service_name="cos-cc")
    app.add_middleware(RequestIdMiddleware)

    @app.post("/things/{number}")
    async def post_thing(number: int, body: dict[str, Any]) -> str | None:
        tracer = trace.get_tracer("theirs")
        with span("make_thing", layer="service"), logfire.span("logfires"), tracer.start_as_current_span("theirs"):
            assert body
            return current_trace_id() if number else None

    return app, exports


async def post(app: FastAPI, **headers: str) -> str:
    """Return the trace id of one request, which contains secrets."""
    headers = {"X-Request-ID": "mine", "Authorization": "s3cret", "Cookie": "s3cret", **headers}
    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://test") as client:
        return str((await client.post("/things/7?q=s3cret", json={"a": "s3cret"}, headers=headers)).json())


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize("tracing", ["on", "fastapi", "logfire"])
async def test_a_collector_receives_the_whole_trace(collector: Collector, tracing: str) -> None:
    settings = Settings.model_validate({"tracing": tracing, "otel_exporter_otlp_endpoint": collector.url})
    app, exports = bootstrapped(settings)

    trace_id = await post(app)

    assert exports.force_flush(5000)
    exports.shutdown()
    assert sorted(each.name for each in collector.spans) == [
        "POST /things/{number}",
        "logfires",
        "make_thing",
        "theirs",
    ]
    assert {each.trace_id.hex() for each in collector.spans} == {trace_id}
    assert {plain_attributes(each.attributes).get("request_id") for each in collector.spans} == {"mine"}
    layers = {each.name: plain_attributes(each.attributes).get("layer") for each in collector.spans}
    assert layers.pop("POST /things/{number}") == "api"
    assert set(layers.values()) == {"service"}
    parents = {each.span_id: each.name for each in collector.spans}
    above = {each.name: parents.get(each.parent_span_id) for each in collector.spans}
    assert (above["theirs"], above["logfires"]) == ("logfires", "make_thing")
    assert above["make_thing"] == "POST /things/{number}"
    assert collector.resources[0]["service.name"] == "cos-cc"
    assert collector.resources[0]["deployment.environment.name"] == "development"
    assert not any(b"s3cret" in body for body in collector.bodies)


async def test_a_token_in_dotenv_reaches_logfire(collector: Collector, caplog: pytest.LogCaptureFixture) -> None:
    lines = [f"LOGFIRE_TOKEN={TOKEN}", f"LOGFIRE_BASE_URL={collector.url}", "OTEL_SERVICE_NAME=my-service"]
    Path(".env").write_text("\n".join(lines))  # noqa: ASYNC240  # nothing else waits
    app, exports = bootstrapped(Settings())

    await post(app)

    assert exports.force_flush(5000)
    exports.shutdown()
    assert collector.headers[0]["authorization"] == TOKEN
    assert collector.resources[0]["service.name"] == "my-service"
    assert warnings_in(caplog) == []
    assert not any(TOKEN.encode() in body for body in collector.bodies)


@pytest.mark.parametrize("name", ["OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"])
async def test_both_backends_receive_every_span_and_their_own_headers(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    monkeypatch.setenv(name, "x-api-key=s3cret")
    with running_collector() as logfires:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        monkeypatch.setenv("LOGFIRE_TOKEN", TOKEN)
        monkeypatch.setenv("LOGFIRE_BASE_URL", logfires.url)
        app, exports = bootstrapped(Settings())
        await post(app)
        exports.force_flush(5000)
        exports.shutdown()

        assert (len(collector.spans), len(logfires.spans)) == (4, 4)
        assert collector.headers[0]["x-api-key"] == "s3cret"
        assert "x-api-key" not in logfires.headers[0]
        assert "authorization" not in collector.headers[0]
    assert warnings_in(caplog) == []


async def test_headers_in_dotenv_reach_the_collector(collector: Collector) -> None:
    lines = [f"OTEL_EXPORTER_OTLP_ENDPOINT={collector.url}", "OTEL_EXPORTER_OTLP_TRACES_HEADERS=x-api-key=s3cret"]
    Path(".env").write_text("\n".join(lines))  # noqa: ASYNC240  # nothing else waits
    app, exports = bootstrapped(Settings())

    await post(app)

    assert exports.force_flush(5000)
    exports.shutdown()
    assert collector.headers[0]["x-api-key"] == "s3cret"


@pytest.mark.parametrize("settings", [{}, {"logfire_token": "s3cret\n!"}])
async def test_without_a_backend_there_is_one_warning_and_a_trace_id(
    settings: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    app, exports = bootstrapped(Settings.model_validate(settings))

    assert len(await post(app)) == 32

    exports.shutdown()
    assert warnings_in(caplog) == [
        "Traces are not exported: set LOGFIRE_TOKEN to a write token, or OTEL_EXPORTER_OTLP_ENDPOINT."
    ]


async def test_of_a_trace_that_is_not_sampled_nothing_is_exported(collector: Collector) -> None:
    app, exports = bootstrapped(
        Settings.model_validate({"otel_exporter_otlp_endpoint": collector.url, "trace_head_rate": 0})
    )

    assert len(await post(app)) == 32

    exports.shutdown()
    assert collector.spans == []


async def test_secrets_on_any_span_are_scrubbed(collector: Collector) -> None:
    _, exports = bootstrapped(Settings.model_validate({"otel_exporter_otlp_endpoint": collector.url}))
    tracer = trace.get_tracer("theirs")

    with span("ours", pwd="s3cret", note="password: s3cret", count=2) as ours:  # noqa: S106
        ours.add_event("login", {"api_key": "s3cret"})
        ours.add_link(ours.get_span_context(), {"csrf": "s3cret"})
        with logfire.span("logfires", pwd="s3cret"):  # noqa: S106
            tracer.start_span("theirs", attributes={"jwt": "s3cret"}).end()

    assert exports.force_flush(5000)
    exports.shutdown()
    assert len(collector.spans) == 3
    assert not any(b"s3cret" in body for body in collector.bodies)
    (attributes,) = [plain_attributes(each.attributes) for each in collector.spans if each.name == "ours"]
    assert (attributes["layer"], attributes["count"]) == ("service", 2)
    assert (attributes["pwd"], attributes["note"]) == ("[Scrubbed due to 'pwd']", "[Scrubbed due to 'password']")


@pytest.mark.parametrize("status", [401, 500])
async def test_a_backend_that_refuses_costs_one_warning(
    collector: Collector, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    collector.status = status
    settings = Settings.model_validate({"logfire_token": TOKEN, "logfire_base_url": collector.url})
    app, exports = bootstrapped(settings)
    for _ in range(3):
        await post(app)
    exports.force_flush(10_000)
    exports.shutdown()

    assert warnings_in(caplog) == [
        "Traces do not reach Logfire. They are lost until it answers; requests are not affected."
    ]
    assert TOKEN not in caplog.text


async def test_the_end_of_an_outage_is_logged_once(collector: Collector, caplog: pytest.LogCaptureFixture) -> None:
    app, exports = bootstrapped(Settings.model_validate({"otel_exporter_otlp_endpoint": collector.url}))
    for status in (400, 400, 200, 200):
        collector.status = status
        await post(app)
        exports.force_flush()
    exports.shutdown()

    assert warnings_in(caplog) == [
        "Traces do not reach the OTLP backend. They are lost until it answers; requests are not affected.",
        "Traces reach the OTLP backend again.",
    ]


@pytest.mark.parametrize("delay_s", [None, 3.0])
async def test_a_stopped_or_frozen_collector_delays_neither_start_nor_stop(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, delay_s: float | None
) -> None:
    monkeypatch.setattr("src.common.telemetry.otlp.STOP_S", 0.1)
    collector.delay_s = delay_s or 0
    url = "http://127.0.0.1:1" if delay_s is None else collector.url
    before = time.monotonic()
    app, exports = bootstrapped(Settings.model_validate({"otel_exporter_otlp_endpoint": url}))
    started = time.monotonic()
    await post(app)
    ended = time.monotonic()

    exports.shutdown()

    assert started - before < 0.5
    assert time.monotonic() - ended < 0.5


async def test_tracing_can_be_off(collector: Collector, caplog: pytest.LogCaptureFixture) -> None:
    app, exports = bootstrapped(
        Settings.model_validate({"tracing": "off", "otel_exporter_otlp_endpoint": collector.url})
    )

    await post(app)

    exports.shutdown()
    assert collector.spans == []
    assert warnings_in(caplog) == []


def test_logfires_functions_work_without_a_token() -> None:
    bootstrapped(Settings())

    with logfire.span("anything"):
        logfire.info("said")


def test_no_token_is_shown_by_the_settings() -> None:
    settings = Settings.model_validate({"logfire_token": TOKEN, "otel_exporter_otlp_endpoint": "http://s3cret"})

    assert TOKEN not in repr(settings)
    assert "s3cret" not in repr(settings)
