"""Show and control consumers: status, replay, skip, reset, forget."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import ClassVar, Final
from uuid import UUID

import asyncpg
from pydantic import BaseModel

from src.common.config import Settings
from src.common.errors import ConflictError, NotFoundError
from src.db.connection import Database, connect_driver
from src.db.unavailable import outages_refused
from src.highway.consumer import reason_of
from src.highway.cursor import Cursor, Position, Start, StoredRecord
from src.highway.subscriber import AnySubscriber, CheckpointingSubscriber, TransactionalSubscriber
from src.l1.entries import Log

REGISTERED: Final = """
SELECT consumer, xid::text::bigint, seq, updated_at,
    (SELECT count(*) FROM "{schema}".dead_letter WHERE dead_letter.consumer = checkpoint.consumer),
    (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND (classid::bigint << 32) | objid::bigint = hashtextextended($1 || '.' || checkpoint.consumer, 0) LIMIT 1)
FROM "{schema}".consumer_checkpoint AS checkpoint ORDER BY consumer
"""
LETTERS: Final = """
SELECT consumer, record_id, reason, tries, failed_at FROM "{schema}".dead_letter
WHERE $1::text IS NULL OR consumer = $1 ORDER BY failed_at, record_id
"""
DELETE_DEAD_LETTER: Final = 'DELETE FROM "{schema}".dead_letter WHERE consumer = $1 AND record_id = $2'
DELETE_DEAD_LETTERS: Final = 'DELETE FROM "{schema}".dead_letter WHERE consumer = $1'
DELETE_CHECKPOINT: Final = 'DELETE FROM "{schema}".consumer_checkpoint WHERE consumer = $1'


class ConsumerStatus(BaseModel):
    """A consumer, its checkpoint and its backlog. `leader` is the PostgreSQL process of the instance that leads."""

    module: str
    consumer: str
    is_in_code: bool
    xid: int | None = None
    seq: int | None = None
    updated_at: datetime | None = None
    lag_records: int | None = None
    lag_seconds: float | None = None
    dead_letters: int = 0
    leader: int | None = None


class ConsumersStatus(BaseModel):
    """All consumers, sorted by name."""

    consumers: list[ConsumerStatus]


class DeadLetter(BaseModel):
    """A record that a consumer could not handle."""

    module: str
    consumer: str
    record_id: UUID
    reason: str
    tries: int
    failed_at: datetime


class Replay(BaseModel):
    """The dead letters that were handled now, and those that failed again, with the reason."""

    handled: list[UUID]
    failed: dict[UUID, str]


class NoSuchConsumerError(NotFoundError):
    problem_type: ClassVar[str] = "no-such-consumer"


class Control:
    """The consumers of an application, reached through PostgreSQL, whether or not the service runs.

    Consumers are named `<module>.<consumer>`.

    Args:
        settings: Where PostgreSQL is.
        database: For replays of consumers whose effect is in PostgreSQL.
        logs: The logs of all modules.
        subscribers: The consumers that the code has, each with its log.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        *,
        logs: Sequence[Log],
        subscribers: Sequence[tuple[Log, AnySubscriber]],
    ) -> None:
        self._settings = settings
        self._database = database
        self._logs = {log.module: log for log in logs}
        self._subscribers = {f"{log.module}.{subscriber.name}": (log, subscriber) for log, subscriber in subscribers}

    async def status(self) -> list[ConsumerStatus]:
        """Return every consumer that the code or a log has."""
        found: dict[str, ConsumerStatus] = {}
        async with self._connected() as connection:
            for log in self._logs.values():
                for row in await connection.fetch(REGISTERED.format(schema=log.schema), log.schema):
                    consumer, xid, seq, updated_at, letters, leader = row
                    lag = await Cursor(log, consumer).lag(connection, after=Position(xid, seq))
                    name = f"{log.module}.{consumer}"
                    found[name] = ConsumerStatus(
                        module=log.module,
                        consumer=consumer,
                        is_in_code=name in self._subscribers,
                        xid=xid,
                        seq=seq,
                        updated_at=updated_at,
                        lag_records=lag.records,
                        lag_seconds=round(lag.seconds, 3),
                        dead_letters=letters,
                        leader=leader,
                    )
        for name, (log, subscriber) in self._subscribers.items():
            new = ConsumerStatus(module=log.module, consumer=subscriber.name, is_in_code=True)
            found.setdefault(name, new)
        return [found[name] for name in sorted(found)]

    async def dead_letters(self, consumer: str | None = None) -> list[DeadLetter]:
        """Return the dead letters of a consumer, or of all, oldest first."""
        logs, name = ([self._log_of(consumer)], _short(consumer)) if consumer else (list(self._logs.values()), None)
        async with self._connected() as connection:
            rows = [
                (log, row) for log in logs for row in await connection.fetch(LETTERS.format(schema=log.schema), name)
            ]
        return [DeadLetter(module=log.module, **row) for log, row in rows]

    async def replay(self, consumer: str, record_id: UUID | None = None) -> Replay:
        """Give a consumer its dead letters again, one or all; a letter that is handled is deleted.

        Raises:
            NotFoundError: The code has no such consumer, or the consumer no such dead letter.
        """
        log, subscriber = self._subscriber_of(consumer)
        letters = [each.record_id for each in await self.dead_letters(consumer)]
        if record_id and record_id not in letters:
            raise NotFoundError(f"{consumer} has no dead letter {record_id}. `status` lists the dead letters.")
        replay = Replay(handled=[], failed={})
        async with self._connected() as connection:
            for letter in [record_id] if record_id else letters:
                record = await Cursor(log, subscriber.name).record(connection, letter)
                try:
                    await self._handle(subscriber, record)
                except Exception as error:  # noqa: BLE001  # any error of the subscriber's code
                    replay.failed[letter] = reason_of(error)
                else:
                    await connection.execute(DELETE_DEAD_LETTER.format(schema=log.schema), subscriber.name, letter)
                    replay.handled.append(letter)
        return replay

    async def skip(self, consumer: str) -> UUID:
        """Return the id of the next record of a consumer, which is a dead letter now, so that the consumer goes on.

        Raises:
            NotFoundError: There is no such consumer, or it has handled every record.
            ConflictError: The consumer handled the record meanwhile.
        """
        log = self._log_of(consumer)
        cursor = Cursor(log, _short(consumer))
        async with self._connected() as connection:
            position = await self._position(connection, cursor, consumer)
            page = await cursor.read(connection, after=position, limit=1)
            if not page.records:
                raise NotFoundError(f"{consumer} has no record to skip. It has handled all that can be read now.")
            record = page.records[0]
            statement, parameters = cursor.add_dead_letter(record, old=position, reason="skipped by hand", tries=0)
            if not await connection.fetch(statement, *parameters):
                raise ConflictError(f"{consumer} handled the record meanwhile. Nothing was skipped.")
            if store := self._store_of(consumer):
                await store.move(old=position, new=record.position)
        return record.id

    async def reset(self, consumer: str, *, to: Start) -> Position:
        """Move the checkpoint to the beginning of the log, so that every record is handled again, or to its end."""
        cursor = Cursor(self._log_of(consumer), _short(consumer))
        async with self._connected() as connection:
            await self._position(connection, cursor, consumer)
            position = await cursor.reset(connection, to=to)
            if store := self._store_of(consumer):
                await store.reset(position)
        return position

    async def forget(self, consumer: str) -> None:
        """Delete the checkpoint and the dead letters of a consumer that the code no longer has.

        Raises:
            ConflictError: The code still has it.
        """
        log = self._log_of(consumer)
        if consumer in self._subscribers:
            raise ConflictError(f"The code still has {consumer}. Remove it from the slice's `subscribers` first.")
        async with self._connected() as connection, connection.transaction():
            await self._position(connection, Cursor(log, _short(consumer)), consumer)
            for statement in (DELETE_DEAD_LETTERS, DELETE_CHECKPOINT):
                await connection.execute(statement.format(schema=log.schema), _short(consumer))

    async def _handle(self, subscriber: AnySubscriber, record: StoredRecord) -> None:
        if isinstance(subscriber, TransactionalSubscriber):
            async with self._database.sessions() as session, session.begin():
                await subscriber.handle_batch([record], session)
        elif isinstance(subscriber, CheckpointingSubscriber):
            await subscriber.handle_again(record)
        else:
            await subscriber.handle_batch([record])

    async def _position(self, connection: asyncpg.Connection, cursor: Cursor, consumer: str) -> Position:
        if (position := await cursor.position(connection)) is None:
            raise self._unknown(consumer)
        return position

    def _store_of(self, consumer: str) -> CheckpointingSubscriber | None:
        """Return the consumer if its checkpoint is in a store of its own, and PostgreSQL's is a copy."""
        _, subscriber = self._subscribers.get(consumer, (None, None))
        return subscriber if isinstance(subscriber, CheckpointingSubscriber) else None

    def _log_of(self, consumer: str) -> Log:
        log = self._logs.get(consumer.partition(".")[0])
        if log is None or not _short(consumer):
            raise self._unknown(consumer)
        return log

    def _subscriber_of(self, consumer: str) -> tuple[Log, AnySubscriber]:
        if consumer not in self._subscribers:
            raise self._unknown(consumer)
        return self._subscribers[consumer]

    def _unknown(self, consumer: str) -> NoSuchConsumerError:
        known = ", ".join(sorted(self._subscribers)) or "none yet"
        return NoSuchConsumerError(f"There is no consumer {consumer}. Name one as <module>.<consumer>; known: {known}.")

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[asyncpg.Connection]:
        with outages_refused():
            connection = await connect_driver(self._settings)
            try:
                yield connection
            finally:
                await connection.close()


def _short(consumer: str) -> str:
    """Return the name of a consumer without its module."""
    return consumer.partition(".")[2]
