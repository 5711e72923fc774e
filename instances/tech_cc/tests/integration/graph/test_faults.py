"""Kills under load: no node is missing, none is there twice, none has the label of another module.

uv run pytest tests/integration/graph -m faults --no-cov
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from random import Random
from uuid import uuid4

import pytest
from pydantic import SecretStr

from databases import PROJECT
from embedded.child_process import start_child
from embedded.graph import install_graph, start_graph
from graph_server import with_graph
from integration.graph.conftest import Pipeline
from slices import SAMPLE_SLICE
from src.backend.slice import load_slice
from src.common.config import Settings
from src.graph.consumer import GraphSubscriber
from src.graph.repository import open_graph
from src.highway.consumer import wait_until_caught_up
from src.l1.entries import Event

pytestmark = pytest.mark.faults

KILLS = 50
OUTAGE_S = 60.0
BATCH = 20
SEED = 12


@asynccontextmanager
async def load(pipeline: Pipeline) -> AsyncIterator[list[int]]:
    """Commit 20 records every 50 ms; among them are changes of one entity. Yield the number so far."""
    count, entity = [0], str(uuid4())
    is_over = asyncio.Event()

    async def write() -> None:
        while not is_over.is_set():
            for _ in range(BATCH):
                number = count[0]
                changed = {"version": str(number)}
                event = Event("module.updated", {"id": entity, "name": "a", "changed": changed})
                await pipeline.record(event if number % 10 == 0 else Event("a.b", {"n": number}))
                count[0] += 1
            with suppress(TimeoutError):
                await asyncio.wait_for(is_over.wait(), 0.05)

    running = asyncio.create_task(write())
    try:
        yield count
    finally:
        is_over.set()
        await running


async def check(pipeline: Pipeline, *, records: int) -> None:
    """Compare log and graph."""
    nodes, relations = await pipeline.contents()
    async with pipeline.database.engine.connect() as connection:
        query = f"SELECT base_log_id, position, event_type FROM {pipeline.log.schema}.event_log"
        rows = (await connection.exec_driver_sql(query)).all()
    label = pipeline.subscriber.label
    expected = {f"Event {label} {row.base_log_id}:event:{row.position}" for row in rows}
    entities = {name for name in nodes if name.startswith("Module")}
    newest = max(number for number in range(records) if number % 10 == 0)

    assert len(rows) == records
    assert set(nodes) - entities == expected
    assert [nodes[name]["version"] for name in entities] == [str(newest)]
    assert len(relations) == sum(row.event_type == "module.updated" for row in rows)
    letters = await pipeline.control.dead_letters()
    assert letters == []


async def test_a_consumer_that_is_killed_at_random_moments_writes_everything_once(
    pipeline: Pipeline, graph_server: Settings
) -> None:
    random = Random(SEED)  # noqa: S311  # nosec B311  # no secret
    label = pipeline.subscriber.label
    await pipeline.subscriber.register()
    async with load(pipeline) as count:
        for _ in range(KILLS):
            processes = [consumer(pipeline.settings, graph_server, label) for _ in range(2)]  # both want to lead
            before = await pipeline.subscriber.position()
            async with asyncio.timeout(60):
                while await pipeline.subscriber.position() == before:  # noqa: ASYNC110  # the graph has no event
                    await asyncio.sleep(0.02)
            await asyncio.sleep(random.random() * 0.3)
            for process in processes:
                process.kill()
                process.wait()
    await pipeline.catch_up()

    await check(pipeline, records=count[0])


async def test_a_graph_that_is_killed_and_away_gets_everything_afterwards(pipeline: Pipeline, tmp_path: Path) -> None:
    install_graph()
    server = start_graph(tmp_path / "graph")
    port = int(server.uri.rpartition(":")[2])
    address = Settings(neo4j_uri=server.uri, neo4j_user=server.user, neo4j_password=SecretStr(server.password))
    part = load_slice(SAMPLE_SLICE)
    async with open_graph(address) as graph:
        assert graph
        subscriber = GraphSubscriber(graph, module=part.module, label="killed", models=part.graph_models)
        away = Pipeline(pipeline.database, pipeline.settings, pipeline.log, pipeline.run_highway, subscriber, graph)
        async with away.run_highway(subscriber) as running:
            consumer = running.highway.consumers[f"{part.module}.graph"]
            async with load(away) as count:
                await asyncio.sleep(3)
                server.process.kill()
                server.process.wait()
                await asyncio.sleep(OUTAGE_S)
                server = start_graph(tmp_path / "graph", port=port)
                await asyncio.sleep(3)
            await wait_until_caught_up(consumer, timeout_s=120)
        await check(away, records=count[0])
    server.process.kill()
    server.process.wait()


def consumer(settings: Settings, graph: Settings, label: str) -> subprocess.Popen[bytes]:
    """Start the consumer in a process of its own."""
    named = with_graph(settings, graph)
    assert named.neo4j_uri
    assert named.neo4j_password
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(PROJECT / "tests"), str(PROJECT / "scripts")]),
        "DATABASE_URL": named.sqlalchemy_url.render_as_string(hide_password=False),
        "NEO4J_URI": named.neo4j_uri,
        "NEO4J_USER": named.neo4j_user,
        "NEO4J_PASSWORD": named.neo4j_password.get_secret_value(),
        "NEO4J_DATABASE": named.neo4j_database,
    }
    command = [sys.executable, "-m", "integration.graph.consumer_process", label, str(BATCH)]
    return start_child(command, cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
