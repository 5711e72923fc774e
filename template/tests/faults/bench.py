"""Servers, processes and a load, on which faults are tried one after another."""

import asyncio
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import median
from subprocess import Popen
from typing import Final
from uuid import UUID

import asyncpg
from httpx2 import AsyncClient, Limits, TransportError
from pydantic import SecretStr
from sqlalchemy import URL

from databases import PROJECT, upgrade
from embedded.child_process import free_port, start_child
from embedded.redis import address_of
from faults.ledger import Ledger
from faults.load import Load, Way, by_change, by_request, by_transaction, by_writer
from faults.processes import FaultProcess, connect_directly, fault_postgres, fault_redis
from faults.proxy import FaultProxy, fault_proxy
from faults.report import Verdict, judge, latencies
from src.common.background_tasks import open_background_tasks
from src.common.config import Settings
from src.db.connection import open_database
from src.highway.cursor import Cursor, Position
from src.highway.lifespan import Highway, open_highway
from src.l1.entries import Log
from src.l1.writer import L1Writer, open_writer

WINDOW_S: Final = 1.5  # of steady load, before a fault and after the reconciliation
WINDOWS_AFTER: Final = 3  # other processes of the machine may disturb one
RECOVERED: Final = 0.95
RECONCILE_LIMIT_S: Final = 20.0
SETTLE_LIMIT_S: Final = 10.0
REQUEST_LIMIT_S: Final = 6.0
INSTANCES: Final = 2
CONSUMERS: Final = ("outside", "inside")
TABLES: Final = "CREATE TABLE fault_change (id uuid, mark text); CREATE TABLE fault_effect (record_id uuid)"
STORED: Final = "SELECT base_log_id, coalesce(payload->>'mark', payload->>'message') FROM {schema}.event_log"
SLOWEST: Final = """
SELECT xid::text::bigint, seq FROM {schema}.consumer_checkpoint
ORDER BY consumer_checkpoint.xid, seq LIMIT 1
"""

