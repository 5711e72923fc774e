"""Nodes and relations hold what the graph can store, under names that are code."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from pydantic import ValidationError

from src.graph.entries import UndeclaredTypeError, rows_of
from src.graph.models import GraphModels, Integer, Node, Relation, Text
from src.highway.cursor import Position, StoredRecord
from src.l1.entries import Event, Prompt


class Seat(Node):
    row: Text | None = None
    number: Integer | None = None
    tags: list[str] | None = None
    extra: Any = None


class Hall(Node):
    pass


def record(
    *events: Event, seq: int = 1, request_id: str | None = "r", prompts: tuple[Prompt, ...] = ()
) -> StoredRecord:
    return StoredRecord(uuid4(), datetime.now(UTC), "m", request_id, None, Position(7, seq), events, prompts)


def seats(*drawn: Node | Relation) -> GraphModels:
    return GraphModels(node_types=[Seat, Hall], relation_types=[(Seat, "IN", Hall)], nodes_of=lambda _event: drawn)


def test_fields_that_are_left_out_are_no_properties_and_none_removes_one() -> None:
    assert Seat(rec_id="1", row="a", number=None).properties() == {"row": "a", "number": None}


@pytest.mark.parametrize(
    "fields",
    [
        {"rec_id": ""},
        {"rec_id": "x" * 201},
        {"rec_id": "a\0b"},
        {"rec_id": 5},
        {"rec_id": "1", "row": "a\0b"},
        {"rec_id": "1", "row": 5},
        {"rec_id": "1", "number": 2**63},
        {"rec_id": "1", "number": -(2**63) - 1},
        {"rec_id": "1", "number": "5"},
        {"rec_id": "1", "no_such_field": 1},
    ],
)
def test_what_a_node_cannot_hold_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Seat.model_validate(fields)


@pytest.mark.parametrize("value", [{"a": 1}, [{"a": 1}], [[1]], 2**64, [2**64], object()])
def test_a_nested_value_or_a_large_integer_is_refused_where_the_type_allows_anything(value: object) -> None:
    with pytest.raises(ValueError, match="Seat.extra is nothing that a node can hold"):
        Seat(rec_id="1", extra=value).properties()


@pytest.mark.parametrize("name", ["Event", "seat", "Seat`) DELETE n //", "Größe"])
def test_a_type_whose_name_is_taken_or_odd_is_refused(name: str) -> None:
    with pytest.raises(AssertionError, match="cannot be a type of nodes"):
        GraphModels(node_types=[type(name, (Node,), {})])


@pytest.mark.parametrize("name", ["in", "IN`]->() DELETE n //", ""])
def test_a_relation_with_an_odd_name_is_refused(name: str) -> None:
    with pytest.raises(AssertionError, match="cannot be a type of relations"):
        GraphModels(node_types=[Seat], relation_types=[(Seat, name, Seat)])


def test_several_events_of_one_entity_become_one_row_and_the_later_wins() -> None:
    drawn = {"a": Seat(rec_id="1", row="a", number=1), "b": Seat(rec_id="1", row="b")}
    models = GraphModels(node_types=[Seat], nodes_of=lambda event: [drawn[event.event_type]])

    rows = rows_of([record(Event("a")), record(Event("b"), seq=2)], models)

    properties = {"row": "b", "number": 1, "xid": 7, "seq": 2}
    assert rows["Seat"] == [{"rec_id": "1", "xid": 7, "seq": 2, "properties": properties}]
    assert [row["end"] for row in rows["Event_ABOUT_Seat"]] == ["1", "1"]


def test_a_relation_brings_both_of_its_nodes_and_is_there_once() -> None:
    relation = Relation(Seat(rec_id="1"), "IN", Hall(rec_id="h"))

    rows = rows_of([record(Event("a"), Event("b"))], seats(relation))

    assert rows["Seat_IN_Hall"] == [{"start": "1", "end": "h"}]
    assert ([row["rec_id"] for row in rows["Seat"]], [row["rec_id"] for row in rows["Hall"]]) == (["1"], ["h"])


@pytest.mark.parametrize(
    "drawn", [Relation(Hall(rec_id="h"), "IN", Seat(rec_id="1")), type("Other", (Node,), {})(rec_id="1")]
)
def test_what_the_slice_does_not_declare_is_refused(drawn: Node | Relation) -> None:
    with pytest.raises(UndeclaredTypeError, match=r"graph_models\.py|relation_types"):
        rows_of([record(Event("a"))], seats(drawn))


def test_rows_are_sorted_and_a_request_is_there_once() -> None:
    records = [
        record(Event("a"), request_id=id_, prompts=(Prompt("user", "x" * 5000),)) for id_ in ("b", "a", "b", None)
    ]

    rows = rows_of(records, GraphModels())

    assert [row["rec_id"] for row in rows["Request"]] == ["m:a", "m:b"]
    assert [row["rec_id"] for row in rows["Event"]] == sorted(row["rec_id"] for row in rows["Event"])
    assert sum(row["request"] is None for row in rows["Event"]) == 1
    assert (len(rows["Prompt"][0]["properties"]["content"]), rows["Prompt"][0]["properties"]["content_length"]) == (
        2000,
        5000,
    )
