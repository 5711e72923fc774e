"""A bug in SQL is a 500; a database that lacks migrations is a 503, and not ready."""

from collections.abc import AsyncIterator
from typing import Annotated

import pytest
from fastapi import Depends, FastAPI
from httpx2 import ASGITransport, AsyncClient, Response
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from slices import SAMPLE_SLICE
from src.backend.slice import load_slice
from src.common.config import Settings
from src.cos_main import create_app
from src.db.base import Base
from src.db.connection import Database, get_db_session, open_database
from src.db.schema_check import CodeRevisions, code_revisions

load_slice(SAMPLE_SLICE)  # imports the models
TABLE = min(Base.metadata.tables)


@pytest.fixture
async def migrated(migrated_database: Settings) -> AsyncIterator[Database]:
    """A database of this test alone, with all migrations."""
    async with open_database(migrated_database) as database:
        yield database


@pytest.fixture
def app_with_bugs(settings: Settings, database: Database) -> FastAPI:
    """The application, with a route for each kind of wrong SQL."""
    app = create_app(settings)
    app.state.database = database
    routes = {
        "/column": f"SELECT typo FROM {TABLE}",
        "/table": "SELECT 1 FROM typo",
        "/schema": "CREATE TABLE typo.a ()",
        "/syntax": "SELEC 1",
    }
    for path, sql in routes.items():
        add_route(app, path, sql)
    return app


def add_route(app: FastAPI, path: str, sql: str) -> None:
    @app.get(path)
    async def route(session: Annotated[AsyncSession, Depends(get_db_session, scope="function")]) -> None:
        await session.execute(text(sql))


async def answer_of(app: FastAPI, path: str) -> Response:
    transport = ASGITransport(app=app, raise_app_exceptions=False)
    async with AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.get(path)


async def change(database: Database, sql: str) -> None:
    async with database.engine.begin() as connection:
        await connection.execute(text(sql))


@pytest.mark.parametrize("path", ["/column", "/table", "/schema", "/syntax"])
async def test_a_bug_in_sql_is_a_500(app_with_bugs: FastAPI, path: str) -> None:
    answer = await answer_of(app_with_bugs, path)

    assert answer.status_code == 500
    assert "retry-after" not in answer.headers
    assert "alembic" not in answer.text


async def test_a_bug_in_sql_reaches_the_server_once_with_its_cause(
    app_with_bugs: FastAPI, caplog: pytest.LogCaptureFixture
) -> None:
    async with AsyncClient(transport=ASGITransport(app=app_with_bugs), base_url="http://test") as client:
        with pytest.raises(Exception, match='column "typo" does not exist'):  # the server logs what reaches it
            await client.get("/column")

    assert caplog.messages == []


async def test_the_same_sql_is_an_outage_while_a_migration_is_pending(
    app_with_bugs: FastAPI, migrated: Database, caplog: pytest.LogCaptureFixture
) -> None:
    app_with_bugs.state.database = migrated
    await change(migrated, "DELETE FROM alembic_version")

    answer = await answer_of(app_with_bugs, "/column")

    assert answer.status_code == 503
    assert answer.json()["type"] == "urn:cos:problem:database-unavailable"
    assert "alembic upgrade heads" in answer.json()["detail"]
    assert len(caplog.messages) == 1
    assert "UndefinedColumnError" in caplog.messages[0]


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("DELETE FROM alembic_version", "lacks the migration"),
        ("DROP TABLE alembic_version", "lacks the migration"),
        (f"ALTER TABLE {TABLE} DROP COLUMN updated_at CASCADE", f"lacks the column {TABLE}.updated_at"),
        (f"DROP TABLE {TABLE} CASCADE", f"lacks the column {TABLE}."),
    ],
)
async def test_a_database_that_lacks_something_is_not_ready(
    app_with_bugs: FastAPI, migrated: Database, sql: str, reason: str
) -> None:
    app_with_bugs.state.database = migrated
    await change(migrated, sql)

    answer = await answer_of(app_with_bugs, "/health/ready")

    assert answer.status_code == 503
    assert answer.json()["dependencies"]["postgres"]["status"] == "up"
    assert reason in answer.json()["dependencies"]["schema"]["detail"]


async def test_a_migrated_database_is_ready(app_with_bugs: FastAPI) -> None:
    assert (await answer_of(app_with_bugs, "/health/ready")).status_code == 200


async def test_the_migrations_of_the_code_are_read_once() -> None:
    assert code_revisions() is code_revisions()
    assert code_revisions().heads


@pytest.mark.parametrize(
    ("applied", "pending"),
    [
        ({"a2", "b1"}, []),
        ({"a1", "b1"}, ["a2"]),
        ({"a2"}, ["b1"]),
        (set(), ["a2", "b1"]),
        ({"a3", "b1"}, []),  # a newer release migrated a
        ({"gone", "a1", "b1"}, ["a2"]),
        ({"gone", "a2", "b1"}, []),
    ],
)
def test_a_head_is_pending_unless_a_newer_release_has_passed_it(applied: set[str], pending: list[str]) -> None:
    revisions = CodeRevisions(frozenset({"a2", "b1"}), {"a2": frozenset({"a1"}), "b1": frozenset()})

    assert revisions.pending(applied) == pending
