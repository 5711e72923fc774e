"""What the graph says of this slice's entities, beside the requests, events and prompts that every module has."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from src.graph.models import GraphModels, Node, Text
from src.l1.entries import Event


class Module(Node):
    """An entry of the module registry; when it is removed there, its node stays."""

    name: Text | None = None
    version: Text | None = None
    description: Text | None = None
    is_active: bool | None = None
    is_removed: bool = False


def nodes_of(event: Event) -> Sequence[Node]:
    """Return the entry that an event is about, as far as the event says something of it."""
    payload = event.payload
    match event.event_type:
        case "module.registered" | "module.created":
            fields = {name: payload[name] for name in ("name", "version", "description", "is_active")}
            return [Module(rec_id=payload["id"], is_removed=False, **fields)]
        case "module.updated":
            return [Module(rec_id=payload["id"], **payload["changed"])]
        case "module.deleted":
            return [Module(rec_id=payload["id"], name=payload["name"], is_removed=True)]
    return []


GRAPH_MODELS: Final = GraphModels(
    node_types=[Module], nodes_of=nodes_of, scripts=Path(__file__).parent / "graph_schema"
)
