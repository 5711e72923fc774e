"""From the log to the graph: everything, once, and what later records said wins."""

import asyncio
from uuid import uuid4

import pytest

from integration.graph.conftest import Pipeline
from src.graph.consumer import GraphSubscriber
from src.highway.consumer import wait_until_caught_up
from src.highway.cursor import BEGINNING, CheckpointMovedError
from src.l1.entries import Event, Prompt

ID = str(uuid4())
CREATED = Event("module.created", {"id": ID, "name": "a", "version": "1", "description": None, "is_active": True})
UPDATED = Event("module.updated", {"id": ID, "name": "a", "changed": {"version": "2", "description": "x"}})
DELETED = Event("module.deleted", {"id": ID, "name": "a"})


async def test_every_entry_of_the_log_is_one_node_under_its_module(pipeline: Pipeline) -> None:
    ids = [await pipeline.record(Event("a.b", {"n": n}), Prompt("user", "hi")) for n in range(5)]
    created = await pipeline.record(CREATED)
    await pipeline.catch_up()

    nodes, relations = await pipeline.contents()

    label = pipeline.subscriber.label
    expected = {f"Event {label} {each}:event:0" for each in (*ids, created)}
    expected |= {f"Prompt {label} {each}:prompt:0" for each in ids}
    assert set(nodes) == expected | {f"Module {label} {ID}"}
    assert relations == {(f"{created}:event:0", "ABOUT", ID)}


async def test_what_the_last_record_says_of_an_entity_wins(pipeline: Pipeline) -> None:
    await pipeline.record(CREATED)
    await pipeline.record(UPDATED)
    await pipeline.catch_up()
    await pipeline.record(DELETED)
    await pipeline.catch_up()

    nodes, _ = await pipeline.contents()

    expected = {"name": "a", "version": "2", "description": "x", "is_active": True, "is_removed": True}
    assert nodes[f"Module {pipeline.subscriber.label} {ID}"].items() >= expected.items()


async def test_a_rebuild_makes_the_same_graph_as_the_running_consumer(pipeline: Pipeline) -> None:
    for entry in (CREATED, UPDATED, Prompt("user", "a")):
        await pipeline.record(entry)
        await pipeline.catch_up()  # a batch for each
    before = await pipeline.contents()
    async with pipeline.run_highway(pipeline.subscriber) as running:
        consumer = running.highway.consumers[f"{pipeline.log.module}.graph"]
        await wait_until_caught_up(consumer)
        await pipeline.subscriber.reset(BEGINNING, is_rebuilding=True)
        await wait_until_caught_up(consumer, timeout_s=20)

    assert await pipeline.contents() == before
    assert len(before[0]) == 4


async def test_records_that_come_again_change_nothing(pipeline: Pipeline) -> None:
    for entry in (CREATED, UPDATED):
        await pipeline.record(entry)
    records = await pipeline.stored()
    old = await pipeline.subscriber.register()
    await pipeline.subscriber.handle_batch(records, old=old, new=records[-1].position)
    before = await pipeline.contents()

    with pytest.raises(CheckpointMovedError):
        await pipeline.subscriber.handle_batch(records, old=old, new=records[-1].position)
    for each in (*records, records[0]):  # a dead letter may come after newer records
        await pipeline.subscriber.handle_again(each)

    assert await pipeline.contents() == before


async def test_of_two_instances_that_both_believe_to_lead_one_writes(pipeline: Pipeline) -> None:
    await pipeline.record(CREATED)
    await pipeline.record(Event("a.b"))
    first, second = await pipeline.stored()
    old = await pipeline.subscriber.register()

    results = await asyncio.gather(
        pipeline.subscriber.handle_batch([first], old=old, new=first.position),
        pipeline.subscriber.handle_batch([first, second], old=old, new=second.position),
        return_exceptions=True,
    )

    # Neo4j lets the second wait for the lock of the checkpoint; the embedded graph finds the conflict at the commit.
    assert sorted(type(each).__name__ for each in results) in (
        ["CheckpointMovedError", "NoneType"],
        ["ConstraintError", "NoneType"],
        ["ClientError", "NoneType"],
    )
    assert await pipeline.subscriber.position() == (first.position if results[1] else second.position)
    assert len((await pipeline.contents())[0]) == (2 if results[1] else 3)


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"id": 5, "name": "a"},
        {"id": "x" * 201, "name": "a", "version": "1", "description": None, "is_active": True},
        {"id": ID, "name": {"nested": 1}, "version": "1", "description": None, "is_active": True},
        {"id": ID, "name": "a", "version": 2**62, "description": None, "is_active": True},
    ],
)
async def test_an_event_that_the_graph_cannot_take_is_a_dead_letter_and_the_others_go_on(
    payload: dict[str, object], pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(GraphSubscriber, "tries", 1)
    first = await pipeline.record(Event("a.b"))
    poison = await pipeline.record(Event("module.created", payload))
    last = await pipeline.record(Event("a.b"))
    await pipeline.catch_up()

    nodes, _ = await pipeline.contents()

    assert [each.record_id for each in await pipeline.control.dead_letters()] == [poison]
    assert {key.split()[-1] for key in nodes} == {f"{first}:event:0", f"{last}:event:0"}


async def test_an_id_of_another_module_is_a_dead_letter_and_the_node_stays_theirs(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(GraphSubscriber, "tries", 1)
    foreign = f"{pipeline.subscriber.label}_foreign"
    await pipeline.graph.write(f"CREATE (:Module:{foreign} {{rec_id: $id, name: 'theirs'}})", {"id": ID})
    await pipeline.record(CREATED)
    await pipeline.catch_up()

    query = "MATCH (n:Module {rec_id: $id}) RETURN labels(n) AS labels, n.name AS name"
    theirs = await pipeline.graph.read(query, {"id": ID})
    await pipeline.graph.write(f"MATCH (n:{foreign}) DELETE n")

    assert ["ConstraintError" in each.reason for each in await pipeline.control.dead_letters()] == [True]
    assert [(sorted(row["labels"]), row["name"]) for row in theirs] == [(["Module", foreign], "theirs")]
    assert (await pipeline.contents())[0] == {}


async def test_a_person_can_skip_replay_and_reset_it_like_every_consumer(pipeline: Pipeline) -> None:
    name = f"{pipeline.log.module}.graph"
    await pipeline.catch_up()
    first = await pipeline.record(CREATED)
    skipped = await pipeline.control.skip(name)
    await pipeline.catch_up()
    nodes_without, _ = await pipeline.contents()
    replay = await pipeline.control.replay(name)
    await pipeline.control.reset(name, to="beginning")
    reset_to = await pipeline.subscriber.position()
    await pipeline.catch_up()

    assert skipped == first
    assert nodes_without == {}
    assert replay.handled == [first]
    assert reset_to == BEGINNING
    assert len((await pipeline.contents())[0]) == 2


async def test_a_graph_that_was_wiped_is_filled_again(pipeline: Pipeline) -> None:
    await pipeline.record(CREATED)
    await pipeline.catch_up()
    before = await pipeline.contents()
    await pipeline.graph.write(f"MATCH (n:{pipeline.subscriber.label}) DETACH DELETE n")
    await pipeline.catch_up()

    assert await pipeline.contents() == before
