"""Consumers to run on the highway, and records for them."""

from uuid import UUID

from src.db.connection import Database
from src.highway.cursor import StoredRecord
from src.highway.subscriber import Subscriber
from src.l1.entries import Event, Log, Prompt
from src.l1.record import write_record


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


async def record_events(database: Database, log: Log, *event_types: str) -> list[UUID]:
    """Commit a record for each event type."""
    ids = []
    for event_type in event_types:
        async with database.sessions() as session, session.begin():
            ids.append(await write_record(session, log, [Event(event_type, {"n": 1}), Prompt("user", "hello")]))
    return ids
