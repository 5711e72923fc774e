"""Statements that are transactions of their own: no BEGIN, no COMMIT, one round trip each."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from fastapi.requests import HTTPConnection
from sqlalchemy import Executable, Result
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from src.db.unavailable import outages_refused


class AutocommitSession:
    """Run each statement by itself, on a connection that the pool lends for this statement alone.

    For reads, and for changes that are one statement. Two statements may see different states of the database, and
    the first stays committed when the second fails: what needs both or neither takes `get_db_session`.
    """

    def __init__(self, connect: Callable[[], AbstractAsyncContextManager[AsyncConnection]]) -> None:
        """Take what lends a connection that has committed a statement when it goes back.

        That is `connect` of an engine whose isolation level is AUTOCOMMIT, or `begin` of any other.
        """
        self.connect = connect

    async def execute(self, statement: Executable, parameters: Mapping[str, Any] | None = None, /) -> Result[Any]:
        """Return the rows of a statement, which is committed by then.

        Raises:
            DatabaseUnavailableError: PostgreSQL cannot do this now.
        """
        with outages_refused():
            async with self.connect() as connection:
                return await connection.execute(statement, parameters)  # all rows; the connection goes back


type AnySession = AsyncSession | AutocommitSession


async def get_autocommit_session(connection: HTTPConnection) -> AutocommitSession:
    """Return the application's session for single statements, as a dependency."""
    session: AutocommitSession = connection.app.state.database.autocommit
    return session
