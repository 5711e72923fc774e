import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from collector import running_collector
from src.common.config import Settings
from src.common.telemetry.metrics import bootstrap_metrics
from src.cos_main import create_app
from src.project import FIRST_MODULE


async def test_the_durations_of_requests_and_records_reach_a_collector(migrated_database: Settings) -> None:
    with running_collector() as collector:
        address = {"otel_exporter_otlp_metrics_endpoint": SecretStr(f"{collector.url}/v1/metrics")}
        await post_a_test_log(create_app(migrated_database.model_copy(update=address)))

    sent = b"".join(collector.histograms)
    for name in ("http.server.request.duration", "mem0.record.duration", "/test-log", FIRST_MODULE):
        assert name.encode() in sent


async def test_a_logfire_token_is_enough_for_metrics(migrated_database: Settings) -> None:
    with running_collector() as logfire:
        given = {"logfire_token": SecretStr("pylf_v1_us_" + 30 * "a"), "logfire_base_url": logfire.url}
        await post_a_test_log(create_app(migrated_database.model_copy(update=given)))

    sent = b"".join(logfire.histograms)
    for name in ("http.server.request.duration", "mem0.record.duration"):
        assert name.encode() in sent


async def test_prometheus_can_scrape_the_process(migrated_database: Settings) -> None:
    app = create_app(migrated_database.model_copy(update={"prometheus": True}))
    async with (
        app.router.lifespan_context(app),
        AsyncClient(transport=ASGITransport(app=app), base_url="http://test") as client,
    ):
        assert (await client.post("/test-log", json={})).status_code == 200
        answer = await client.get("/metrics")

    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    counts = {
        name: sum(sample.value for sample in families[name].samples if sample.name.endswith("_count"))
        for name in ("http_server_request_duration_seconds", "mem0_record_duration_seconds")
    }
    assert counts == {"http_server_request_duration_seconds": 1, "mem0_record_duration_seconds": 1}
    assert answer.headers["Content-Type"].startswith("text/plain")


async def test_without_the_setting_there_is_no_page_of_metrics(client: AsyncClient) -> None:
    assert (await client.get("/metrics")).status_code == 404


async def post_a_test_log(app: FastAPI) -> None:
    """Start the application, send it a request, and stop it, which sends what was counted."""
    async with (
        app.router.lifespan_context(app),
        AsyncClient(transport=ASGITransport(app=app), base_url="http://test") as client,
    ):
        assert (await client.post("/test-log", json={})).status_code == 200


@pytest.mark.parametrize(
    ("given", "metrics"),
    [
        ({}, None),
        ({"otel_exporter_otlp_endpoint": "http://c/"}, "http://c/v1/metrics"),
        ({"otel_exporter_otlp_endpoint": "http://c", "otel_exporter_otlp_metrics_endpoint": "http://m"}, "http://m"),
    ],
)
def test_a_collector_is_named_as_opentelemetry_does(given: dict[str, str], metrics: str | None) -> None:
    assert Settings.model_validate(given).otlp_endpoint("metrics") == metrics


@pytest.mark.parametrize("given", [{}, {"otel_exporter_otlp_endpoint": "http://c", "tracing": "off"}])
def test_without_a_collector_nothing_is_collected(given: dict[str, str]) -> None:
    assert bootstrap_metrics(Settings.model_validate(given), service_name="cos") is None
