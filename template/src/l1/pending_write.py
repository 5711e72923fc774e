"""A record that waits to be written, and the errors that its caller can get instead of its id."""

import asyncio
from collections.abc import Iterable
from typing import ClassVar
from uuid import UUID

from src.common.errors import UnavailableError
from src.db.unavailable import AWAY, DatabaseUnavailableError
from src.l1.entries import Log, Record


class L1QueueFullError(UnavailableError):
    problem_type: ClassVar[str] = "l1-queue-full"

    def __init__(self) -> None:
        super().__init__("Too many records wait to be written; this one was not accepted. Try again shortly.")


class L1ClosedError(UnavailableError):
    problem_type: ClassVar[str] = "l1-closed"

    def __init__(self) -> None:
        super().__init__("The service is stopping and accepts no more records. Try again when it has started.")


class L1InDoubtError(UnavailableError):
    """The connection to PostgreSQL broke while the record was being written."""

    problem_type: ClassVar[str] = "l1-in-doubt"

    def __init__(self, *, record_id: UUID) -> None:
        super().__init__(
            f"PostgreSQL stopped answering while it wrote the record {record_id}, which may have been written or not. "
            "Look for that id before you send the same record again."
        )
        self.record_id = record_id


class PendingWrite:
    """A record, its log, and the future on which its caller waits."""

    __slots__ = ("committed", "is_in_doubt", "is_in_flight", "log", "record")

    def __init__(self, log: Log, record: Record) -> None:
        self.log = log
        self.record = record
        self.committed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.is_in_flight = False
        self.is_in_doubt = False  # a connection broke while it was in flight

    @property
    def is_awaited(self) -> bool:
        """Whether the caller still waits; false after a time-out or a cancellation."""
        return not self.committed.done()

    def resolve(self) -> None:
        """Complete the caller's future: the record is committed."""
        if self.is_awaited:
            self.committed.set_result(None)

    def refuse(self, fault: BaseException) -> None:
        """Fail the caller's future because PostgreSQL refused the record; an earlier attempt may have committed it."""
        self.fail(L1InDoubtError(record_id=self.record.id) if self.is_in_doubt else fault)

    def expire(self) -> None:
        """Fail the caller's future with a time-out, and say whether the write may have happened."""
        is_known = not (self.is_in_flight or self.is_in_doubt)
        self.fail(DatabaseUnavailableError(AWAY) if is_known else L1InDoubtError(record_id=self.record.id))

    def fail(self, fault: BaseException) -> None:
        """Fail the caller's future with this error."""
        if self.is_awaited:
            self.committed.set_exception(fault)


def by_log(writes: Iterable[PendingWrite]) -> dict[Log, list[PendingWrite]]:
    """Return the pending writes of each log, in their order."""
    groups: dict[Log, list[PendingWrite]] = {}
    for write in writes:
        groups.setdefault(write.log, []).append(write)
    return groups
