"""A log that grows: it becomes no slower, and the process that writes it no larger."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import psutil  # type: ignore[import-untyped]  # it ships no types
import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from sqlalchemy import URL

from databases import throw_away_database, upgrade
from ratios import Compare
from src.common.background_tasks import open_background_tasks
from src.l1.entries import Event, Log
from src.l1.writer import L1Writer, open_writer

pytestmark = [pytest.mark.benchmark, pytest.mark.database]

FEW = 20_000
MANY = 200_000
GROWTH_LIMIT = 1.03
TASKS = 50


@asynccontextmanager
async def writer_on_new_database(server: URL) -> AsyncIterator[L1Writer]:
    async with throw_away_database(server) as settings:
        await upgrade(settings)
        async with open_background_tasks() as tasks, open_writer(settings, tasks) as writer:
            yield writer


@pytest.fixture
async def writers(database_server: URL) -> AsyncIterator[list[L1Writer]]:
    """Two writers, each on a database of its own."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(writer_on_new_database(database_server)) for _ in range(2)]


@pytest.fixture
def fill(loop: asyncio.AbstractEventLoop, benchmark: BenchmarkFixture, log: Log) -> Callable[[L1Writer, int], None]:
    """Write so many records."""

    async def keep_on(writer: L1Writer, count: int) -> None:
        for number in range(count):
            await writer.submit(log, [Event("growth.test", {"number": number})])

    async def fill(writer: L1Writer, count: int) -> None:
        await asyncio.gather(*[keep_on(writer, count // TASKS) for _ in range(TASKS)])

    return lambda writer, count: loop.run_until_complete(fill(writer, count // (1000 if benchmark.disabled else 1)))


def test_ten_times_the_rows_cost_no_time_and_no_memory(
    writers: list[L1Writer],
    fill: Callable[[L1Writer, int], None],
    log: Log,
    compare: Compare,
    report: Callable[[str], None],
) -> None:
    small, large = writers
    fill(small, FEW)
    fill(large, FEW)
    before = psutil.Process().memory_info().rss
    fill(large, MANY - FEW)
    growth = psutil.Process().memory_info().rss / before

    report(f"memory after {MANY:,} records: {growth:.3f} times that after {FEW:,}")
    assert growth < GROWTH_LIMIT
    entries = [Event("growth.test", {"number": 0})]
    works = {f"{FEW:,} rows": lambda: small.submit(log, entries), f"{MANY:,} rows": lambda: large.submit(log, entries)}
    compare("growth", works, rounds=1000)
