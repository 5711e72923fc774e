"""What a subscription received, and what was counted."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from src.common.pubsub import Message, RedisPubSub
from src.common.telemetry.metrics import Counts


class Number(Message):
    """A message with a number."""

    number: int


class Listening:
    """A subscription that runs, and what it has received."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, int]] = []
        self.confirmations = 0
        self._changed = asyncio.Condition()

    async def run(self, pubsub: RedisPubSub, channels: Sequence[str]) -> None:
        async for channel, message in pubsub.listen(channels, Number, on_subscribed=self._confirm):
            self.messages.append((channel, message.number))

    def _confirm(self) -> None:
        self.confirmations += 1

    @property
    def numbers(self) -> list[int]:
        return [number for _, number in self.messages]

    async def wait_until(self, is_reached: Callable[["Listening"], bool], *, timeout_s: float = 5.0) -> None:
        async with asyncio.timeout(timeout_s):
            while not is_reached(self):  # noqa: ASYNC110  # a test may look at several things
                await asyncio.sleep(0.005)


type Listen = Callable[..., AbstractAsyncContextManager[Listening]]


@pytest.fixture
def listen() -> Listen:
    """Run a subscription, and let an error of it fail the test."""

    @asynccontextmanager
    async def listen(pubsub: RedisPubSub, *channels: str) -> AsyncIterator[Listening]:
        listening = Listening()
        async with asyncio.TaskGroup() as group:
            running = group.create_task(listening.run(pubsub, channels))
            await listening.wait_until(lambda each: each.confirmations == len(channels))
            yield listening
            running.cancel()

    return listen


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each outcome was counted, as `cos.pubsub.received rejected`."""
    counter: Counter[str] = Counter()

    def add(self: Counts, number: int = 1, **attributes: str) -> None:
        counter[f"{self.name} {attributes['outcome']}"] += number

    monkeypatch.setattr(Counts, "add", add)
    return counter
