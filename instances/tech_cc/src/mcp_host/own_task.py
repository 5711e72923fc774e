"""Open and close a context manager in one task, whichever tasks its user runs in."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any


@asynccontextmanager
async def in_own_task[T](manager: AbstractAsyncContextManager[T]) -> AsyncIterator[T]:
    """Yield what the context manager yields.

    The SDK's context managers hold a task group, which the task that entered it must leave. A test's fixture, for one,
    is set up and torn down in different tasks.
    """
    opened: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    closing = asyncio.Event()

    async def hold() -> None:
        async with manager as value:
            opened.set_result(value)
            await closing.wait()

    holding = asyncio.create_task(hold())
    waiting: list[asyncio.Future[Any]] = [opened, holding]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    if not opened.done():
        await holding  # raises what opening raised
    try:
        yield opened.result()
    finally:
        closing.set()
        await holding
