"""Write a record in the caller's transaction, in one statement."""

import time
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from src.common.tracing import span
from src.l1.announcement import announce_after_commit
from src.l1.entries import Entry, Log, new_record
from src.l1.metrics import record_duration
from src.l1.statements import insertion_of


async def write_record(session: AsyncSession, log: Log, entries: Sequence[Entry]) -> UUID:
    """Return the id of a new record, which is there once the session's transaction is committed.

    Raises:
        UnstorableRecordError: An entry breaks a rule; the transaction can go on.
    """
    started = time.perf_counter()
    with span("log_l1", layer="service") as current:
        record = new_record(log, entries)
        current.set_attribute("mem0.event_type", record.event_type)
        current.set_attribute("mem0.record_id", str(record.id))
        connection = await session.connection()
        # Past SQLAlchemy's compiler, but not past its transaction, its events and its handling of lost connections.
        await connection.exec_driver_sql(*insertion_of(record, log))
        announce_after_commit(session, log.module, record.id)
    record_duration.record(time.perf_counter() - started, source_module=log.module, way="transaction")
    return record.id
