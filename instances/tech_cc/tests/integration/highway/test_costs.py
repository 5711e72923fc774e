"""What a record costs PostgreSQL: counted, so that it is the same on every machine."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import asyncpg
import pytest

from databases import own_server, throw_away_database, upgrade
from round_trips import CountingProtocol, Counts
from src.common.config import Settings
from src.db.connection import Database, connect_driver
from src.highway.consumer import Consumer
from src.highway.cursor import StoredRecord
from src.highway.subscriber import Subscriber
from src.l1.entries import Entry, Event, Log, Prompt, new_record
from src.l1.record import write_record
from src.l1.statements import insertion_of, insertion_of_all

pytestmark = pytest.mark.long

RECORDS = 2000
MANY_RECORDS = 100_000
# The start of a consumer: the lock, its checkpoint, the statements to prepare, the last read; without the lag.
START_ROUND_TRIPS = 30
PAGE_BYTES = 8192
DEAD_TUPLES = 120  # what fits on a page, until PostgreSQL cleans it for the next row
WAL_BYTES_CONSUMED = {1: 150, 500: 5}  # for each record, by the size of batches
WAL_BYTES_LOGGED = 1200
WAL_BYTES_WRITTEN = {1: 1000, 500: 1100}

ENTRIES: list[Entry] = [Prompt("user", "Twenty words or so. " * 5, 10, 20), Event("costs.test", {"number": 1})]


class Nothing(Subscriber):
    """Has no effect, so that all that is counted is the highway's."""

    def __init__(self, *, batch_limit: int) -> None:
        self.name = f"nothing_{batch_limit}"  # type: ignore[misc]
        self.batch_limit = batch_limit  # type: ignore[misc]

    async def handle(self, record: StoredRecord) -> None:
        """Do nothing."""


@dataclass(frozen=True)
class Spent:
    """What some work cost, for each record."""

    transactions: float
    wal_bytes: float


@pytest.fixture
async def observer(committing_database: Database, committing_settings: Settings) -> AsyncIterator[asyncpg.Connection]:  # noqa: ARG001
    connection = await connect_driver(committing_settings)
    yield connection
    await connection.close()


@pytest.fixture(scope="module")
async def committing_settings() -> AsyncIterator[Settings]:
    """A database on a server of its own, since the counts are those of the whole server."""
    async with own_server() as server, throw_away_database(server) as settings:
        await upgrade(settings)
        yield settings


async def spent(observer: asyncpg.Connection, work: Awaitable[object], *, records: int) -> Spent:
    """Return the transactions that wrote and the bytes of WAL."""
    query = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint, pg_current_wal_insert_lsn() - '0/0'::pg_lsn"
    transactions, wal_bytes = await observer.fetchrow(query) or (0, 0)
    await work
    transactions_after, wal_bytes_after = await observer.fetchrow(query) or (0, 0)
    return Spent((transactions_after - transactions) / records, float(wal_bytes_after - wal_bytes) / records)


async def fill(connection: asyncpg.Connection, log: Log, records: int) -> None:
    for _ in range(0, records, 500):
        sql, parameters = insertion_of_all([new_record(log, ENTRIES) for _ in range(500)], log)
        await connection.execute(sql, *parameters)


type Consume = Callable[..., Awaitable[None]]


@pytest.fixture
def counts() -> Counts:
    return Counts()


@pytest.fixture
async def consume(
    committing_database: Database, committing_settings: Settings, log: Log, observer: asyncpg.Connection, counts: Counts
) -> Consume:
    """Let a new consumer handle the log from its beginning, on a counted connection."""
    await fill(observer, log, RECORDS)

    async def connect() -> asyncpg.Connection:
        connection = await connect_driver(committing_settings)
        connection._protocol = CountingProtocol(connection._protocol, counts)  # type: ignore[attr-defined]
        return connection

    async def consume(*, batch_limit: int, records: int) -> None:
        subscriber = Nothing(batch_limit=batch_limit)
        sessions = committing_database.sessions
        consumer = Consumer(subscriber, log, connect=connect, sessions=sessions, wakeup=asyncio.Event())
        running = asyncio.create_task(consumer.run())
        while consumer.state.handled < records:  # a query would be counted
            assert not running.done()
            await asyncio.sleep(0.005)
        consumer.stop()
        await running

    return consume


