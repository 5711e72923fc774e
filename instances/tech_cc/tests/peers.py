"""Queues of other projects, whose job has the same effect as our consumer: the group `peers` installs them."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import asyncpg
import pytest

from src.common.config import Settings


@dataclass
class Effect:
    """What a record or a job does: it is counted, with the times of the first and the last."""

    count: int = 0
    target: int = 0
    first: float = 0.0
    last: float = 0.0
    is_reached: asyncio.Event = field(default_factory=asyncio.Event)

    def expect(self, more: int) -> None:
        """Begin to count anew, up to so many."""
        self.count, self.target = 0, more
        self.is_reached.clear()

    def happen(self) -> None:
        """Count one."""
        self.last = time.perf_counter()
        self.first = self.last if self.count == 0 else self.first
        self.count += 1
        if self.count == self.target:
            self.is_reached.set()

    @property
    def seconds_each(self) -> float:
        """The time from the first effect to the last, for each."""
        return (self.last - self.first) / max(self.count - 1, 1)


@dataclass(frozen=True)
class Queue:
    """A queue or a log: how to put in records or jobs, and how to let one worker handle them."""

    effect: Effect
    put: Callable[[int], Awaitable[object]]
    working: Callable[[int], AbstractAsyncContextManager[None]]  # with this batch size
    clear: Callable[[], Awaitable[object]]  # while no worker runs


def required(package: str) -> Any:
    """Return a package of the group `peers`, or skip the test and say how to install it."""
    try:
        return import_module(package)
    except ImportError:
        pytest.skip(f"{package} is not installed; run `uv sync --group peers`")


@asynccontextmanager
async def pgqueuer_queue(settings: Settings) -> AsyncIterator[Queue]:
    """Yield PgQueuer, with its driver for asyncpg."""
    pgqueuer = required("pgqueuer")
    effect = Effect()
    connections = [await connect_without_limits(settings) for _ in range(2)]
    queries = pgqueuer.Queries(pgqueuer.AsyncpgDriver(connections[0]))
    await queries.install()

    async def put(count: int) -> None:
        await queries.enqueue(["work"] * count, [None] * count, [0] * count)

    @asynccontextmanager
    async def working(batch: int) -> AsyncIterator[None]:
        worker = pgqueuer.PgQueuer.from_asyncpg_connection(connections[1])

        async def work(_job: Any) -> None:
            effect.happen()

        worker.entrypoint("work")(work)
        running = asyncio.create_task(worker.run(batch_size=batch))
        yield
        worker.shutdown.set()
        with suppress(TimeoutError, asyncio.CancelledError):
            await asyncio.wait_for(running, 5)

    yield Queue(effect, put, working, nothing_left)
    for connection in connections:
        await connection.close()


@asynccontextmanager
async def procrastinate_queue(settings: Settings) -> AsyncIterator[Queue]:
    """Yield procrastinate, with its asynchronous connector of psycopg."""
    procrastinate = required("procrastinate")
    logging.getLogger("procrastinate").setLevel(logging.ERROR)
    effect = Effect()
    address = settings.sqlalchemy_url.set(drivername="postgresql").render_as_string(hide_password=False)
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=address))

    async def work() -> None:
        effect.happen()

    task = app.task(name="work")(work)

    @asynccontextmanager
    async def working(batch: int) -> AsyncIterator[None]:
        # It sometimes misses a notification; its default is to look again after 5 s.
        polling = {"fetch_job_polling_interval": 0.2, "abort_job_polling_interval": 5.0}
        options = {"concurrency": batch, "install_signal_handlers": False, "delete_jobs": "never", **polling}
        running = asyncio.create_task(app.run_worker_async(**options))
        yield
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        yield Queue(effect, lambda count: task.batch_defer_async(*[{}] * count), working, nothing_left)


async def connect_without_limits(settings: Settings) -> asyncpg.Connection:
    """Return a connection without our time limits on statements, which a library may not expect."""
    url = settings.sqlalchemy_url
    _, arguments = url.get_dialect()().create_connect_args(url)
    return await asyncpg.connect(**arguments)


async def nothing_left() -> None:
    """Do nothing: a queue whose jobs were all handled is empty."""
