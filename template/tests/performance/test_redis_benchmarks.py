"""What Redis and the highway cost, beside their peers in the same run.

`uv sync --group peers` installs the two queues that the last rows are measured beside.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from statistics import median
from typing import Any

import pytest
from pydantic import SecretStr
from pytest_benchmark.fixture import BenchmarkFixture
from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from peers import Effect, Queue, pgqueuer_queue, procrastinate_queue
from ratios import BLOCKS, Compare, Judge, Samples, Work
from redis_server import RedisServer, redis_server
from src.common.background_tasks import open_background_tasks
from src.common.config import Settings
from src.common.pubsub import Message, RedisPubSub
from src.db.connection import Database, connect_driver, open_database
from src.highway.announcer import Announcer
from src.highway.consumer import Consumer
from src.highway.cursor import StoredRecord
from src.highway.lifespan import open_highway
from src.highway.subscriber import Subscriber
from src.l1.announcement import announcing
from src.l1.entries import Entry, Event, Log, Prompt, new_record
from src.l1.record import write_record
from src.l1.statements import insertion_of_all
from src.l1.writer import L1Writer, open_writer

pytestmark = pytest.mark.benchmark

CHANNEL = "benchmark"
CONTENT = "Twenty words or so. " * 5
EVENT_TYPE = "benchmark.event"
CAUGHT_UP = 20_000
# By batch size: how many records or jobs a block has; each takes about a second.
EVENTS = {1: {"PgQueuer": 500, "procrastinate": 200, "ours": 1000}}
EVENTS[500] = {"PgQueuer": 5000, "procrastinate": 1000, "ours": 20_000}
SELECT = """
SELECT b.id, b.timestamp, b.source_module, b.request_id, b.trace_id, b.xid::text::bigint, b.seq, e.position,
    e.event_type, e.payload, p.position, p.role, p.content, p.tokens_in, p.tokens_out
FROM "{schema}".base_log b
LEFT JOIN "{schema}".event_log e ON e.base_log_id = b.id LEFT JOIN "{schema}".prompt_trace p ON p.base_log_id = b.id
ORDER BY b.xid, b.seq
"""


class Number(Message):
    number: int


class Counting(Subscriber):
    """Its effect is the same as that of the peers' jobs."""

    name = "counting"

    def __init__(self, effect: Effect, *, name: str, batch_limit: int = 500, event_type: str = EVENT_TYPE) -> None:
        self.name = name  # type: ignore[misc]  # many of them
        self.batch_limit = batch_limit  # type: ignore[misc]
        self._effect = effect
        self._event_type = event_type

    async def handle(self, record: StoredRecord) -> None:
        if record.events[0].event_type == self._event_type:
            self._effect.happen()


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


@pytest.fixture(scope="module")
def with_redis(measured_settings: Settings, server: RedisServer) -> Settings:
    return measured_settings.model_copy(update={"redis_url": SecretStr(server.url)})


@pytest.fixture
async def pubsub(with_redis: Settings) -> AsyncIterator[RedisPubSub]:
    pubsub = RedisPubSub(with_redis)
    yield pubsub
    await pubsub.aclose()


@pytest.fixture
async def raw(server: RedisServer) -> AsyncIterator[Redis]:
    """redis-py, set as our client is."""
    async with Redis.from_url(server.url, socket_timeout=0.2) as raw:
        yield raw


type Rate = Callable[[str, Coroutine[Any, Any, dict[str, Samples]]], None]


@pytest.fixture
def rate(
    benchmark: BenchmarkFixture, loop: asyncio.AbstractEventLoop, judge: Judge, report: Callable[[str], None]
) -> Rate:
    """Run a measurement of seconds for each event, report it as events a second, and judge it."""

    def rate(name: str, measurement: Coroutine[Any, Any, dict[str, Samples]]) -> None:
        samples = benchmark.pedantic(loop.run_until_complete, (measurement,))  # type: ignore[no-untyped-call]
        for work, taken in samples.items():
            report(f"{name}, {work}: {1 / median(taken):,.0f} a second for each")
        judge(name, samples)

    return rate


def test_publish(compare: Compare, pubsub: RedisPubSub, raw: Redis) -> None:
    message = Number(number=1)

    async def by_redis_py() -> None:
        await raw.publish(CHANNEL, message.model_dump_json().encode())

    works = {"redis-py": by_redis_py, "with breaker": lambda: pubsub.publish(CHANNEL, message)}
    compare("publish", works, rounds=5000)


@pytest.fixture
async def raw_subscription(raw: Redis) -> AsyncIterator[PubSub]:
    async with raw.pubsub() as subscription:
        await subscription.subscribe("raw")
        await subscription.get_message(timeout=5)
        yield subscription


@pytest.fixture
async def subscription(pubsub: RedisPubSub) -> AsyncIterator[AsyncGenerator[tuple[str, Number]]]:
    """A subscription that has received once."""
    listening = pubsub.listen([CHANNEL], Number)
    first = asyncio.create_task(anext(listening))
    while not first.done():
        await pubsub.publish(CHANNEL, Number(number=0))
        await asyncio.sleep(0.01)
    yield listening
    await listening.aclose()


