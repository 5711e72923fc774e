"""Read a log in the order of commits, and store the position of a consumer.

`id > last` misses records: a transaction that takes a number early and commits late is passed over. So the order is
`(xid, seq)`, and a record is read once every transaction with a lower `xid` has ended.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final, Literal
from uuid import UUID

import asyncpg
import orjson

from src.common.errors import UnavailableError
from src.l1.entries import Event, Log, Prompt

Start = Literal["beginning", "end"]
type Statement = tuple[str, tuple[Any, ...]]  # SQL, and its parameters

# In the outer SELECT, `ORDER BY xid` would sort by the output's bigint, which no index sorts.
RECORDS: Final = """
SELECT id, timestamp, source_module, request_id, trace_id, subject, xid::text::bigint, seq, is_final,
    CASE WHEN is_final THEN (
        SELECT json_agg(json_build_array(event_type, payload) ORDER BY position)
        FROM "{schema}".event_log WHERE base_log_id = page.id
    ) END,
    CASE WHEN is_final THEN (
        SELECT json_agg(json_build_array(role, content, tokens_in, tokens_out) ORDER BY position)
        FROM "{schema}".prompt_trace WHERE base_log_id = page.id
    ) END
FROM (
    SELECT *, xid < pg_snapshot_xmin(pg_current_snapshot()) AS is_final
    FROM "{schema}".base_log WHERE """
READ: Final = f"""{RECORDS} (xid, seq) > ($1::bigint::text::xid8, $2::bigint)
    ORDER BY xid, seq LIMIT $3
) AS page ORDER BY page.xid, page.seq
"""
READ_ONE: Final = f"{RECORDS} id = $1) AS page"
# At the end: what is committed by now is left out. A transaction that is not over yet is read when it commits.
REGISTER: Final = """
INSERT INTO "{schema}".consumer_checkpoint (consumer, xid, seq)
SELECT $1, CASE WHEN $2 THEN pg_snapshot_xmin(pg_current_snapshot()) ELSE '0'::xid8 END, 0
ON CONFLICT DO NOTHING
"""
RESET: Final = """
UPDATE "{schema}".consumer_checkpoint SET
    xid = CASE WHEN $2 THEN pg_snapshot_xmin(pg_current_snapshot()) ELSE '0'::xid8 END, seq = 0, updated_at = now()
WHERE consumer = $1
"""
COPY: Final = """
UPDATE "{schema}".consumer_checkpoint SET xid = $2::bigint::text::xid8, seq = $3, updated_at = now()
WHERE consumer = $1
"""
IS_AHEAD: Final = "SELECT $1::bigint::text::xid8 >= pg_snapshot_xmax(pg_current_snapshot())"
CHECKPOINT: Final = """
SELECT xid::text::bigint, seq FROM "{schema}".consumer_checkpoint WHERE consumer = $1
"""
MOVE: Final = """
UPDATE "{schema}".consumer_checkpoint
SET xid = $4::bigint::text::xid8, seq = $5, updated_at = now()
WHERE consumer = $1 AND xid = $2::bigint::text::xid8 AND seq = $3
RETURNING consumer
"""
ADD_DEAD_LETTER: Final = f"""
WITH moved AS ({MOVE})
INSERT INTO "{{schema}}".dead_letter (consumer, record_id, reason, tries)
SELECT consumer, $6::uuid, $7::text, $8::int FROM moved
ON CONFLICT (consumer, record_id) DO UPDATE SET reason = excluded.reason, tries = excluded.tries, failed_at = now()
RETURNING consumer
"""  # noqa: S608  # nosec B608
LAG: Final = """
SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(timestamp)), 0)::float8
FROM (
    SELECT timestamp FROM "{schema}".base_log WHERE (xid, seq) > ($1::bigint::text::xid8, $2::bigint)
    ORDER BY xid, seq LIMIT $3
) AS unread
"""
LAST: Final = """
SELECT xid::text::bigint, seq FROM "{schema}".base_log ORDER BY base_log.xid DESC, seq DESC LIMIT 1
"""
LAG_LIMIT: Final = 10_000


class CheckpointMovedError(UnavailableError):
    """Another instance of the consumer, or a person, moved the checkpoint; what this one did is not acknowledged."""

    problem_type: ClassVar[str] = "checkpoint-moved"


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a log; every record up to it has been handled."""

    xid: int
    seq: int


