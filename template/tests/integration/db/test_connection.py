import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

import pytest
from fastapi import Depends, FastAPI
from httpx2 import ASGITransport, AsyncClient
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncSession

from src.common.config import Settings
from src.common.errors import add_error_handlers
from src.common.startup_errors import StartupError
from src.db.connection import get_db_session, open_database

Session = Annotated[AsyncSession, Depends(get_db_session, scope="function")]
UNIQUE_AT_COMMIT = "CREATE TABLE entry (name text UNIQUE DEFERRABLE INITIALLY DEFERRED)"


def app_with_entries() -> FastAPI:
    """An application with one table, whose constraint is checked at commit."""
    app = FastAPI()
    add_error_handlers(app)

    @app.post("/entries/{name}")
    async def post_entry(name: str, session: Session) -> str:
        await session.execute(text("INSERT INTO entry VALUES (:name)"), {"name": name})
        return name

    @app.get("/sleep")
    async def sleep(session: Session) -> None:
        await session.execute(text("SELECT pg_sleep(0.5)"))

    @app.get("/no-such-file")
    async def no_such_file(session: Session) -> str:
        await session.execute(text("SELECT 1"))
        raise FileNotFoundError("notes.txt")

    @app.get("/too-long")
    async def too_long(session: Session) -> None:
        await session.execute(text("SET LOCAL statement_timeout = 50"))
        await session.execute(text("SELECT pg_sleep(5)"))

    @app.get("/unknown-table")
    async def unknown_table(session: Session) -> None:
        await session.execute(text("SELECT 1 FROM nothing"))

    return app


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[AsyncClient]:
    """A client of `app_with_entries` on a pool of one connection."""
    app = app_with_entries()
    async with open_database(settings.model_copy(update={"database_pool_size": 1})) as database:
        app.state.database = database
        async with database.engine.begin() as connection:
            await connection.execute(text(UNIQUE_AT_COMMIT))
        transport = ASGITransport(app=app, raise_app_exceptions=False)
        async with AsyncClient(transport=transport, base_url="http://test") as client:
            yield client
        async with database.engine.begin() as connection:
            await connection.execute(text("DROP TABLE entry"))


async def test_what_a_request_did_is_committed_before_its_answer(client: AsyncClient) -> None:
    assert (await client.post("/entries/a")).status_code == 200
    assert (await client.post("/entries/b")).status_code == 200


async def test_a_commit_that_fails_is_never_a_200(client: AsyncClient) -> None:
    await client.post("/entries/a")

    assert (await client.post("/entries/a")).status_code == 500


async def test_an_exhausted_pool_is_a_503(client: AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client._transport.app.state.database.engine.pool, "_timeout", 0.1)  # type: ignore[attr-defined]

    answers = await asyncio.gather(*[client.get("/sleep") for _ in range(3)])

    assert sorted(answer.status_code for answer in answers) == [200, 503, 503]
    refused = next(answer for answer in answers if answer.status_code == 503)
    assert refused.json()["detail"].startswith("All database connections are in use.")
    assert refused.headers["retry-after"] == "1"


async def test_a_file_that_a_route_does_not_find_is_not_taken_for_an_outage(client: AsyncClient) -> None:
    assert (await client.get("/no-such-file")).status_code == 500


async def test_a_statement_that_takes_too_long_is_ended(client: AsyncClient) -> None:
    answer = await client.get("/too-long")

    assert answer.status_code == 503
    assert answer.json()["detail"].startswith("PostgreSQL cancelled a statement that took too long.")


async def test_a_missing_table_is_not_taken_for_an_outage(client: AsyncClient) -> None:
    assert (await client.get("/unknown-table")).status_code == 500


async def test_a_connection_that_postgresql_ended_is_replaced(client: AsyncClient) -> None:
    database = client._transport.app.state.database  # type: ignore[attr-defined]  # the application under test
    async with database.engine.connect() as connection:
        process = await connection.scalar(text("SELECT pg_backend_pid()"))
    async with open_database(_same(database)) as other, other.engine.connect() as connection:
        await connection.execute(text("SELECT pg_terminate_backend(:process)"), {"process": process})
    await asyncio.sleep(0.05)  # it ends a moment after PostgreSQL says so

    assert (await client.post("/entries/after")).status_code == 200


def _same(database: object) -> Settings:
    url = database.engine.url.render_as_string(hide_password=False)  # type: ignore[attr-defined]
    return Settings.model_validate({"database_url": url})


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"database": "no_such_database"}, "PostgreSQL has no database of that name"),
        ({"host": "127.0.0.1", "port": 1, "query": {}}, "PostgreSQL does not answer"),
        ({"host": "no-such-host.invalid", "query": {}}, "PostgreSQL does not answer"),
    ],
)
async def test_a_start_without_its_database_names_it(
    settings: Settings, changes: dict[str, object], sentence: str
) -> None:
    url = settings.sqlalchemy_url.set(**changes)  # type: ignore[arg-type]  # a URL takes each by its own type
    wrong = Settings.model_validate({"database_url": url.render_as_string(hide_password=False)})

    with pytest.raises(StartupError, match=f"{sentence}.*from DATABASE_URL"):
        async with open_database(wrong):
            pass


async def test_a_superuser_is_refused_in_production(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("src.db.connection.ROLE_AND_CONNECTIONS", "SELECT true, 97")
    production = settings.model_copy(update={"environment": "production"})

    with pytest.raises(StartupError, match="names a superuser"):
        async with open_database(production):
            pass


async def test_more_workers_than_postgresql_has_connections_for_are_refused(settings: Settings) -> None:
    many = settings.model_copy(update={"web_concurrency": 1000, "database_pool_size": 9})

    with pytest.raises(StartupError, match=r"1000 workers with 10 each may open 10000\. Lower DATABASE_POOL_SIZE"):
        async with open_database(many):
            pass


async def test_a_bug_inside_a_start_is_not_hidden(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("src.db.connection.text", lambda _sql: text("SELEKT"))

    with pytest.raises(ProgrammingError):
        async with open_database(settings):
            pass