def test_round_trip_to_a_subscriber(
    compare: Compare,
    pubsub: RedisPubSub,
    raw: Redis,
    raw_subscription: PubSub,
    subscription: AsyncGenerator[tuple[str, Number]],
) -> None:
    message = Number(number=1)

    async def by_redis_py() -> None:
        await raw.publish("raw", message.model_dump_json().encode())
        reply = await raw_subscription.get_message(timeout=5)
        assert Number.model_validate_json(reply["data"]) == message

    async def ours() -> None:
        await pubsub.publish(CHANNEL, message)
        await anext(subscription)

    compare("round trip", {"redis-py": by_redis_py, "ours": ours}, rounds=3000)


def entries() -> list[Entry]:
    return [Prompt("user", CONTENT, 10, 20), Event(EVENT_TYPE, {"message": "hello", "count": 1})]


@asynccontextmanager
async def logging_by(settings: Settings, log: Log, *, is_announced: bool) -> AsyncIterator[Work]:
    """Yield `log_l1` in a transaction of its own, as a request does it."""
    async with open_database(settings) as plain, announcing_to(settings) as announcer:
        database = announcing(plain, announcer.announce) if is_announced else plain

        async def write() -> None:
            async with database.sessions() as session, session.begin():
                await write_record(session, log, entries())

        yield write


@asynccontextmanager
async def announcing_to(settings: Settings) -> AsyncIterator[Announcer]:
    pubsub = RedisPubSub(settings)
    announcer = Announcer(pubsub, wake=lambda _module: None)
    running = asyncio.create_task(announcer.run())
    yield announcer
    announcer.close()
    await running
    await pubsub.aclose()


@pytest.fixture
async def log_l1(measured_settings: Settings, with_redis: Settings, log: Log) -> AsyncIterator[dict[str, Work]]:
    with redis_server() as killed:
        without = measured_settings.model_copy(update={"redis_url": SecretStr(killed.url)})
        async with (
            logging_by(measured_settings, log, is_announced=False) as off,
            logging_by(with_redis, log, is_announced=True) as on,
            logging_by(without, log, is_announced=True) as away,
        ):
            await away()
            await asyncio.sleep(0.05)
            killed.kill()
            yield {"highway off": off, "highway on": on, "Redis killed": away}
            killed.start()


def test_log_l1_with_the_highway(
    compare: Compare, log_l1: dict[str, Work], report: Callable[[str], None], benchmark: BenchmarkFixture
) -> None:
    samples = compare("log_l1", log_l1, rounds=2000, pause_s=0.005)

    for name, taken in samples.items():
        report(f"log_l1, {name}: p99 {p99_ms(taken):.3f} ms")
    assert benchmark.disabled or p99_ms(samples["Redis killed"]) < 250


@asynccontextmanager
async def our_log(settings: Settings, log: Log, *, is_through_redis: bool = False) -> AsyncIterator[Queue]:
    """Yield our log, whose writer is in the process of the consumer, or wakes it through Redis alone."""
    effect = Effect()
    event_type = "benchmark.through_redis" if is_through_redis else "benchmark.in_process"
    async with AsyncExitStack() as stack:
        tasks = await stack.enter_async_context(open_background_tasks())
        writer = await stack.enter_async_context(open_writer(settings, tasks))
        database = await stack.enter_async_context(open_database(settings))
        connection = await connect_driver(settings)
        stack.push_async_callback(connection.close)

        async def put(count: int) -> None:
            if count == 1:
                await writer.submit(log, [Event(event_type, {"number": 1})])
                return
            for _ in range(0, count, 500):
                records = [new_record(log, [Event(event_type, {"number": 1})]) for _ in range(min(500, count))]
                sql, parameters = insertion_of_all(records, log)
                await connection.execute(sql, *parameters)

        @asynccontextmanager
        async def working(batch: int) -> AsyncIterator[None]:
            subscriber = Counting(effect, name=event_type, batch_limit=batch, event_type=event_type)
            idle = L1Writer(partial(connect_driver, settings)) if is_through_redis else writer
            async with (
                open_background_tasks() as own_tasks,
                open_highway(settings, database, idle, own_tasks, [(log, subscriber)]),
                announcing_to(settings) as announcer,
            ):
                if is_through_redis:
                    writer.announce = announcer.announce
                yield

        async def clear() -> None:
            await connection.execute(f'TRUNCATE "{log.schema}".base_log, "{log.schema}".consumer_checkpoint CASCADE')

        yield Queue(effect, put, working, clear)


@pytest.fixture(scope="module")
async def queues(with_redis: Settings, log: Log) -> AsyncIterator[dict[str, Queue]]:
    async with (
        pgqueuer_queue(with_redis) as pgqueuer,
        procrastinate_queue(with_redis) as procrastinate,
        our_log(with_redis, log) as ours,
        our_log(with_redis, log, is_through_redis=True) as through_redis,
    ):
        yield {"PgQueuer": pgqueuer, "procrastinate": procrastinate, "ours": ours, "ours, through Redis": through_redis}