# Makes a fault and returns, when it is over, what else is to be said of it.
type Scenario = Callable[["Bench", Load], Awaitable[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """All that faults need."""

    log: Log
    postgres: FaultProcess
    redis: FaultProcess
    proxy: FaultProxy
    service: FaultProcess
    consumers: Sequence[FaultProcess]
    highway: Highway
    writer: L1Writer
    client: AsyncClient
    ledger: Ledger
    direct_url: URL
    redis_url: str
    launch_consumers: Callable[..., FaultProcess]
    numbers: Iterator[int]

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """Yield a connection past the proxy."""
        connection = await connect_directly(self.direct_url)
        try:
            yield connection
        finally:
            connection.terminate()

    async def run(
        self, name: str, scenario: Scenario, *, consumers: Sequence[str] = CONSUMERS, window_s: float = WINDOW_S
    ) -> Verdict:
        """Make a fault under load, wait until the consumers have caught up, and return the figures.

        Args:
            name: How the table calls the fault.
            scenario: Makes the fault.
            consumers: Those whose effects are checked.
            window_s: How long the steady load is measured before and after.
        """
        load = Load(self._ways(), prefix=f"{next(self.numbers)}")
        delivered_before = self._delivered_again()
        async with load.running():
            lag_before_s = await self._lag_in_window(window_s)
            began = time.perf_counter()
            throughput_before = load.throughput(began - window_s, began)
            note = await scenario(self, load)
            ended = time.perf_counter()
            reconciled_s = await self._reconciled_s()
            for _ in range(WINDOWS_AFTER):
                resumed = time.perf_counter()
                lag_after_s = await self._lag_in_window(window_s)
                finished = time.perf_counter()
                throughput_after = load.throughput(resumed, finished)
                if throughput_after >= RECOVERED * throughput_before:
                    break
        await self._settle()
        stored = await self._stored()
        effects = [await self.effects_of(consumer) for consumer in consumers]
        p50_s, p99_s, max_s = latencies(load.attempts)
        done = [attempt for attempt in load.attempts if attempt.outcome == "acknowledged"]
        return Verdict(
            fault=name,
            counts=judge(load.attempts, stored, effects),
            p50_s=p50_s,
            p99_s=p99_s,
            max_s=max_s,
            max_before_s=max(attempt.latency_s for attempt in done if attempt.ended < began),
            first_write_s=min((attempt.ended for attempt in done if attempt.ended > ended), default=finished) - ended,
            reconciled_s=reconciled_s,
            throughput_before=throughput_before,
            throughput_after=throughput_after,
            lag_before_s=lag_before_s,
            lag_after_s=lag_after_s,
            delivered_again=self._delivered_again() - delivered_before,
            note=note,
        )

    async def effects_of(self, consumer: str) -> Mapping[UUID, int]:
        """Return how often each record had its effect by this consumer."""
        if consumer == "inside":
            async with self.connection() as connection:
                return Counter(row[0] for row in await connection.fetch("SELECT record_id FROM fault_effect"))
        return dict.fromkeys(self.ledger.deliveries(consumer), 1)

    async def is_alive(self) -> bool:
        """Return whether the served process answers."""
        with suppress(TransportError):
            return (await self.client.get("/health/live")).is_success
        return False

    def way_with(self, event_type: str) -> Way:
        """Return a way to write records of another type."""
        return by_writer(self.writer, self.log, event_type=event_type)

    def _ways(self) -> dict[str, Way]:
        return {
            "transaction": by_transaction(self.highway.database, self.log),
            "change": by_change(self.highway.database, self.log),
            "writer": by_writer(self.writer, self.log),
            "request": by_request(self.client, self.log),
        }

    def _delivered_again(self) -> int:
        return sum(times - 1 for times in self.ledger.deliveries("outside").values())

    async def _stored(self) -> dict[UUID, str]:
        """Return the mark of each record in the log."""
        async with self.connection() as connection:
            rows = await connection.fetch(STORED.format(schema=self.log.schema))
        return {row[0]: row[1] for row in rows}

    async def _reconciled_s(self) -> float:
        """Return how long the consumers take to handle what is in the log now."""
        started = time.perf_counter()
        async with self.connection() as connection:
            end = await Cursor(self.log, "").end(connection)
            while await self._slowest(connection) < end:
                if time.perf_counter() - started > RECONCILE_LIMIT_S:
                    return float("inf")
                await asyncio.sleep(0.005)
        return time.perf_counter() - started

    async def _settle(self) -> None:
        """Wait until nothing is left to be written or handled; what is not handled then is lost."""
        deadline = time.monotonic() + SETTLE_LIMIT_S
        is_quiet = False
        async with self.connection() as connection:
            while time.monotonic() < deadline:
                end = await Cursor(self.log, "").end(connection)
                was_quiet, is_quiet = is_quiet, await self._slowest(connection) >= end
                if was_quiet and is_quiet:
                    return
                await asyncio.sleep(0.1)

    async def _slowest(self, connection: asyncpg.Connection) -> Position:
        """Return the checkpoint of the consumer that is behind the other."""
        rows = await connection.fetch(SLOWEST.format(schema=self.log.schema))
        return Position(*rows[0])

    async def _lag_in_window(self, window_s: float) -> float:
        """Return the median of the lag in a window of steady load."""
        samples = []
        deadline = time.perf_counter() + window_s
        async with self.connection() as connection:
            while time.perf_counter() < deadline:
                await asyncio.sleep(0.05)
                lag = await Cursor(self.log, "").lag(connection, after=await self._slowest(connection))
                samples.append(lag.seconds)
        return median(samples)


@asynccontextmanager
async def open_bench(log: Log, logs: Path) -> AsyncIterator[Bench]:
    """Yield a bench whose servers and processes run; all of them end with the block."""
    async with AsyncExitStack() as stack:
        scratch = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="cos-faults-", ignore_cleanup_errors=True))
        )
        postgres, direct_url = await stack.enter_async_context(fault_postgres(scratch / "postgres"))
        (scratch / "redis").mkdir()
        redis = await stack.enter_async_context(fault_redis(scratch / "redis"))
        socket = Path(str(direct_url.query["host"])) / ".s.PGSQL.5432"
        proxy, port = await stack.enter_async_context(fault_proxy(socket))
        url = direct_url.set(host="127.0.0.1", port=port, query={}).render_as_string(hide_password=False)
        redis_url = address_of(scratch / "redis")
        settings = Settings(environment="test", database_url=SecretStr(url), redis_url=SecretStr(redis_url))
        await upgrade(settings)
        connection = await connect_directly(direct_url)
        await connection.execute(TABLES)
        await connection.close()

        numbers = count()
        environment = {**os.environ, "DATABASE_URL": url, "REDIS_URL": redis_url, "PYTHONPATH": "scripts:tests"}
        environment |= {"ENVIRONMENT": "test", "LOG_LEVEL": "WARNING", "PYTHONUNBUFFERED": "1"}
        output = stack.enter_context((logs / "processes.log").open("ab"))

        def launch(*arguments: str) -> Popen[bytes]:
            command = [sys.executable, "-m", *arguments]
            return start_child(command, cwd=PROJECT, env=environment, stdout=output, stderr=output)

        def consumers(*names: str) -> FaultProcess:
            ready = scratch / f"ready-{next(numbers)}"

            def launch_consumers() -> Popen[bytes]:
                ready.unlink(missing_ok=True)
                return launch("faults.consumer_process", str(scratch / "ledger"), str(ready), *names)

            async def is_ready() -> bool:
                return ready.exists()

            process = FaultProcess(launch_consumers, is_ready=is_ready)
            stack.callback(process.kill)
            return process

        service_port = free_port()
        limits = Limits(max_keepalive_connections=0)  # a kept connection may be closed while a request is on its way
        address = f"http://127.0.0.1:{service_port}"
        client = AsyncClient(base_url=address, timeout=REQUEST_LIMIT_S, limits=limits, verify=False)  # no TLS
        await stack.enter_async_context(client)

        async def answers() -> bool:
            with suppress(TransportError):
                return (await client.get("/health/ready")).is_success
            return False

        serve = ("uvicorn", "src.cos_main:app", "--port", str(service_port), "--no-access-log")
        service = FaultProcess(lambda: launch(*serve), is_ready=answers)
        stack.callback(service.kill)
        database = await stack.enter_async_context(open_database(settings))
        tasks = await stack.enter_async_context(open_background_tasks())
        writer = await stack.enter_async_context(open_writer(settings, tasks))
        highway = await stack.enter_async_context(open_highway(settings, database, writer, tasks, []))
        bench = Bench(
            log=log,
            postgres=postgres,
            redis=redis,
            proxy=proxy,
            service=service,
            consumers=[consumers(*CONSUMERS) for _ in range(INSTANCES)],
            highway=highway,
            writer=writer,
            client=client,
            ledger=Ledger(scratch / "ledger"),
            direct_url=direct_url,
            redis_url=redis_url,
            launch_consumers=consumers,
            numbers=numbers,
        )
        stack.callback(bench.ledger.close)
        await asyncio.gather(service.start(), *(process.start() for process in bench.consumers))
        await _wait_for_registration(bench)
        yield bench


async def _wait_for_registration(bench: Bench) -> None:
    """Return when all consumers have a checkpoint."""
    query = f"SELECT count(*) FROM {bench.log.schema}.consumer_checkpoint"
    async with asyncio.timeout(REQUEST_LIMIT_S * 5), bench.connection() as connection:
        while await connection.fetchval(query) < len(CONSUMERS):  # noqa: ASYNC110  # PostgreSQL has no event to wait for
            await asyncio.sleep(0.05)
