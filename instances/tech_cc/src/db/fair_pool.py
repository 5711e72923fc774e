"""A connection pool that serves waiting requests in the order in which they arrived.

SQLAlchemy's own pool may give a returned connection to a new request while others wait, until some of them time out.
"""

import asyncio
from typing import Any

from sqlalchemy import AsyncAdaptedQueuePool
from sqlalchemy.util import await_only
from sqlalchemy.util.queue import AsyncAdaptedQueue, Empty


class FairQueue(AsyncAdaptedQueue[Any]):
    """A queue whose callers wait for an asyncio lock, which is fair; only the first of them waits for a connection."""

    def __init__(self, maxsize: int = 0, use_lifo: bool = False) -> None:  # noqa: FBT001, FBT002  # SQLAlchemy's signature
        super().__init__(maxsize, use_lifo)
        self._turn = asyncio.Lock()

    def get(self, block: bool = True, timeout: float | None = None) -> Any:  # noqa: FBT001, FBT002  # SQLAlchemy's signature
        """Return a connection, at once where nobody waits and one is free."""
        if not block or not (self._turn.locked() or self.empty()):
            return self.get_nowait()
        return await_only(self._wait(timeout))

    async def _wait(self, timeout_s: float | None) -> Any:
        try:
            async with asyncio.timeout(timeout_s), self._turn:
                return await self._queue.get()
        except TimeoutError:
            raise Empty from None


class FairPool(AsyncAdaptedQueuePool):
    """SQLAlchemy's pool on a fair queue."""

    __module__ = AsyncAdaptedQueuePool.__module__  # SQLAlchemy names a pool's logger by it
    _queue_class = FairQueue