@pytest.mark.parametrize(("batch_limit", "wal_bytes"), WAL_BYTES_CONSUMED.items())
async def test_a_consumer_asks_twice_for_each_batch_and_writes_its_checkpoint_only(
    batch_limit: int, wal_bytes: int, observer: asyncpg.Connection, consume: Consume, counts: Counts
) -> None:
    started = time.monotonic()
    cost = await spent(observer, consume(batch_limit=batch_limit, records=RECORDS), records=RECORDS)
    lag_round_trips = 2 * (time.monotonic() - started)

    assert counts.round_trips <= 2 * RECORDS // batch_limit + START_ROUND_TRIPS + lag_round_trips
    assert cost.transactions <= 1 / batch_limit + 0.05
    assert cost.wal_bytes <= wal_bytes


async def test_log_l1_in_a_transaction_is_one_commit(
    observer: asyncpg.Connection, committing_database: Database, log: Log
) -> None:
    async def write() -> None:
        for _ in range(RECORDS // 4):
            async with committing_database.sessions() as session, session.begin():
                await write_record(session, log, ENTRIES)

    costs = [await spent(observer, write(), records=RECORDS // 4) for _ in range(3)]

    # The least of three: after a checkpoint of the server, the first change of a page writes the whole page.
    assert min(cost.transactions for cost in costs) <= 1.1
    assert min(cost.wal_bytes for cost in costs) <= WAL_BYTES_LOGGED


@pytest.mark.parametrize(("batch", "wal_bytes"), WAL_BYTES_WRITTEN.items())
async def test_the_writer_commits_once_for_each_batch(
    batch: int, wal_bytes: int, observer: asyncpg.Connection, log: Log
) -> None:
    async def write() -> None:
        for _ in range(0, RECORDS, batch):
            records = [new_record(log, ENTRIES) for _ in range(batch)]
            sql, parameters = insertion_of(records[0], log) if batch == 1 else insertion_of_all(records, log)
            await observer.execute(sql, *parameters)

    costs = [await spent(observer, write(), records=RECORDS) for _ in range(3)]

    assert min(cost.transactions for cost in costs) <= 1 / batch + 0.05
    assert min(cost.wal_bytes for cost in costs) <= wal_bytes


# A longer run meets snapshots of autovacuum, during which nothing can be cleaned.
@pytest.mark.parametrize(("records", "batch_limit", "pages"), [(RECORDS, 1, 2), (MANY_RECORDS, 50, 16)])
async def test_the_checkpoint_stays_on_a_few_pages_however_often_it_moves(  # noqa: PLR0913, PLR0917  # fixtures
    records: int, batch_limit: int, pages: int, observer: asyncpg.Connection, consume: Consume, log: Log
) -> None:
    await fill(observer, log, records - RECORDS)

    await consume(batch_limit=batch_limit, records=records)

    size = await observer.fetchval(f"SELECT pg_relation_size('{log.schema}.consumer_checkpoint')")
    dead = await dead_tuples(observer, log, updates=records // batch_limit)
    assert size <= pages * PAGE_BYTES
    assert dead <= pages * DEAD_TUPLES


async def dead_tuples(observer: asyncpg.Connection, log: Log, *, updates: int) -> int:
    """Return how many dead tuples the table of checkpoints has, once the server has counted the updates."""
    query = "SELECT n_tup_upd, n_dead_tup FROM pg_stat_user_tables WHERE schemaname = $1 AND relname = $2"
    for _ in range(200):
        await observer.execute("SELECT pg_stat_clear_snapshot()")
        updated, dead = await observer.fetchrow(query, log.schema, "consumer_checkpoint") or (0, 0)
        if updated >= updates:
            return int(dead)
        await asyncio.sleep(0.05)
    raise TimeoutError("PostgreSQL did not count the updates.")
