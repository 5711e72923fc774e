"""Databases that live as long as a test, and the migrations that build them."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from alembic import command
from alembic.config import Config
from pydantic import SecretStr
from sqlalchemy import URL, NullPool, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from embedded.postgres import create_role_and_database, running_postgres, url_of
from src.common.config import Settings
from src.db.unavailable import DATABASE_FAULTS, unavailable

USE_EMBEDDED = "Without DATABASE_URL and RUN_INTEGRATION they bring a server of their own."
PROJECT = Path(__file__).resolve().parent.parent


@asynccontextmanager
async def own_server() -> AsyncIterator[URL]:
    """Yield a server out of a wheel that nobody else uses, and remove it afterwards."""
    scratch = Path(tempfile.mkdtemp(prefix="cos-tests-"))
    with running_postgres(scratch / "postgres", is_durable=False) as server:
        await create_role_and_database(server)
        yield url_of(server)
    shutil.rmtree(scratch)


@asynccontextmanager
async def throw_away_database(server: URL, *, template: str = "template1") -> AsyncIterator[Settings]:
    """Yield settings that name a new database on the server, and drop it afterwards, even if something is connected.

    It is a copy of a migrated template database without connections; PostgreSQL's own template has no tables.
    """
    name = f"test_{uuid4().hex}"
    engine = create_async_engine(server, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    except DATABASE_FAULTS as fault:
        reason = unavailable(fault) or type(fault).__name__
        pytest.exit(f"Tests cannot make a database on {server.host}: {reason} {USE_EMBEDDED}", returncode=1)
    url = server.set(database=name).render_as_string(hide_password=False)
    yield Settings(environment="test", database_url=SecretStr(url), neo4j_uri=None)  # tests of the graph name one
    await _drop(engine, name)


async def _drop(engine: AsyncEngine, name: str) -> None:
    """Drop a database; try again while autovacuum is in it, whose process only a superuser may end."""
    drop = text(f"DROP DATABASE {name} WITH (FORCE)")
    for _ in range(50):
        try:
            async with engine.connect() as connection:
                await connection.execute(drop)
        except ProgrammingError as fault:
            if not isinstance(fault.driver_exception, asyncpg.InsufficientPrivilegeError):
                raise
            await asyncio.sleep(0.1)
        else:
            return
    pytest.exit(f"Tests cannot drop the database {name}: autovacuum is in it.", returncode=1)


def alembic_config(settings: Settings) -> Config:
    """Return what `alembic` on the command line would use, for another database."""
    config = Config(PROJECT / "alembic.ini")
    config.attributes["settings"] = settings
    return config


async def upgrade(settings: Settings) -> None:
    """Run `alembic upgrade heads`, in a thread: its env.py has an event loop of its own."""
    await asyncio.to_thread(command.upgrade, alembic_config(settings), "heads")


async def downgrade(settings: Settings) -> None:
    """Run `alembic downgrade base`."""
    await asyncio.to_thread(command.downgrade, alembic_config(settings), "base")
