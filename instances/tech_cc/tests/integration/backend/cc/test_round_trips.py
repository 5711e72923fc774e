"""What each route asks of PostgreSQL: how many statements, and how many round trips."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from httpx2 import ASGITransport, AsyncClient
from sqlalchemy import Engine, event

from round_trips import CountingProtocol, Counts
from src.common.config import Settings
from src.cos_main import create_app

ROOT = "/cc"
UNKNOWN = "01890a5d-ac96-774b-bcce-b302099a8057"
ONE = (1, 1)
RECORDED_BY_THE_ROUTER = (2, 4)  # BEGIN, the change, its record, COMMIT
CALLS: list[tuple[str, str, Any, tuple[int, int]]] = [
    ("GET", "/health/live", None, (0, 0)),
    ("POST", f"{ROOT}/modules", {"version": "1"}, ONE),
    ("POST", f"{ROOT}/modules", {"name": "billing", "version": "1"}, ONE),
    ("POST", f"{ROOT}/modules", {"name": "Bad", "version": "1"}, (0, 0)),
    ("GET", f"{ROOT}/modules", None, ONE),
    ("GET", f"{ROOT}/modules?limit=1&after={UNKNOWN}", None, ONE),
    ("GET", "{module}", None, ONE),
    ("PATCH", "{module}", {"version": "2"}, ONE),
    ("PATCH", "{module}", {}, ONE),
    ("DELETE", f"{ROOT}/modules/{UNKNOWN}", None, ONE),
    ("GET", f"{ROOT}/health", None, ONE),
    ("PUT", f"{ROOT}/health/queue", {"status": "healthy"}, RECORDED_BY_THE_ROUTER),
    ("GET", f"{ROOT}/health/queue", None, ONE),
    ("DELETE", f"{ROOT}/health/nothing", None, (1, 3)),
    ("POST", f"{ROOT}/scratch-notes", {"content": {}}, RECORDED_BY_THE_ROUTER),
    ("GET", f"{ROOT}/scratch-notes", None, ONE),
    ("GET", "{note}", None, ONE),
    ("PATCH", "{note}", {"content": {}}, RECORDED_BY_THE_ROUTER),
    ("DELETE", f"{ROOT}/scratch-notes/{UNKNOWN}", None, (1, 3)),
    ("POST", f"{ROOT}/scratch-notes/purge", None, RECORDED_BY_THE_ROUTER),
    ("POST", f"{ROOT}/test-log", {}, (1, 3)),
]


@pytest.fixture
def counts() -> Counts:
    return Counts()


@pytest.fixture
async def client(migrated_database: Settings, counts: Counts) -> AsyncIterator[AsyncClient]:
    """A client of an application that commits, on one counted connection."""
    app = create_app(migrated_database.model_copy(update={"database_pool_size": 1}))

    def count_statement(*_: object) -> None:
        counts.statements += 1

    async with app.router.lifespan_context(app):
        async with app.state.database.engine.connect() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            driver._protocol = CountingProtocol(driver._protocol, counts)
        event.listen(Engine, "before_cursor_execute", count_statement)
        async with AsyncClient(transport=ASGITransport(app=app), base_url="http://test") as client:
            yield client
        event.remove(Engine, "before_cursor_execute", count_statement)


@pytest.fixture
async def places(client: AsyncClient) -> dict[str, str]:
    """The paths of a module and of a note that exist; a component has reported as well."""
    module = await client.post(f"{ROOT}/modules", json={"name": "billing", "version": "1"})
    note = await client.post(f"{ROOT}/scratch-notes", json={"content": {"step": 1}})
    await client.put(f"{ROOT}/health/queue", json={"status": "healthy"})
    return {"module": module.headers["location"], "note": note.headers["location"]}


async def test_each_route_asks_no_more_of_postgresql_than_it_needs(
    client: AsyncClient, counts: Counts, places: dict[str, str]
) -> None:
    asked = []
    for method, path, body, _ in CALLS:
        for number in range(2):  # the first prepares the statement
            is_new = method == "POST" and path.endswith("/modules") and "name" not in body
            counts.reset()
            await client.request(method, path.format(**places), json=body | {"name": f"m{number}"} if is_new else body)
        asked.append((method, path, body, (counts.statements, counts.round_trips)))

    assert asked == CALLS


async def test_a_module_that_is_deleted_is_one_statement(
    client: AsyncClient, counts: Counts, places: dict[str, str]
) -> None:
    await client.delete(f"{ROOT}/modules/{UNKNOWN}")
    counts.reset()

    assert (await client.delete(places["module"])).status_code == 204
    assert (counts.statements, counts.round_trips) == ONE
