import sys
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from purge_l1 import main, purge_all
from src.backend.slice import load_slice
from src.common.config import Settings
from src.cos_main import SLICES
from src.db.connection import Database
from src.l1.entries import Event, Log
from src.l1.record import write_record
from src.l1.retention import purge_log

DAY = timedelta(days=1)


async def write(session: AsyncSession, log: Log, *, count: int, age: timedelta) -> None:
    """Write records that are that old, in the place of the log to which they belong."""
    for _ in range(count):
        await write_record(session, log, [Event("a")])
    older = f"UPDATE {log.schema}.base_log SET timestamp = now() - CAST(:age AS interval) WHERE timestamp = now()"
    await session.execute(text(older), {"age": age})
    await session.commit()


async def remaining(session: AsyncSession, log: Log, table: str = "base_log") -> int:
    return int(await session.scalar(text(f"SELECT count(*) FROM {log.schema}.{table}")) or 0)


async def consume(session: AsyncSession, log: Log, consumer: str, *, count: int) -> None:
    """Let a consumer pass that many records."""
    place = f"SELECT :consumer, xid, seq FROM {log.schema}.base_log ORDER BY xid, seq LIMIT 1 OFFSET :skipped"
    insert = f"INSERT INTO {log.schema}.consumer_checkpoint (consumer, xid, seq) {place}"
    await session.execute(text(insert), {"consumer": consumer, "skipped": count - 1})
    await session.commit()


async def test_old_records_go_with_all_that_they_link(session: AsyncSession, log: Log) -> None:
    await write(session, log, count=2, age=3 * DAY)
    await write(session, log, count=1, age=timedelta())

    purge = await purge_log(session, log, age=2 * DAY)

    assert (purge.purged, purge.is_complete) == (2, True)
    assert [await remaining(session, log, table) for table in ("base_log", "event_log")] == [1, 1]


async def test_what_the_slowest_consumer_has_not_passed_stays_however_old(session: AsyncSession, log: Log) -> None:
    await write(session, log, count=5, age=3 * DAY)
    await consume(session, log, "quick", count=5)
    await consume(session, log, "slow", count=2)

    assert (await purge_log(session, log, age=DAY)).purged == 2
    assert (await purge_log(session, log, age=DAY)).purged == 0


async def test_a_record_with_a_dead_letter_stays_until_it_is_replayed(session: AsyncSession, log: Log) -> None:
    await write(session, log, count=2, age=3 * DAY)
    insert = f"""INSERT INTO {log.schema}.dead_letter (consumer, record_id, reason, tries)
        SELECT 'audit', id, 'it failed', 5 FROM {log.schema}.base_log ORDER BY xid, seq LIMIT 1"""
    await session.execute(text(insert))

    assert (await purge_log(session, log, age=DAY)).purged == 1

    await session.execute(text(f"DELETE FROM {log.schema}.dead_letter"))
    assert (await purge_log(session, log, age=DAY)).purged == 1


async def test_a_consumer_that_has_read_nothing_keeps_everything(session: AsyncSession, log: Log) -> None:
    await write(session, log, count=3, age=3 * DAY)
    await session.execute(text(f"INSERT INTO {log.schema}.consumer_checkpoint (consumer) VALUES ('new')"))

    assert (await purge_log(session, log, age=DAY)).purged == 0


async def test_a_purge_in_batches_says_when_it_is_complete(session: AsyncSession, log: Log) -> None:
    await write(session, log, count=3, age=3 * DAY)

    purges = [await purge_log(session, log, age=DAY, limit=2) for _ in range(2)]

    assert [(purge.purged, purge.is_complete) for purge in purges] == [(2, False), (1, True)]


async def test_a_purge_leaves_to_another_what_it_holds(committing_database: Database, log: Log) -> None:
    async with committing_database.sessions() as one, committing_database.sessions() as other:
        await write(one, log, count=3, age=3 * DAY)
        await purge_log(one, log, age=DAY, limit=2)

        assert (await purge_log(other, log, age=DAY)).purged == 1


async def test_a_purge_that_deletes_nothing_writes_no_wal(session: AsyncSession, log: Log) -> None:
    await write(session, log, count=50, age=timedelta())
    await purge_log(session, log, age=DAY)  # reads each page once: PostgreSQL may set hint bits
    await session.commit()

    before = await wal_of(session)
    purge = await purge_log(session, log, age=DAY)
    await session.commit()

    assert purge.purged == 0
    assert await wal_of(session) == before


async def wal_of(session: AsyncSession) -> int | None:
    """Return how many bytes of WAL the session's connection has written, or the whole server before PostgreSQL 18."""
    version = int(await session.scalar(text("SELECT current_setting('server_version_num')")) or 0)
    await session.execute(text("SELECT pg_stat_force_next_flush()"))
    await session.commit()
    own = "SELECT wal_bytes::bigint FROM pg_stat_get_backend_wal(pg_backend_pid())"
    found: int | None = await session.scalar(
        text(own if version >= 180_000 else "SELECT wal_bytes::bigint FROM pg_stat_wal")
    )
    await session.commit()
    return found


async def test_the_command_purges_every_module_and_says_what_went(
    committing_settings: Settings, session: AsyncSession, log: Log, capsys: pytest.CaptureFixture[str]
) -> None:
    await write(session, log, count=2, age=3 * DAY)
    slices = [load_slice(package) for package in SLICES]

    await purge_all(committing_settings, slices, age=DAY)

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(slices)
    assert f"{log.module}: 0 expired notes, 2 old records" in lines


@pytest.mark.parametrize("days", ["0", "-1", "1.5", "36501", "week"])
def test_an_age_that_makes_no_sense_is_refused(
    days: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["purge_l1.py", f"--older-than-days={days}"])

    with pytest.raises(SystemExit) as end:
        main()

    assert end.value.code == 2
    assert "takes whole days, 1 to 36500" in capsys.readouterr().err
