"""The log of this module, in tables of its own."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from src.l1.entries import Entry, Event, Prompt
from src.l1.record import write_record
from src.l1.writer import L1Writer

from ..mem0_models import LOG

__all__ = ["LOG", "Event", "Prompt", "log_l1", "submit_l1"]


async def log_l1(session: AsyncSession, *entries: Entry) -> UUID:
    """Return the id of a record of these entries, committed or rolled back with all else in the session's transaction.

    Raises:
        UnstorableRecordError: An entry breaks a rule of the log; nothing was written, and the transaction can go on.
    """
    return await write_record(session, LOG, entries)


async def submit_l1(writer: L1Writer, *entries: Entry) -> UUID:
    """Return the id of a record of these entries, which belongs to no transaction and is committed already.

    Raises:
        UnstorableRecordError: An entry breaks a rule of the log; nothing was written.
        L1QueueFullError: Too many records are in the queue; nothing was written.
        DatabaseUnavailableError: PostgreSQL does not answer; nothing was written.
        L1InDoubtError: PostgreSQL stopped answering during the write; the record may have been written.
    """
    return await writer.submit(LOG, entries)