async def put_and_wait(queue: Queue) -> None:
    """Commit one record or job, and wait for its effect."""
    queue.effect.expect(1)
    await queue.put(1)
    await asyncio.wait_for(queue.effect.is_reached.wait(), 10)


@pytest.fixture(params=["ours", "ours, through Redis"])
async def idle_workers(queues: dict[str, Queue], request: pytest.FixtureRequest) -> AsyncIterator[dict[str, Work]]:
    """Workers that wait for something to do: the peers', and one of ours."""
    chosen = {name: queues[name] for name in ("PgQueuer", "procrastinate", request.param)}
    async with AsyncExitStack() as stack:
        await chosen[request.param].clear()
        for queue in chosen.values():
            await stack.enter_async_context(queue.working(1))
            await put_and_wait(queue)
        yield {name: partial(put_and_wait, queue) for name, queue in chosen.items()}


def test_from_a_commit_to_its_effect(
    compare: Compare, idle_workers: dict[str, Work], report: Callable[[str], None]
) -> None:
    """The time to write is part of it, and the workers have nothing else to do."""
    samples = compare("effect", idle_workers, rounds=300)

    for name, taken in samples.items():
        report(f"effect, {name}: p99 {p99_ms(taken):.3f} ms")


async def throughput(queue: Queue, *, batch: int, events: int) -> float:
    """Return the seconds that one worker takes for each of so many, which are there when it starts."""
    await queue.clear()
    await queue.put(events)
    queue.effect.expect(events)
    async with queue.working(batch):
        await asyncio.wait_for(queue.effect.is_reached.wait(), 60)
    return queue.effect.seconds_each


@pytest.mark.parametrize("batch", EVENTS)
def test_events_through_one_consumer(
    batch: int, queues: dict[str, Queue], benchmark: BenchmarkFixture, rate: Rate
) -> None:
    async def measure() -> dict[str, Samples]:
        samples: dict[str, Samples] = {name: [] for name in EVENTS[batch]}
        for _ in range(1 if benchmark.disabled else BLOCKS):
            for name, many in EVENTS[batch].items():
                events = 10 if benchmark.disabled else many
                samples[name].append(await throughput(queues[name], batch=batch, events=events))
        return samples

    rate(f"batches of {batch}", measure())


@pytest.fixture
async def filled(with_redis: Settings, log: Log, benchmark: BenchmarkFixture) -> AsyncIterator[Database]:
    """A log with many records of a prompt and an event each, and nothing else."""
    connection = await connect_driver(with_redis)
    await connection.execute(f'TRUNCATE "{log.schema}".base_log, "{log.schema}".consumer_checkpoint CASCADE')
    for _ in range(0, 500 if benchmark.disabled else CAUGHT_UP, 500):
        sql, parameters = insertion_of_all([new_record(log, entries()) for _ in range(500)], log)
        await connection.execute(sql, *parameters)
    for table in ("base_log", "event_log", "prompt_trace"):
        await connection.execute(f'ANALYZE "{log.schema}".{table}')
    await connection.close()
    async with open_database(with_redis) as database:
        yield database


async def consume_all(database: Database, settings: Settings, log: Log, effects: dict[str, Effect]) -> None:
    """Let new consumers, each with its effect, handle the log from its beginning at once."""
    connect = partial(connect_driver, settings)
    running = []
    for name, effect in effects.items():
        subscriber = Counting(effect, name=name)
        consumer = Consumer(subscriber, log, connect=connect, sessions=database.sessions, wakeup=asyncio.Event())
        running.append((consumer, asyncio.create_task(consumer.run())))
    await asyncio.gather(*[asyncio.wait_for(effect.is_reached.wait(), 120) for effect in effects.values()])
    for consumer, task in running:
        consumer.stop()
        await task


@pytest.mark.parametrize("consumers", [1, 4, 16])
def test_catching_up(consumers: int, filled: Database, with_redis: Settings, log: Log, rate: Rate) -> None:
    """Beside a SELECT of the same rows; each further consumer reads the log once more."""

    async def measure() -> dict[str, Samples]:
        samples: dict[str, Samples] = {"SELECT": [], "consumer": []}
        connection = await connect_driver(with_redis)
        for round_ in range(BLOCKS):
            started = time.perf_counter()
            rows = await connection.fetch(SELECT.format(schema=log.schema))
            samples["SELECT"].append((time.perf_counter() - started) / len(rows))
            effects = [Effect(target=len(rows)) for _ in range(consumers)]
            started = time.perf_counter()
            await consume_all(
                filled, with_redis, log, {f"new_{consumers}_{round_}_{n}": e for n, e in enumerate(effects)}
            )
            samples["consumer"].append((time.perf_counter() - started) / len(rows) / consumers)
        await connection.close()
        return samples

    rate(f"catching up, {consumers} consumers", measure())


def p99_ms(samples: Samples) -> float:
    return sorted(samples)[int(len(samples) * 0.99)] * 1000
