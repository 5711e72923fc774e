"""At start, each slice enters itself in its own registry; the graph has a node of each module because of that."""

from collections.abc import Awaitable, Callable, Sequence

from src.backend.slice import Slice
from src.common.background_tasks import BackgroundTask
from src.db.autocommit import AnySession
from src.db.connection import Database
from src.db.schema_check import check_schema
from src.db.unavailable import outages_refused

RESTART_LIMIT_S = 5.0


def registration_tasks(database: Database, slices: Sequence[Slice]) -> list[BackgroundTask]:
    """Return a task for each slice, which ends when PostgreSQL has the entry."""
    return [_registration(database, part.module, part.register) for part in slices if part.register]


def _registration(database: Database, module: str, register: Callable[[AnySession], Awaitable[None]]) -> BackgroundTask:
    async def run() -> None:
        with outages_refused():
            await check_schema(database)
            await register(database.autocommit)

    return BackgroundTask(name=f"registration of {module}", run=run, backoff_limit_s=RESTART_LIMIT_S)
