"""The faults. Each function makes one and returns when it is over, with what else is to be said of it."""

import asyncio
import signal
import time
from collections import Counter
from dataclasses import dataclass
from typing import Final, Literal

from redis.asyncio import Redis

from faults.bench import Bench, Scenario
from faults.consumer_process import POISON, SLOW
from faults.load import Load
from src.highway.cursor import BEGINNING, Cursor

OUTAGE_S: Final = 1.5
LOCK_S: Final = 4.0
FREEZE_S: Final = 3.0  # longer than the time-outs of a statement and of a connection
PRESSURE_S: Final = 3.0
BACKENDS: Final = "FROM pg_stat_activity WHERE application_name = 'cos' AND datname = current_database()"
READERS: Final = 16
BURST: Final = 2000


async def redis_killed(bench: Bench, _load: Load) -> str:
    bench.redis.kill()
    await asyncio.sleep(OUTAGE_S)
    await bench.redis.start()
    return f"circuit breaker {bench.highway.pubsub.breaker.state}"


async def redis_frozen(bench: Bench, _load: Load) -> str:
    bench.redis.freeze()
    await asyncio.sleep(FREEZE_S)
    bench.redis.thaw()
    return f"circuit breaker {bench.highway.pubsub.breaker.state}"


async def redis_wiped(bench: Bench, _load: Load) -> str:
    async with Redis.from_url(bench.redis_url) as client:
        await client.flushall()
        await client.script_flush()
    bench.redis.kill()
    await bench.redis.start()
    return ""


async def subscribers_stalled(bench: Bench, _load: Load) -> str:
    for process in bench.consumers:
        process.freeze()
    await asyncio.sleep(OUTAGE_S)
    for process in bench.consumers:
        process.thaw()
    return ""


async def subscriptions_cut(bench: Bench, _load: Load) -> str:
    cut = 0
    async with Redis.from_url(bench.redis_url) as client:
        for _ in range(10):
            cut += await client.client_kill_filter(_type="pubsub")
            await asyncio.sleep(0.15)
    return f"{cut} subscriptions cut"


async def consumer_killed(bench: Bench, _load: Load) -> str:
    """Kill one instance and then the other, so that both a take-over and a restart at the checkpoint happen."""
    for process in bench.consumers:
        process.kill()
        await asyncio.sleep(OUTAGE_S)
        await process.start()
    return "each of the two instances in turn"


async def consumers_killed(bench: Bench, _load: Load) -> str:
    for process in bench.consumers:
        process.kill()
    await asyncio.sleep(OUTAGE_S)
    await asyncio.gather(*(process.start() for process in bench.consumers))
    return "both instances at once"


async def poison_event(bench: Bench, _load: Load) -> str:
    return f"a dead letter of each consumer after {await _buried_s(bench, POISON, letters=2):.1f} s"


async def slow_event(bench: Bench, _load: Load) -> str:
    return f"a dead letter of one consumer after {await _buried_s(bench, SLOW, letters=1):.1f} s"


async def effects_locked(bench: Bench, _load: Load) -> str:
    """Lock the table of an effect for longer than all tries of a record take."""
    async with bench.connection() as connection, connection.transaction():
        await connection.execute("LOCK TABLE fault_effect")
        await asyncio.sleep(LOCK_S)
    return f"for {LOCK_S:g} s"


async def _buried_s(bench: Bench, event_type: str, *, letters: int) -> float:
    """Record an event that cannot be handled, and return how long the records behind it wait."""
    count = f"SELECT count(*) FROM {bench.log.schema}.dead_letter"
    async with bench.connection() as connection:
        expected = await connection.fetchval(count) + letters
        started = time.perf_counter()
        await bench.way_with(event_type)(event_type)
        async with asyncio.timeout(20):
            while await connection.fetchval(count) < expected:  # noqa: ASYNC110  # PostgreSQL has no event to wait for
                await asyncio.sleep(0.01)
    return time.perf_counter() - started


async def postgres_killed(bench: Bench, _load: Load) -> str:
    bench.postgres.kill()
    await asyncio.sleep(0.2)
    await bench.postgres.start()
    return ""


async def postgres_restarted(bench: Bench, _load: Load) -> str:
    await bench.postgres.stop(signal.SIGINT)
    await asyncio.sleep(0.5)
    await bench.postgres.start()
    return ""


async def postgres_frozen(bench: Bench, _load: Load) -> str:
    bench.postgres.freeze()
    await asyncio.sleep(FREEZE_S)
    bench.postgres.thaw()
    return ""


async def backend_killed(bench: Bench, load: Load) -> str:
    done = len(load.attempts)
    async with bench.connection() as connection:
        await connection.fetch(f"SELECT pg_terminate_backend(pid) {BACKENDS} ORDER BY query_start DESC LIMIT 1")
    await asyncio.sleep(0.5)
    failed = sum(attempt.outcome != "acknowledged" for attempt in load.attempts[done:])
    return f"{failed} of {len(load.attempts) - done} writes failed"


async def backends_killed(bench: Bench, load: Load) -> str:
    done, killed = len(load.attempts), 0
    async with bench.connection() as connection:
        for _ in range(20):
            killed += len(
                await connection.fetch(f"SELECT pg_terminate_backend(pid) {BACKENDS} ORDER BY random() LIMIT 5")
            )
            await asyncio.sleep(0.1)
    failed = sum(attempt.outcome != "acknowledged" for attempt in load.attempts[done:])
    return f"{killed} backends; {failed} of {len(load.attempts) - done} writes failed"


