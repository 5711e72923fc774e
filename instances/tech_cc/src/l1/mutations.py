"""A router that records its mutating requests, each in the transaction of the request itself."""

from collections.abc import AsyncIterator, Callable
from typing import Annotated, Final

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession

from src.db.connection import get_db_session
from src.l1.entries import Event, Log
from src.l1.record import write_record

MUTATING: Final = {"POST", "PUT", "PATCH", "DELETE"}


def mutations_recorded(log: Log) -> Callable[..., AsyncIterator[None]]:
    """Return a dependency that records `request.post` and its like where the route has succeeded.

    It shares the session with a route that depends on `get_db_session` in function scope, so that the change and its
    record are committed together or not at all. Bodies and queries are left out: they may hold anything.
    """

    async def record_mutation(
        request: Request, session: Annotated[AsyncSession, Depends(get_db_session, scope="function")]
    ) -> AsyncIterator[None]:
        yield
        if request.method in MUTATING:
            event = Event(f"request.{request.method.lower()}", {"path": request.scope["path"]})
            await write_record(session, log, [event])

    return record_mutation
