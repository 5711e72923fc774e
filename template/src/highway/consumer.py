"""Run a subscriber: read the log, hand over records, and move the checkpoint after the effect."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Literal

import asyncpg
from pydantic import BaseModel
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from src.common.errors import UnavailableError
from src.common.telemetry.metrics import Counts, Durations, Gauge
from src.common.tracing import span
from src.db.unavailable import AWAY, DatabaseUnavailableError, outages_refused, unavailable
from src.highway.cursor import BEGINNING, CheckpointMovedError, Cursor, Lag, Page, Position, StoredRecord
from src.highway.subscriber import AnySubscriber, CheckpointingSubscriber, TransactionalSubscriber
from src.l1.entries import Log

# Redis can lose every message: the log is read at this interval in any case.
POLL_S: Final = 1.0
STANDBY_S: Final = 1.0  # a standby asks at this interval whether the leader is gone
# While an earlier transaction is open, committed records cannot be read; most transactions end within milliseconds.
FIRST_BLOCKED_PAUSE_S: Final = 0.001
BLOCKED_PAUSE_LIMIT_S: Final = 0.1
FIRST_RETRY_PAUSE_S: Final = 0.1
LAG_INTERVAL_S: Final = 1.0
REASON_LIMIT: Final = 1000
# The number of an advisory lock is 64 bits long.
LEAD: Final = "SELECT pg_try_advisory_lock(hashtextextended($1, 0))"

Status = Literal["starting", "leading", "standby", "stopped"]

log = logging.getLogger(__name__)
effect_duration = Durations("cos.consumer.effect.duration", "How long a consumer took for a batch and its checkpoint.")
handled = Counts("cos.consumer.handled", "Records by outcome: done, or dead letter.")
lag_records = Gauge("cos.consumer.lag.records", "Records that a consumer has not handled, counted up to 10,000.")
lag_seconds = Gauge("cos.consumer.lag.seconds", "Age of the oldest record that a consumer has not handled.", unit="s")


class ConsumerState(BaseModel):
    """A consumer as this process sees it; the lag is known to the leader alone."""

    status: Status = "starting"
    lag_records: int | None = None
    lag_seconds: float | None = None
    handled: int = 0
    dead_letters: int = 0
    last_error: str | None = None


class Consumer:
    """One consumer of one module's log. Of all its instances one leads: it holds an advisory lock of PostgreSQL.

    Leader's lock, reading and checkpoint are on one connection. If that is lost, the lock is free for another
    instance, and the checkpoint cannot be moved any more by this one.

    Args:
        subscriber: What to do with a record.
        log: The log to read.
        connect: Opens a connection of the driver.
        sessions: For a subscriber whose effect is in the same PostgreSQL.
        wakeup: Set when there is something to read.
    """

    def __init__(
        self,
        subscriber: AnySubscriber,
        log: Log,
        *,
        connect: Callable[[], Awaitable[asyncpg.Connection]],
        sessions: async_sessionmaker[AsyncSession],
        wakeup: asyncio.Event,
    ) -> None:
        self.subscriber = subscriber
        self.log = log
        self.name = subscriber.name
        self.state = ConsumerState()
        self._cursor = Cursor(log, subscriber.name)
        self._connect = connect
        self._sessions = sessions
        self._wakeup = wakeup
        self._is_stopping = False
        self._lag_measured_at = 0.0

    @property
    def full_name(self) -> str:
        """The name beside all modules: `cc.audit`."""
        return f"{self.log.module}.{self.name}"

    async def run(self) -> None:
        """Lead, or wait until no other instance leads, until `stop` is called.

        Raises:
            DatabaseUnavailableError: PostgreSQL does not answer.
            CheckpointMovedError: The checkpoint was moved by somebody else.
        """
        lag_records.sources.add(self._observe_records)
        lag_seconds.sources.add(self._observe_seconds)
        try:
            while not self._is_stopping:
                if not await self._lead():
                    self.state.status = "standby"
                    self.state.lag_records = self.state.lag_seconds = None
                    await asyncio.sleep(STANDBY_S)
        except Exception as error:
            self.state.last_error = type(error).__name__
            raise
        finally:
            self.state.status = "stopped"
            lag_records.sources.discard(self._observe_records)
            lag_seconds.sources.discard(self._observe_seconds)

    def stop(self) -> None:
        """Let `run` end after the batch that is being handled."""
        self._is_stopping = True
        self._wakeup.set()

    async def wait_for_end(self, *, timeout_s: float) -> None:
        """Wait until every record that is committed now is handled; see `wait_until_caught_up`."""
        with outages_refused():
            connection = await self._connect()
            try:
                end = await self._cursor.end(connection)
                await self._cursor.register(connection, start=self.subscriber.start)
                deadline = time.monotonic() + timeout_s
                while (position := await self._position(connection) or BEGINNING) < end:
                    if time.monotonic() > deadline:
                        lag = await self._cursor.lag(connection, after=position)
                        raise TimeoutError(
                            f"The consumer {self.full_name} has {lag.records} records to handle after {timeout_s} s. "
                            f"Its last error: {self.state.last_error or 'none'}."
                        )
                    await asyncio.sleep(0.002)
            finally:
                connection.terminate()

    async def _lead(self) -> bool:
        """Consume until `stop`; return False at once if another instance leads."""
        with outages_refused():
            connection = await self._connect()
            try:
                if not await connection.fetchval(LEAD, f"{self.log.schema}.{self.name}"):
                    return False
                position = await self._cursor.register(connection, start=self.subscriber.start)
                if isinstance(self.subscriber, CheckpointingSubscriber):
                    position = await self.subscriber.register()
                    await self._cursor.check_reachable(connection, position)
                    await self._cursor.copy(connection, position)
                self.state.status = "leading"
                await self._consume(connection, position)
                return True
            finally:
                connection.terminate()  # releases the lock

    async def _consume(self, connection: asyncpg.Connection, position: Position) -> None:
        pause_s = FIRST_BLOCKED_PAUSE_S
        while not self._is_stopping:
            self._wakeup.clear()
            page = await self._cursor.read(connection, after=position, limit=self.subscriber.batch_limit)
            if page.records:
                position = await self._handle(connection, page.records, position)
                pause_s = FIRST_BLOCKED_PAUSE_S
            await self._note_lag(connection, page, position)
            if page.is_blocked:
                await asyncio.sleep(pause_s)
                pause_s = min(BLOCKED_PAUSE_LIMIT_S, pause_s * 2)
            elif len(page.records) < self.subscriber.batch_limit and not await self._is_woken():
                position = await self._position_now(connection, position)

    async def _position_now(self, connection: asyncpg.Connection, known: Position) -> Position:
        """Return the checkpoint, which a person may have moved."""
        if found := await self._position(connection):
            return found
        if isinstance(self.subscriber, CheckpointingSubscriber):
            raise CheckpointMovedError(f"The checkpoint of {self.full_name} is gone. It is made again.")
        return known

    async def _position(self, connection: asyncpg.Connection) -> Position | None:
        if isinstance(self.subscriber, CheckpointingSubscriber):
            return await self.subscriber.position()
        return await self._cursor.position(connection)

    async def _is_woken(self) -> bool:
        """Wait for something to read; return False if the interval is over first."""
        try:
            async with asyncio.timeout(POLL_S):
                return await self._wakeup.wait()
        except TimeoutError:
            return False

    async def _handle(
        self, connection: asyncpg.Connection, records: Sequence[StoredRecord], position: Position
    ) -> Position:
        """Return the checkpoint after the records; if the batch fails, handle its records one by one."""
        try:
            return await self._apply(connection, records, position)
        except UnavailableError:
            raise
        except Exception as error:  # noqa: BLE001  # any error of the subscriber's code
            self._log_failure(error, records)
        for record in records:
            position = await self._handle_alone(connection, record, position, is_tried=len(records) == 1)
        return position

    async def _handle_alone(
        self, connection: asyncpg.Connection, record: StoredRecord, position: Position, *, is_tried: bool
    ) -> Position:
        """Return the checkpoint after one record, which is a dead letter if all tries fail."""
        reason = self.state.last_error or ""
        for number in range(1 if is_tried else 0, self.subscriber.tries):
            await asyncio.sleep(FIRST_RETRY_PAUSE_S * 2 ** (number - 1) if number else 0)
            try:
                return await self._apply(connection, [record], position)
            except UnavailableError:
                raise
            except Exception as error:  # noqa: BLE001  # any error of the subscriber's code
                reason = self._log_failure(error, [record])
        return await self._add_dead_letter(connection, record, position, reason)

    async def _apply(
        self, connection: asyncpg.Connection, records: Sequence[StoredRecord], position: Position
    ) -> Position:
        """Let the subscriber handle the records, then move the checkpoint past them."""
        new = records[-1].position
        move, parameters = self._cursor.move(old=position, new=new)
        started = time.perf_counter()
        async with _outages_told_apart(connection):
            with span("consume", layer="service", consumer=self.full_name, records=len(records)):
                if isinstance(self.subscriber, TransactionalSubscriber):
                    async with self._sessions() as session, session.begin():
                        async with asyncio.timeout(self.subscriber.timeout_s):
                            await self.subscriber.handle_batch(records, session)
                        moved: Any = (await (await session.connection()).exec_driver_sql(move, parameters)).all()
                        self._check_moved(moved)
                elif isinstance(self.subscriber, CheckpointingSubscriber):
                    async with asyncio.timeout(self.subscriber.timeout_s):
                        await self.subscriber.handle_batch(records, old=position, new=new)
                    await self._cursor.copy(connection, new)
                else:
                    async with asyncio.timeout(self.subscriber.timeout_s):
                        await self.subscriber.handle_batch(records)
                    self._check_moved(await connection.fetch(move, *parameters))
        effect_duration.record(time.perf_counter() - started, consumer=self.full_name)
        handled.add(len(records), consumer=self.full_name, outcome="done")
        self.state.handled += len(records)
        return new

    async def _add_dead_letter(
        self, connection: asyncpg.Connection, record: StoredRecord, position: Position, reason: str
    ) -> Position:
        tries = self.subscriber.tries
        statement, parameters = self._cursor.add_dead_letter(record, old=position, reason=reason, tries=tries)
        self._check_moved(await connection.fetch(statement, *parameters))
        if isinstance(self.subscriber, CheckpointingSubscriber):
            await self.subscriber.move(old=position, new=record.position)
        log.error("%s failed %d times with the record %s, now a dead letter.", self.full_name, tries, record.id)
        handled.add(consumer=self.full_name, outcome="dead letter")
        self.state.dead_letters += 1
        return record.position

    def _check_moved(self, rows: Sequence[object]) -> None:
        if not rows:
            raise CheckpointMovedError(f"The checkpoint of {self.full_name} was moved by somebody else.")

    def _log_failure(self, error: Exception, records: Sequence[StoredRecord]) -> str:
        """Log an error of the subscriber, and return it as the reason of a dead letter."""
        self.state.last_error = reason = reason_of(error)
        what = f"the record {records[0].id}" if len(records) == 1 else f"{len(records)} records, now taken one by one"
        log.warning("The consumer %s failed with %s.", self.full_name, what, exc_info=error)
        return reason

    async def _note_lag(self, connection: asyncpg.Connection, page: Page, position: Position) -> None:
        """Measure the lag while there is one, at most once a second."""
        if not page.is_blocked and len(page.records) < self.subscriber.batch_limit:
            lag = Lag(records=0, seconds=0.0)
        elif time.monotonic() - self._lag_measured_at < LAG_INTERVAL_S:
            return
        else:
            self._lag_measured_at = time.monotonic()
            lag = await self._cursor.lag(connection, after=position)
        self.state.lag_records, self.state.lag_seconds = lag.records, round(lag.seconds, 3)

    def _observe_records(self) -> tuple[float, dict[str, str]]:
        return self.state.lag_records or 0, {"consumer": self.full_name}

    def _observe_seconds(self) -> tuple[float, dict[str, str]]:
        return self.state.lag_seconds or 0, {"consumer": self.full_name}


async def wait_until_caught_up(consumer: Consumer, *, timeout_s: float = 5.0) -> None:
    """Return once the consumer has handled every record that is committed now, for tests and scripts.

    Raises:
        TimeoutError: It has not; the message has its lag and its last error.
    """
    await consumer.wait_for_end(timeout_s=timeout_s)


def reason_of(error: Exception) -> str:
    """Return the kind and the message of an error, as a dead letter keeps it: no NUL, at most 1,000 characters."""
    return f"{type(error).__name__}: {error}".removesuffix(": ").replace("\0", "")[:REASON_LIMIT]


@asynccontextmanager
async def _outages_told_apart(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """Raise an outage of PostgreSQL as a refusal, so that no record becomes a dead letter because of it.

    A statement that takes too long while PostgreSQL answers is a failure of the record.
    """
    try:
        yield
    except Exception as error:
        outage = unavailable(error)
        if connection.is_closed():
            raise outage or DatabaseUnavailableError(AWAY) from error
        if outage is None:
            raise
        cause = error.driver_exception if isinstance(error, DBAPIError) else error
        if not isinstance(cause, TimeoutError | asyncpg.QueryCanceledError):
            raise outage from error
        with outages_refused():
            await connection.execute("SELECT 1")
        raise
