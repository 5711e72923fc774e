from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from src.common.config import Settings
from src.db.liveness import check_liveness


@pytest.fixture
async def engine(settings: Settings) -> AsyncIterator[AsyncEngine]:
    """An engine of one connection that is not checked yet."""
    engine = create_async_engine(settings.sqlalchemy_url, pool_size=1, max_overflow=0)
    yield engine
    await engine.dispose()


@pytest.fixture
def pings(engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The connections that were pinged."""
    pings: list[Any] = []
    monkeypatch.setattr(engine.dialect, "do_ping", pings.append)
    return pings


async def process_of(engine: AsyncEngine) -> int:
    """Return which of PostgreSQL's processes serves the pool's connection."""
    async with engine.connect() as connection:
        return int(await connection.scalar(text("SELECT pg_backend_pid()")) or 0)


async def test_a_connection_that_was_used_a_moment_ago_is_not_asked(engine: AsyncEngine, pings: list[Any]) -> None:
    check_liveness(engine)

    assert await process_of(engine) == await process_of(engine)
    assert pings == []


async def test_a_connection_that_lay_idle_is_asked_once(engine: AsyncEngine, pings: list[Any]) -> None:
    check_liveness(engine, idle_limit_s=0)

    assert await process_of(engine) == await process_of(engine)
    assert len(pings) == 1


async def test_a_connection_that_does_not_answer_is_replaced(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_liveness(engine, idle_limit_s=0)
    before = await process_of(engine)

    def swallow(_connection: Any) -> None:
        raise TimeoutError

    monkeypatch.setattr(engine.dialect, "do_ping", swallow)

    assert await process_of(engine) != before


async def test_a_connection_that_is_closed_is_replaced_unasked(engine: AsyncEngine, pings: list[Any]) -> None:
    check_liveness(engine)
    async with engine.connect() as connection:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        before = await connection.scalar(text("SELECT pg_backend_pid()"))
    driver.terminate()

    assert await process_of(engine) != before
    assert pings == []
