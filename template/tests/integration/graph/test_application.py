"""The whole application with a graph: a module appears by itself, and nothing else depends on the graph."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient
from pydantic import SecretStr

from graph_server import wipe, with_graph
from mcp_client import VERSIONS, connected, data_of, text_of
from slices import SAMPLE_SLICE
from src.backend.slice import Slice, load_slice
from src.common.config import Settings
from src.cos_main import SLICES, create_app
from src.graph.repository import GraphRepository

PART: Slice = load_slice(SAMPLE_SLICE)
FOREIGN_EVENT = """
CREATE (:Event:<label> {rec_id: 'e', record_id: 'e', at: datetime(), event_type: 'a.b', payload: '{}'})
-[:IN_REQUEST]->(:Request:<label> {rec_id: 'r', request_id: 'my-request'})
"""


@asynccontextmanager
async def served(settings: Settings) -> AsyncIterator[tuple[FastAPI, AsyncClient]]:
    app = create_app(settings)
    async with (
        app.router.lifespan_context(app),
        AsyncClient(transport=ASGITransport(app=app, raise_app_exceptions=False), base_url="http://test") as client,
    ):
        yield app, client


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await is_so():  # noqa: ASYNC110  # health has no event to wait for
            await asyncio.sleep(0.05)


@pytest.fixture
async def clean_graph(graph: GraphRepository) -> AsyncIterator[GraphRepository]:
    """The graph without the nodes of the application's modules."""
    for package in SLICES:
        await wipe(graph, load_slice(package).label)
    yield graph
    for package in SLICES:
        await wipe(graph, load_slice(package).label)


async def test_a_module_is_in_the_graph_after_the_start_and_once(
    clean_graph: GraphRepository, graph_server: Settings, migrated_database: Settings
) -> None:
    query = f"MATCH (n:Module:{PART.label}) RETURN n.name AS name, n.version AS version"
    for _ in range(2):
        async with served(with_graph(migrated_database, graph_server)) as (app, client):
            consumer = app.state.highway.consumers[f"{PART.module}.graph"]
            await until(lambda: _is_registered(client))
            await consumer.wait_for_end(timeout_s=20)
            registered = (await client.get(f"/{PART.module}/modules")).json()["items"]
            events = (await client.get("/graph/nodes/Event", params={"module": PART.label})).json()["items"]

    assert [each["name"] for each in registered] == [PART.module]
    assert await clean_graph.read(query) == [{"name": PART.module, "version": registered[0]["version"]}]
    assert [each["properties"]["event_type"] for each in events] == ["module.registered"]


async def _is_registered(client: AsyncClient) -> bool:
    tasks = (await client.get("/health/ready")).json()["background_tasks"]
    return bool(tasks[f"registration of {PART.module}"]["status"] == "ended")


@pytest.mark.usefixtures("clean_graph")
async def test_what_a_request_did_can_be_told_from_the_graph(
    graph_server: Settings, migrated_database: Settings
) -> None:
    async with served(with_graph(migrated_database, graph_server)) as (app, client):
        body = {"name": "billing", "version": "1"}
        created = await client.post(f"/{PART.module}/modules", json=body, headers={"X-Request-ID": "my-request"})
        await app.state.highway.consumers[f"{PART.module}.graph"].wait_for_end(timeout_s=20)
        story = (await client.get("/graph/requests/my-request")).json()
        node = (await client.get(f"/graph/nodes/Module/{created.json()['id']}")).json()
        health = (await client.get("/health/ready")).json()["dependencies"]["neo4j"]

    assert [each["event_type"] for each in story["entries"]] == ["module.created"]
    assert node["properties"]["name"] == "billing"
    assert (health["status"], health["is_required"]) == ("up", False)
    assert "Rust extension" in health["detail"]


@pytest.mark.parametrize("mode", VERSIONS)
async def test_an_assistant_is_told_the_story_of_a_request_in_its_module(
    clean_graph: GraphRepository, graph_server: Settings, migrated_database: Settings, mode: str
) -> None:
    other = "test_other_module"
    async with served(with_graph(migrated_database, graph_server)) as (app, client):
        client.base_url = "http://localhost"
        body = {"name": "billing", "version": "1"}
        await client.post(f"/{PART.module}/modules", json=body, headers={"X-Request-ID": "my-request"})
        await app.state.highway.consumers[f"{PART.module}.graph"].wait_for_end(timeout_s=20)
        await clean_graph.write(FOREIGN_EVENT.replace("<label>", other))
        async with connected(client, PART.module, mode=mode) as assistant:
            story = data_of(await assistant.call_tool("request_story", {"request_id": "my-request"}))
            (consumer,) = data_of(await assistant.call_tool("highway_status", {}))["consumers"]
            unknown = text_of(await assistant.call_tool("request_story", {"request_id": "nothing"}))
        everywhere = (await client.get("/graph/requests/my-request")).json()
        await wipe(clean_graph, other)

    assert [(each["event_type"], each["payload"]["name"]) for each in story["entries"]] == [
        ("module.created", "billing")
    ]
    assert (story["modules"], story["is_complete"]) == ([PART.label], True)
    assert (consumer["consumer"], consumer["is_in_code"]) == ("graph", True)
    assert everywhere["modules"] == sorted([PART.label, other])
    assert unknown == "The graph has nothing of the request nothing. It may not have arrived yet."


# Another user: after three wrong passwords Neo4j locks a user for some seconds, and other tests need theirs.
STRANGER = {"neo4j_user": "stranger", "neo4j_password": SecretStr("s3cret")}


@pytest.mark.long
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"neo4j_uri": "bolt://127.0.0.1:1"}, "Neo4j does not answer."),
        (STRANGER, "Neo4j refused the login. Check NEO4J_USER and NEO4J_PASSWORD."),
    ],
)
async def test_a_graph_that_cannot_be_used_stops_nothing_else(
    change: dict[str, object], sentence: str, graph_server: Settings, migrated_database: Settings
) -> None:
    settings = with_graph(migrated_database, graph_server.model_copy(update=change))
    async with served(settings) as (_app, client):
        client.base_url = "http://localhost"
        created = await client.post(f"/{PART.module}/modules", json={"name": "billing", "version": "1"})
        health = await client.get("/health/ready")
        started = time.perf_counter()
        asked = await client.get("/graph/counts")
        waited_s = time.perf_counter() - started
        async with connected(client, PART.module) as assistant:
            untold = await assistant.call_tool("request_story", {"request_id": "my-request"})

    assert created.status_code == 201
    assert (health.status_code, health.json()["status"]) == (200, "ready")
    assert health.json()["dependencies"]["neo4j"]["status"] == "down"
    assert health.json()["dependencies"]["neo4j"]["detail"].startswith(sentence)
    assert asked.status_code == 503
    assert untold.is_error
    assert text_of(untold).startswith(sentence)
    assert "s3cret" not in asked.text + health.text + text_of(untold)
    assert waited_s < 5


async def test_without_a_graph_health_says_absent(migrated_database: Settings) -> None:
    async with served(migrated_database.model_copy(update={"neo4j_uri": None})) as (app, client):
        health = (await client.get("/health/ready")).json()

    assert health["dependencies"]["neo4j"]["status"] == "absent"
    assert f"{PART.module}.graph" not in app.state.highway.consumers
