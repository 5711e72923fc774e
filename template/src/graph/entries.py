"""What records become: rows for nodes and relations, as the queries take them. Nothing here asks a database."""

from collections.abc import Sequence
from typing import Any, Final

import orjson

from src.graph.models import RECORD_ID_LIMIT, GraphModels, Node, Relation
from src.highway.cursor import StoredRecord

CONTENT_LIMIT: Final = 2000  # characters of a prompt that its node has; the log has all of them

type Row = dict[str, Any]
type Rows = dict[str, list[Row]]


class UndeclaredTypeError(ValueError):
    """A node or a relation has a type that the slice's `GraphModels` does not name."""


def rows_of(records: Sequence[StoredRecord], models: GraphModels) -> Rows:
    """Return the rows of every parameter of the writing query, sorted by id, each id once.

    Raises:
        ValueError: `nodes_of` of the slice returned what the graph cannot store.
    """
    rows: Rows = {name: [] for name in ("Request", "Event", "Prompt")}
    requests: dict[str, Row] = {}
    of_slice = NodeRows(models)
    for record in records:
        request = _request_of(record, requests)
        for number, event in enumerate(record.events):
            rec_id = f"{record.id}:event:{number}"
            subject = event.payload.get("id")
            properties = {
                **_common(record),
                "event_type": event.event_type,
                "payload": orjson.dumps(event.payload).decode(),
                "subject_id": subject if isinstance(subject, str) and len(subject) <= RECORD_ID_LIMIT else None,
            }
            rows["Event"].append({"rec_id": rec_id, "request": request, "properties": properties})
            of_slice.add(record, rec_id, models.nodes_of(event))
        for number, prompt in enumerate(record.prompts):
            properties = {
                **_common(record),
                "role": prompt.role,
                "content": prompt.content[:CONTENT_LIMIT],
                "content_length": len(prompt.content),
                "tokens_in": prompt.tokens_in,
                "tokens_out": prompt.tokens_out,
            }
            rec_id = f"{record.id}:prompt:{number}"
            rows["Prompt"].append({"rec_id": rec_id, "request": request, "properties": properties})
    rows["Request"] = list(requests.values())
    rows |= of_slice.rows()
    return {name: sorted(each, key=_order) for name, each in rows.items()}


class NodeRows:
    """The nodes and relations of a slice's events; what several events say of a node becomes one row."""

    def __init__(self, models: GraphModels) -> None:
        self._nodes: dict[str, dict[str, Row]] = {name: {} for name in models.types}
        self._relations: dict[str, dict[tuple[str, str], Row]] = {each.name: {} for each in models.relations}

    def add(self, record: StoredRecord, event_id: str, described: Sequence[Node | Relation]) -> None:
        """Add what an event says; later events win."""
        for each in described:
            if isinstance(each, Relation):
                for node in (each.start, each.end):
                    self._add_node(record, node)
                self._relate(type(each.start).__name__, each.start.rec_id, each.type, each.end)
            else:
                self._add_node(record, each)
                self._relate("Event", event_id, "ABOUT", each)

    def rows(self) -> Rows:
        """Return the rows by parameter."""
        nodes = {name: list(each.values()) for name, each in self._nodes.items()}
        return nodes | {name: list(each.values()) for name, each in self._relations.items()}

    def _add_node(self, record: StoredRecord, node: Node) -> None:
        name = type(node).__name__
        if name not in self._nodes:
            raise UndeclaredTypeError(f"{name} is no type of this slice. Add it to `node_types` in graph_models.py.")
        place = {"xid": record.position.xid, "seq": record.position.seq}
        row = self._nodes[name].setdefault(node.rec_id, {"rec_id": node.rec_id, **place, "properties": {}})
        row |= place
        row["properties"] |= {**node.properties(), **place}

    def _relate(self, start: str, start_id: str, relation: str, end: Node) -> None:
        name = f"{start}_{relation}_{type(end).__name__}"
        if name not in self._relations:
            raise UndeclaredTypeError(f"{relation} from {start} is undeclared. Add it to `relation_types`.")
        self._relations[name][start_id, end.rec_id] = {"start": start_id, "end": end.rec_id}


def _request_of(record: StoredRecord, requests: dict[str, Row]) -> str | None:
    """Return the id of the node of the record's request; each module has a node of its own for a request."""
    if record.request_id is None:
        return None
    rec_id = f"{record.source_module}:{record.request_id}"
    properties = {"request_id": record.request_id, "trace_id": record.trace_id, "at": record.timestamp}
    requests.setdefault(rec_id, {"rec_id": rec_id, "properties": properties})
    return rec_id


def _common(record: StoredRecord) -> Row:
    return {
        "record_id": str(record.id),
        "at": record.timestamp,
        "request_id": record.request_id,
        "trace_id": record.trace_id,
    }


def _order(row: Row) -> tuple[str, str]:
    return (row.get("rec_id") or row["start"], row.get("end") or "")
