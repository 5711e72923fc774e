"""Traces of whole requests, from their entry to PostgreSQL, as a collector receives them."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from statistics import median
from typing import Any

import psutil  # type: ignore[import-untyped]  # it ships no types
import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient
from opentelemetry import trace
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from sqlalchemy import text

from collector import Collector, plain_attributes, running_collector
from slices import SAMPLE_SLICE
from src.common.config import Settings
from src.common.tracing import use_tracer
from src.cos_main import create_app
from src.db.connection import TIME_LIMITS

pytestmark = pytest.mark.usefixtures("without_registration")

MODULE = SAMPLE_SLICE.rpartition(".")[2]
PATH = f"/{MODULE}/modules"
ONE_MODULE = f"GET {PATH}/" + "{module_id}"
UNKNOWN = "00000000-0000-0000-0000-000000000000"

type Answers = list[tuple[str, int]]


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
    with running_collector() as collector:
        yield collector
    use_tracer(trace.NoOpTracer())


@asynccontextmanager
async def running(settings: Settings, collector: Collector, **more: Any) -> AsyncIterator[tuple[FastAPI, AsyncClient]]:
    """Yield an application that sends its traces to the collector, and a client; at the end all traces are out."""
    values = {**settings.model_dump(), "otel_exporter_otlp_endpoint": collector.url, **more}
    app = create_app(Settings.model_validate(values))
    transport = ASGITransport(app=app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        AsyncClient(transport=transport, base_url="http://test", timeout=60) as client,
    ):
        yield app, client


async def traces_of(collector: Collector, *, number: int) -> dict[bytes, list[Span]]:
    """Return the collector's traces, once there are so many, or none come any more."""
    deadline = time.monotonic() + 60
    while True:
        traces = defaultdict(list)
        for each in list(collector.spans):
            traces[each.trace_id].append(each)
        roots = sum(any(each.kind == Span.SPAN_KIND_SERVER for each in spans) for spans in traces.values())
        if roots >= number or time.monotonic() > deadline:
            return traces
        await asyncio.sleep(0.05)


def tree(spans: list[Span]) -> list[str]:
    """Return the spans' names, each below its parent, in the order in which they began."""

    def below(parent: bytes, depth: int) -> list[str]:
        children = sorted(
            (each for each in spans if each.parent_span_id == parent), key=lambda each: each.start_time_unix_nano
        )
        return [line for each in children for line in ("  " * depth + each.name, *below(each.span_id, depth + 1))]

    return below(b"", 0)


async def test_a_trace_goes_from_the_entry_to_the_database(settings: Settings, collector: Collector) -> None:
    async with running(settings, collector) as (_app, client):
        answer = await client.get(f"{PATH}/{UNKNOWN}", headers={"X-Request-ID": "mine"})
        (spans,) = (await traces_of(collector, number=1)).values()

    assert answer.status_code == 404
    assert tree(spans) == [
        ONE_MODULE,
        "  get_module",
        f"    SELECT {MODULE}.modules",
    ]
    layers = [plain_attributes(each.attributes)["layer"] for each in spans]
    assert sorted(layers) == ["api", "service", "service"]
    assert {plain_attributes(each.attributes)["request_id"] for each in spans} == {"mine"}


@pytest.mark.parametrize(
    ("path", "service"),
    [
        (f"/{MODULE}/health", "summarize_health"),
        (f"/{MODULE}/health/worker", "get_health_status"),
        (f"/{MODULE}/scratch-notes/{UNKNOWN}", "get_note"),
    ],
)
async def test_every_use_case_is_a_span(settings: Settings, collector: Collector, path: str, service: str) -> None:
    async with running(settings, collector) as (_app, client):
        await client.get(path)
        (spans,) = (await traces_of(collector, number=1)).values()

    _server, use_case, statement = tree(spans)
    assert use_case == f"  {service}"
    assert statement.startswith("    SELECT ")


async def test_no_value_of_a_body_is_in_a_trace(settings: Settings, collector: Collector) -> None:
    async with running(settings, collector) as (_app, client):
        await client.post(PATH, json={"name": "s3cret", "version": "s3cret"})
        await client.post(PATH, json={"name": "s3cret", "version": "s3cret"})
        await client.post(PATH, json={"name": "s3cret\u0000", "version": "s3cret"})
        await client.post(f"/{MODULE}/scratch-notes", json={"content": {"s3cret": "s3cret"}})
        await traces_of(collector, number=4)
        for each in (await client.get(PATH)).json()["items"]:
            await client.delete(f"{PATH}/{each['id']}")
        await client.post(f"/{MODULE}/scratch-notes/purge")

    assert len(collector.spans) > 10
    assert not any(b"s3cret" in body for body in collector.bodies)
    assert not any(str(settings.sqlalchemy_url.password).encode() in body for body in collector.bodies)


