"""A record on its way to the log, and what its caller may be told instead of its id."""

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
        super().__init__("Too many records wait to be written; this one was not taken. Try again shortly.")


class L1ClosedError(UnavailableError):
    problem_type: ClassVar[str] = "l1-closed"

    def __init__(self) -> None:
        super().__init__("The service is stopping and takes no more records. Try again when it has started.")


class L1InDoubtError(UnavailableError):
    """PostgreSQL went away while it wrote the record."""

    problem_type: ClassVar[str] = "l1-in-doubt"

    def __init__(self, *, record_id: UUID) -> None:
        super().__init__(
            f"PostgreSQL went away while it wrote the record {record_id}, which may be there or not. "
            "Look for that id before you send the same again."
        )
        self.record_id = record_id


class PendingWrite:
    """A record, where it goes, and the caller who waits for its commit."""

    __slots__ = ("committed", "is_in_doubt", "is_in_flight", "log", "record")

    def __init__(self, log: Log, record: Record) -> None:
        self.log = log
        self.record = record
        self.committed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.is_in_flight = False
        self.is_in_doubt = False  # a connection broke while it was in flight

    @property
    def is_awaited(self) -> bool:
        """Whether the caller still waits: he may have lost his patience, or been cancelled."""
        return not self.committed.done()

    def resolve(self) -> None:
        """Tell the caller that the record is committed."""
        if self.is_awaited:
            self.committed.set_result(None)

    def refuse(self, fault: BaseException) -> None:
        """Tell the caller that PostgreSQL refused it; an earlier try that was lost may have been committed yet."""
        self.fail(L1InDoubtError(record_id=self.record.id) if self.is_in_doubt else fault)

    def expire(self) -> None:
        """Tell the caller that his patience is at an end, and what is known by then."""
        is_known = not (self.is_in_flight or self.is_in_doubt)
        self.fail(DatabaseUnavailableError(AWAY) if is_known else L1InDoubtError(record_id=self.record.id))

    def fail(self, fault: BaseException) -> None:
        """Tell the caller why he gets no id."""
        if self.is_awaited:
            self.committed.set_exception(fault)


def by_log(writes: Iterable[PendingWrite]) -> dict[Log, list[PendingWrite]]:
    """Return the writes of each log, in their order."""
    groups: dict[Log, list[PendingWrite]] = {}
    for write in writes:
        groups.setdefault(write.log, []).append(write)
    return groups
