"""What the application publishes for what it records, and what other messages do to its consumers."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient
from pydantic import SecretStr
from redis.asyncio import Redis
from sqlalchemy import text

from databases import upgrade
from src.common.config import Settings
from src.common.pubsub import RedisPubSub
from src.common.telemetry.metrics import Counts
from src.cos_main import create_app
from src.highway.announcer import Recorded, channel_of
from src.highway.wakeups import Wakeups
from src.l1.entries import Event, Log

pytestmark = pytest.mark.usefixtures("without_registration")


@pytest.fixture
async def app(empty_database: Settings, redis_url: SecretStr) -> AsyncIterator[FastAPI]:
    """The application, which commits, with Redis."""
    await upgrade(empty_database)
    app = create_app(empty_database.model_copy(update={"redis_url": redis_url}))
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://test") as client:
        yield client


@pytest.fixture
async def published(app: FastAPI, log: Log) -> AsyncIterator[asyncio.Queue[Recorded]]:
    """What arrives on the channel of the module."""
    arrived: asyncio.Queue[Recorded] = asyncio.Queue()
    is_subscribed = asyncio.Event()
    pubsub: RedisPubSub = app.state.highway.pubsub

    async def listen() -> None:
        async for _, message in pubsub.listen([channel_of(log.module)], Recorded, on_subscribed=is_subscribed.set):
            arrived.put_nowait(message)

    running = asyncio.create_task(listen())
    await asyncio.wait_for(is_subscribed.wait(), 5)
    yield arrived
    running.cancel()
    await asyncio.wait([running])


async def ids_in_log(app: FastAPI, log: Log) -> list[UUID]:
    async with app.state.database.sessions() as session:
        return list(await session.scalars(text(f"SELECT id FROM {log.schema}.base_log ORDER BY xid, seq")))


async def test_each_way_to_record_is_published_with_the_id_of_its_record(
    app: FastAPI, client: AsyncClient, published: asyncio.Queue[Recorded], log: Log
) -> None:
    created = await client.post(f"/{log.module}/modules", json={"name": "billing", "version": "1"})
    logged = await client.post(f"/{log.module}/test-log", json={})
    await app.state.l1_writer.submit(log, [Event("a")])
    refused = await client.post(f"/{log.module}/modules", json={"name": "billing", "version": "1"})
    messages = [await asyncio.wait_for(published.get(), 5) for _ in range(3)]

    assert [each.status_code for each in (created, logged, refused)] == [201, 200, 409]
    assert [message.record_id for message in messages] == await ids_in_log(app, log)
    assert {message.module for message in messages} == {log.module}
    await asyncio.sleep(0.05)
    assert published.empty()


async def test_messages_of_other_modules_and_of_unknown_records_have_no_effect(
    redis_url: SecretStr, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: Counter[str] = Counter()
    monkeypatch.setattr(Counts, "add", lambda _self, number=1, outcome="": counted.update({outcome: number}))
    pubsub = RedisPubSub(Settings(redis_url=redis_url))
    wakeups = Wakeups(pubsub)
    mine, other = wakeups.register("mine"), wakeups.register("other")
    running = asyncio.create_task(wakeups.run())
    await asyncio.wait_for(asyncio.gather(mine.wait(), other.wait()), 5)  # the subscription was confirmed
    mine.clear()
    other.clear()

    async with Redis.from_url(redis_url.get_secret_value()) as raw:
        await raw.publish(channel_of("mine"), Recorded(module="foreign", record_id=uuid4()).model_dump_json())
        await raw.publish(channel_of("mine"), Recorded(module="other", record_id=uuid4()).model_dump_json())
        await raw.publish(channel_of("mine"), b"{}")
        await raw.publish(channel_of("foreign"), Recorded(module="mine", record_id=uuid4()).model_dump_json())
        await raw.publish(channel_of("other"), Recorded(module="other", record_id=uuid4()).model_dump_json())
    await asyncio.wait_for(other.wait(), 5)
    running.cancel()
    await asyncio.wait([running])
    await pubsub.aclose()

    assert not mine.is_set()
    assert counted == {"accepted": 3, "rejected": 1, "of another module": 2}
