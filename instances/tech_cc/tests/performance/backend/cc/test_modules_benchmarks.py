"""What requests of the slice cost in process, beside the same statement through the raw driver."""

from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import count

import asyncpg
import pytest
from httpx2 import AsyncClient

from src.common.config import Settings

pytestmark = pytest.mark.database

PATH = "/cc/modules"

type Measure = Callable[[Callable[[], Awaitable[object]]], None]


@pytest.fixture
async def module_path(committing_client: AsyncClient) -> str:
    """The path of a module that is registered."""
    answer = await committing_client.post(PATH, json={"name": "billing", "version": "1"})
    return str(answer.headers["location"])


@pytest.fixture
async def driver(migrated_database: Settings, committing_client: AsyncClient) -> AsyncIterator[asyncpg.Connection]:
    """The raw driver, connected to the database of the client."""
    assert (await committing_client.get("/health/ready")).is_success
    url = migrated_database.sqlalchemy_url
    _, arguments = url.get_dialect()().create_connect_args(url)
    connection = await asyncpg.connect(**arguments)
    yield connection
    await connection.close()


@pytest.mark.benchmark(group="cc: read one module")
def test_read_by_request(measure: Measure, committing_client: AsyncClient, module_path: str) -> None:
    measure(lambda: committing_client.get(module_path))


@pytest.mark.benchmark(group="cc: read one module")
def test_read_by_driver(measure: Measure, driver: asyncpg.Connection, module_path: str) -> None:
    module_id = module_path.rpartition("/")[2]
    measure(lambda: driver.fetchrow("SELECT * FROM cc.modules WHERE id = $1", module_id))


@pytest.mark.benchmark(group="cc: write one module")
def test_write_by_request(measure: Measure, committing_client: AsyncClient) -> None:
    number = count()
    measure(lambda: committing_client.post(PATH, json={"name": f"m{next(number)}", "version": "1"}))


@pytest.mark.benchmark(group="cc: write one module")
def test_write_by_driver(measure: Measure, driver: asyncpg.Connection) -> None:
    columns = "(id, name, version, is_active) VALUES (gen_random_uuid(), $1, '1', true)"
    insert = f"INSERT INTO cc.modules {columns}"
    number = count()
    measure(lambda: driver.execute(insert, f"m{next(number)}"))


@pytest.mark.benchmark(group="cc: nothing but HTTP")
def test_liveness(measure: Measure, committing_client: AsyncClient) -> None:
    measure(lambda: committing_client.get("/health/live"))
