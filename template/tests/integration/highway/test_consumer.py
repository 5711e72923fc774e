import asyncio
from collections.abc import Sequence
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from integration.conftest import RunHighway
from integration.highway.conftest import Collector, Picky, record_events
from src.common.errors import UnavailableError
from src.highway.announcer import Recorded, channel_of
from src.highway.consumer import wait_until_caught_up
from src.highway.cursor import StoredRecord
from src.highway.subscriber import TransactionalSubscriber
from src.l1.entries import Event, Log, Prompt
from src.l1.record import write_record


class LateCollector(Collector):
    name = "late"
    start = "end"


class Dependent(Collector):
    """Depends on something that does not answer at first."""

    name = "dependent"

    def __init__(self) -> None:
        super().__init__()
        self.is_away = True

    async def handle(self, record: StoredRecord) -> None:
        if self.is_away:
            raise UnavailableError("The other side is away.")
        await super().handle(record)


class Counter(TransactionalSubscriber):
    """Its effect lies in the same database."""

    name = "counter"

    def __init__(self, log: Log) -> None:
        self.log = log
        self.fails_after_effect = 1

    async def handle_batch(self, records: Sequence[StoredRecord], session: AsyncSession) -> None:
        insert = f"INSERT INTO {self.log.schema}.scratch_note (id, content, expires_at) VALUES (:id, '{{}}', now())"
        for record in records:
            await session.execute(text(insert), {"id": record.id})
        if self.fails_after_effect:
            self.fails_after_effect -= 1
            raise RuntimeError("after the effect")


async def test_a_consumer_gets_every_record_with_its_contents_in_the_order_of_commits(
    run_highway: RunHighway, log: Log
) -> None:
    collector = Collector()

    async with run_highway(collector) as running:
        before = await record_events(running.highway.database, log, "a", "b")
        through_writer = [await running.writer.submit(log, [Event("c")])]
        await wait_until_caught_up(running.highway.consumers[f"{log.module}.collector"])

    assert collector.ids == before + through_writer
    first = collector.records[0]
    assert (first.source_module, first.events, first.prompts) == (
        log.module,
        [Event("a", {"n": 1})],
        [Prompt("user", "hello")],
    )


async def test_a_consumer_goes_on_at_its_checkpoint(run_highway: RunHighway, log: Log) -> None:
    async with run_highway(Collector()) as running:
        await record_events(running.highway.database, log, "a")
        await wait_until_caught_up(running.highway.consumers[f"{log.module}.collector"])
        second = await record_events(running.highway.database, log, "b")
        await wait_until_caught_up(running.highway.consumers[f"{log.module}.collector"])
    collector = Collector()

    async with run_highway(collector) as running:
        third = await record_events(running.highway.database, log, "c")
        await wait_until_caught_up(running.highway.consumers[f"{log.module}.collector"])

    assert second
    assert collector.ids == third


async def test_a_later_consumer_begins_at_the_beginning_or_at_the_end(run_highway: RunHighway, log: Log) -> None:
    early, late = Collector(), LateCollector()
    async with run_highway() as running:
        before = await record_events(running.highway.database, log, "a", "b")

    async with run_highway(early, late) as running:
        consumers = running.highway.consumers.values()
        await asyncio.gather(*(wait_until_caught_up(each) for each in consumers))
        after = await record_events(running.highway.database, log, "c")
        await asyncio.gather(*(wait_until_caught_up(each) for each in consumers))

    assert early.ids == before + after
    assert late.ids == after


async def test_a_record_that_always_fails_becomes_a_dead_letter_and_the_others_go_on(
    run_highway: RunHighway, log: Log, session: AsyncSession
) -> None:
    picky = Picky()

    async with run_highway(picky) as running:
        first, poison, last = await record_events(running.highway.database, log, "a", "poison", "b")
        consumer = running.highway.consumers[f"{log.module}.picky"]
        await wait_until_caught_up(consumer)

    letters = (
        await session.execute(text(f"SELECT consumer, record_id, reason, tries FROM {log.schema}.dead_letter"))
    ).all()
    assert [tuple(letter) for letter in letters] == [("picky", poison, "ValueError: I cannot read this", 2)]
    assert set(picky.ids) == {first, last}
    assert consumer.state.dead_letters == 1


async def test_an_outage_of_the_other_side_makes_no_dead_letter(
    run_highway: RunHighway, log: Log, session: AsyncSession
) -> None:
    dependent = Dependent()

    async with run_highway(dependent) as running:
        ids = await record_events(running.highway.database, log, "a")
        consumer = running.highway.consumers[f"{log.module}.dependent"]
        with pytest.raises(TimeoutError, match="has 1 records to handle"):
            await wait_until_caught_up(consumer, timeout_s=0.3)
        assert running.tasks.states[f"consumer {consumer.full_name}"].last_error == "UnavailableError"
        dependent.is_away = False
        await wait_until_caught_up(consumer)

    assert dependent.ids == ids
    assert await session.scalar(text(f"SELECT count(*) FROM {log.schema}.dead_letter")) == 0


async def test_an_effect_in_the_same_database_happens_once_although_it_was_tried_twice(
    run_highway: RunHighway, log: Log, session: AsyncSession
) -> None:
    async with run_highway(Counter(log)) as running:
        ids = await record_events(running.highway.database, log, "a", "b")
        await wait_until_caught_up(running.highway.consumers[f"{log.module}.counter"])

    found = await session.scalars(text(f"DELETE FROM {log.schema}.scratch_note RETURNING id"))
    await session.commit()
    assert sorted(found) == sorted(ids)


class Follower(TransactionalSubscriber):
    """Records an event for each event of another type."""

    name = "follower"

    def __init__(self, log: Log) -> None:
        self.log = log
        self.recorded: list[UUID] = []

    async def handle(self, record: StoredRecord, session: AsyncSession) -> None:
        if record.events[0].event_type == "a":
            self.recorded.append(await write_record(session, self.log, [Event("b")]))


async def test_what_a_consumer_records_is_announced(run_highway: RunHighway, log: Log) -> None:
    follower, announced = Follower(log), list[UUID]()
    async with run_highway(follower) as running:
        subscribed = asyncio.Event()

        async def listen() -> None:
            async for _channel, message in running.highway.pubsub.listen(
                [channel_of(log.module)], Recorded, on_subscribed=subscribed.set
            ):
                announced.append(message.record_id)
                if len(announced) == 2:
                    return

        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            group.create_task(listen())
            await subscribed.wait()
            ids = await record_events(running.highway.database, log, "a")

    assert announced == ids + follower.recorded


async def test_of_two_instances_one_leads_and_the_other_takes_over(run_highway: RunHighway, log: Log) -> None:
    first, second = Collector(), Collector()
    name = f"{log.module}.collector"

    async with run_highway(second) as standby:
        await wait_until_caught_up(standby.highway.consumers[name])
        async with run_highway(first) as other:
            ids = await record_events(other.highway.database, log, "a", "b")
            await wait_until_caught_up(standby.highway.consumers[name])
            statuses = [each.highway.consumers[name].state.status for each in (standby, other)]
            standby.highway.consumers[name].stop()
            ids += await record_events(other.highway.database, log, "c")
            await wait_until_caught_up(other.highway.consumers[name])

    assert sorted(statuses) == ["leading", "standby"]
    assert second.ids + first.ids == ids