async def postgres_unreachable(bench: Bench, _load: Load) -> str:
    async with bench.proxy.black_hole():
        await asyncio.sleep(FREEZE_S)
    return ""


async def connections_reset(bench: Bench, _load: Load) -> str:
    async with bench.proxy.resetting():
        await asyncio.sleep(OUTAGE_S)
    return ""


async def pool_exhausted(bench: Bench, load: Load) -> str:
    """Lock the log, so that each write keeps its connection until its time is over, and write ten times as much."""
    waits: list[float] = []
    done = len(load.attempts)
    async with bench.connection() as connection, connection.transaction():
        await connection.execute(f"LOCK TABLE {bench.log.schema}.base_log IN SHARE MODE")
        async with load.running(factor=9):
            deadline = time.perf_counter() + PRESSURE_S
            while (started := time.perf_counter()) < deadline:
                assert await bench.is_alive()
                waits.append(time.perf_counter() - started)
                await asyncio.sleep(0.1)
            await connection.execute("ROLLBACK AND CHAIN")
    outcomes = Counter(attempt.outcome for attempt in load.attempts[done:])
    return f"10 × load on a locked table: {dict(outcomes)}; health answered within {max(waits):.2f} s"


async def idle_transaction(bench: Bench, _load: Load) -> str:
    """Leave a transaction open that has written something, which holds back every reader of the log."""
    async with bench.connection() as connection, connection.transaction():
        await connection.execute("SELECT pg_current_xact_id()")
        await asyncio.sleep(PRESSURE_S)
    return f"open for {PRESSURE_S:g} s"


async def sustained_load(_bench: Bench, load: Load) -> str:
    done = len(load.attempts)
    async with load.running(factor=2):
        await asyncio.sleep(PRESSURE_S)
    return f"3 × load: {(len(load.attempts) - done) / PRESSURE_S:.0f} writes/s"


async def many_readers(bench: Bench, _load: Load) -> str:
    pages = 0
    deadline = time.perf_counter() + PRESSURE_S

    async def read() -> None:
        nonlocal pages
        cursor = Cursor(bench.log, "")
        async with bench.connection() as connection:
            while time.perf_counter() < deadline:
                await cursor.read(connection, after=BEGINNING, limit=100)
                pages += 1
                await asyncio.sleep(0.02)

    await asyncio.gather(*(read() for _ in range(READERS)))
    return f"{READERS} readers, {pages / PRESSURE_S:.0f} pages of 100 records/s"


async def burst(_bench: Bench, load: Load) -> str:
    started = time.perf_counter()
    outcomes = Counter(await asyncio.gather(*(load.write("writer") for _ in range(BURST))))
    return f"{BURST} writes at once: {dict(outcomes)} after {time.perf_counter() - started:.2f} s"


async def service_stopped(bench: Bench, load: Load) -> str:
    done = len(load.attempts)
    await bench.service.stop()
    dropped = sum(each.outcome == "in doubt" for each in load.attempts[done:] if each.way == "request")
    await bench.service.start()
    return f"{dropped} requests dropped"


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault, what it belongs to, and its name in the table."""

    part: Literal["PostgreSQL", "consumers", "pressure", "service", "Redis"]
    name: str
    scenario: Scenario


# Redis comes last: its circuit breaker stays open for 30 s, in which consumers read the log at intervals.
FAULTS: Final = [
    Fault("PostgreSQL", "PostgreSQL killed (kill -9)", postgres_killed),
    Fault("PostgreSQL", "PostgreSQL restarted", postgres_restarted),
    Fault("PostgreSQL", "PostgreSQL frozen (SIGSTOP)", postgres_frozen),
    Fault("PostgreSQL", "one backend killed", backend_killed),
    Fault("PostgreSQL", "backends killed repeatedly", backends_killed),
    Fault("PostgreSQL", "PostgreSQL unreachable (black hole)", postgres_unreachable),
    Fault("PostgreSQL", "PostgreSQL unreachable (reset)", connections_reset),
    Fault("pressure", "pool exhausted", pool_exhausted),
    Fault("pressure", "a transaction idle in another session", idle_transaction),
    Fault("pressure", "sustained load", sustained_load),
    Fault("pressure", "many readers of the log", many_readers),
    Fault("pressure", "a burst", burst),
    Fault("consumers", "one consumer killed (kill -9)", consumer_killed),
    Fault("consumers", "all consumers killed (kill -9)", consumers_killed),
    Fault("consumers", "poison event", poison_event),
    Fault("consumers", "event whose statement takes too long", slow_event),
    Fault("consumers", "table of an effect locked", effects_locked),
    Fault("consumers", "subscribers stalled (SIGSTOP)", subscribers_stalled),
    Fault("service", "service stopped (SIGTERM)", service_stopped),
    Fault("Redis", "subscriptions cut (CLIENT KILL)", subscriptions_cut),
    Fault("Redis", "Redis wiped", redis_wiped),
    Fault("Redis", "Redis killed (kill -9)", redis_killed),
    Fault("Redis", "Redis frozen (SIGSTOP)", redis_frozen),
]
