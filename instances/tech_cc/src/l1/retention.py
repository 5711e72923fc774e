"""Delete the oldest records of a log, once every consumer has read them."""

from datetime import timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from src.common.schemas import Purge
from src.l1.entries import Log

PURGE_BATCH: Final = 1000
# In the order of the log, so that the index finds the oldest records. Only those that are old enough are locked: a lock
# is a write, and a purge with nothing to delete must write nothing. Without a consumer the limit is the highest place.
# Prompts and events are deleted with their record.
PURGE: Final = """
WITH slowest AS (SELECT xid, seq FROM {schema}.consumer_checkpoint ORDER BY xid, seq LIMIT 1),
oldest AS (
    SELECT id, timestamp FROM {schema}.base_log
    WHERE (xid, seq) <= (
        coalesce((SELECT xid FROM slowest), '18446744073709551615'::xid8),
        coalesce((SELECT seq FROM slowest), 9223372036854775807)
    )
    AND NOT EXISTS (SELECT FROM {schema}.dead_letter WHERE record_id = base_log.id)
    ORDER BY xid, seq LIMIT :limit
)
DELETE FROM {schema}.base_log WHERE id IN (
    SELECT id FROM {schema}.base_log
    WHERE id IN (SELECT id FROM oldest WHERE timestamp < now() - CAST(:age AS interval))
    FOR UPDATE SKIP LOCKED
) RETURNING id
"""


async def purge_log(session: AsyncSession, log: Log, *, age: timedelta, limit: int = PURGE_BATCH) -> Purge:
    """Delete records that are older than `age`, oldest first, at most `limit`, so that no purge holds locks for long.

    Records that the slowest consumer has not read stay, however old they are, and so do records with a dead letter.
    Records that another purge has locked are left to it. A purge that finds nothing to delete takes no row lock and
    writes no WAL.
    """
    statement = text(PURGE.format(schema=f'"{log.schema}"'))
    purged = len((await session.execute(statement, {"limit": limit, "age": age})).all())
    return Purge(purged=purged, is_complete=purged < limit)
