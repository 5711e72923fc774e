"""The writer on a connection that fails when it is told to."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from src.db.unavailable import DatabaseUnavailableError
from src.l1.entries import Event, Log, UnstorableRecordError
from src.l1.pending_write import L1ClosedError, L1InDoubtError, L1QueueFullError
from src.l1.writer import L1Writer

LOG = Log(module="cc", schema="mem0_cc")
GONE = asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")

type Step = Callable[[], Any]


class Postgres:
    """A fake server and all connections to it: each statement does the next of `steps`; further ones succeed."""

    def __init__(self, *steps: Step) -> None:
        self.steps = list(steps)
        self.statements: list[tuple[str, tuple[Any, ...]]] = []
        self.connections = 0
        self.is_away = False
        self.connect_delay_s = 0.0

    async def connect(self) -> Any:
        await asyncio.sleep(self.connect_delay_s)
        if self.is_away:
            raise ConnectionRefusedError
        self.connections += 1
        return self

    async def fetch(self, statement: str, *parameters: Any) -> None:
        self.statements.append((statement, parameters))
        await asyncio.sleep(0)
        if self.steps and (outcome := self.steps.pop(0)()):
            await outcome

    def is_closed(self) -> bool:
        return False

    def terminate(self) -> None: ...

    def go_away(self) -> None:
        """Break the connection in the middle of a statement, and refuse new ones."""
        self.is_away = True
        raise GONE


def raising(fault: Exception) -> Step:
    def step() -> None:
        raise fault

    return step


def hanging() -> asyncio.Future[None]:
    return asyncio.get_running_loop().create_future()


@asynccontextmanager
async def writing(postgres: Postgres, **limits: Any) -> AsyncIterator[L1Writer]:
    """Yield a writer with a short time-out."""
    limits = {"room_timeout_s": 0.05, "write_timeout_s": 0.2} | limits
    writer = L1Writer(postgres.connect, **limits)
    running = asyncio.create_task(writer.run())
    yield writer
    writer.close()
    await asyncio.wait({running}, timeout=0.2)
    running.cancel()


def submission(writer: L1Writer, event_type: str = "a") -> asyncio.Task[UUID]:
    return asyncio.create_task(writer.submit(LOG, [Event(event_type)]))


async def test_what_is_submitted_in_one_tick_is_written_by_one_statement() -> None:
    postgres = Postgres()
    async with writing(postgres) as writer:
        ids = await asyncio.gather(*[submission(writer) for _ in range(5)])

    assert [parameters[0] for _, parameters in postgres.statements] == [ids]


async def test_what_arrives_during_a_write_is_the_next_batch() -> None:
    postgres = Postgres(lambda: asyncio.sleep(0.02))
    async with writing(postgres) as writer:
        first = submission(writer)
        await asyncio.sleep(0.01)
        await asyncio.gather(first, submission(writer), submission(writer))

    assert [len(parameters[0]) for _, parameters in postgres.statements[1:]] == [2]


async def test_a_lost_connection_is_replaced_and_the_record_sent_again_as_one_that_may_be_there() -> None:
    postgres = Postgres(raising(GONE))
    async with writing(postgres) as writer:
        record_id = await submission(writer)

    first, second = postgres.statements
    assert "ON CONFLICT" not in first[0]
    assert "ON CONFLICT DO NOTHING" in second[0]
    assert (first[1][0], second[1][0]) == (record_id, [record_id])
    assert postgres.connections == 2


async def test_while_postgresql_is_away_a_record_is_refused_and_was_not_written() -> None:
    postgres = Postgres()
    postgres.is_away = True
    async with writing(postgres) as writer:
        with pytest.raises(DatabaseUnavailableError, match="PostgreSQL does not answer"):
            await submission(writer)
        postgres.is_away = False
        await submission(writer)

    assert len(postgres.statements) == 1


async def test_a_record_that_was_refused_as_not_written_is_never_written() -> None:
    postgres = Postgres()
    postgres.connect_delay_s = 0.1
    async with writing(postgres, write_timeout_s=0.05) as writer:
        with pytest.raises(DatabaseUnavailableError):
            await submission(writer)
        await asyncio.sleep(0.1)

    assert postgres.connections == 1
    assert postgres.statements == []


async def test_a_record_that_was_on_its_way_when_postgresql_went_is_in_doubt_by_name() -> None:
    postgres = Postgres()
    postgres.steps = [postgres.go_away]
    async with writing(postgres) as writer:
        with pytest.raises(L1InDoubtError, match="may have been written or not") as doubt:
            await submission(writer)

    assert doubt.value.record_id == postgres.statements[0][1][0]
    assert (doubt.value.status, doubt.value.headers) == (503, {"Retry-After": "1"})


async def test_a_record_is_in_doubt_when_postgresql_freezes() -> None:
    async with writing(Postgres(hanging)) as writer:
        with pytest.raises(L1InDoubtError):
            await submission(writer)


async def test_a_record_stays_in_doubt_though_the_second_try_is_refused() -> None:
    postgres = Postgres(raising(GONE), raising(asyncpg.QueryCanceledError("too long")))
    async with writing(postgres) as writer:
        with pytest.raises(L1InDoubtError):
            await submission(writer)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (asyncpg.DiskFullError("53100"), DatabaseUnavailableError),
        (asyncpg.CheckViolationError("23514"), asyncpg.CheckViolationError),
    ],
)
async def test_what_postgresql_refuses_is_refused_at_once(fault: Exception, expected: type[Exception]) -> None:
    postgres = Postgres(raising(fault))
    async with writing(postgres) as writer:
        with pytest.raises(expected):
            await submission(writer)

    assert len(postgres.statements) == 1


async def test_a_full_queue_makes_callers_wait_and_then_refuses_them() -> None:
    postgres = Postgres(hanging)
    async with writing(postgres, queue_limit=2) as writer:
        taken = [submission(writer) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(L1QueueFullError, match="this one was not accepted"):
            await submission(writer)
        for fault in await asyncio.gather(*taken, return_exceptions=True):
            assert isinstance(fault, L1InDoubtError)


async def test_a_record_that_waits_for_room_in_the_queue_is_accepted_when_there_is_some() -> None:
    postgres = Postgres(lambda: asyncio.sleep(0.02))
    async with writing(postgres, queue_limit=1, room_timeout_s=1) as writer:
        await asyncio.gather(*[submission(writer) for _ in range(3)])

    assert len(postgres.statements) == 3


async def test_a_caller_who_was_cancelled_while_waiting_is_left_out() -> None:
    postgres = Postgres(lambda: asyncio.sleep(0.02))
    async with writing(postgres) as writer:
        first = submission(writer)
        await asyncio.sleep(0.01)
        given_up, last = submission(writer), submission(writer)
        await asyncio.sleep(0)
        given_up.cancel()
        ids = list(await asyncio.gather(first, last))

    assert [parameters[0] for _, parameters in postgres.statements] == ids


async def test_the_end_waits_for_what_was_taken_and_takes_no_more() -> None:
    postgres = Postgres(lambda: asyncio.sleep(0.02))
    async with writing(postgres) as writer:
        taken = submission(writer)
        await asyncio.sleep(0.01)
        also_taken = submission(writer)
        await asyncio.sleep(0)

    assert taken.done()
    assert also_taken.done()
    with pytest.raises(L1ClosedError, match="The service is stopping"):
        await submission(writer)


async def test_a_bug_fails_only_the_records_of_its_batch() -> None:
    async with writing(Postgres(raising(KeyError("bug")))) as writer:
        with pytest.raises(KeyError):
            await submission(writer)
        await submission(writer)


async def test_a_record_that_breaks_a_rule_is_refused_before_the_database() -> None:
    postgres = Postgres()
    async with writing(postgres) as writer:
        with pytest.raises(UnstorableRecordError):
            await submission(writer, "a\0")

    assert postgres.connections == 0
