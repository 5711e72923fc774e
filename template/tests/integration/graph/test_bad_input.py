"""What a record may contain: text that looks like Cypher stays text, and what the graph cannot hold is refused."""

from uuid import UUID

import orjson
import pytest

from integration.graph.conftest import Pipeline
from src.graph.queries import GraphQueries
from src.l1.entries import Event, Prompt, UnstorableRecordError

INJECTIONS = [
    "Event`) DETACH DELETE n //",
    "'}) DETACH DELETE n //",
    '"}) MATCH (n) DETACH DELETE n WITH 1 AS c //',
    "$rec_id",
    "<module>",
    "\\u0060) DETACH DELETE n //",
    "\n; DROP CONSTRAINT event_rec_id;",
]


@pytest.mark.parametrize("text", INJECTIONS)
async def test_text_that_looks_like_a_query_is_stored_as_it_is(
    pipeline: Pipeline, queries: GraphQueries, text: str
) -> None:
    untouched = await pipeline.record(Event("a.b"))
    payload = {"id": text, "name": text, "version": text, "description": text, "is_active": True}
    record_id = await pipeline.record(
        Event("a.b", {text: text}), Event("module.created", payload), Prompt("user", text)
    )
    await pipeline.catch_up()

    nodes, relations = await pipeline.contents()
    event, prompt = (
        nodes[_event(pipeline, record_id)],
        nodes[f"Prompt {pipeline.subscriber.label} {record_id}:prompt:0"],
    )
    module = await queries.node("Module", text)

    assert orjson.loads(event["payload"]) == {text: text}
    assert prompt["content"] == text
    assert (module.module, module.properties["name"]) == (pipeline.subscriber.label, text)
    assert relations == {(f"{record_id}:event:1", "ABOUT", text)}
    assert _event(pipeline, untouched) in nodes
    assert len(nodes) == 5
    assert await pipeline.control.dead_letters() == []


async def test_a_payload_may_be_nested_and_have_integers_of_64_bits(pipeline: Pipeline) -> None:
    payload = {"deep": {"map": [{"n": 1}]}, "large": 2**63 - 1, "small": 1 - 2**63}
    record_id = await pipeline.record(Event("a.b", payload))
    await pipeline.catch_up()

    nodes, _ = await pipeline.contents()

    assert nodes[_event(pipeline, record_id)]["payload"] == (
        '{"deep":{"map":[{"n":1}]},"large":9223372036854775807,"small":-9223372036854775807}'
    )


@pytest.mark.parametrize(
    "entry",
    [
        Event("a.b", {"n": 2**64}),
        Event("a.b", {"text": "a\0b"}),
        Event("a.b", {"a\0b": 1}),
        Event("a\0b"),
        Event("Event`) DETACH DELETE n //"),
        Prompt("user", "a\0b"),
        Prompt("Event`) DETACH DELETE n //", "a"),
    ],
)
async def test_what_the_log_refuses_never_gets_to_the_graph(pipeline: Pipeline, entry: Event | Prompt) -> None:
    with pytest.raises(UnstorableRecordError):
        await pipeline.record(entry)


def _event(pipeline: Pipeline, record_id: UUID) -> str:
    return f"Event {pipeline.subscriber.label} {record_id}:event:0"
