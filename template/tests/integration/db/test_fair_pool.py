import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from src.common.config import Settings
from src.db.connection import Database, open_database
from src.db.unavailable import DatabaseUnavailableError


@pytest.fixture
async def one_connection(settings: Settings) -> AsyncIterator[Database]:
    """A database with a pool of one connection."""
    async with open_database(settings.model_copy(update={"database_pool_size": 1})) as database:
        yield database


async def test_a_newcomer_does_not_overtake_those_who_wait(one_connection: Database) -> None:
    served: list[str] = []

    async def use(name: str) -> None:
        await one_connection.autocommit.execute(text("SELECT 1"))
        served.append(name)

    connection = await one_connection.engine.connect()
    waiting = [asyncio.create_task(use(f"waiting {number}")) for number in range(3)]
    await asyncio.sleep(0.01)
    newcomer = asyncio.create_task(use("newcomer"))  # runs before the first of those who wait is told
    await connection.close()
    await asyncio.gather(*waiting, newcomer)

    assert served == ["waiting 0", "waiting 1", "waiting 2", "newcomer"]


async def test_a_wait_ends_with_a_refusal(one_connection: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_connection.engine.pool, "_timeout", 0.05)
    async with one_connection.engine.connect():
        with pytest.raises(DatabaseUnavailableError, match="All database connections are in use") as refusal:
            await one_connection.autocommit.execute(text("SELECT 1"))

    assert isinstance(refusal.value.__cause__, PoolTimeoutError)
    await one_connection.autocommit.execute(text("SELECT 1"))


async def test_a_cancelled_waiter_leaves_no_connection_checked_out(one_connection: Database) -> None:
    async with one_connection.engine.connect():
        waiting = [asyncio.create_task(one_connection.autocommit.execute(text("SELECT 1"))) for _ in range(2)]
        await asyncio.sleep(0.01)
        waiting[0].cancel()

    await waiting[1]
    await one_connection.autocommit.execute(text("SELECT 1"))


def test_the_pool_logs_where_sqlalchemy_says(one_connection: Database) -> None:
    logger: Any = one_connection.engine.pool.logger
    assert logger.name.startswith("sqlalchemy.pool.")
    assert logging.getLogger("src.db.fair_pool").level == logging.NOTSET
