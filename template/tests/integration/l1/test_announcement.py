"""Records are announced after their commit, and only then."""

import asyncio
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Uuid, bindparam, column, delete, func, insert, table, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql import Executable

from src.db.connection import Database
from src.l1.announcement import announcing
from src.l1.entries import Event, Log
from src.l1.record import write_record
from src.l1.recorded_change import new_id, recorded

type Announced = list[tuple[str, UUID]]


@pytest.fixture
def announced() -> Announced:
    return []


@pytest.fixture
def announcing_database(committing_database: Database, announced: Announced) -> Database:
    return announcing(committing_database, lambda module, record_id: announced.append((module, record_id)))


@pytest.fixture
def add_note(log: Log) -> Executable:
    """A statement that inserts a note and records it."""
    notes = table("scratch_note", column("id", Uuid), column("content", JSONB), column("expires_at"), schema=log.schema)
    change = insert(notes).values(id=new_id(), content={}, expires_at=func.now()).returning(notes.c.id)
    return recorded(change, log, "note.added", columns=["id"])


@pytest.fixture
def drop_note(log: Log) -> Executable:
    """A statement that deletes a note, if there is one, and records it."""
    notes = table("scratch_note", column("id", Uuid), schema=log.schema)
    change = delete(notes).where(notes.c.id == bindparam("note_id")).returning(notes.c.id)
    return recorded(change, log, "note.dropped", columns=["id"])


async def recorded_ids(session: AsyncSession, log: Log) -> list[UUID]:
    return list(await session.scalars(text(f"SELECT id FROM {log.schema}.base_log ORDER BY xid, seq")))


async def test_a_record_is_announced_after_the_commit_and_not_before(
    announcing_database: Database, announced: Announced, log: Log
) -> None:
    async with announcing_database.sessions() as session, session.begin():
        record_id = await write_record(session, log, [Event("a")])
        before = list(announced)

    assert before == []
    assert announced == [(log.module, record_id)]


async def test_nothing_is_announced_after_a_rollback(
    announcing_database: Database, announced: Announced, log: Log
) -> None:
    async with announcing_database.sessions() as session:
        await write_record(session, log, [Event("a")])
        await session.rollback()
        kept = await write_record(session, log, [Event("b")])
        await session.commit()

    assert announced == [(log.module, kept)]


async def test_nothing_is_announced_of_a_session_that_is_closed_without_a_commit(
    announcing_database: Database, announced: Announced, log: Log
) -> None:
    session = announcing_database.sessions()
    await write_record(session, log, [Event("a")])
    await session.close()
    kept = await write_record(session, log, [Event("b")])
    await session.commit()
    await session.close()

    assert announced == [(log.module, kept)]


async def test_nothing_is_announced_of_a_savepoint_that_is_rolled_back(
    announcing_database: Database, announced: Announced, log: Log
) -> None:
    async with announcing_database.sessions() as session, session.begin():
        first = await write_record(session, log, [Event("a")])
        async with session.begin_nested() as savepoint:
            await write_record(session, log, [Event("b")])
            async with session.begin_nested():
                await write_record(session, log, [Event("c")])
            await savepoint.rollback()
        async with session.begin_nested():
            last = await write_record(session, log, [Event("d")])
        before = list(announced)

    assert before == []
    assert announced == [(log.module, first), (log.module, last)]


async def test_nothing_is_announced_of_a_released_savepoint_whose_transaction_is_rolled_back(
    announcing_database: Database, announced: Announced, log: Log
) -> None:
    async with announcing_database.sessions() as session:
        async with session.begin_nested():
            await write_record(session, log, [Event("a")])
        await session.rollback()
        await session.execute(text("SELECT 1"))
        await session.commit()

    assert announced == []


async def test_records_are_announced_in_the_order_of_their_commits(
    announcing_database: Database, announced: Announced, log: Log
) -> None:
    async with announcing_database.sessions() as early, announcing_database.sessions() as late:
        first = await write_record(early, log, [Event("a")])
        second = await write_record(late, log, [Event("b")])
        await late.commit()
        await early.commit()

    assert announced == [(log.module, second), (log.module, first)]


async def test_a_cancelled_request_announces_nothing(
    announcing_database: Database, announced: Announced, log: Log, session: AsyncSession
) -> None:
    is_written = asyncio.Event()

    async def request() -> None:
        async with announcing_database.sessions() as own, own.begin():
            await write_record(own, log, [Event("a")])
            is_written.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(request())
    await is_written.wait()
    task.cancel()
    await asyncio.wait([task])

    assert announced == []
    assert await recorded_ids(session, log) == []


async def test_a_recorded_change_on_autocommit_is_announced_with_the_id_of_its_record(
    announcing_database: Database, announced: Announced, log: Log, session: AsyncSession, add_note: Executable
) -> None:
    await announcing_database.autocommit.execute(add_note)

    assert announced == [(log.module, record_id) for record_id in await recorded_ids(session, log)]
    assert len(announced) == 1


@pytest.mark.parametrize("method", ["execute", "scalars", "scalar"])
async def test_a_recorded_change_in_a_transaction_is_announced_after_the_commit(
    method: str, announcing_database: Database, announced: Announced, log: Log, add_note: Executable
) -> None:
    async with announcing_database.sessions() as session, session.begin():
        await getattr(session, method)(add_note)
        before = list(announced)
        ids = await recorded_ids(session, log)

    assert before == []
    assert announced == [(log.module, record_id) for record_id in ids]
    assert len(announced) == 1


async def test_a_change_that_changed_nothing_is_not_announced(
    announcing_database: Database, announced: Announced, log: Log, session: AsyncSession, drop_note: Executable
) -> None:
    await announcing_database.autocommit.execute(drop_note, {"note_id": uuid4()})
    async with announcing_database.sessions() as own, own.begin():
        await own.execute(drop_note, {"note_id": uuid4()})

    assert announced == []
    assert await recorded_ids(session, log) == []
