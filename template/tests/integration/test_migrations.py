import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import create_async_engine

from databases import PROJECT, alembic_config, downgrade, upgrade
from src.common.config import Settings
from src.db.base import Base

SYSTEM_SCHEMAS = {"information_schema", "public"}


async def inspected(settings: Settings, look: Any) -> Any:
    """Return what `look` sees through a plain connection to the database."""
    engine = create_async_engine(settings.sqlalchemy_url)
    async with engine.connect() as connection:
        seen = await connection.run_sync(look)
    await engine.dispose()
    return seen


def schemas(connection: Connection) -> set[str]:
    return set(inspect(connection).get_schema_names()) - SYSTEM_SCHEMAS


def tables(connection: Connection) -> set[str]:
    names_in = inspect(connection).get_table_names
    return {f"{schema}.{name}" for schema in schemas(connection) for name in names_in(schema)}


def differences(connection: Connection) -> list[Any]:
    ours = {table.schema for table in Base.metadata.tables.values()}
    options = {
        "include_schemas": True,
        "compare_server_default": True,
        "include_name": lambda name, kind, _parents: kind != "schema" or name in ours,
    }
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata))


async def test_an_upgrade_makes_every_table_of_the_models(empty_database: Settings) -> None:
    await upgrade(empty_database)

    assert await inspected(empty_database, tables) == set(Base.metadata.tables)


async def test_after_an_upgrade_autogenerate_finds_nothing_to_do(empty_database: Settings) -> None:
    await upgrade(empty_database)

    assert await inspected(empty_database, differences) == []


async def test_after_a_downgrade_nothing_is_left(empty_database: Settings) -> None:
    await upgrade(empty_database)

    await downgrade(empty_database)

    assert await inspected(empty_database, schemas) == set()


async def test_a_downgrade_refuses_to_drop_what_it_did_not_make(empty_database: Settings) -> None:
    await upgrade(empty_database)
    engine = create_async_engine(empty_database.sqlalchemy_url)
    schema = next(iter(Base.metadata.tables.values())).schema
    async with engine.begin() as connection:
        await connection.execute(text(f'CREATE TABLE "{schema}".of_somebody_else ()'))
    await engine.dispose()

    with pytest.raises(Exception, match="other objects depend on it"):
        await downgrade(empty_database)

    assert f"{schema}.of_somebody_else" in await inspected(empty_database, tables)


async def test_a_second_upgrade_is_quiet(empty_database: Settings, capfd: pytest.CaptureFixture[str]) -> None:
    await upgrade(empty_database)
    first = capfd.readouterr()
    await upgrade(empty_database)
    second = capfd.readouterr()

    assert "upgraded to" in first.err
    assert (second.out, second.err) == ("", "")


async def test_a_migration_gives_up_on_a_lock_that_it_cannot_have(
    empty_database: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    await upgrade(empty_database)
    config = alembic_config(empty_database)
    config.cmd_opts = type("Options", (), {"x": ["lock_timeout=100ms"]})()
    engine = create_async_engine(empty_database.sqlalchemy_url)
    async with engine.connect() as holder:
        await holder.execute(text("LOCK TABLE alembic_version"))

        with pytest.raises(SystemExit, match="A lock could not be acquired in time"):
            await asyncio.to_thread(command.downgrade, config, "base")

    await engine.dispose()
    assert await inspected(empty_database, tables) == set(Base.metadata.tables)
    capfd.readouterr()


async def test_a_migration_waits_for_another_and_says_so(
    empty_database: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    config = alembic_config(empty_database)
    config.cmd_opts = type("Options", (), {"x": ["lock_timeout=50ms", "statement_timeout=1s"]})()
    engine = create_async_engine(empty_database.sqlalchemy_url)
    async with engine.connect() as other:
        await other.execute(text(f"SELECT pg_advisory_lock({0x636F73})"))
        migrating = asyncio.create_task(asyncio.to_thread(command.upgrade, config, "heads"))
        said = ""
        while "waiting for another migration to end" not in said:
            await asyncio.sleep(0.05)
            said += capfd.readouterr().err
        await asyncio.sleep(0.3)  # longer than lock_timeout
        assert not migrating.done()
        await other.execute(text(f"SELECT pg_advisory_unlock({0x636F73})"))
        await migrating

    await engine.dispose()
    assert await inspected(empty_database, tables) == set(Base.metadata.tables)
    capfd.readouterr()


@pytest.mark.parametrize("limit", ["lock_timeout=banana", "foo=1s", "lock_timeout=5"])
async def test_a_time_limit_that_makes_no_sense_is_refused(empty_database: Settings, limit: str) -> None:
    config = alembic_config(empty_database)
    config.cmd_opts = type("Options", (), {"x": [limit]})()

    with pytest.raises(SystemExit, match="takes lock_timeout or statement_timeout, with a time such as"):
        await asyncio.to_thread(command.upgrade, config, "heads")


@pytest.mark.long
async def test_of_several_upgrades_at_once_one_does_the_work(empty_database: Settings) -> None:
    alembic = [sys.executable, "-m", "alembic", "upgrade", "heads"]
    url = empty_database.sqlalchemy_url.render_as_string(hide_password=False)
    environment = {**os.environ, "DATABASE_URL": url}

    upgrades = [await asyncio.create_subprocess_exec(*alembic, cwd=PROJECT, env=environment) for _ in range(3)]

    assert [await upgrade.wait() for upgrade in upgrades] == [0, 0, 0]
    assert await inspected(empty_database, tables) == set(Base.metadata.tables)


async def test_time_limits_are_set_while_migrations_run(
    empty_database: Settings, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    revision = """
from alembic import op
revision, down_revision, branch_labels, depends_on = "limits_0001_show", None, None, None
def upgrade():
    for limit in ("lock_timeout", "statement_timeout"):
        print(limit, op.get_bind().exec_driver_sql(f"SHOW {limit}").scalar())
"""
    (tmp_path / "limits_0001_show.py").write_text(revision)
    config = alembic_config(empty_database)
    config.set_main_option("version_locations", str(tmp_path))

    await asyncio.to_thread(command.upgrade, config, "heads")

    assert capfd.readouterr().out.splitlines() == ["lock_timeout 5s", "statement_timeout 15min"]


async def test_the_sql_can_be_printed_instead_of_run(
    empty_database: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    await asyncio.to_thread(command.upgrade, alembic_config(empty_database), "heads", sql=True)

    assert "CREATE SCHEMA" in capfd.readouterr().out
    assert await inspected(empty_database, schemas) == set()


async def test_a_database_that_is_away_is_named_in_one_sentence() -> None:
    settings = Settings.model_validate({"database_url": "postgresql+asyncpg://u:s3cret@127.0.0.1:1/gone"})

    with pytest.raises(SystemExit, match=r"does not answer.*127\.0\.0\.1:1/gone") as end:
        await upgrade(settings)

    assert "s3cret" not in str(end.value)


async def test_a_revision_of_a_module_that_is_gone_is_named_with_a_way_out(empty_database: Settings) -> None:
    await upgrade(empty_database)
    engine = create_async_engine(empty_database.sqlalchemy_url)
    async with engine.begin() as connection:
        await connection.execute(text("INSERT INTO alembic_version VALUES ('gone_0001_tables')"))
    await engine.dispose()

    with pytest.raises(SystemExit, match=r"gone_0001_tables.*downgrade the database in a checkout"):
        await upgrade(empty_database)
