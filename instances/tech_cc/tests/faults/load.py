"""A steady load of writes, each with a mark of its own, and what its caller was told about each."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Final, Literal

from httpx2 import AsyncClient, ConnectError, ConnectTimeout, TransportError
from sqlalchemy import String, Uuid, bindparam, column, insert, table

from src.common.errors import UnavailableError
from src.db.connection import Database
from src.db.unavailable import outages_refused
from src.l1.entries import Event, Log
from src.l1.pending_write import L1InDoubtError
from src.l1.record import write_record
from src.l1.recorded_change import new_id, recorded
from src.l1.writer import L1Writer

PERIOD_S: Final = 0.05  # each task begins a write at this interval
TASKS: Final = 2  # for each way of writing: together 160 writes a second
LATE_LIMIT_S: Final = 0.5  # a task that is late by up to this time makes up for it
HOLD_LIMIT_S: Final = 0.01  # transactions stay open up to this time, so that they overlap
CHANGES: Final = table("fault_change", column("id", Uuid), column("mark", String))

Outcome = Literal["acknowledged", "in doubt", "refused"]
type Way = Callable[[str], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One write. In doubt: its caller got an error, and the write may have happened; refused: it did not happen."""

    mark: str
    way: str
    outcome: Outcome
    started: float
    ended: float

    @property
    def latency_s(self) -> float:
        return self.ended - self.started


class Load:
    """Write steadily in every way, until the block of `running` is left."""

    def __init__(self, ways: Mapping[str, Way], *, prefix: str) -> None:
        self.attempts: list[Attempt] = []
        self._ways = ways
        self._marks = (f"{prefix}-{number}" for number in count())

    @asynccontextmanager
    async def running(self, *, factor: int = 1) -> AsyncIterator[None]:
        """Add the usual load so many times."""
        stopped = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            for way in self._ways:
                for number in range(TASKS * factor):
                    tasks.create_task(self._write_until(stopped, way, delay_s=PERIOD_S * number / (TASKS * factor)))
            try:
                yield
            finally:
                stopped.set()

    async def write(self, way: str) -> Outcome:
        """Write once."""
        mark, started = next(self._marks), time.perf_counter()
        outcome = await self._ways[way](mark)
        self.attempts.append(Attempt(mark, way, outcome, started, time.perf_counter()))
        return outcome

    def throughput(self, begin: float, end: float) -> float:
        """Return the acknowledged writes a second between two times."""
        done = [each for each in self.attempts if each.outcome == "acknowledged" and begin <= each.ended < end]
        return len(done) / (end - begin)

    async def _write_until(self, stopped: asyncio.Event, way: str, *, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        due = time.perf_counter()
        while not stopped.is_set():
            await self.write(way)
            due = max(due + PERIOD_S, time.perf_counter() - LATE_LIMIT_S)
            await asyncio.sleep(due - time.perf_counter())


def by_transaction(database: Database, log: Log) -> Way:
    """Write with `log_l1` in a transaction."""
    random = Random(1)  # noqa: S311  # not a secret

    async def write(mark: str) -> Outcome:
        is_committing = False
        try:
            with outages_refused():
                async with database.sessions() as session, session.begin():
                    await write_record(session, log, [Event("fault.written", {"mark": mark})])
                    await asyncio.sleep(random.uniform(0, HOLD_LIMIT_S))
                    is_committing = True
        except UnavailableError:
            return "in doubt" if is_committing else "refused"
        return "acknowledged"

    return write


def by_change(database: Database, log: Log) -> Way:
    """Write a change and its record as one statement, on AUTOCOMMIT."""
    change = insert(CHANGES).values(id=new_id(), mark=bindparam("mark")).returning(CHANGES.c.mark)
    statement = recorded(change, log, "fault.changed", columns=["mark"])

    async def write(mark: str) -> Outcome:
        try:
            await database.autocommit.execute(statement, {"mark": mark})
        except UnavailableError:
            return "in doubt"
        return "acknowledged"

    return write


def by_writer(writer: L1Writer, log: Log, *, event_type: str = "fault.written") -> Way:
    """Write through the batched writer, which reports writes that are in doubt."""

    async def write(mark: str) -> Outcome:
        try:
            await writer.submit(log, [Event(event_type, {"mark": mark})])
        except L1InDoubtError:
            return "in doubt"
        except UnavailableError:
            return "refused"
        return "acknowledged"

    return write


def by_request(client: AsyncClient, log: Log) -> Way:
    """Write by POST /test-log to the served process."""

    async def write(mark: str) -> Outcome:
        try:
            answer = await client.post(f"/{log.module}/test-log", json={"message": mark})
        except (ConnectError, ConnectTimeout):
            return "refused"
        except TransportError:
            return "in doubt"
        if answer.status_code == 503:
            assert answer.headers["retry-after"]
            return "in doubt"  # it does not say whether a commit was on its way
        assert answer.status_code == 200, f"{answer.status_code}: {answer.text}"
        return "acknowledged"

    return write
