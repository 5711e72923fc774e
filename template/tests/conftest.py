"""A real PostgreSQL, a throw-away database in it, and a client whose every change is rolled back."""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient
from pydantic import SecretStr
from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, async_sessionmaker

from databases import own_server, throw_away_database, upgrade
from embedded.redis import running_redis
from issue_token import LocalIssuer
from src.common.config import Settings, get_settings
from src.cos_main import create_app
from src.db.autocommit import AutocommitSession
from src.db.connection import Database, open_database

# What a plain `pytest` runs; the default of `-m` in pyproject.toml.
QUICK = "not benchmark and not faults and not long"
ALL = QUICK.removesuffix(" and not long")


def pytest_configure(config: pytest.Config) -> None:
    """Refuse production, select long tests where they are asked for, ask for full coverage of full runs only."""
    if get_settings().is_production:
        pytest.exit("Tests do not run with ENVIRONMENT=production. Unset it, or set it to test.", returncode=1)
    if get_settings().is_pooled:
        pytest.exit("Tests make databases that a PgBouncer does not know. Unset DATABASE_DIRECT_URL.", returncode=1)
    coverage = config.pluginmanager.getplugin("_cov")
    if coverage and not is_whole(config):
        coverage.options.cov_fail_under = 0
    if config.option.markexpr == QUICK and (uses_named_server() or not is_whole(config)):
        config.option.markexpr = ALL


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Run all tests in a process for each core, with servers of its own; run some tests, or on one server, in one."""
    return None if is_whole(config) and not uses_named_server() else 0


def is_whole(config: pytest.Config) -> bool:
    """Return whether this is a run of everything that is no measurement."""
    is_of_all = config.args == config.getini("testpaths") and not config.option.keyword
    return bool(is_of_all and config.option.markexpr in {QUICK, ALL})


def uses_named_server() -> bool:
    """Return whether tests make their databases on a server that the environment names."""
    return get_settings().database_is_named or os.environ.get("RUN_INTEGRATION") == "1"


@pytest.fixture(scope="session")
async def database_server() -> AsyncIterator[URL]:
    """The server to make databases on: the one that DATABASE_URL names, else one out of a wheel.

    With RUN_INTEGRATION=1 it is external in any case, if need be at the development default.
    """
    if uses_named_server():
        yield get_settings().sqlalchemy_url
        return
    async with own_server() as server:
        yield server


@pytest.fixture(scope="session")
def redis_url() -> Iterator[SecretStr]:
    """The address of a Redis: the one that REDIS_URL names, else one out of a wheel."""
    if named := get_settings().redis_url:
        yield named
        return
    with running_redis() as address:
        yield SecretStr(address)


@pytest.fixture(scope="session")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> LocalIssuer:
    """An issuer of tokens."""
    return LocalIssuer(tmp_path_factory.mktemp("issuer"))


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> LocalIssuer:
    """An issuer whom the service does not trust."""
    return LocalIssuer(tmp_path_factory.mktemp("stranger"))


@pytest.fixture(scope="session")
def guarded(settings: Settings, issuer: LocalIssuer) -> Callable[..., Settings]:
    """Make settings with which requests need a token of the issuer."""

    def guarded(**others: Any) -> Settings:
        url = settings.database_url.get_secret_value()
        return Settings.model_validate({"database_url": url, **issuer.settings, **others})

    return guarded


@pytest.fixture
def without_registration(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no slice register itself when the application starts, for tests that count records or spans."""
    monkeypatch.setattr("src.application.registration_tasks", lambda _database, _slices: [])


@pytest.fixture
async def empty_database(database_server: URL) -> AsyncIterator[Settings]:
    """Settings that name a database without a table, of this test alone."""
    async with throw_away_database(database_server) as settings:
        yield settings