BEGINNING: Final = Position(0, 0)


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record as the log has it. `events` and `prompts` are in the order in which they were recorded."""

    id: UUID
    timestamp: datetime
    source_module: str
    request_id: str | None
    trace_id: str | None
    position: Position
    events: Sequence[Event]
    prompts: Sequence[Prompt]
    subject: str | None = None  # who called, as the token said


@dataclass(frozen=True, slots=True)
class Page:
    """Records in their order; `is_blocked` if more are committed, but an earlier transaction is still open."""

    records: Sequence[StoredRecord]
    is_blocked: bool


@dataclass(frozen=True, slots=True)
class Lag:
    """How many records a consumer has not handled, counted up to 10,000, and the age of the oldest in seconds."""

    records: int
    seconds: float


class Cursor:
    """The checkpoint of one consumer in one log, and the statements on it. Takes connections of the driver."""

    def __init__(self, log: Log, consumer: str) -> None:
        self._schema = log.schema
        self._consumer = consumer

    async def register(self, connection: asyncpg.Connection, *, start: Start) -> Position:
        """Return the checkpoint; that of a new consumer is the beginning or the end of the log."""
        await connection.execute(self._sql(REGISTER), self._consumer, start == "end")
        return await self.position(connection) or BEGINNING

    async def reset(self, connection: asyncpg.Connection, *, to: Start) -> Position:
        """Move the checkpoint to the beginning or the end of the log, wherever it is now, and return it."""
        await connection.execute(self._sql(RESET), self._consumer, to == "end")
        return await self.position(connection) or BEGINNING

    async def copy(self, connection: asyncpg.Connection, position: Position) -> None:
        """Set the copy of a checkpoint that is kept in another store."""
        await connection.execute(self._sql(COPY), self._consumer, position.xid, position.seq)

    async def check_reachable(self, connection: asyncpg.Connection, position: Position) -> None:
        """Check that this database can have records up to a checkpoint that is kept in another store.

        Raises:
            CheckpointMovedError: It cannot; the other store was filled from another database.
        """
        if await connection.fetchval(IS_AHEAD, position.xid):
            raise CheckpointMovedError(
                f"The checkpoint of {self._consumer} is ahead of the log: it was made with another database. Build "
                "again what the consumer keeps."
            )

    async def position(self, connection: asyncpg.Connection) -> Position | None:
        """Return the checkpoint; None if the consumer has never run."""
        row = await connection.fetchrow(self._sql(CHECKPOINT), self._consumer)
        return Position(*row) if row else None

    async def record(self, connection: asyncpg.Connection, record_id: UUID) -> StoredRecord:
        """Return one record of the log; it must be there."""
        rows = await connection.fetch(self._sql(READ_ONE), record_id)
        assert rows, f"the log has no record {record_id}"
        return _records(rows)[0]

    async def read(self, connection: asyncpg.Connection, *, after: Position, limit: int) -> Page:
        """Return the next records of the log, at most `limit`."""
        rows = await connection.fetch(self._sql(READ), after.xid, after.seq, limit)
        records = _records(rows)
        return Page(records=records, is_blocked=len(records) < len(rows))

    def move(self, *, old: Position, new: Position) -> Statement:
        """Return the statement that moves the checkpoint, and its parameters.

        The statement returns a row, and none if the checkpoint is not at `old`.
        """
        return self._sql(MOVE), (self._consumer, old.xid, old.seq, new.xid, new.seq)

    def add_dead_letter(self, record: StoredRecord, *, old: Position, reason: str, tries: int) -> Statement:
        """Return the statement that moves the checkpoint past a record and adds a dead letter for it."""
        _, parameters = self.move(old=old, new=record.position)
        return self._sql(ADD_DEAD_LETTER), (*parameters, record.id, reason, tries)

    async def lag(self, connection: asyncpg.Connection, *, after: Position) -> Lag:
        """Return how far the position is behind the end of the log."""
        row = await connection.fetchrow(self._sql(LAG), after.xid, after.seq, LAG_LIMIT)
        return Lag(*row) if row else Lag(0, 0.0)

    async def end(self, connection: asyncpg.Connection) -> Position:
        """Return the position of the last committed record."""
        row = await connection.fetchrow(self._sql(LAST))
        return Position(*row) if row else BEGINNING

    def _sql(self, statement: str) -> str:
        """Return the statement for the schema of the log; settings take nothing but a-z, 0-9 and _ as a schema."""
        return statement.format(schema=self._schema)


def _records(rows: Sequence[asyncpg.Record]) -> list[StoredRecord]:
    """Return the records up to the first that is not final; one loop, since a consumer that is behind reads many."""
    records = []
    for record_id, timestamp, module, request_id, trace_id, subject, xid, seq, is_final, events, prompts in rows:
        if not is_final:
            break
        found_events = [Event(*fields) for fields in orjson.loads(events)] if events else []
        found_prompts = [Prompt(*fields) for fields in orjson.loads(prompts)] if prompts else []
        position = Position(xid, seq)
        records.append(
            StoredRecord(
                record_id, timestamp, module, request_id, trace_id, position, found_events, found_prompts, subject
            )
        )
    return records
