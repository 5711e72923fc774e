"""Purges while the service runs."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from src.backend.slice import Slice
from src.common.config import Settings
from src.common.schemas import Purge
from src.db.connection import Database
from src.db.unavailable import DatabaseUnavailableError
from src.l1.entries import Log
from src.retention import purge_slice, purges_running

type PurgeBatch = Callable[[AsyncSession], Awaitable[Purge]]

EVERY_SECOND = Settings(purge_interval_s=1)


def slice_with(purge_scratch: PurgeBatch) -> Slice:
    return Slice(
        module="m",
        label="d_m",
        routers=[],
        debug_routers=[],
        log=Log(module="m", schema="mem0_m"),
        purge_scratch=purge_scratch,
    )


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was waited for between purges; each wait ends at once."""
    waits: list[float] = []
    sleep = asyncio.sleep

    async def pass_quickly(delay_s: float) -> None:
        waits.append(delay_s)
        await sleep(0)

    monkeypatch.setattr("src.retention.asyncio.sleep", pass_quickly)
    return waits


async def test_a_purge_goes_on_until_it_is_complete(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    batches = [Purge(purged=5, is_complete=False), Purge(purged=2, is_complete=True)]

    async def purge_scratch(_session: AsyncSession) -> Purge:
        return batches.pop(0)

    async def purge_log(_session: AsyncSession, _log: Log, *, age: timedelta) -> Purge:
        return Purge(purged=age.days, is_complete=True)

    monkeypatch.setattr("src.retention.purge_log", purge_log)

    purged = await purge_slice(database, slice_with(purge_scratch), age=timedelta(days=9))

    assert purged == {"expired notes": 7, "old records": 9}


async def test_a_purge_that_fails_is_put_off(
    database: Database, waits: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    done = asyncio.Event()

    async def purge_scratch(_session: AsyncSession) -> Purge:
        if len(waits) > 2:
            done.set()
        raise DatabaseUnavailableError("PostgreSQL does not answer.")

    with caplog.at_level(logging.WARNING):
        async with purges_running(database, [slice_with(purge_scratch)], EVERY_SECOND):
            await done.wait()

    assert set(waits) == {1}
    assert "The purge of m is put off: PostgreSQL does not answer." in caplog.messages


async def test_no_purge_runs_by_itself_unless_asked_for(database: Database, waits: list[float]) -> None:
    async with purges_running(database, [], Settings()):
        await asyncio.get_running_loop().run_in_executor(None, int)

    assert waits == []
