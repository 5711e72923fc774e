"""From the log (L1) to the graph (L2): every record, once, in the order of commits.

The checkpoint is a node of the graph and moves in the transaction of the effect, so that neither is there without the
other. It moves from where this instance read it, or not at all: two instances cannot both write.
"""

from collections.abc import Sequence
from typing import ClassVar, Final

from src.graph.cypher import cypher
from src.graph.entries import rows_of
from src.graph.models import GraphModels
from src.graph.repository import GraphRepository, Row
from src.graph.schema_scripts import prepare_schema
from src.highway.cursor import BEGINNING, CheckpointMovedError, Position, StoredRecord
from src.highway.subscriber import CheckpointingSubscriber

DELETE_BATCH: Final = 1000


class GraphSubscriber(CheckpointingSubscriber):
    """Writes one module's part of the graph; it is the only one that does."""

    name: ClassVar[str] = "graph"
    batch_limit: ClassVar[int] = 1000
    timeout_s: ClassVar[float] = 30.0

    def __init__(self, graph: GraphRepository, *, module: str, label: str, models: GraphModels) -> None:
        self.label = label
        self._graph = graph
        self._module = module
        self._models = models
        self._checkpoint = f"{label}.{self.name}"
        self._effect = effect_of(label, models)

    async def register(self) -> Position:
        """Return the checkpoint, after constraints and indexes are there; end a rebuild that was asked for."""
        await prepare_schema(self._graph, owner=self._module, scripts=self._models.scripts)
        query = cypher("register_checkpoint", module=self.label)
        found = (await self._graph.write(query, {"checkpoint": self._checkpoint}))[0]
        if found["is_rebuilding"]:
            await delete_module(self._graph, self.label)
            await self.reset(BEGINNING)
            return BEGINNING
        return _position(found)

    async def position(self) -> Position | None:
        """Return the checkpoint; None if it is gone, or if somebody asked for a rebuild."""
        query = cypher("read_checkpoint", module=self.label)
        found = await self._graph.read(query, {"checkpoint": self._checkpoint})
        return _position(found[0]) if found and not found[0]["is_rebuilding"] else None

    async def handle_batch(self, records: Sequence[StoredRecord], *, old: Position, new: Position) -> None:
        """Write the nodes of the records and move the checkpoint, both or neither."""
        await self._move(self._effect, rows_of(records, self._models), old=old, new=new)

    async def handle_again(self, record: StoredRecord) -> None:
        """Write the nodes of a record that was a dead letter; what later records said of them stays."""
        rows = rows_of([record], self._models)
        await self._graph.write(f"WITH 1 AS c\n{self._effect}\nRETURN c", {"rows": rows})

    async def move(self, *, old: Position, new: Position) -> None:
        """Move the checkpoint past a record that is a dead letter."""
        await self._move("", {}, old=old, new=new)

    async def reset(self, position: Position, *, is_rebuilding: bool = False) -> None:
        """Set the checkpoint; with `is_rebuilding`, the leading instance deletes the nodes and begins anew."""
        await self._graph.write(
            cypher("set_checkpoint", module=self.label),
            {
                "checkpoint": self._checkpoint,
                "xid": position.xid,
                "seq": position.seq,
                "is_rebuilding": is_rebuilding,
            },
        )

    async def _move(self, effect: str, rows: dict[str, list[Row]], *, old: Position, new: Position) -> None:
        query = f"{cypher('move_checkpoint', module=self.label)}{effect}\nRETURN c.xid AS xid"
        # All rows are one map: Neo4j compiles a query again for each order of magnitude that a list parameter has.
        places = {"old_xid": old.xid, "old_seq": old.seq, "xid": new.xid, "seq": new.seq}
        if not await self._graph.write(query, {"checkpoint": self._checkpoint, **places, "rows": rows}):
            raise CheckpointMovedError(f"The checkpoint of {self._checkpoint} was moved by somebody else.")


def effect_of(label: str, models: GraphModels) -> str:
    """Return the query that writes all nodes and relations of a module, one part for each type."""
    parts = [cypher("create_requests", module=label)]
    parts += [cypher("create_entries", module=label, type=name) for name in ("Event", "Prompt")]
    parts += [cypher("create_nodes", module=label, type=name) for name in models.types]
    parts += [cypher("change_nodes", module=label, type=name) for name in models.types]
    parts += [
        cypher("merge_relations", module=label, rows=each.name, start=each.start, relation=each.type, end=each.end)
        for each in models.relations
    ]
    return "".join(parts)


async def delete_module(graph: GraphRepository, label: str, *, with_checkpoint: bool = False) -> int:
    """Return how many nodes of a module were deleted, in batches."""
    if with_checkpoint:
        await graph.write(cypher("delete_checkpoint", module=label))
    deleted = 0
    while batch := await graph.delete_some(label, limit=DELETE_BATCH):
        deleted += batch
    return deleted


def _position(row: Row) -> Position:
    return Position(row["xid"], row["seq"])
