import asyncio
import logging
from collections.abc import Sequence
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from src.common.pubsub import Message, RedisPubSub, RedisUnavailableError, published
from src.highway import announcer as announcer_module
from src.highway.announcer import Announcer, Recorded


class FakePubSub:
    """Stores what is published; fails while `is_away`, and waits while `gate` is closed."""

    def __init__(self) -> None:
        self.is_configured = True
        self.is_away = False
        self.gate = asyncio.Event()
        self.gate.set()
        self.batches: list[list[tuple[str, UUID]]] = []

    async def publish_all(self, messages: Sequence[tuple[str, Message]]) -> None:
        await self.gate.wait()
        if self.is_away:
            raise RedisUnavailableError("Redis is away.")
        self.batches.append([(channel, cast("Recorded", message).record_id) for channel, message in messages])

    @property
    def ids(self) -> list[UUID]:
        return [record_id for batch in self.batches for _, record_id in batch]


@pytest.fixture
def pubsub() -> FakePubSub:
    return FakePubSub()


@pytest.fixture
def woken() -> list[str]:
    return []


@pytest.fixture
def announcer(pubsub: FakePubSub, woken: list[str]) -> Announcer:
    return Announcer(cast("RedisPubSub", pubsub), wake=woken.append)


async def test_what_is_announced_is_published_in_its_order_when_the_announcer_closes(
    announcer: Announcer, pubsub: FakePubSub, woken: list[str]
) -> None:
    ids = [uuid4() for _ in range(450)]
    for each in ids:
        announcer.announce("cc", each)

    announcer.close()
    await announcer.run()

    assert pubsub.ids == ids
    assert [len(batch) for batch in pubsub.batches] == [200, 200, 50]
    assert pubsub.batches[0][0] == ("mem0.recorded.cc", ids[0])
    assert woken == ["cc"] * 450


async def test_consumers_in_the_process_are_woken_without_redis(
    announcer: Announcer, pubsub: FakePubSub, woken: list[str]
) -> None:
    pubsub.is_configured = False

    announcer.announce("cc", uuid4())
    announcer.close()
    await announcer.run()

    assert (woken, pubsub.batches) == (["cc"], [])


async def test_a_full_queue_drops_the_oldest_and_counts_it(
    announcer: Announcer, pubsub: FakePubSub, monkeypatch: pytest.MonkeyPatch
) -> None:
    dropped: list[Any] = []
    monkeypatch.setattr(published, "add", lambda number=1, **outcome: dropped.append((number, outcome)))
    ids = [uuid4() for _ in range(announcer_module.QUEUE_LIMIT + 2)]

    for each in ids:
        announcer.announce("cc", each)
    announcer.close()
    await announcer.run()

    assert dropped == [(1, {"outcome": "dropped"})] * 2
    assert pubsub.ids == ids[2:]


async def test_an_outage_drops_messages_and_the_next_ones_are_published(
    announcer: Announcer, pubsub: FakePubSub, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    running = asyncio.create_task(announcer.run())
    pubsub.is_away = True
    announcer.announce("cc", uuid4())
    await asyncio.sleep(0.01)
    pubsub.is_away = False
    later = uuid4()

    announcer.announce("cc", later)
    announcer.close()
    await running

    assert pubsub.ids == [later]
    assert caplog.records == []


async def test_what_cannot_be_published_at_the_end_is_logged(
    announcer: Announcer, pubsub: FakePubSub, caplog: pytest.LogCaptureFixture
) -> None:
    pubsub.is_away = True
    for _ in range(3):
        announcer.announce("cc", uuid4())

    announcer.close()
    await announcer.run()

    assert [record.message for record in caplog.records] == [
        "3 messages were not published; the log has their records. Redis is away."
    ]


async def test_what_was_not_even_tried_at_the_end_is_logged(
    announcer: Announcer, pubsub: FakePubSub, caplog: pytest.LogCaptureFixture
) -> None:
    pubsub.gate.clear()
    for _ in range(250):
        announcer.announce("cc", uuid4())
    running = asyncio.create_task(announcer.run())
    await asyncio.sleep(0.01)

    running.cancel()
    await asyncio.wait([running])
    announcer.log_what_is_left()

    assert [record.message for record in caplog.records] == [
        "250 messages were not published; the log has their records."
    ]
