"""A Neo4j that is killed, or frozen, for a minute under load: the API goes on, and the graph gets everything once.

    NEO4J_HOME=/opt/neo4j uv run pytest tests/integration/graph/test_neo4j_faults.py -m faults --no-cov -s

prints the rows of the table in docs/graph.md.
"""

import asyncio
import os
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from statistics import quantiles
from uuid import uuid4

import pytest
from httpx2 import AsyncClient

from integration.graph.comparison import Comparison, compare
from neo4j_server import OwnNeo4j, own_neo4j
from served import served
from slices import SAMPLE_SLICE
from src.backend.slice import Slice, load_slice
from src.common.config import Settings
from src.db.connection import Database, connect_driver, open_database
from src.graph.base import GraphUnavailableError
from src.graph.consumer import GraphSubscriber
from src.graph.repository import open_graph
from src.health import GRAPH_LIMIT_S
from src.highway.control import Control
from src.highway.cursor import BEGINNING, Cursor, Position
from src.l1.entries import Event
from src.l1.record import write_record

pytestmark = pytest.mark.faults

PART: Slice = load_slice(SAMPLE_SLICE)
OUTAGE_S = float(os.environ.get("GRAPH_OUTAGE_S", "60"))
BEFORE_S = 15.0
PERIOD_S = 0.05
CATCH_UP_LIMIT_S = 600.0
# What other processes of the machine may add to a latency.
DISTURBED_S = 0.25
FAULTS = {"killed (kill -9)": OwnNeo4j.killed, "frozen (SIGSTOP)": OwnNeo4j.frozen}


