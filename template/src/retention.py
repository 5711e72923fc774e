"""Delete expired scratch notes and old records of the log: once from the command line, or at intervals."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from src.backend.slice import Slice
from src.common.background_tasks import BackgroundTask
from src.common.config import Settings
from src.common.schemas import Purge
from src.db.connection import Database
from src.db.unavailable import outages_refused
from src.l1.retention import purge_log


async def purge_slice(database: Database, part: Slice, *, age: timedelta) -> dict[str, int]:
    """Return how many rows of the slice were deleted, by kind; each batch is a transaction.

    Raises:
        DatabaseUnavailableError: PostgreSQL does not answer; the batches before are committed.
    """

    async def purge_records(session: AsyncSession) -> Purge:
        return await purge_log(session, part.log, age=age)

    with outages_refused():
        return {
            "expired notes": await _until_complete(database, part.purge_scratch) if part.purge_scratch else 0,
            "old records": await _until_complete(database, purge_records),
        }


def purge_task(database: Database, part: Slice, settings: Settings) -> BackgroundTask:
    """Return the background task that purges a slice every `PURGE_INTERVAL_S`."""

    async def purge() -> None:
        await purge_slice(database, part, age=settings.l1_retention)

    return BackgroundTask(name=f"purge of {part.module}", run=purge, interval_s=settings.purge_interval_s)


def purge_tasks(database: Database, slices: Sequence[Slice], settings: Settings) -> list[BackgroundTask]:
    """Return a task for each slice, so that an error in one does not stop the others; none without an interval."""
    return [purge_task(database, part, settings) for part in slices] if settings.purge_interval_s else []


async def _until_complete(database: Database, purge: Callable[[AsyncSession], Awaitable[Purge]]) -> int:
    purged = 0
    while True:
        async with database.sessions() as session, session.begin():
            batch = await purge(session)
        purged += batch.purged
        if batch.is_complete:
            return purged
