import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

import asyncpg
import pytest
from fastapi import Depends, FastAPI
from httpx2 import ASGITransport, AsyncClient
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from src.common.background_tasks import open_background_tasks
from src.common.config import Settings
from src.l1.entries import Entry, Event, Log, Prompt, new_record
from src.l1.statements import insertion_of, insertion_of_all
from src.l1.writer import L1Writer, get_l1_writer, open_writer


@pytest.fixture
async def writer(committing_settings: Settings) -> AsyncIterator[L1Writer]:
    async with open_background_tasks() as tasks, open_writer(committing_settings, tasks) as writer:
        yield writer


async def rows(session: AsyncSession, log: Log, table: str, columns: str = "*") -> list[Any]:
    return list(await session.execute(text(f"SELECT {columns} FROM {log.schema}.{table} ORDER BY 1, 2")))


async def test_records_are_committed_when_their_ids_are_told(writer: L1Writer, log: Log, session: AsyncSession) -> None:
    entries: list[Entry] = [Prompt("user", "hi ü", 1, 2), Event("a.b", {"n": [1, None]}), Event("c")]
    ids = await asyncio.gather(*[writer.submit(log, entries) for _ in range(20)])

    assert [row.id for row in await rows(session, log, "base_log")] == sorted(ids)
    events = await rows(session, log, "event_log", "base_log_id, position, event_type, payload")
    assert [tuple(row)[1:] for row in events[:2]] == [(1, "a.b", {"n": [1, None]}), (2, "c", {})]
    prompts = await rows(session, log, "prompt_trace", "base_log_id, position, role, content, tokens_in, tokens_out")
    assert {tuple(row)[1:] for row in prompts} == {(0, "user", "hi ü", 1, 2)}
    assert (len(events), len(prompts)) == (40, 20)


async def test_a_record_that_postgresql_refuses_fails_alone(writer: L1Writer, log: Log, session: AsyncSession) -> None:
    table = f"ALTER TABLE {log.schema}.event_log"
    await session.execute(text(f"{table} ADD CONSTRAINT no_poison CHECK (event_type <> 'poison')"))
    await session.commit()
    kinds = ["a"] * 7 + ["poison"] + ["a"] * 12

    outcomes = await asyncio.gather(*[writer.submit(log, [Event(kind)]) for kind in kinds], return_exceptions=True)

    refused = [number for number, outcome in enumerate(outcomes) if isinstance(outcome, asyncpg.CheckViolationError)]
    assert refused == [7]
    assert len(await rows(session, log, "base_log")) == 19
    await session.execute(text(f"{table} DROP CONSTRAINT no_poison"))
    await session.commit()


async def test_a_connection_that_postgresql_ended_is_replaced(
    writer: L1Writer, log: Log, session: AsyncSession
) -> None:
    await writer.submit(log, [Event("before")])
    others = "FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
    await session.execute(text(f"SELECT pg_terminate_backend(pid) {others}"))

    await writer.submit(log, [Event("after")])

    assert len(await rows(session, log, "base_log")) == 2


async def test_a_record_that_is_sent_again_is_written_once(log: Log, session: AsyncSession) -> None:
    record = new_record(log, [Prompt("user", "hi"), Event("a")])
    connection = await (await session.connection()).get_raw_connection()
    driver = connection.driver_connection
    assert driver is not None

    for sql, parameters in (insertion_of(record, log), insertion_of_all([record], log)):
        await driver.fetch(sql, *parameters)

    for table in ("base_log", "prompt_trace", "event_log"):
        assert len(await rows(session, log, table)) == 1


async def test_a_route_can_ask_for_the_writer_of_its_application(writer: L1Writer) -> None:
    app = FastAPI()
    app.state.l1_writer = writer

    @app.get("/")
    async def is_given(given: Annotated[L1Writer, Depends(get_l1_writer)]) -> bool:
        return given is writer

    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://test") as client:
        assert (await client.get("/")).json() is True
