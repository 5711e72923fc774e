"""Write records outside of any transaction, many in one statement, on a separate connection.

No timer delays a record. While the connection is free, records are written at the end of the current iteration of the
event loop; records that arrive during a write are the next batch. A record has its id before it is sent, and the
statement skips records that exist. So a batch can be sent again after a lost connection, and nothing is written twice.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final
from uuid import UUID

import asyncpg
from fastapi.requests import HTTPConnection

from src.common.background_tasks import BackgroundTask, BackgroundTasks
from src.common.config import Settings
from src.common.tracing import span
from src.db.connection import connect_driver
from src.db.unavailable import unavailable
from src.l1.announcement import Announce
from src.l1.entries import Entry, Log, new_record
from src.l1.metrics import record_duration
from src.l1.pending_write import L1ClosedError, L1QueueFullError, PendingWrite, by_log
from src.l1.statements import insertion_of, insertion_of_all

QUEUE_LIMIT: Final = 10_000
BATCH_LIMIT: Final = 500
# Together less than the 4 s within which a request must be refused.
ROOM_TIMEOUT_S: Final = 1.0
WRITE_TIMEOUT_S: Final = 2.5
RETRY_PAUSE_S: Final = 0.05
DRAIN_LIMIT_S: Final = 5.0
# After these the statement may have been committed or not: the connection broke, or PostgreSQL was shutting down.
LOST_STATES: Final = ("08", "57P")
# asyncpg raises the last one if PostgreSQL closed the connection just before a statement was sent.
CONNECTION_FAULTS: Final = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)

log = logging.getLogger(__name__)


class L1Writer:
    """One connection and one queue, for the logs of all modules; `open_writer` starts and stops it."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[asyncpg.Connection]],
        *,
        queue_limit: int = QUEUE_LIMIT,
        room_timeout_s: float = ROOM_TIMEOUT_S,
        write_timeout_s: float = WRITE_TIMEOUT_S,
    ) -> None:
        self._connect = connect
        self._connection: asyncpg.Connection | None = None
        self._room = asyncio.Semaphore(queue_limit)
        self._room_timeout_s = room_timeout_s
        self._write_timeout_s = write_timeout_s
        self._queue: deque[PendingWrite] = deque()
        self._has_work = asyncio.Event()
        self._is_closing = False
        self._is_unreachable = False
        self.announce: Announce | None = None  # called for each record after its commit

    async def submit(self, log: Log, entries: Sequence[Entry]) -> UUID:
        """Return the id of a new record once it is committed.

        Raises:
            UnstorableRecordError: An entry breaks a rule; nothing was written.
            L1QueueFullError: Too many records are in the queue; nothing was written.
            L1ClosedError: The service is stopping; nothing was written.
            DatabaseUnavailableError: PostgreSQL does not answer; nothing was written.
            L1InDoubtError: PostgreSQL stopped answering during the write; the record may have been written.
        """
        started = time.perf_counter()
        with span("submit_l1", layer="service") as current:
            record = new_record(log, entries)
            current.set_attribute("mem0.event_type", record.event_type)
            current.set_attribute("mem0.record_id", str(record.id))
            await self._take_room()
            try:
                await self._commit(PendingWrite(log, record))
            finally:
                self._room.release()
        record_duration.record(time.perf_counter() - started, source_module=log.module, way="writer")
        return record.id

    async def run(self) -> None:
        """Write records until `close` is called; then write those that are left in the queue.

        After an error it can be called again; it then writes the records that are still in the queue.
        """
        self._has_work.set()
        while not (self._is_closing and not self._queue):
            await self._has_work.wait()
            self._has_work.clear()
            while batch := self._next_batch():
                await self._write(batch)
        self._drop_connection()

    def close(self) -> None:
        """Accept no more records, and let `run` return when the queue is empty."""
        self._is_closing = True
        self._has_work.set()

    async def _take_room(self) -> None:
        if not self._room.locked():
            await self._room.acquire()  # at once
            return
        try:
            async with asyncio.timeout(self._room_timeout_s):
                await self._room.acquire()
        except TimeoutError:
            raise L1QueueFullError from None

    async def _commit(self, write: PendingWrite) -> None:
        if self._is_closing:
            raise L1ClosedError
        self._queue.append(write)
        self._has_work.set()
        limit = asyncio.get_running_loop().call_later(self._write_timeout_s, write.expire)
        try:
            await write.committed
        finally:
            limit.cancel()

    def _next_batch(self) -> list[PendingWrite]:
        """Remove the oldest writes from the queue; skip those whose caller no longer waits."""
        batch: list[PendingWrite] = []
        while self._queue and len(batch) < BATCH_LIMIT:
            write = self._queue.popleft()
            if write.is_awaited:
                batch.append(write)
        return batch

    async def _write(self, batch: list[PendingWrite]) -> None:
        """Write a batch; put it back into the queue if the connection is lost."""
        try:
            connection = await self._connected()
            for writes in by_log(batch).values():
                await self._send(connection, writes)
            self._is_unreachable = False
        except CONNECTION_FAULTS as fault:
            self._log_outage(fault)
            self._drop_connection()
            self._put_back(batch)
            await asyncio.sleep(RETRY_PAUSE_S)
        except Exception as bug:  # noqa: BLE001  # the callers must get the error, and the next batch must be written
            for write in batch:
                write.fail(bug)

    async def _send(self, connection: asyncpg.Connection, writes: list[PendingWrite]) -> None:
        """Commit writes to one log; if PostgreSQL refuses them, send each half alone, so that only the bad one fails.

        Raises:
            CONNECTION_FAULTS: The connection is lost, and it is not known whether they are committed.
        """
        # A caller that timed out before this was told that nothing is written.
        writes = [write for write in writes if write.is_awaited]
        if not writes:
            return
        statement, parameters = _insertion(writes)
        for write in writes:
            write.is_in_flight = True
        try:
            await connection.fetch(statement, *parameters)
        except asyncpg.PostgresError as fault:
            if connection.is_closed() or (fault.sqlstate or "").startswith(LOST_STATES):
                raise
            await self._send_apart(connection, writes, fault)
        else:
            for write in writes:
                write.resolve()
                if self.announce:
                    self.announce(write.log.module, write.record.id)

    async def _send_apart(
        self, connection: asyncpg.Connection, writes: list[PendingWrite], fault: asyncpg.PostgresError
    ) -> None:
        """Find those that PostgreSQL refuses, and fail their futures; the statement wrote nothing."""
        for write in writes:
            write.is_in_flight = False
        if len(writes) == 1:
            writes[0].refuse(unavailable(fault) or fault)
            return
        middle = len(writes) // 2
        for half in (writes[:middle], writes[middle:]):
            await self._send(connection, half)

    def _put_back(self, batch: list[PendingWrite]) -> None:
        for write in batch:
            write.is_in_doubt |= write.is_in_flight
            write.is_in_flight = False
        self._queue.extendleft(reversed(batch))

    def _log_outage(self, fault: BaseException) -> None:
        """Log an outage once, not for each attempt."""
        if not self._is_unreachable:
            log.warning("PostgreSQL does not accept records for L1 (%r). The writer tries again until it does.", fault)
        self._is_unreachable = True

    async def _connected(self) -> asyncpg.Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._connect()
        return self._connection

    def _drop_connection(self) -> None:
        if self._connection:
            self._connection.terminate()
        self._connection = None


@asynccontextmanager
async def open_writer(settings: Settings, tasks: BackgroundTasks) -> AsyncIterator[L1Writer]:
    """Yield a writer that connects when first used; records that it has accepted are written before the block ends."""
    writer = L1Writer(partial(connect_driver, settings))
    running = tasks.start(BackgroundTask(name="l1 writer", run=writer.run))
    try:
        yield writer
    finally:
        writer.close()
        await asyncio.wait({running}, timeout=DRAIN_LIMIT_S)
        running.cancel()


async def get_l1_writer(connection: HTTPConnection) -> L1Writer:
    """Return the application's writer, as a dependency."""
    writer: L1Writer = connection.app.state.l1_writer
    return writer


def _insertion(writes: list[PendingWrite]) -> tuple[str, tuple[Any, ...]]:
    first = writes[0]
    if len(writes) == 1 and not first.is_in_doubt:
        return insertion_of(first.record, first.log)
    return insertion_of_all([write.record for write in writes], first.log)
