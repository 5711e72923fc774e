"""The graph over HTTP, and what no client should send."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient

from integration.graph.conftest import Pipeline
from src.common.errors import add_error_handlers
from src.common.request_id_middleware import RequestIdMiddleware
from src.graph.queries import GraphQueries
from src.graph.router import router
from src.l1.entries import Event, Prompt

PATHS = [
    "nodes/{}",
    "nodes/Event/{}",
    "nodes/Event/{}/neighbours",
    "nodes/{}/x/neighbours",
    "requests/{}",
    "modules-of/{}",
]
BAD_QUERIES = ["depth=0", "depth=4", "depth=x", "depth=1.5", "limit=0", "limit=101", "limit=-1", "limit="]
HOSTILE = [
    "Event`) DETACH DELETE n //",
    "Event) RETURN n UNION MATCH (n",
    "' OR 1=1 //",
    "$rec_id",
    "%00",
    "a" * 5000,
    "%F0%9F%92%A9",
    "..%2f..",
    "-1",
    "Checkpoint",
    "SchemaScript",
]


@pytest.fixture
async def client(queries: GraphQueries) -> AsyncIterator[AsyncClient]:
    """A client of the graph's routes."""
    app = FastAPI(redirect_slashes=False)
    add_error_handlers(app)
    app.add_middleware(RequestIdMiddleware)
    app.include_router(router)
    app.state.graph_queries = queries
    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://test/graph/") as client:
        yield client


@pytest.fixture
async def record_id(pipeline: Pipeline) -> UUID:
    """A record of a request, in the graph."""
    payload = {"id": "e1", "name": "a", "version": "1", "description": None, "is_active": True}
    record_id = await pipeline.record(
        Event("module.created", payload), Event("a.b", {"id": "e1"}), Prompt("user", "hi")
    )
    records = await pipeline.stored()
    object.__setattr__(records[0], "request_id", "r1")
    old = await pipeline.subscriber.register()
    await pipeline.subscriber.handle_batch(records, old=old, new=records[0].position)
    return record_id


async def test_a_request_is_told_in_one_answer(client: AsyncClient, record_id: UUID, label: str) -> None:
    story = (await client.get("requests/r1")).json()

    assert [(each["type"], each["event_type"], each["role"]) for each in story["entries"]] == [
        ("Event", "module.created", None),
        ("Event", "a.b", None),
        ("Prompt", None, "user"),
    ]
    assert {each["record_id"] for each in story["entries"]} == {str(record_id)}
    assert (story["modules"], story["is_complete"]) == ([label], True)
    assert story["entries"][1]["payload"] == {"id": "e1"}


@pytest.mark.usefixtures("record_id")
async def test_which_modules_touched_a_request_or_an_entity(client: AsyncClient, label: str) -> None:
    assert (await client.get("modules-of/r1")).json() == {label: 3}
    assert (await client.get("modules-of/e1")).json() == {label: 2}
    assert (await client.get("modules-of/nothing")).status_code == 404


@pytest.mark.usefixtures("record_id")
async def test_a_type_alone_is_read_across_modules_and_a_module_sees_its_own(
    client: AsyncClient, pipeline: Pipeline, label: str
) -> None:
    other = f"{label}_other"
    await pipeline.graph.write(f"CREATE (:Module:{other} {{rec_id: 'e2', name: 'theirs'}})")
    everywhere = (await client.get("nodes/Module", params={"limit": 100})).json()["items"]
    own = (await client.get("nodes/Module", params={"module": label})).json()
    await pipeline.graph.write(f"MATCH (n:{other}) DELETE n")

    assert {(each["module"], each["rec_id"]) for each in everywhere} >= {(label, "e1"), (other, "e2")}
    assert [(each["module"], each["rec_id"]) for each in own["items"]] == [(label, "e1")]
    assert own["next_after"] is None


async def test_pages_follow_each_other(client: AsyncClient, record_id: UUID, label: str) -> None:
    first = (await client.get("nodes/Event", params={"module": label, "limit": 1})).json()
    query = {"module": label, "limit": 1, "after": first["next_after"]}
    second = (await client.get("nodes/Event", params=query)).json()

    assert [each["rec_id"] for each in first["items"] + second["items"]] == [
        f"{record_id}:event:0",
        f"{record_id}:event:1",
    ]


