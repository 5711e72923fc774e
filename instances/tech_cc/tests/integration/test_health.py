import pytest
from httpx2 import ASGITransport, AsyncClient

from src.common.config import Settings
from src.cos_main import create_app
from src.db.connection import Database, create_engine


async def test_the_process_is_alive(client: AsyncClient) -> None:
    answer = await client.get("/health/live")

    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})


async def test_the_service_is_ready_while_postgresql_answers(client: AsyncClient) -> None:
    answer = await client.get("/health/ready")

    assert answer.status_code == 200
    assert answer.json()["status"] == "ready"
    assert answer.json()["dependencies"]["postgres"]["status"] == "up"


async def test_the_service_is_not_ready_before_the_migrations(empty_database: Settings) -> None:
    app = create_app(empty_database)

    async with app.router.lifespan_context(app):
        answer = await AsyncClient(transport=ASGITransport(app=app), base_url="http://test").get("/health/ready")

    assert answer.status_code == 503
    assert answer.json()["dependencies"]["postgres"]["status"] == "up"
    assert "alembic upgrade heads" in answer.json()["dependencies"]["schema"]["detail"]


@pytest.fixture
async def client_without_database() -> AsyncClient:
    """A client of an application whose PostgreSQL stopped after the start."""
    settings = Settings.model_validate({"database_url": "postgresql+asyncpg://u:s3cret@127.0.0.1:1/gone"})
    app = create_app(settings)
    engine = create_engine(settings)
    app.state.database = Database(engine=engine, sessions=None, autocommit=None)  # type: ignore[arg-type]  # no request gets that far
    return AsyncClient(transport=ASGITransport(app=app), base_url="http://test")


async def test_the_service_is_not_ready_while_postgresql_is_away(client_without_database: AsyncClient) -> None:
    answer = await client_without_database.get("/health/ready")

    assert answer.status_code == 503
    assert answer.json()["status"] == "not ready"
    assert answer.json()["dependencies"]["postgres"]["status"] == "down"
    assert answer.json()["dependencies"]["postgres"]["detail"].startswith("PostgreSQL does not answer.")
    assert "s3cret" not in answer.text


async def test_the_process_is_alive_while_postgresql_is_away(client_without_database: AsyncClient) -> None:
    assert (await client_without_database.get("/health/live")).status_code == 200