async def test_a_failed_statement_marks_its_span(
    settings: Settings, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TIME_LIMITS, "lock_timeout", "10ms")
    async with running(settings, collector) as (app, client):
        await client.get(f"/{MODULE}/health")
        async with app.state.database.engine.begin() as connection:
            await connection.exec_driver_sql(f"LOCK {MODULE}.modules IN ACCESS EXCLUSIVE MODE")
            answer = await client.get(f"{PATH}/{UNKNOWN}")
        (spans,) = [each for each in (await traces_of(collector, number=2)).values() if ONE_MODULE in tree(each)]

    assert answer.status_code == 503
    failed = {each.name for each in spans if each.status.code == 2}
    assert failed == {ONE_MODULE, "get_module", f"SELECT {MODULE}.modules"}


@pytest.mark.long
@pytest.mark.parametrize("tracing", ["on", "logfire"])
async def test_the_trace_of_every_request_is_complete(
    migrated_database: Settings, collector: Collector, tracing: str
) -> None:
    """POST /test-log: its trace goes to the end of `log_l1`, and its record and its trace find each other."""
    number = 1000 if tracing == "on" else 50
    pool = {"database_pool_size": 20, "trace_slow_ms": 60_000}
    async with running(migrated_database, collector, tracing=tracing, **pool) as (app, client):
        slots = asyncio.Semaphore(20)  # as many at once as there are connections

        async def post(index: int) -> int:
            async with slots:
                answer = await client.post(f"/{MODULE}/test-log", json={}, headers={"X-Request-ID": f"id-{index}"})
                return answer.status_code

        statuses = await asyncio.gather(*[post(index) for index in range(number)])
        traces = await traces_of(collector, number=number)
        async with app.state.database.engine.connect() as connection:
            query = text(f"SELECT id::text, request_id, trace_id FROM mem0_{MODULE}.base_log")
            records = {trace_id: (id_, request_id) for id_, request_id, trace_id in await connection.execute(query)}

    assert set(statuses) == {200}
    complete = [spans for spans in traces.values() if is_complete(spans)]
    assert len(complete) == number
    assert {spans[0].trace_id.hex(): record_and_request_of(spans) for spans in complete} == records


def is_complete(spans: list[Span]) -> bool:
    """Return whether a trace goes from one root to the database, with the same request id and a layer on each span."""
    names = {each.name for each in spans}
    attributes = [plain_attributes(each.attributes) for each in spans]
    is_whole = {"write_test_log", "log_l1"} <= names and sum(not each.parent_span_id for each in spans) == 1
    has_sql = any("INSERT" in name or "WITH" in name for name in names)
    layers = {each["layer"] for each in attributes}
    return (
        is_whole and has_sql and layers == {"api", "service"} and len({each["request_id"] for each in attributes}) == 1
    )


def record_and_request_of(spans: list[Span]) -> tuple[str, str]:
    (attributes,) = [plain_attributes(each.attributes) for each in spans if each.name == "log_l1"]
    return attributes["mem0.record_id"], attributes["request_id"]


@pytest.mark.long
async def test_a_terminated_backend_under_load_fails_no_request(
    settings: Settings, collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(settings, collector, otel_bsp_max_queue_size=1000) as (_app, client):
        statuses = []
        for delay_s, status in ((0, 200), (0.5, 400)):
            collector.delay_s, collector.status = delay_s, status
            statuses += [(await client.get(f"{PATH}/{UNKNOWN}")).status_code for _ in range(500)]
        stopped = time.monotonic()

    assert time.monotonic() - stopped < 1.5  # the database closes, too
    assert statuses == [404] * 1000
    sentences = [each.getMessage() for each in caplog.records if "Traces do not reach" in each.getMessage()]
    assert len(sentences) == 1


@pytest.mark.faults
async def test_a_collector_that_is_stopped_for_a_minute_slows_no_request_and_takes_no_memory(
    settings: Settings, collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    process = psutil.Process()
    async with running(settings, collector, otel_bsp_max_queue_size=1000) as (_app, client):

        async def slice_of_load(seconds: float) -> tuple[list[float], int]:
            """Return the duration of each request, and the size of the process at the end."""
            durations_s, ends_s = [], time.perf_counter() + seconds
            while (started_s := time.perf_counter()) < ends_s:
                assert (await client.get(f"{PATH}/{UNKNOWN}")).status_code == 404
                durations_s.append(time.perf_counter() - started_s)
            return durations_s, process.memory_info().rss

        with_collector_s, _ = await slice_of_load(10)
        collector.status = 503  # the exporter tries again, until its time is over
        _, early_bytes = await slice_of_load(20)
        without_s, late_bytes = await slice_of_load(40)
        stopped_s = time.monotonic()

    assert time.monotonic() - stopped_s < 1.5  # the database closes, too
    assert median(without_s) < 1.3 * median(with_collector_s)
    assert late_bytes - early_bytes < 10_000_000
    sentences = [each.getMessage() for each in caplog.records if "Traces do not reach" in each.getMessage()]
    assert len(sentences) == 1
