"""Publish a short message for each committed record, off the request's path."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Annotated, Final
from uuid import UUID

from pydantic import StringConstraints

from src.common.pubsub import Message, RedisPubSub, RedisUnavailableError, published

QUEUE_LIMIT: Final = 10_000
BATCH_LIMIT: Final = 200
# A request that committed needs some turns of the event loop to close its session; it goes before the announcer.
REQUEST_TURNS: Final = 5

log = logging.getLogger(__name__)


class Recorded(Message):
    """A record was committed. The log has its contents; a consumer reads them there."""

    module: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
    record_id: UUID


def channel_of(module: str) -> str:
    """Return the channel on which the records of a module are announced."""
    return f"mem0.recorded.{module}"


class Announcer:
    """A queue of messages in the order of commits, as this process saw them.

    Messages are dropped when Redis does not take them: they are signals to read the log, and consumers read it at
    intervals in any case.

    Args:
        pubsub: Where to publish.
        wake: Called at once with the module of each record, for the consumers in this process.
    """

    def __init__(self, pubsub: RedisPubSub, *, wake: Callable[[str], None]) -> None:
        self._pubsub = pubsub
        self._wake = wake
        self._queue: deque[tuple[str, UUID]] = deque(maxlen=QUEUE_LIMIT)
        self._has_work = asyncio.Event()
        self._is_closing = False
        self._being_sent = 0

    def announce(self, module: str, record_id: UUID) -> None:
        """Queue the message for a committed record; the oldest message is dropped when the queue is full."""
        self._wake(module)
        if not self._pubsub.is_configured:
            return
        if len(self._queue) == QUEUE_LIMIT:
            published.add(outcome="dropped")
        self._queue.append((module, record_id))
        self._has_work.set()

    async def run(self) -> None:
        """Publish what is queued until `close` is called, then what is left."""
        while not (self._is_closing and not self._queue):
            await self._has_work.wait()
            for _ in range(REQUEST_TURNS):
                await asyncio.sleep(0)
            self._has_work.clear()
            while self._queue:
                await self._publish([self._queue.popleft() for _ in range(min(BATCH_LIMIT, len(self._queue)))])

    def close(self) -> None:
        """Let `run` end once the queue is empty."""
        self._is_closing = True
        self._has_work.set()

    def log_what_is_left(self) -> None:
        """Log how many messages were not published before the process stopped."""
        if left := len(self._queue) + self._being_sent:
            log.warning("%d messages were not published; the log has their records.", left)

    async def _publish(self, batch: list[tuple[str, UUID]]) -> None:
        messages = [(channel_of(module), Recorded(module=module, record_id=record_id)) for module, record_id in batch]
        self._being_sent = len(messages)
        try:
            await self._pubsub.publish_all(messages)
        except RedisUnavailableError as outage:
            # They are counted, and the breaker logs its state; at the end of the process there is no later message.
            level = logging.WARNING if self._is_closing else logging.DEBUG
            log.log(level, "%d messages were not published; the log has their records. %s", len(messages), outage)
        self._being_sent = 0