@pytest.fixture(scope="session")
async def migrated_template(database_server: URL) -> AsyncIterator[str]:
    """The name of a database that the migrations built; a copy of it is made in a tenth of the time."""
    async with throw_away_database(database_server) as settings:
        await upgrade(settings)
        yield str(settings.sqlalchemy_url.database)


@pytest.fixture
async def migrated_database(database_server: URL, migrated_template: str) -> AsyncIterator[Settings]:
    """Settings that name a database with all tables, of this test alone."""
    async with throw_away_database(database_server, template=migrated_template) as settings:
        yield settings


@pytest.fixture(scope="session")
async def settings(database_server: URL, migrated_template: str) -> AsyncIterator[Settings]:
    """Settings that name a database with all tables, shared by all tests and dropped after them."""
    async with throw_away_database(database_server, template=migrated_template) as settings:
        yield settings


@pytest.fixture(scope="session")
async def database(settings: Settings) -> AsyncIterator[Database]:
    """The application's own engine on the shared database."""
    async with open_database(settings) as database:
        yield database


@pytest.fixture
async def connection(database: Database) -> AsyncIterator[AsyncConnection]:
    """A connection whose outer transaction is rolled back; commits inside become savepoints."""
    async with database.engine.connect() as connection:
        outer = await connection.begin()
        yield connection
        await outer.rollback()


@pytest.fixture
async def test_db_session(connection: AsyncConnection) -> AsyncIterator[AsyncSession]:
    """A session that sees what the client's requests did."""
    async with sessions_on(connection)() as session:
        yield session


@pytest.fixture
async def mem0_db_session(connection: AsyncConnection) -> AsyncIterator[AsyncSession]:
    """A second session beside `test_db_session`, for a module's scratch memory."""
    async with sessions_on(connection)() as session:
        yield session


@pytest.fixture(scope="session")
def app(settings: Settings) -> FastAPI:
    """The whole application; `client` gives it the database of each test."""
    return create_app(settings)


@pytest.fixture
async def client(app: FastAPI, database: Database, connection: AsyncConnection) -> AsyncIterator[AsyncClient]:
    """A client of the whole application, one request at a time, rolled back after the test."""
    async with client_of(app, database, connection) as client:
        yield client


@pytest.fixture(scope="session")
def guarded_app(guarded: Callable[..., Settings]) -> FastAPI:
    """The same application where requests need a token."""
    return create_app(guarded())


@pytest.fixture
async def guarded_client(
    guarded_app: FastAPI, database: Database, connection: AsyncConnection
) -> AsyncIterator[AsyncClient]:
    """A client of it, without a token, rolled back after the test."""
    async with client_of(guarded_app, database, connection) as client:
        yield client


@pytest.fixture
async def committing_client(migrated_database: Settings) -> AsyncIterator[AsyncClient]:
    """A client of an application that owns a database and really commits; requests may run at once."""
    app = create_app(migrated_database)
    async with (
        app.router.lifespan_context(app),
        AsyncClient(transport=ASGITransport(app=app, raise_app_exceptions=False), base_url="http://test") as client,
    ):
        yield client


@asynccontextmanager
async def client_of(app: FastAPI, database: Database, connection: AsyncConnection) -> AsyncIterator[AsyncClient]:
    """Yield a client of an application that does all its work in the connection's transaction."""
    autocommit = AutocommitSession(lambda: savepoint_on(connection))
    app.state.database = Database(engine=database.engine, sessions=sessions_on(connection), autocommit=autocommit)
    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://test") as client:
        yield client


def sessions_on(connection: AsyncConnection) -> async_sessionmaker[AsyncSession]:
    """Return a factory of sessions that all live in the connection's transaction."""
    return async_sessionmaker(bind=connection, join_transaction_mode="create_savepoint", expire_on_commit=False)


@asynccontextmanager
async def savepoint_on(connection: AsyncConnection) -> AsyncIterator[AsyncConnection]:
    """Yield the connection, for one statement that leaves its transaction usable when it fails."""
    async with connection.begin_nested():
        yield connection
