"""Purges while the service runs."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from src.backend.slice import Slice
from src.common.background_tasks import open_background_tasks
from src.common.config import Settings
from src.common.schemas import Purge
from src.db.connection import Database
from src.l1.entries import Log
from src.retention import purge_slice, purge_tasks

type PurgeBatch = Callable[[AsyncSession], Awaitable[Purge]]

EVERY_SECOND = Settings(purge_interval_s=1)
# Two rows of which the first cannot be deleted; temporary, so that they go with the session.
REFERENCED_ROW = """
CREATE TEMPORARY TABLE note (id int PRIMARY KEY) ON COMMIT DROP;
CREATE TEMPORARY TABLE reader (note int REFERENCES note) ON COMMIT DROP;
INSERT INTO note VALUES (1); INSERT INTO reader VALUES (1)
"""


def slice_with(purge_scratch: PurgeBatch | None, *, module: str = "m") -> Slice:
    return Slice(
        module=module,
        label=f"d_{module}",
        routers=[],
        log=Log(module=module, schema=f"mem0_{module}"),
        purge_scratch=purge_scratch,
    )


@pytest.fixture(autouse=True)
def without_records(monkeypatch: pytest.MonkeyPatch) -> None:
    """The slices of these tests have no log; `purge_log` reports the age in days as its count."""

    async def purge_log(_session: AsyncSession, _log: Log, *, age: timedelta) -> Purge:
        return Purge(purged=age.days, is_complete=True)

    monkeypatch.setattr("src.retention.purge_log", purge_log)


async def test_a_purge_goes_on_until_it_is_complete(database: Database) -> None:
    batches = [Purge(purged=5, is_complete=False), Purge(purged=2, is_complete=True)]

    async def purge_scratch(_session: AsyncSession) -> Purge:
        return batches.pop(0)

    purged = await purge_slice(database, slice_with(purge_scratch), age=timedelta(days=9))

    assert purged == {"expired notes": 7, "old records": 9}


async def test_where_nothing_expires_the_log_is_purged(database: Database) -> None:
    purged = await purge_slice(database, slice_with(None), age=timedelta(days=9))

    assert purged == {"expired notes": 0, "old records": 9}


async def test_a_purge_that_meets_a_foreign_key_is_tried_again(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("src.common.background_tasks.asyncio.sleep", lambda _s, sleep=asyncio.sleep: sleep(0))
    attempts: list[int] = []
    has_succeeded = asyncio.Event()

    async def purge_scratch(session: AsyncSession) -> Purge:
        attempts.append(1)
        if len(attempts) <= 2:
            for statement in REFERENCED_ROW.split(";"):
                await session.execute(text(statement))
            await session.execute(text("DELETE FROM note"))
        has_succeeded.set()
        return Purge(purged=0, is_complete=True)

    async with open_background_tasks() as tasks:
        for task in purge_tasks(database, [slice_with(purge_scratch)], EVERY_SECOND):
            tasks.start(task)
        await has_succeeded.wait()

    assert "The background task purge of m failed; it starts again in 0.5 s." in caplog.messages
    assert "ForeignKeyViolationError" in caplog.text


async def test_an_error_in_one_module_does_not_stop_the_purge_of_another(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("src.common.background_tasks.asyncio.sleep", lambda _s, sleep=asyncio.sleep: sleep(0))
    is_purged = asyncio.Event()

    has_failed = asyncio.Event()

    async def fail(_session: AsyncSession) -> Purge:
        has_failed.set()
        raise KeyError

    async def purge(_session: AsyncSession) -> Purge:
        is_purged.set()
        return Purge(purged=0, is_complete=True)

    slices = [slice_with(fail, module="a"), slice_with(purge, module="b")]
    async with open_background_tasks() as tasks:
        for task in purge_tasks(database, slices, EVERY_SECOND):
            tasks.start(task)
        await is_purged.wait()
        await has_failed.wait()
        while tasks.states["purge of a"].failures == 0:
            await tasks_may_run()

    assert "The background task purge of a failed; it starts again in 0.5 s." in caplog.messages


async def tasks_may_run() -> None:
    await asyncio.get_running_loop().run_in_executor(None, int)


def test_no_purge_runs_by_itself_without_an_interval(database: Database) -> None:
    async def purge(_session: AsyncSession) -> Purge:
        raise AssertionError

    assert purge_tasks(database, [slice_with(purge)], Settings()) == []
