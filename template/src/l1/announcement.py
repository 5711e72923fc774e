"""Announce each record after its commit; a record that is rolled back is not announced."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Executable, Result, ScalarResult, event
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm import Session, SessionTransaction
from uuid_utils.compat import uuid7

from src.db.autocommit import AutocommitSession
from src.db.connection import Database

# Called with the module and the id of the record. It must not wait, and it must not raise.
type Announce = Callable[[str, UUID], None]

RECORDED_IN: Final = "l1_module"  # execution option of a statement that records
RECORD_ID: Final = "l1_record_id"  # its parameter
_ANNOUNCE: Final = "l1_announce"  # both in the `info` of a session
_PENDING: Final = "l1_pending"


def announcing(database: Database, announce: Announce) -> Database:
    """Return the same database with sessions that announce what they record, after the commit."""
    info = {_ANNOUNCE: announce}
    return replace(
        database,
        sessions=async_sessionmaker(database.engine, class_=AnnouncingSession, expire_on_commit=False, info=info),
        autocommit=AnnouncingAutocommitSession(database.autocommit, announce),
    )


def announce_after_commit(session: AsyncSession, module: str, record_id: UUID) -> None:
    """Announce the record when the session's transaction commits; do nothing if the session announces nothing."""
    info = session.sync_session.info
    if _ANNOUNCE in info:
        transaction = session.sync_session.get_nested_transaction() or session.sync_session.get_transaction()
        info.setdefault(_PENDING, []).append((transaction, module, record_id))


class AnnouncingAutocommitSession(AutocommitSession):
    """A session whose `recorded(…)` statements are announced once they are executed, which commits them."""

    def __init__(self, session: AutocommitSession, announce: Announce) -> None:
        super().__init__(session.connect)
        self._announce = announce

    async def execute(self, statement: Executable, parameters: Mapping[str, Any] | None = None, /) -> Result[Any]:
        """Return the rows of a statement, which is committed by then."""
        module = statement.get_execution_options().get(RECORDED_IN)
        if module is None:
            return await super().execute(statement, parameters)
        record_id = uuid7()
        result = await super().execute(statement, {**(parameters or {}), RECORD_ID: record_id})
        if result.rowcount:  # type: ignore[attr-defined]  # a cursor's result; no row: nothing changed, nothing recorded
            self._announce(module, record_id)
        return result


class AnnouncingSession(AsyncSession):
    """A session whose records are announced when its transaction commits."""

    async def execute(self, statement: Executable, params: Any = None, **options: Any) -> Result[Any]:
        """Return the rows of a statement; note the record of a `recorded(…)` statement."""
        module = statement.get_execution_options().get(RECORDED_IN)
        if module is None:
            return await super().execute(statement, params, **options)
        record_id = uuid7()
        result = await super().execute(statement, {**(params or {}), RECORD_ID: record_id}, **options)
        if result.rowcount:  # type: ignore[attr-defined]  # as above
            announce_after_commit(self, module, record_id)
        return result

    async def scalars(self, statement: Executable, params: Any = None, **options: Any) -> ScalarResult[Any]:
        """Return the first column of the rows; note the record as `execute` does."""
        return (await self.execute(statement, params, **options)).scalars()

    async def scalar(self, statement: Executable, params: Any = None, **options: Any) -> Any:
        """Return the first column of the first row, or None; note the record as `execute` does."""
        return (await self.execute(statement, params, **options)).scalar()


@event.listens_for(Session, "after_commit")
def _announce_records(session: Session) -> None:
    pending = session.info.get(_PENDING)
    if pending and not session.in_nested_transaction():  # a released savepoint is not yet a commit
        del session.info[_PENDING]
        committed = session.get_transaction()
        for transaction, module, record_id in pending:
            if _is_part_of(transaction, committed):  # not so if the session was closed without a commit before
                session.info[_ANNOUNCE](module, record_id)


@event.listens_for(Session, "after_soft_rollback")
def _forget_records(session: Session, rolled_back: SessionTransaction) -> None:
    if pending := session.info.get(_PENDING):
        session.info[_PENDING] = [each for each in pending if not _is_part_of(each[0], rolled_back)]


def _is_part_of(transaction: SessionTransaction | None, whole: SessionTransaction | None) -> bool:
    """Return whether a transaction or savepoint lies in another, or is it."""
    while transaction is not None and transaction is not whole:
        transaction = transaction.parent
    return transaction is whole
