from typing import Any
from uuid import UUID

import pytest
from opentelemetry import trace
from sqlalchemy import event, select
from sqlalchemy.ext.asyncio import AsyncSession

from src.backend.cc.identity import MEM0_SCHEMA, MODULE
from src.backend.cc.mem0_models import BaseLog, EventLog, PromptTrace
from src.backend.cc.services.logging import Event, Prompt, log_l1, submit_l1
from src.db.connection import Database
from src.l1.entries import Log, UnstorableRecordError
from src.l1.writer import L1Writer


async def linked_to(session: AsyncSession, table: Any, record_id: UUID) -> list[Any]:
    rows = select(table).where(table.base_log_id == record_id).order_by(table.position)
    return list(await session.scalars(rows))


async def test_a_record_links_any_number_of_prompts_and_events(test_db_session: AsyncSession) -> None:
    record_id = await log_l1(
        test_db_session,
        Prompt("system", "Be brief."),
        Prompt("user", "π?", tokens_in=2, tokens_out=0),
        Event("answer.given", {"digits": [3, 1, 4]}),
    )

    base = await test_db_session.get_one(BaseLog, record_id)
    prompts = await linked_to(test_db_session, PromptTrace, record_id)
    events = await linked_to(test_db_session, EventLog, record_id)
    assert (base.source_module, base.timestamp.tzinfo is not None) == (MODULE, True)
    assert [(row.position, row.role, row.content, row.tokens_in, row.tokens_out) for row in prompts] == [
        (0, "system", "Be brief.", None, None),
        (1, "user", "π?", 2, 0),
    ]
    assert [(row.position, row.event_type, row.payload) for row in events] == [
        (2, "answer.given", {"digits": [3, 1, 4]})
    ]


async def test_a_record_of_a_hundred_entries_is_one_record(test_db_session: AsyncSession) -> None:
    record_id = await log_l1(test_db_session, *[Event("a", {"n": n}) for n in range(100)])

    events = await linked_to(test_db_session, EventLog, record_id)
    assert [row.payload["n"] for row in events] == list(range(100))


async def test_a_record_is_one_statement(test_db_session: AsyncSession, database: Database) -> None:
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    await test_db_session.connection()
    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    await log_l1(test_db_session, Prompt("user", "hi"), Event("a"))
    event.remove(database.engine.sync_engine, "before_cursor_execute", note)

    assert len(statements) == 1


async def test_records_ascend_in_the_order_of_the_log(test_db_session: AsyncSession) -> None:
    ids = [await log_l1(test_db_session, Event("a")) for _ in range(3)]

    in_order = select(BaseLog.id).where(BaseLog.id.in_(ids)).order_by(BaseLog.xid, BaseLog.seq)
    assert list(await test_db_session.scalars(in_order)) == ids


async def test_a_record_goes_with_the_transaction(test_db_session: AsyncSession) -> None:
    async with test_db_session.begin_nested() as savepoint:
        record_id = await log_l1(test_db_session, Event("a"))
        await savepoint.rollback()

    assert await test_db_session.get(BaseLog, record_id) is None


async def test_a_record_and_its_trace_find_each_other(
    test_db_session: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("src.l1.entries.current_request_id", lambda: "request-1")
    context = trace.SpanContext(trace_id=0xABC, span_id=1, is_remote=False)

    with trace.use_span(trace.NonRecordingSpan(context)):
        record_id = await log_l1(test_db_session, Event("a"))

    base = await test_db_session.get_one(BaseLog, record_id)
    assert (base.request_id, base.trace_id) == ("request-1", f"{0xABC:032x}")


async def test_a_record_that_is_refused_leaves_the_transaction_as_it_was(test_db_session: AsyncSession) -> None:
    with pytest.raises(UnstorableRecordError, match="The payload of a holds a NUL character"):
        await log_l1(test_db_session, Event("a", {"text": "\0"}))

    record_id = await log_l1(test_db_session, Event("a"))
    assert await test_db_session.get(BaseLog, record_id)


async def test_a_record_of_no_transaction_goes_to_the_log_of_this_module() -> None:
    taken: list[tuple[Log, Any]] = []

    class Writer(L1Writer):
        async def submit(self, log: Log, entries: Any) -> UUID:
            taken.append((log, entries))
            return UUID(int=1)

    async def connect() -> Any: ...

    assert await submit_l1(Writer(connect), Event("a")) == UUID(int=1)
    assert taken == [(Log(module=MODULE, schema=MEM0_SCHEMA), (Event("a"),))]
