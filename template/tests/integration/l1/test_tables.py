"""What the readers and the vacuum of a log rely on."""

import asyncio

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from src.db.connection import Database
from src.l1.entries import Event, Log
from src.l1.record import write_record

BEHIND = """
SELECT id, xid, seq FROM {schema}.base_log
WHERE (xid, seq) > (CAST(:xid AS xid8), CAST(:seq AS bigint)) AND xid < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY xid, seq LIMIT 100
"""


async def test_a_reader_finds_its_place_by_the_index(test_db_session: AsyncSession, log: Log) -> None:
    for other_way in ("seqscan", "bitmapscan"):  # which are quicker while there are few rows
        await test_db_session.execute(text(f"SET LOCAL enable_{other_way} = off"))

    plan = await test_db_session.scalars(text("EXPLAIN " + BEHIND.format(schema=log.schema)), {"xid": 1, "seq": 1})

    lines = "\n".join(plan)
    assert "Index Scan using ix_base_log_xid_seq" in lines
    assert "ROW(xid, seq) >" in lines.partition("Index Cond:")[2]
    assert "Sort" not in lines


async def test_a_reader_misses_no_record_of_a_transaction_that_commits_late(
    committing_database: Database, log: Log
) -> None:
    async def read(place: tuple[int, int]) -> list[tuple[object, int, int]]:
        async with committing_database.sessions() as session:
            rows = await session.execute(text(BEHIND.format(schema=log.schema)), {"xid": place[0], "seq": place[1]})
            return [tuple(row) for row in rows]

    async with committing_database.sessions() as slow:
        early = await write_record(slow, log, [Event("early")])
        async with committing_database.sessions() as quick, quick.begin():
            late = await write_record(quick, log, [Event("late")])
        seen = await read((0, 0))
        assert seen == []  # the quick one is committed, but a slower one could still come before it
        await slow.commit()

    async with asyncio.timeout(2):  # anything else that writes in the cluster holds the reader back
        while len(seen) < 2:
            seen += await read((0, 0) if not seen else seen[-1][1:])
    assert [row[0] for row in seen] == [early, late]


async def test_the_log_is_vacuumed_by_count_and_frozen_early(test_db_session: AsyncSession, log: Log) -> None:
    query = text("SELECT relname, reloptions FROM pg_class WHERE relnamespace = CAST(:schema AS regnamespace)")
    given = await test_db_session.execute(query, {"schema": log.schema})
    options = {name: set(values or ()) for name, values in given}

    for table in ("base_log", "prompt_trace", "event_log"):
        assert {"autovacuum_vacuum_insert_scale_factor=0", "autovacuum_freeze_min_age=0"} <= options[table]
    assert "fillfactor=50" in options["consumer_checkpoint"]
