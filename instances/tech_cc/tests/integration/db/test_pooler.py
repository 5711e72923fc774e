"""The service behind a real PgBouncer in transaction mode, which has fewer connections than the service."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager

import asyncpg
import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from databases import upgrade
from pgbouncer import PROGRAM, SERVER_CONNECTIONS, running_pgbouncer
from src.common.background_tasks import open_background_tasks
from src.common.config import Settings
from src.common.startup_errors import StartupError
from src.cos_main import create_app
from src.db.connection import connect_driver, open_database
from src.db.unavailable import DatabaseUnavailableError, outages_refused
from src.highway.consumer import Consumer, wait_until_caught_up
from src.highway.cursor import StoredRecord
from src.highway.lifespan import open_highway
from src.highway.subscriber import TransactionalSubscriber
from src.l1.entries import Event, Log
from src.l1.writer import open_writer

REQUESTS = 200

needs_pgbouncer = pytest.mark.skipif(PROGRAM is None, reason="there is no pgbouncer; `apt-get install pgbouncer`")


def pooled(direct: Settings, url: str, **others: object) -> Settings:
    """Return settings with the address of a pooler beside that of PostgreSQL."""
    own = {"database_url": url, "database_direct_url": direct.database_url.get_secret_value(), "redis_url": None}
    return Settings.model_validate({**own, **others})


@pytest.fixture
def pooler_url(migrated_database: Settings) -> Iterator[str]:
    with running_pgbouncer(migrated_database.sqlalchemy_url) as url:
        yield url.render_as_string(hide_password=False)


@pytest.fixture
async def app(migrated_database: Settings, pooler_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FastAPI]:
    for limit in ("POOL_TIMEOUT_S", "CONNECT_TIMEOUT_S"):  # many requests at once keep a slow machine busy
        monkeypatch.setattr(f"src.db.connection.{limit}", 30.0)
    app = create_app(pooled(migrated_database, pooler_url, statement_timeout_ms=20_000))
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://test") as client:
        yield client


@needs_pgbouncer
async def test_the_routes_of_a_slice_work(client: AsyncClient, log: Log) -> None:
    created = await client.post(f"/{log.module}/modules", json={"name": "billing", "version": "1"})
    path = f"/{log.module}/modules/{created.json()['id']}"
    again = await client.post(f"/{log.module}/modules", json={"name": "billing", "version": "1"})
    read = await client.get(path)
    changed = await client.patch(path, json={"version": "2"}, headers={"If-Match": read.headers["etag"]})
    late = await client.patch(path, json={"version": "3"}, headers={"If-Match": read.headers["etag"]})
    note = await client.post(f"/{log.module}/scratch-notes", json={"content": {"seats": [1, 2]}})
    logged = await client.post(f"/{log.module}/test-log", json={})
    ready = await client.get("/health/ready")
    deleted = await client.delete(path)

    answers = [created, again, read, changed, late, note, logged, ready, deleted]
    assert [answer.status_code for answer in answers] == [201, 409, 200, 200, 412, 201, 200, 200, 204]
    assert changed.json()["version"] == "2"


@needs_pgbouncer
@pytest.mark.long
async def test_many_requests_at_once_share_few_connections(client: AsyncClient, app: FastAPI, log: Log) -> None:
    async def write(number: int) -> str:
        entry = {"name": f"billing_{number}", "version": str(number)}
        return str((await client.post(f"/{log.module}/modules", json=entry)).json()["id"])

    async def read(place: str) -> str:
        return str((await client.get(f"/{log.module}/modules/{place}")).json()["version"])

    places = await asyncio.gather(*map(write, range(REQUESTS)))
    versions = await asyncio.gather(*map(read, places))
    await asyncio.gather(*[client.post(f"/{log.module}/test-log", json={}) for _ in range(20)])

    assert versions == list(map(str, range(REQUESTS)))
    async with app.state.database.sessions() as session:
        assert await session.scalar(text(f"SELECT count(*) FROM {log.schema}.event_log")) >= REQUESTS + 20
    left = await asyncio.gather(*[prepared_statements(app) for _ in range(SERVER_CONNECTIONS)])
    assert len({process for process, _ in left}) == SERVER_CONNECTIONS
    assert [count for _, count in left] == [0] * SERVER_CONNECTIONS


async def prepared_statements(app: FastAPI) -> tuple[int, int]:
    """Return a server connection, and how many named statements are on it."""
    async with app.state.database.engine.begin() as connection:
        count = text("SELECT pg_backend_pid(), (SELECT count(*) FROM pg_prepared_statements), pg_sleep(0.1)")
        process, statements, _ = (await connection.execute(count)).one()
    return process, statements


@needs_pgbouncer
async def test_each_transaction_has_time_limits_and_leaves_none(
    migrated_database: Settings, pooler_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("src.db.connection.COMMAND_MARGIN_S", 10.0)  # so that PostgreSQL's own limit ends a statement
    settings = pooled(migrated_database, pooler_url, statement_timeout_ms=300)
    async with open_database(settings) as database:
        limit = (await database.autocommit.execute(text("SHOW statement_timeout"))).scalar_one()
        with pytest.raises(DatabaseUnavailableError, match="cancelled a statement"):
            await database.autocommit.execute(text("SELECT pg_sleep(5)"))
        with pytest.raises(DatabaseUnavailableError, match="cancelled a statement"), outages_refused():
            async with database.sessions() as session:
                await session.execute(text("SELECT pg_sleep(5)"))

    stranger = await asyncpg.connect(pooler_url.replace("+asyncpg", ""), statement_cache_size=0)
    async with stranger.transaction():
        left = await stranger.fetchval("SHOW statement_timeout")
    await stranger.close()
    assert (limit, left) == ("300ms", "0")


class Notes(TransactionalSubscriber):
    """Counts in the database what it has handled."""

    name = "pooled"

    async def handle_batch(self, records: Sequence[StoredRecord], session: AsyncSession) -> None:
        add = text("INSERT INTO handled SELECT unnest(CAST(:ids AS uuid[]))")
        await session.execute(add, {"ids": [record.id for record in records]})


@asynccontextmanager
async def running_consumer(settings: Settings, log: Log) -> AsyncIterator[Consumer]:
    async with (
        open_database(settings) as database,
        open_background_tasks() as tasks,
        open_writer(settings, tasks) as writer,
        open_highway(settings, database, writer, tasks, [(log, Notes())]) as highway,
    ):
        await asyncio.gather(*[writer.submit(log, [Event("seat.reserved", {"row": row})]) for row in range(50)])
        yield highway.consumers[f"{log.module}.pooled"]


@needs_pgbouncer
async def test_of_two_consumers_one_leads_and_handles_every_record_once(
    migrated_database: Settings, pooler_url: str, log: Log
) -> None:
    settings = pooled(migrated_database, pooler_url)
    direct = await connect_driver(settings)
    await direct.execute("CREATE TABLE handled (id uuid PRIMARY KEY)")

    async with running_consumer(settings, log) as one, running_consumer(settings, log) as other:
        await wait_until_caught_up(one, timeout_s=30)
        statuses = {one.state.status, other.state.status}

    assert statuses == {"leading", "standby"}
    assert await direct.fetchval("SELECT count(*) FROM handled") == 100
    await direct.close()


@needs_pgbouncer
async def test_a_pooler_without_the_setting_is_refused_with_the_next_step(
    migrated_database: Settings, pooler_url: str
) -> None:
    alone = migrated_database.model_validate({"database_url": pooler_url})

    with pytest.raises(StartupError, match="Set DATABASE_DIRECT_URL to PostgreSQL's own address"):
        async with open_database(alone):
            pass


@needs_pgbouncer
async def test_a_direct_address_that_does_not_answer_is_named(migrated_database: Settings, pooler_url: str) -> None:
    gone = "postgresql+asyncpg://u:s3cret@127.0.0.1:1/gone"
    settings = pooled(migrated_database, pooler_url, database_direct_url=gone)

    with pytest.raises(StartupError, match="does not answer.* 127.0.0.1:1/gone, from DATABASE_DIRECT_URL") as refusal:
        async with open_database(settings):
            pass
    assert "s3cret" not in str(refusal.value)


async def test_migrations_use_the_direct_address(empty_database: Settings, log: Log) -> None:
    await upgrade(pooled(empty_database, "postgresql+asyncpg://u:p@127.0.0.1:1/gone"))

    connection = await connect_driver(empty_database)
    assert await connection.fetchval(f"SELECT count(*) FROM {log.schema}.base_log") == 0
    await connection.close()
