"""The highway of one process, consumers to run on it, and records for them."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import pytest
from pydantic import SecretStr

from src.common.background_tasks import BackgroundTasks, open_background_tasks
from src.common.config import Settings
from src.db.connection import Database, open_database
from src.highway.cursor import StoredRecord
from src.highway.lifespan import Highway, open_highway
from src.highway.subscriber import AnySubscriber, Subscriber
from src.l1.entries import Event, Log, Prompt
from src.l1.record import write_record
from src.l1.writer import L1Writer, open_writer


class Collector(Subscriber):
    """Keeps what it is given."""

    name = "collector"

    def __init__(self) -> None:
        self.records: list[StoredRecord] = []

    async def handle(self, record: StoredRecord) -> None:
        self.records.append(record)

    @property
    def ids(self) -> list[UUID]:
        return [record.id for record in self.records]


class Picky(Collector):
    """Fails on events of one type."""

    name = "picky"
    tries = 2
    poison = "poison"

    async def handle(self, record: StoredRecord) -> None:
        if record.events[0].event_type == self.poison:
            raise ValueError("I cannot read this\0")
        await super().handle(record)


@dataclass(frozen=True, slots=True)
class Running:
    """A running highway, and what writes to its log."""

    highway: Highway
    writer: L1Writer
    tasks: BackgroundTasks
    settings: Settings


type RunHighway = Callable[..., AbstractAsyncContextManager[Running]]


@pytest.fixture
def run_highway(
    committing_database: Database,  # noqa: ARG001  # it is emptied after the test
    committing_settings: Settings,
    redis_url: SecretStr,
    log: Log,
) -> RunHighway:
    """Run the highway of one process with these subscribers, on a database that the test has for itself."""
    with_redis = committing_settings.model_copy(update={"redis_url": redis_url})

    @asynccontextmanager
    async def run(*subscribers: AnySubscriber, settings: Settings = with_redis) -> AsyncIterator[Running]:
        async with (
            open_database(settings) as database,
            open_background_tasks() as tasks,
            open_writer(settings, tasks) as writer,
            open_highway(settings, database, writer, tasks, [(log, each) for each in subscribers]) as highway,
        ):
            yield Running(highway, writer, tasks, settings)

    return run


async def record_events(database: Database, log: Log, *event_types: str) -> list[UUID]:
    """Commit a record for each event type."""
    ids = []
    for event_type in event_types:
        async with database.sessions() as session, session.begin():
            ids.append(await write_record(session, log, [Event(event_type, {"n": 1}), Prompt("user", "hello")]))
    return ids
