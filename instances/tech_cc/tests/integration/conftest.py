"""A log, a database on which tests really commit, and the highway of one process on it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient
from pydantic import SecretStr
from sqlalchemy import URL, text
from sqlalchemy.ext.asyncio import AsyncSession

from databases import throw_away_database
from slices import SAMPLE_SLICE, SLICES_WITH_MCP
from src.backend.slice import load_slice
from src.common.background_tasks import BackgroundTasks, open_background_tasks
from src.common.config import Settings
from src.cos_main import SLICES
from src.db.base import Base
from src.db.connection import Database, open_database
from src.highway.lifespan import Highway, open_highway
from src.highway.subscriber import AnySubscriber
from src.l1.entries import Log
from src.l1.writer import L1Writer, open_writer
from src.mcp_host.routes import Servers, open_mcp


@dataclass(frozen=True, slots=True)
class Running:
    """A running highway, and what writes to its log."""

    highway: Highway
    writer: L1Writer
    tasks: BackgroundTasks
    settings: Settings


type RunHighway = Callable[..., AbstractAsyncContextManager[Running]]


@pytest.fixture(scope="session")
def log() -> Log:
    """The log of one of the modules."""
    return load_slice(SAMPLE_SLICE).log


@pytest.fixture(scope="session")
async def committing_settings(database_server: URL, migrated_template: str) -> AsyncIterator[Settings]:
    """Settings that name a database that is emptied after each test that commits."""
    async with throw_away_database(database_server, template=migrated_template) as settings:
        yield settings


@pytest.fixture
async def committing_database(committing_settings: Settings) -> AsyncIterator[Database]:
    """The database, emptied after the test."""
    async with open_database(committing_settings) as database:
        yield database
        async with database.engine.begin() as connection:
            schemas = [load_slice(package).log.schema for package in SLICES]
            tables = [table.fullname for table in Base.metadata.tables.values() if table.schema in schemas]
            await connection.execute(text(f"TRUNCATE {', '.join(tables)} CASCADE"))


@pytest.fixture
async def session(committing_database: Database) -> AsyncIterator[AsyncSession]:
    """A session on it, to look with."""
    async with committing_database.sessions() as session:
        yield session


@pytest.fixture
def run_highway(
    committing_database: Database,  # noqa: ARG001  # it is emptied after the test
    committing_settings: Settings,
    redis_url: SecretStr,
    log: Log,
) -> RunHighway:
    """Run the highway of one process with these subscribers, on a database that the test has for itself."""
    with_redis = committing_settings.model_copy(update={"redis_url": redis_url})

    @asynccontextmanager
    async def run(
        *subscribers: AnySubscriber, log: Log = log, settings: Settings = with_redis
    ) -> AsyncIterator[Running]:
        async with (
            open_database(settings) as database,
            open_background_tasks() as tasks,
            open_writer(settings, tasks) as writer,
            open_highway(settings, database, writer, tasks, [(log, each) for each in subscribers]) as highway,
        ):
            yield Running(highway, writer, tasks, settings)

    return run


@pytest.fixture(scope="session")
async def mcp_servers(app: FastAPI, settings: Settings) -> AsyncIterator[Servers]:
    """The MCP server of every module; it uses the database that the application has at the time of a call."""
    database = cast(Database, CurrentDatabase(app))
    async with open_mcp([load_slice(package).mcp_host(settings, database) for package in SLICES_WITH_MCP]) as servers:
        yield servers


@pytest.fixture
async def mcp_http(client: AsyncClient, app: FastAPI, mcp_servers: Servers) -> AsyncClient:
    """A client with every module's MCP server behind it; what it changes is rolled back."""
    client.base_url = "http://localhost"
    app.state.mcp_servers = mcp_servers
    return client


class CurrentDatabase:
    """The database that an application has now; each test gives it another."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    def __getattr__(self, name: str) -> Any:
        return getattr(self._app.state.database, name)
