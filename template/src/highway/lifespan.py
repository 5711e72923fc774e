"""Start and stop what the highway runs in a process: the announcer, the subscription, and the consumers."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from src.common.background_tasks import BackgroundTask, BackgroundTasks
from src.common.config import Settings
from src.common.pubsub import RedisPubSub
from src.db.connection import Database, connect_driver
from src.highway.announcer import Announcer
from src.highway.consumer import Consumer
from src.highway.subscriber import AnySubscriber
from src.highway.wakeups import Wakeups
from src.l1.announcement import announcing
from src.l1.entries import Log
from src.l1.writer import L1Writer

STOP_LIMIT_S: Final = 3.0
RESTART_LIMIT_S: Final = 2.0  # a consumer that failed starts again within this time, so that it catches up soon


@dataclass(frozen=True, slots=True)
class Highway:
    """What runs; `database` is the one whose sessions announce what they record."""

    database: Database
    pubsub: RedisPubSub
    consumers: dict[str, Consumer]


@asynccontextmanager
async def open_highway(
    settings: Settings,
    database: Database,
    writer: L1Writer,
    tasks: BackgroundTasks,
    subscribers: Sequence[tuple[Log, AnySubscriber]],
) -> AsyncIterator[Highway]:
    """Yield the running highway. In the end, each consumer finishes its batch, and the queued messages are sent."""
    pubsub = RedisPubSub(settings)
    wakeups = Wakeups(pubsub)
    announcer = Announcer(pubsub, wake=wakeups.wake)
    connect = partial(connect_driver, settings)
    database = announcing(database, announcer.announce)  # what a consumer records is announced as well
    consumers = [
        Consumer(subscriber, log, connect=connect, sessions=database.sessions, wakeup=wakeups.register(log.module))
        for log, subscriber in subscribers
    ]
    writer.announce = announcer.announce
    running = [tasks.start(BackgroundTask(name="announcer", run=announcer.run))]
    running += [
        tasks.start(BackgroundTask(name=f"consumer {each.full_name}", run=each.run, backoff_limit_s=RESTART_LIMIT_S))
        for each in consumers
    ]
    tasks.start(BackgroundTask(name="subscription", run=wakeups.run))
    try:
        yield Highway(database, pubsub, {each.full_name: each for each in consumers})
    finally:
        for each in consumers:
            each.stop()
        announcer.close()
        await asyncio.wait(running, timeout=STOP_LIMIT_S)
        for task in running:
            task.cancel()
        announcer.log_what_is_left()
        await pubsub.aclose()
