"""Scratch notes expire, and old records leave the log: once, from the command line, or again and again."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from src.backend.slice import Slice
from src.common.config import Settings
from src.common.schemas import Purge
from src.db.connection import Database
from src.db.unavailable import DatabaseUnavailableError, outages_refused
from src.l1.retention import purge_log

log = logging.getLogger(__name__)


async def purge_slice(database: Database, part: Slice, *, age: timedelta) -> dict[str, int]:
    """Return how many rows of the slice went, by kind, batch by batch and each batch in a transaction of its own.

    Raises:
        DatabaseUnavailableError: PostgreSQL is away; what went before stays gone.
    """

    async def purge_records(session: AsyncSession) -> Purge:
        return await purge_log(session, part.log, age=age)

    with outages_refused():
        return {
            "expired notes": await _until_complete(database, part.purge_scratch),
            "old records": await _until_complete(database, purge_records),
        }


async def _until_complete(database: Database, purge: Callable[[AsyncSession], Awaitable[Purge]]) -> int:
    purged = 0
    while True:
        async with database.sessions() as session, session.begin():
            batch = await purge(session)
        purged += batch.purged
        if batch.is_complete:
            return purged


@asynccontextmanager
async def purges_running(database: Database, slices: Sequence[Slice], settings: Settings) -> AsyncIterator[None]:
    """Purge every `PURGE_INTERVAL_S` while the block runs, unless that is 0."""
    if not settings.purge_interval_s:
        yield
        return
    purging = asyncio.create_task(_purge_forever(database, slices, settings))
    try:
        yield
    finally:
        purging.cancel()


async def _purge_forever(database: Database, slices: Sequence[Slice], settings: Settings) -> None:
    while True:
        await asyncio.sleep(settings.purge_interval_s)
        for part in slices:
            try:
                await purge_slice(database, part, age=settings.l1_retention)
            except DatabaseUnavailableError as away:
                log.warning("The purge of %s is put off: %s", part.module, away)
