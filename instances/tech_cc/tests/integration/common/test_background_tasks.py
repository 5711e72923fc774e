"""A served application whose background tasks fail: requests go on, and health and metrics show the failures."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient
from sqlalchemy import text

from collector import Collector, running_collector
from slices import SAMPLE_SLICE
from src.backend.slice import load_slice
from src.common.config import Settings
from src.cos_main import create_app
from src.l1.entries import Event, Log
from src.l1.writer import L1Writer

pytestmark = pytest.mark.usefixtures("without_registration")

LOG: Log = load_slice(SAMPLE_SLICE).log
PURGE = f"purge of {LOG.module}"
WRITER = "l1 writer"


@pytest.fixture
async def app(migrated_database: Settings, collector: Collector) -> AsyncIterator[FastAPI]:
    """A running application that purges every second and exports histograms when it stops."""
    changes = {"purge_interval_s": 1, "otel_exporter_otlp_endpoint": collector.url}
    app = create_app(Settings.model_validate({**migrated_database.model_dump(), **changes}))
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector that must have received the failure of a task when the application has stopped."""
    with running_collector() as collector:
        yield collector
        sent = b"".join(collector.histograms)
        assert b"cos.background_task.duration" in sent
        assert b"failed" in sent


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://test") as client:
        yield client


async def state_when(client: AsyncClient, task: str, is_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Return the state of a task that `/health/ready` shows, once it is as expected; the service is ready meanwhile."""
    async with asyncio.timeout(10):
        while True:
            answer = await client.get("/health/ready")
            assert answer.status_code == 200
            state: dict[str, Any] = answer.json()["background_tasks"][task]
            if is_so(state):
                return state
            await asyncio.sleep(0.02)


async def change(app: FastAPI, *statements: str) -> None:
    async with app.state.database.engine.begin() as connection:
        for statement in statements:
            await connection.execute(text(statement))


async def test_a_purge_that_fails_is_shown_and_runs_again(app: FastAPI, client: AsyncClient) -> None:
    await app.state.l1_writer.submit(LOG, [Event("old")])
    await change(
        app,
        f"CREATE TABLE holder (id uuid REFERENCES {LOG.schema}.base_log)",
        f"INSERT INTO holder SELECT id FROM {LOG.schema}.base_log",
        f"UPDATE {LOG.schema}.base_log SET timestamp = now() - interval '1000 days'",
    )

    failed = await state_when(client, PURGE, lambda state: state["failures"] > 0)
    await change(app, "DROP TABLE holder")
    await state_when(client, PURGE, lambda state: state["status"] == "waiting" and state["failures"] == 0)

    assert failed["last_error"] == "IntegrityError"
    async with app.state.database.sessions() as session:
        assert await session.scalar(text(f"SELECT count(*) FROM {LOG.schema}.base_log")) == 0


async def test_a_writer_that_fails_is_shown_and_writes_what_was_in_its_queue(
    app: FastAPI, client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    next_batch, errors = L1Writer._next_batch, [RuntimeError("a bug")]

    def fail_once(writer: L1Writer) -> Any:
        if errors:
            raise errors.pop()
        return next_batch(writer)

    monkeypatch.setattr(L1Writer, "_next_batch", fail_once)
    writing = asyncio.create_task(app.state.l1_writer.submit(LOG, [Event("kept")]))

    failed = await state_when(client, WRITER, lambda state: state["failures"] > 0)
    record_id = await writing

    assert failed["last_error"] == "RuntimeError"
    await state_when(client, WRITER, lambda state: state["status"] == "running")
    async with app.state.database.sessions() as session:
        assert await session.scalar(text(f"SELECT id FROM {LOG.schema}.base_log")) == record_id
