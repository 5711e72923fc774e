"""How fast records become nodes, beside the bare driver with the same query in the same run.

    uv run pytest tests/integration/graph -m benchmark --no-cov -s

prints the figures. GRAPH_NODES=200000 fills the graph with that many nodes before.
"""

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from statistics import median
from typing import Any

import psutil  # type: ignore[import-untyped]  # it ships no types
import pytest
from uuid_utils.compat import uuid7

from integration.graph.conftest import Pipeline
from ratios import interleaved, ratio
from src.common.config import Settings
from src.graph.base import driver_name, open_driver
from src.graph.consumer import effect_of
from src.graph.cypher import cypher
from src.graph.entries import rows_of
from src.highway.consumer import wait_until_caught_up
from src.highway.cursor import BEGINNING, Position, StoredRecord
from src.l1.entries import Event, Log, Prompt, new_record
from src.l1.statements import insertion_of_all

pytestmark = pytest.mark.benchmark

ROUNDS = {1: 100, 10: 50, 100: 25, 1000: 10}
VISIBLE = 200
REBUILT = int(os.environ.get("GRAPH_REBUILT", "100000"))
NODES = int(os.environ.get("GRAPH_NODES", "0"))
FILL = "UNWIND range($first, $first + 4999) AS n CREATE (:Event:{label} {{rec_id: '{label}' + n, event_type: 'a.b'}})"
EVENT = Event("a.b", {"number": 1})
PROMPT = Prompt("user", "Twenty words or so. " * 5, 10, 20)


@pytest.fixture
async def filled(pipeline: Pipeline) -> Pipeline:
    """The pipeline, on a graph that has GRAPH_NODES nodes."""
    await pipeline.subscriber.register()
    for first in range(0, NODES, 5000):
        await pipeline.graph.write(FILL.format(label=pipeline.subscriber.label), {"first": first}, limit_s=120)
    return pipeline


def records_of(log: Log, number: int) -> list[StoredRecord]:
    """Return new records of a request for each two, with one event and one prompt each."""
    now = time.time_ns()
    return [
        StoredRecord(uuid7(), datetime.now(UTC), log.module, f"{now}-{at // 2}", None, BEGINNING, [EVENT], [PROMPT])
        for at in range(number)
    ]


@pytest.mark.parametrize("batch", ROUNDS)
async def test_batches_beside_the_bare_driver(filled: Pipeline, graph_server: Settings, batch: int) -> None:
    models, label = filled.subscriber._models, filled.subscriber.label
    query = f"{cypher('move_checkpoint', module=label)}{effect_of(label, models)}\nRETURN c.xid AS xid"
    position = await filled.subscriber.position() or BEGINNING
    made: dict[str, list[Any]] = {"ours": [], "bare": []}
    for _ in range(ROUNDS[batch] + 3):
        made["ours"].append(records_of(filled.log, batch))
        made["bare"].append(rows_of(records_of(filled.log, batch), models))

    def moved() -> tuple[Position, Position]:
        nonlocal position
        old, position = position, Position(position.xid + 1, 0)
        return old, position

    async with open_driver(graph_server) as driver:
        assert driver

        async def ours() -> None:
            old, new = moved()
            await filled.subscriber.handle_batch(made["ours"].pop(), old=old, new=new)

        async def bare() -> None:
            old, new = moved()
            places = {"old_xid": old.xid, "old_seq": old.seq, "xid": new.xid, "seq": new.seq}
            parameters = {"checkpoint": f"{label}.graph", **places, "rows": made["bare"].pop()}
            result = await driver.execute_query(query, parameters, database_=graph_server.neo4j_database)
            assert result.records

        samples = await interleaved({"ours": ours, "bare": bare}, rounds=ROUNDS[batch], warm_up=3)
    nodes = 2.5 * batch
    slower, noise = ratio(samples["ours"], samples["bare"])
    say(
        f"batch {batch}: ours {nodes / median(samples['ours']):.0f} nodes/s, bare driver "
        f"{nodes / median(samples['bare']):.0f} nodes/s: {1 / slower:.2f} x (noise {noise:.0%}); {driver_name()}; "
        f"{NODES} nodes before"
    )


async def test_from_commit_to_node(filled: Pipeline) -> None:
    waits: list[float] = []
    label = filled.subscriber.label
    query = f"MATCH (n:Event:{label} {{rec_id: $id}}) RETURN n.rec_id AS id"
    async with filled.run_highway(filled.subscriber) as running:
        consumer = running.highway.consumers[f"{filled.log.module}.graph"]
        await filled.record(EVENT, PROMPT)
        await wait_until_caught_up(consumer, timeout_s=30)
        for _ in range(VISIBLE):
            record_id = await running.writer.submit(filled.log, [EVENT, PROMPT])
            committed = time.perf_counter()
            while not await filled.graph.read(query, {"id": f"{record_id}:event:0"}):  # noqa: ASYNC110
                await asyncio.sleep(0)
            waits.append(time.perf_counter() - committed)
            await asyncio.sleep(0.02)
    say(f"commit to node: p50 {_ms(waits, 0.5)}, p99 {_ms(waits, 0.99)}; {NODES} nodes before")


async def test_a_rebuild(pipeline: Pipeline) -> None:
    for _ in range(REBUILT // 1000):
        async with pipeline.database.engine.begin() as connection:
            records = [new_record(pipeline.log, [EVENT]) for _ in range(1000)]
            await connection.exec_driver_sql(*insertion_of_all(records, pipeline.log))
    process, memory = psutil.Process(), []
    async with pipeline.run_highway(pipeline.subscriber) as running:
        started = time.perf_counter()
        consumer = running.highway.consumers[f"{pipeline.log.module}.graph"]
        waiting = asyncio.create_task(wait_until_caught_up(consumer, timeout_s=900))
        while not waiting.done():
            memory.append(process.memory_info().rss / 2**20)
            await asyncio.sleep(0.5)
        await waiting
        took_s = time.perf_counter() - started
    half = len(memory) // 2
    say(
        f"rebuild: {REBUILT} events, {REBUILT / took_s:.0f} rows/s; memory {max(memory[:half]):.0f} MiB at most in "
        f"the first half, {max(memory[half:]):.0f} MiB in the second"
    )


def say(line: str) -> None:
    """Print a figure, where pytest runs with -s."""
    sys.stdout.write(f"\n{line}\n")


def _ms(samples: Sequence[float], share: float) -> str:
    return f"{sorted(samples)[int(len(samples) * share)] * 1000:.1f} ms"
