import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from src.mcp_host.own_task import in_own_task


@asynccontextmanager
async def bound_to_its_task() -> AsyncIterator[asyncio.Task[None] | None]:
    opened_in = asyncio.current_task()
    yield opened_in
    assert asyncio.current_task() is opened_in


async def test_it_is_opened_and_closed_in_one_task() -> None:
    manager = in_own_task(bound_to_its_task())

    opened_in = await asyncio.create_task(manager.__aenter__())
    await asyncio.create_task(manager.__aexit__(None, None, None))

    assert opened_in is not asyncio.current_task()


async def test_what_opening_raises_is_raised() -> None:
    @asynccontextmanager
    async def broken() -> AsyncIterator[None]:
        raise ValueError("cannot be opened")
        yield

    with pytest.raises(ValueError, match="cannot be opened"):
        async with in_own_task(broken()):
            pass
