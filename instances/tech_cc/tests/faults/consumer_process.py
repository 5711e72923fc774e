"""The consumers of a fault test, in a process of their own.

    python -m faults.consumer_process LEDGER READY CONSUMER...

The file READY is made when they run. `outside` and `inside` are consumers of the highway. The others are wrong on
purpose, so that a test can show that it finds losses: `seq` and `id` read the log by `seq > last` and `id > last`,
`messages` relies on Redis alone.
"""

import asyncio
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from faults.ledger import Ledger
from slices import SAMPLE_SLICE
from src.backend.slice import load_slice
from src.common.background_tasks import BackgroundTask, open_background_tasks
from src.common.config import get_settings
from src.common.logger import configure_logging
from src.common.pubsub import RedisPubSub
from src.db.connection import connect_driver, open_database
from src.db.unavailable import outages_refused
from src.highway.announcer import Recorded, channel_of
from src.highway.cursor import StoredRecord
from src.highway.lifespan import open_highway
from src.highway.subscriber import AnySubscriber, Subscriber, TransactionalSubscriber
from src.l1.entries import Log
from src.l1.writer import open_writer

POISON = "fault.poison"
SLOW = "fault.slow"
SLEEP = text("SELECT pg_sleep(3)")  # longer than a statement may take
INSERT = text("INSERT INTO fault_effect (record_id) VALUES (:record_id)")
FIRSTS = {"seq": 0, "id": UUID(int=0)}


class Outside(Subscriber):
    """Its effect lies in a file."""

    name = "outside"

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def handle_batch(self, records: Sequence[StoredRecord]) -> None:
        refuse_poison(records)
        self._ledger.add(self.name, [record.id for record in records])


class Inside(TransactionalSubscriber):
    """Its effect lies in a table that takes a record twice, so that a duplicate is seen."""

    name = "inside"
    tries = 2

    async def handle_batch(self, records: Sequence[StoredRecord], session: AsyncSession) -> None:
        refuse_poison(records)
        if any(event.event_type == SLOW for record in records for event in record.events):
            await session.execute(SLEEP)
        await session.execute(INSERT, [{"record_id": record.id} for record in records])


def refuse_poison(records: Sequence[StoredRecord]) -> None:
    """Fail if one of the records cannot be handled."""
    if any(event.event_type == POISON for record in records for event in record.events):
        raise ValueError("This record cannot be handled.")


async def follow_by(column: str, ledger: Ledger, log: Log) -> None:
    """Read the log as one must not: what commits after a record with a higher number is passed over."""
    select = f"SELECT id, {column} FROM {log.schema}.base_log WHERE {column} > $1 ORDER BY {column} LIMIT 500"
    last: Any = FIRSTS[column]
    with outages_refused():
        connection: asyncpg.Connection = await connect_driver(get_settings())
        while True:
            if rows := await connection.fetch(select, last):
                ledger.add(column, [row["id"] for row in rows])
                last = rows[-1][column]
            await asyncio.sleep(0.002)


async def listen_only(ledger: Ledger, log: Log) -> None:
    """Rely on messages alone: what is published while the subscription is lost never arrives."""
    async for _channel, message in RedisPubSub().listen([channel_of(log.module)], Recorded):
        ledger.add("messages", [message.record_id])


async def main(ledger: Ledger, is_ready: Path, names: Sequence[str]) -> None:
    """Run until the process is killed."""
    settings = get_settings()
    configure_logging(settings)
    log = load_slice(SAMPLE_SLICE).log
    highway: dict[str, AnySubscriber] = {"outside": Outside(ledger), "inside": Inside()}
    wrong = {
        "seq": partial(follow_by, "seq", ledger, log),
        "id": partial(follow_by, "id", ledger, log),
        "messages": partial(listen_only, ledger, log),
    }
    async with (
        open_database(settings) as database,
        open_background_tasks() as tasks,
        open_writer(settings, tasks) as writer,
        open_highway(settings, database, writer, tasks, [(log, highway[name]) for name in names if name in highway]),
    ):
        for name in wrong.keys() & set(names):
            tasks.start(BackgroundTask(name=name, run=wrong[name], backoff_limit_s=0.5))
        is_ready.touch()  # noqa: ASYNC240  # once, before anything happens
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Ledger(Path(sys.argv[1])), Path(sys.argv[2]), sys.argv[3:]))
