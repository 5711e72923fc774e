from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from src.common.config import Settings
from src.db.connection import Database, open_database
from src.db.unavailable import DatabaseUnavailableError


@pytest.fixture
async def own_database(settings: Settings) -> AsyncIterator[Database]:
    """A table, and a pool of one connection."""
    async with open_database(settings.model_copy(update={"database_pool_size": 1})) as database:
        await database.autocommit.execute(text("CREATE TABLE entry (name text UNIQUE)"))
        yield database
        await database.autocommit.execute(text("DROP TABLE entry"))


async def test_a_statement_is_committed_when_it_returns(own_database: Database) -> None:
    await own_database.autocommit.execute(text("INSERT INTO entry VALUES ('a')"))

    async with own_database.sessions() as session:
        assert (await session.scalars(text("SELECT name FROM entry"))).all() == ["a"]


async def test_the_rows_of_a_statement_outlive_its_connection(own_database: Database) -> None:
    numbers = text("SELECT * FROM generate_series(1, :last) AS number")
    first = await own_database.autocommit.execute(numbers, {"last": 2})
    second = await own_database.autocommit.execute(numbers, {"last": 1})  # on the one connection of the pool

    assert [row.number for row in first] == [1, 2]
    assert second.scalar_one() == 1


async def test_a_connection_of_the_pool_serves_transactions_and_single_statements_in_turn(
    own_database: Database,
) -> None:
    await own_database.autocommit.execute(text("SELECT 1"))
    async with own_database.sessions() as session:
        await session.execute(text("INSERT INTO entry VALUES ('a')"))
        await session.rollback()
    await own_database.autocommit.execute(text("INSERT INTO entry VALUES ('b')"))

    async with own_database.sessions() as session:
        assert (await session.scalars(text("SELECT name FROM entry"))).all() == ["b"]


async def test_an_outage_is_a_refusal(own_database: Database) -> None:
    await own_database.autocommit.execute(text("SET statement_timeout = '50ms'"))  # on the one connection of the pool

    with pytest.raises(DatabaseUnavailableError, match="took too long"):
        await own_database.autocommit.execute(text("SELECT pg_sleep(1.5)"))
