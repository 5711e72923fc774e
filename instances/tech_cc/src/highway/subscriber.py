"""The base classes of consumers: a subclass says what to do with a record."""

from collections.abc import Sequence
from typing import ClassVar

from sqlalchemy.ext.asyncio import AsyncSession

from src.highway.cursor import Position, Start, StoredRecord


class _Subscription:
    """What all consumers declare.

    Attributes:
        name: Unique in the module, and never changed: the checkpoint is kept under it. At most 63 characters.
        start: Where a new consumer begins: at the first record that the log still has, or after the last.
        batch_limit: The number of records that one call gets at most.
        tries: After so many failures a record goes to the dead letters, and the consumer goes on.
        timeout_s: A call that takes longer has failed.
    """

    name: ClassVar[str]
    start: ClassVar[Start] = "beginning"
    batch_limit: ClassVar[int] = 500
    tries: ClassVar[int] = 5
    timeout_s: ClassVar[float] = 30.0


class Subscriber(_Subscription):
    """A consumer with an effect outside of this PostgreSQL. Override `handle` or `handle_batch`.

    A record is handled at least once, in the order of commits: after a crash the last batch comes again, so that the
    effect must be the same when it happens twice. Raise `UnavailableError` while the other side does not answer: the
    record is tried again until it does. Any other exception counts as a failure of the record.
    """

    async def handle(self, record: StoredRecord) -> None:
        """Do what the record calls for."""
        raise NotImplementedError

    async def handle_batch(self, records: Sequence[StoredRecord]) -> None:
        """Handle records in their order; override it where many at once are cheaper."""
        for record in records:
            await self.handle(record)


class TransactionalSubscriber(_Subscription):
    """A consumer whose effect lies in the same PostgreSQL: effect and checkpoint are committed together.

    So each record has its effect once. Do not commit the session.
    """

    async def handle(self, record: StoredRecord, session: AsyncSession) -> None:
        """Do what the record calls for, in the session's transaction."""
        raise NotImplementedError

    async def handle_batch(self, records: Sequence[StoredRecord], session: AsyncSession) -> None:
        """Handle records in their order; override it where many at once are cheaper."""
        for record in records:
            await self.handle(record, session)


class CheckpointingSubscriber(_Subscription):
    """A consumer whose effect is in a store that also keeps its checkpoint: both are committed together there.

    PostgreSQL has a copy of the checkpoint, which is never ahead of it: for retention, and for `scripts/highway.py`.
    All methods raise `UnavailableError` while the store does not answer, and `CheckpointMovedError` if the checkpoint
    is not at `old`.
    """

    async def register(self) -> Position:
        """Return the checkpoint; a new consumer begins at the beginning of the log."""
        raise NotImplementedError

    async def position(self) -> Position | None:
        """Return the checkpoint as it is now, which a person may have moved; None if `register` must come first."""
        raise NotImplementedError

    async def handle_batch(self, records: Sequence[StoredRecord], *, old: Position, new: Position) -> None:
        """Handle records in their order and move the checkpoint, in one transaction."""
        raise NotImplementedError

    async def handle_again(self, record: StoredRecord) -> None:
        """Handle a dead letter; the checkpoint is past it."""
        raise NotImplementedError

    async def move(self, *, old: Position, new: Position) -> None:
        """Move the checkpoint past a dead letter."""
        raise NotImplementedError

    async def reset(self, position: Position) -> None:
        """Move the checkpoint, wherever it is now."""
        raise NotImplementedError


type AnySubscriber = Subscriber | TransactionalSubscriber | CheckpointingSubscriber
