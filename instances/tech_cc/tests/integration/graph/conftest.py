"""A running graph, a part of it that a test has for itself, and the consumer that fills it."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest

from graph_server import Contents, contents, graph_settings, wipe
from integration.conftest import RunHighway
from slices import SAMPLE_SLICE
from src.backend.slice import load_slice
from src.common.config import Settings
from src.db.connection import Database, connect_driver
from src.graph.consumer import GraphSubscriber
from src.graph.queries import GraphQueries
from src.graph.repository import GraphRepository, open_graph
from src.graph.schema_scripts import prepare_schema
from src.highway.consumer import wait_until_caught_up
from src.highway.control import Control
from src.highway.cursor import BEGINNING, Cursor, StoredRecord
from src.l1.entries import Entry, Log
from src.l1.record import write_record


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A log, its consumer, and the part of the graph that it fills."""

    database: Database
    settings: Settings
    log: Log
    run_highway: RunHighway
    subscriber: GraphSubscriber
    graph: GraphRepository

    async def record(self, *entries: Entry) -> UUID:
        """Commit a record."""
        async with self.database.sessions() as session, session.begin():
            return await write_record(session, self.log, entries)

    async def stored(self) -> list[StoredRecord]:
        """Return all records of the log."""
        connection = await connect_driver(self.settings)
        try:
            return list((await Cursor(self.log, "").read(connection, after=BEGINNING, limit=1000)).records)
        finally:
            await connection.close()

    async def catch_up(self) -> None:
        """Run the consumer until it has handled everything."""
        async with self.run_highway(self.subscriber) as running:
            await wait_until_caught_up(running.highway.consumers[f"{self.log.module}.graph"], timeout_s=30)

    async def contents(self) -> Contents:
        """Return all nodes and relations."""
        return await contents(self.graph, self.subscriber.label)

    @property
    def control(self) -> Control:
        """What a person can do."""
        return Control(self.settings, self.database, logs=[self.log], subscribers=[(self.log, self.subscriber)])


@pytest.fixture(scope="session")
def graph_server() -> Iterator[Settings]:
    """Settings whose graph runs: a Neo4j that NEO4J_URI names, else the embedded one."""
    with graph_settings() as settings:
        yield settings


@pytest.fixture(scope="session")
async def graph(graph_server: Settings) -> AsyncIterator[GraphRepository]:
    """The graph, with its constraints."""
    async with open_graph(graph_server) as graph:
        assert graph
        part = load_slice(SAMPLE_SLICE)
        await prepare_schema(graph, owner=part.module, scripts=part.graph_models.scripts)
        yield graph


@pytest.fixture
async def label(graph: GraphRepository) -> AsyncIterator[str]:
    """The label of a module that only this test has."""
    label = f"test_{uuid4().hex}"
    yield label
    await wipe(graph, label)


@pytest.fixture
def subscriber(graph: GraphRepository, label: str, log: Log) -> GraphSubscriber:
    """The consumer of a module's log, under a label of the test's own."""
    return GraphSubscriber(graph, module=log.module, label=label, models=load_slice(SAMPLE_SLICE).graph_models)


@pytest.fixture
def queries(graph: GraphRepository, label: str) -> GraphQueries:
    """Questions about the graph."""
    return GraphQueries(graph, types=load_slice(SAMPLE_SLICE).graph_models.types, modules=[label])


@pytest.fixture
def pipeline(  # noqa: PLR0913, PLR0917  # it gathers fixtures
    committing_database: Database,
    committing_settings: Settings,
    log: Log,
    run_highway: RunHighway,
    subscriber: GraphSubscriber,
    graph: GraphRepository,
) -> Pipeline:
    """A log on which tests really commit, and the way from it to the graph."""
    return Pipeline(committing_database, committing_settings, log, run_highway, subscriber, graph)