class Load:
    """Requests, commits and questions for readiness, and how long each took: before, during and after the fault."""

    def __init__(self, database: Database, client: AsyncClient) -> None:
        self.phase = "before"
        self.committed = 0
        self.entity = str(uuid4())
        self._database = database
        self._client = client
        self._latencies: defaultdict[tuple[str, str], list[float]] = defaultdict(list)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Go on until the block is left: 20 requests, 20 commits and 5 questions a second."""
        is_over = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            for work, period_s in ((self._request, PERIOD_S), (self._commit, PERIOD_S), (self._ask, 4 * PERIOD_S)):
                tasks.create_task(self._repeat(work, period_s, is_over))
            try:
                yield
            finally:
                is_over.set()

    def p99_ms(self, work: str, phase: str) -> float:
        """Return the 99th percentile of a phase."""
        return 1000 * quantiles(self._latencies[work, phase], n=100, method="inclusive")[98]

    def max_ms(self, work: str, phase: str) -> float:
        """Return the longest time of a phase."""
        return 1000 * max(self._latencies[work, phase])

    async def _repeat(self, work: Callable[[], Awaitable[None]], period_s: float, is_over: asyncio.Event) -> None:
        while not is_over.is_set():
            phase, started = self.phase, time.perf_counter()
            await work()
            took_s = time.perf_counter() - started
            self._latencies[work.__name__.strip("_"), phase].append(took_s)
            await asyncio.sleep(max(0, period_s - took_s))

    async def _request(self) -> None:
        answer = await self._client.post(f"/{PART.module}/test-log", json={"message": "under load"})
        assert answer.is_success, answer.text

    async def _commit(self) -> None:
        changed = {"version": str(self.committed)}
        event = Event("module.updated", {"id": self.entity, "name": "a", "changed": changed})
        async with self._database.sessions() as session, session.begin():
            await write_record(session, PART.log, [event, Event("a.b", {"n": self.committed})])
        self.committed += 1

    async def _ask(self) -> None:
        answer = await self._client.get("/health/ready")
        assert (answer.status_code, answer.json()["status"]) == (200, "ready")


@pytest.fixture
async def neo4j(tmp_path: Path) -> AsyncIterator[OwnNeo4j]:
    """A running Neo4j."""
    neo4j = own_neo4j(tmp_path)
    await neo4j.process.start()
    yield neo4j
    neo4j.process.kill()


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_graph_that_is_away_for_a_minute_gets_everything_once_and_slows_nothing(
    neo4j: OwnNeo4j, migrated_database: Settings, fault: str
) -> None:
    assert neo4j.settings.neo4j_uri
    environment = {"NEO4J_URI": neo4j.settings.neo4j_uri, "ENVIRONMENT": "test", "LOG_LEVEL": "WARNING"}
    with served(migrated_database, "src.cos_main:app", **environment) as port:
        async with (
            open_database(migrated_database) as database,
            AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30, verify=False) as client,  # no TLS
        ):
            load = Load(database, client)
            async with load.running():
                await asyncio.sleep(BEFORE_S)
                load.phase = "during"
                async with FAULTS[fault](neo4j):
                    await asyncio.sleep(OUTAGE_S)
                    load.phase = "after"
                ended = time.perf_counter()
            await check(neo4j, migrated_database, database, load, fault=fault, ended=ended)


async def check(  # noqa: PLR0913  # all that a row of the table says
    neo4j: OwnNeo4j, settings: Settings, database: Database, load: Load, *, fault: str, ended: float
) -> None:
    """Wait for the consumer, compare log and graph, and print what the fault did."""
    async with open_graph(neo4j.settings) as graph:
        assert graph
        subscriber = GraphSubscriber(graph, module=PART.module, label=PART.label, models=PART.graph_models)
        await until_caught_up(settings, subscriber)
        drained_s = time.perf_counter() - ended
        found = await compare(database, graph, PART.log, label=PART.label)
        query = f"MATCH (n:Module:{PART.label} {{rec_id: $id}}) RETURN n.version AS version"
        versions = await graph.read(query, {"id": load.entity})
        control = Control(settings, database, logs=[PART.log], subscribers=[(PART.log, subscriber)])
        letters = await control.dead_letters()
    sys.stdout.write(f"\n{row_of(load, found, fault=fault, drained_s=drained_s)}\n")

    assert found.is_same, found
    assert letters == []
    assert versions == [{"version": str(load.committed - 1)}]
    for work in ("request", "commit"):
        assert load.p99_ms(work, "during") <= 2 * load.p99_ms(work, "before") + 1000 * DISTURBED_S
    assert load.p99_ms("ask", "during") <= load.p99_ms("ask", "before") + 1000 * (GRAPH_LIMIT_S + DISTURBED_S)


def row_of(load: Load, found: Comparison, *, fault: str, drained_s: float) -> str:
    """Return the row of the table."""
    counts = f"{found.missing}, {found.duplicated}, {found.foreign}"
    p99s = [f"{load.p99_ms(work, 'before'):.0f} → {load.p99_ms(work, 'during'):.0f}" for work in ("request", "commit")]
    ready = (
        f"{load.p99_ms('ask', 'before'):.0f} → {load.p99_ms('ask', 'during'):.0f}, {load.max_ms('ask', 'during'):.0f}"
    )
    cells = [fault, f"{found.records}", counts, *p99s, ready, f"{drained_s:.1f}"]
    return f"| {' | '.join(cells)} |"


async def until_caught_up(settings: Settings, subscriber: GraphSubscriber) -> None:
    """Return when the graph has what the log has."""
    connection = await connect_driver(settings)
    try:
        end = await Cursor(PART.log, subscriber.name).end(connection)
    finally:
        await connection.close()
    async with asyncio.timeout(CATCH_UP_LIMIT_S):
        while not await has_reached(subscriber, end):  # noqa: ASYNC110  # the graph has no event to wait for
            await asyncio.sleep(0.05)


async def has_reached(subscriber: GraphSubscriber, end: Position) -> bool:
    """Return whether the checkpoint is there; a Neo4j that was just started may be slow to say so."""
    with suppress(GraphUnavailableError):
        return (await subscriber.position() or BEGINNING) >= end
    return False
