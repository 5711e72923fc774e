"""Sharded pub/sub on a cluster of three nodes."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from integration.common.conftest import Listen, Number
from redis_server import RedisServer, redis_cluster
from src.common.config import Settings
from src.common.pubsub import RedisPubSub, RedisUnavailableError

CHANNELS = ["mem0.a", "mem0.b", "mem0.c", "mem0.d"]  # on all three nodes

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
async def cluster() -> AsyncIterator[dict[int, RedisServer]]:
    async with redis_cluster() as cluster:
        yield cluster


@pytest.fixture
async def pubsub(cluster: dict[int, RedisServer]) -> AsyncIterator[RedisPubSub]:
    address = SecretStr(f"redis://127.0.0.1:{next(iter(cluster))}")
    pubsub = RedisPubSub(Settings(redis_url=address, redis_sharded=True))
    yield pubsub
    await pubsub.aclose()


async def test_messages_arrive_from_all_nodes(pubsub: RedisPubSub, listen: Listen) -> None:
    async with listen(pubsub, *CHANNELS) as listening:
        for number, channel in enumerate(CHANNELS):
            await pubsub.publish(channel, Number(number=number))
        await listening.wait_until(lambda each: len(each.messages) == len(CHANNELS))

    assert sorted(listening.messages) == [(channel, number) for number, channel in enumerate(CHANNELS)]


async def test_health_names_the_nodes(pubsub: RedisPubSub, cluster: dict[int, RedisServer]) -> None:
    health = await pubsub.health_check()

    nodes = ", ".join(sorted(f"127.0.0.1:{port}" for port in cluster))
    assert (health.status, health.server) == ("up", f"cluster of 3 nodes: {nodes}")


async def test_a_killed_node_is_named_and_its_channels_work_when_it_is_back(
    pubsub: RedisPubSub, cluster: dict[int, RedisServer], listen: Listen
) -> None:
    port, node = list(cluster.items())[1]
    async with listen(pubsub, *CHANNELS) as listening:
        await pubsub.health_check()

        node.kill()
        while_away = await pubsub.health_check()
        outcomes = [await outcome_of_publishing(pubsub, channel) for channel in CHANNELS]
        node.start()
        await listening.wait_until(lambda each: each.confirmations >= 2 * len(CHANNELS), timeout_s=10)
        async with asyncio.timeout(10):
            while (await pubsub.health_check()).status == "down":  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        before = len(listening.messages)
        for channel in CHANNELS:
            await pubsub.publish(channel, Number(number=1))
        await listening.wait_until(lambda each: len(each.messages) >= before + len(CHANNELS))

    assert while_away.status == "down"
    assert str(port) in (while_away.detail or "")
    assert "refused" in outcomes


async def outcome_of_publishing(pubsub: RedisPubSub, channel: str) -> str:
    started = time.perf_counter()
    try:
        await pubsub.publish(channel, Number(number=0))
    except RedisUnavailableError:
        return "refused" if time.perf_counter() - started < 0.25 else "too late"
    return "sent"
