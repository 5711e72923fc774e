"""A log, and a database on which the tests of this folder really commit."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import URL, text
from sqlalchemy.ext.asyncio import AsyncSession

from databases import throw_away_database
from src.backend.slice import load_slice
from src.common.config import Settings
from src.cos_main import SLICES
from src.db.connection import Database, open_database
from src.l1.entries import Log


@pytest.fixture(scope="session")
def log() -> Log:
    """The log of one of the modules."""
    return load_slice(SLICES[0]).log


@pytest.fixture(scope="package")
async def committing_settings(database_server: URL, migrated_template: str) -> AsyncIterator[Settings]:
    """Settings that name a database of this folder's own."""
    async with throw_away_database(database_server, template=migrated_template) as settings:
        yield settings


@pytest.fixture
async def committing_database(committing_settings: Settings, log: Log) -> AsyncIterator[Database]:
    """The database, emptied after the test."""
    async with open_database(committing_settings) as database:
        yield database
        async with database.engine.begin() as connection:
            await connection.execute(text(f"TRUNCATE {log.schema}.base_log, {log.schema}.consumer_checkpoint CASCADE"))


@pytest.fixture
async def session(committing_database: Database) -> AsyncIterator[AsyncSession]:
    """A session on it, to look with."""
    async with committing_database.sessions() as session:
        yield session