async def test_neighbours_are_found_by_depth_and_cut_at_the_limit(
    client: AsyncClient, record_id: UUID, pipeline: Pipeline
) -> None:
    path = "nodes/Module/e1/neighbours"
    near = (await client.get(path)).json()
    far = (await client.get(path, params={"depth": 3})).json()
    cut = (await client.get(path, params={"depth": 3, "limit": 1})).json()

    assert [(each["relation"], each["direction"], each["node"]["rec_id"]) for each in near["neighbours"]] == [
        ("ABOUT", "in", f"{record_id}:event:0")
    ]
    assert {(each["node"]["rec_id"], each["depth"]) for each in far["neighbours"]} == {
        (f"{record_id}:event:0", 1),
        (f"{pipeline.log.module}:r1", 2),
        (f"{record_id}:event:1", 3),
        (f"{record_id}:prompt:0", 3),
    }
    assert (far["is_complete"], cut["is_complete"], len(cut["neighbours"])) == (True, False, 1)


@pytest.mark.usefixtures("record_id")
async def test_counts_are_by_type_and_by_module(client: AsyncClient, label: str) -> None:
    counts = (await client.get("counts")).json()

    assert counts["modules"] == {label: 6}  # with the checkpoint
    assert counts["types"]["Event"] >= 2


async def test_a_name_or_an_id_that_is_hostile_is_refused_and_changes_nothing(
    client: AsyncClient, record_id: UUID, pipeline: Pipeline
) -> None:
    before = await pipeline.contents()
    for path in PATHS:
        for value in HOSTILE:
            answer = await client.get(path.format(value.replace("/", "%2f").replace("`", "%60")))
            assert answer.status_code in {404, 422}, (path, value, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"

    assert f"Event {pipeline.subscriber.label} {record_id}:event:0" in before[0]
    assert await pipeline.contents() == before


async def test_depth_and_limit_out_of_range_are_refused(client: AsyncClient) -> None:
    for query in BAD_QUERIES:
        answer = await client.get(f"nodes/Module/e1/neighbours?{query}")
        assert answer.status_code == 422, query
        assert answer.json()["faults"][0]["at"] == ["query", query.partition("=")[0]]


@pytest.mark.parametrize(
    ("path", "limit"),
    [("nodes/Event", 100), ("nodes/Event/x/neighbours", 100), ("requests/x", 500), ("nodes/Event/x/neighbours", None)],
)
async def test_no_route_takes_more_than_its_limit(client: AsyncClient, path: str, limit: int | None) -> None:
    name, largest = ("limit", limit) if limit else ("depth", 3)
    for value in (0, -1, largest + 1, 2**31, 2**63, 2**64, "1e2", "0x10", "%00", "1;2", "n"):
        answer = await client.get(f"{path}?{name}={value}")
        assert answer.status_code == 422, (path, value)
        assert answer.json()["faults"][0]["at"] == ["query", name]


async def test_a_page_after_any_text_is_a_page(client: AsyncClient, record_id: UUID, label: str) -> None:
    for after in ("' OR 1=1 //", "Event`) DETACH DELETE n //", "$module", "%F0%9F%92%A9"):
        answer = await client.get(f"nodes/Event?module={label}&after={after.replace('`', '%60')}")
        assert answer.status_code == 200, after
        assert {each["rec_id"].partition(":")[0] for each in answer.json()["items"]} <= {str(record_id)}
    for after in ("%00", "a" * 201, "%ED%A0%80"):
        assert (await client.get(f"nodes/Event?after={after}")).status_code in {200, 422}, after


async def test_an_unknown_module_is_refused(client: AsyncClient) -> None:
    for module in ("nothing", "tech`) DETACH DELETE n //", "", "%00", "a" * 5000):
        answer = await client.get(f"nodes/Event?module={module.replace('`', '%60')}")
        assert answer.status_code in {404, 422}, module


async def test_without_a_graph_the_answer_says_what_to_set() -> None:
    app = FastAPI()
    add_error_handlers(app)
    app.include_router(router)

    answer = await AsyncClient(transport=ASGITransport(app=app), base_url="http://test").get("/graph/counts")

    assert (answer.status_code, answer.json()["type"]) == (503, "urn:cos:problem:graph-unavailable")
    assert "NEO4J_URI" in answer.json()["detail"]
