"""Every way to write one record of one prompt and one event, committed."""

from collections.abc import AsyncIterator
from importlib import import_module
from typing import Any

import asyncpg
import pytest

from ratios import Work
from slices import SAMPLE_SLICE
from src.common.background_tasks import open_background_tasks
from src.common.config import Settings
from src.db.connection import Database, connect_driver, open_database
from src.l1.entries import Entry, Event, Log, Prompt, new_record
from src.l1.record import write_record
from src.l1.statements import insertion_of
from src.l1.writer import L1Writer, open_writer

PAYLOAD = {"message": "hello", "count": 1, "by": "a benchmark"}
CONTENT = "Twenty words or so. " * 5


@pytest.fixture
async def database(measured_settings: Settings) -> AsyncIterator[Database]:
    """The application's engine on a pool of ten."""
    settings = measured_settings.model_copy(update={"database_pool_size": 10})
    async with open_database(settings) as database:
        database.engine.pool._timeout = 60  # type: ignore[attr-defined]  # two hundred tasks may wait
        yield database


@pytest.fixture
async def writer(measured_settings: Settings) -> AsyncIterator[L1Writer]:
    async with open_background_tasks() as tasks, open_writer(measured_settings, tasks) as writer:
        yield writer


@pytest.fixture
async def driver(measured_settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    connection = await connect_driver(measured_settings)
    yield connection
    await connection.close()


@pytest.fixture
async def driver_pool(measured_settings: Settings) -> AsyncIterator[asyncpg.Pool]:
    url = measured_settings.sqlalchemy_url
    _, arguments = url.get_dialect()().create_connect_args(url)
    async with asyncpg.create_pool(**arguments, min_size=10, max_size=10) as pool:
        yield pool


@pytest.fixture
def by_driver(driver: asyncpg.Connection, log: Log) -> Work:
    """The statement and no more: what no other way can undercut."""

    async def write() -> None:
        await _send(driver, log)

    return write


@pytest.fixture
def by_driver_pool(driver_pool: asyncpg.Pool, log: Log) -> Work:
    async def write() -> None:
        async with driver_pool.acquire() as connection:
            await _send(connection, log)

    return write


@pytest.fixture
def by_writer(writer: L1Writer, log: Log) -> Work:
    return lambda: writer.submit(log, entries())


@pytest.fixture
def by_log_l1(database: Database, log: Log) -> Work:
    """As a request does it: a session, `log_l1`, a commit."""

    async def write() -> None:
        async with database.sessions() as session, session.begin():
            await write_record(session, log, entries())

    return write


@pytest.fixture
def by_orm(database: Database, log: Log) -> Work:
    """As most would write it: objects, a session, a commit."""
    models: Any = import_module(f"{SAMPLE_SLICE}.mem0_models")

    async def write() -> None:
        async with database.sessions() as session, session.begin():
            base = models.BaseLog(source_module=log.module)
            session.add(base)
            await session.flush()
            prompt = {"role": "user", "content": CONTENT, "tokens_in": 10, "tokens_out": 20}
            event = {"event_type": "debug.test_log", "payload": PAYLOAD}
            session.add(models.PromptTrace(base_log_id=base.id, position=0, **prompt))
            session.add(models.EventLog(base_log_id=base.id, position=1, **event))

    return write


def entries() -> list[Entry]:
    return [Prompt("user", CONTENT, 10, 20), Event("debug.test_log", PAYLOAD)]


async def _send(connection: Any, log: Log) -> None:
    sql, parameters = insertion_of(new_record(log, entries()), log)
    await connection.fetch(sql, *parameters)
