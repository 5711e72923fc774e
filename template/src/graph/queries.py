"""What can be asked of the graph; routes, scripts and tools call these. The cost of each is bounded."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, ClassVar, Final, Literal

import orjson
from pydantic import BaseModel

from src.common.errors import NotFoundError
from src.graph.cypher import cypher
from src.graph.models import HOST_TYPES
from src.graph.repository import GraphRepository, Row

DEPTH_LIMIT: Final = 3
LIMIT: Final = 100
STORY_LIMIT: Final = 500


class GraphNode(BaseModel):
    """A node: its type, the label of the module that it belongs to, its id and its other properties."""

    type: str
    module: str
    rec_id: str
    properties: dict[str, Any]


class Neighbour(BaseModel):
    """A node, and the relation by which it was reached: `depth` steps away, from the node with the id `via`."""

    node: GraphNode
    relation: str
    direction: Literal["out", "in"]
    via: str
    depth: int


class NodePage(BaseModel):
    """Nodes in the order of their ids; `next_after` is the `after` of the next page."""

    items: list[GraphNode]
    next_after: str | None


class Neighbourhood(BaseModel):
    """Nodes near a node, nearest first; `is_complete` is false where the limit left some out."""

    node: GraphNode
    neighbours: list[Neighbour]
    is_complete: bool


class StoryEntry(BaseModel):
    """An event or a prompt of a request, in any module."""

    at: datetime
    module: str
    type: Literal["Event", "Prompt"]
    record_id: str
    event_type: str | None = None
    payload: dict[str, Any] | None = None
    role: str | None = None
    content: str | None = None


class Story(BaseModel):
    """What happened in a request, oldest first; `is_complete` is false where the limit left entries out."""

    request_id: str
    modules: list[str]
    entries: list[StoryEntry]
    is_complete: bool


class Counts(BaseModel):
    """Nodes by type, and by the module that they belong to."""

    types: dict[str, int]
    modules: dict[str, int]


class NodeUnknownError(NotFoundError):
    problem_type: ClassVar[str] = "node-unknown"


class TypeUnknownError(NotFoundError):
    problem_type: ClassVar[str] = "node-type-unknown"


class GraphQueries:
    """Questions about the graph of an application.

    Args:
        graph: Where to ask.
        types: The types of nodes of all slices, beside those of the host.
        modules: The labels of all modules.
    """

    def __init__(self, graph: GraphRepository, *, types: Iterable[str], modules: Sequence[str]) -> None:
        self._graph = graph
        self.types = sorted({*HOST_TYPES, *types})
        self.modules = list(modules)

    async def node(self, type_: str, rec_id: str) -> GraphNode:
        """Return one node, in whatever module it is.

        Raises:
            NotFoundError: There is no such type, or no such node.
        """
        return _node(await self._found(type_, rec_id))

    async def nodes(self, type_: str, *, module: str | None, after: str, limit: int) -> NodePage:
        """Return a page of the nodes of a type: of all modules, or of one."""
        self._check_type(type_)
        if module is not None and module not in self.modules:
            raise TypeUnknownError(f"There is no module {module}. There is: {', '.join(self.modules)}.")
        query = cypher("list_nodes", type=type_)
        rows = await self._graph.read(query, {"after": after, "module": module, "limit": limit + 1})
        items = [_node(row) for row in rows[:limit]]
        return NodePage(items=items, next_after=items[-1].rec_id if len(rows) > limit else None)

    async def neighbours(self, type_: str, rec_id: str, *, depth: int, limit: int) -> Neighbourhood:
        """Return the nodes around a node, level by level; no level looks at more than `limit` times `limit`."""
        assert 1 <= depth <= DEPTH_LIMIT, depth
        start = await self._found(type_, rec_id)
        found: dict[str, Neighbour] = {}
        frontier, is_complete = [start["element"]], True
        for level in range(1, depth + 1):
            rows = await self._level(frontier, limit=limit)
            is_complete = is_complete and len(rows) <= limit
            frontier = []
            for row in rows:
                if row["element"] in found or row["element"] == start["element"]:
                    continue
                if len(found) == limit:
                    is_complete = False
                    break
                found[row["element"]] = _neighbour(row, depth=level)
                frontier.append(row["element"])
            if not frontier:
                break
        return Neighbourhood(node=_node(start), neighbours=list(found.values()), is_complete=is_complete)

    async def story(self, request_id: str, *, module: str | None = None, limit: int = STORY_LIMIT) -> Story:
        """Return what happened in a request: in all modules, or in one.

        Raises:
            NodeUnknownError: The graph has no entry of that request.
        """
        parameters = {"request_id": request_id, "module": module, "limit": limit + 1}
        rows = await self._graph.read(cypher("request_story"), parameters)
        if not rows:
            raise NodeUnknownError(f"The graph has nothing of the request {request_id}. It may not have arrived yet.")
        entries = [_entry(row) for row in rows[:limit]]
        modules = sorted({entry.module for entry in entries})
        return Story(request_id=request_id, modules=modules, entries=entries, is_complete=len(rows) <= limit)

    async def modules_of(self, id_: str) -> dict[str, int]:
        """Return which modules recorded something in a request, or about an entity, and how many entries.

        Raises:
            NodeUnknownError: None did.
        """
        modules: dict[str, int] = {}
        for query in ("modules_of_request", "modules_of_subject"):
            for row in await self._graph.read(cypher(query), {"id": id_}):
                module = _names(row["labels"])[1]
                modules[module] = modules.get(module, 0) + row["entries"]
        if not modules:
            raise NodeUnknownError(f"No module recorded anything about {id_}. It may not have arrived yet.")
        return dict(sorted(modules.items()))

    async def counts(self) -> Counts:
        """Return how many nodes there are."""
        counted = await self._graph.count(types=self.types, modules=self.modules)
        return Counts(
            types={name: counted[name] for name in self.types}, modules={name: counted[name] for name in self.modules}
        )

    async def _found(self, type_: str, rec_id: str) -> Row:
        self._check_type(type_)
        rows = await self._graph.read(cypher("get_node", type=type_), {"rec_id": rec_id})
        if not rows:
            raise NodeUnknownError(f"The graph has no {type_} with this id. List them at /graph/nodes/{type_}.")
        return rows[0]

    async def _level(self, elements: Sequence[str], *, limit: int) -> list[Row]:
        query = cypher("neighbours")
        return await self._graph.read(query, {"elements": elements, "limit": limit + 1})

    def _check_type(self, type_: str) -> None:
        if type_ not in self.types:
            raise TypeUnknownError(f"The graph has no such type of nodes. There is: {', '.join(self.types)}.")


def _node(row: Row) -> GraphNode:
    type_, module = _names(row["labels"])
    properties = {name: _plain(value) for name, value in row["properties"].items() if name != "rec_id"}
    return GraphNode(type=type_, module=module, rec_id=row["properties"]["rec_id"], properties=properties)


def _neighbour(row: Row, *, depth: int) -> Neighbour:
    direction: Literal["out", "in"] = "out" if row["is_outgoing"] else "in"
    return Neighbour(node=_node(row), relation=row["relation"], direction=direction, via=row["from"], depth=depth)


def _entry(row: Row) -> StoryEntry:
    node = _node(row)
    properties = node.properties
    if "payload" in properties:
        properties["payload"] = orjson.loads(properties["payload"])
    fields = {name: value for name, value in properties.items() if name in StoryEntry.model_fields}
    return StoryEntry.model_validate({**fields, "module": node.module, "type": node.type})


def _names(labels: Sequence[str]) -> tuple[str, str]:
    """Return type and module; a type begins with a capital letter, the label of a module never does."""
    type_ = next((label for label in labels if label[0].isupper()), "")
    return type_, next((label for label in labels if not label[0].isupper()), "")


def _plain(value: Any) -> Any:
    """Return a value of Neo4j as JSON has it."""
    return value.to_native() if hasattr(value, "to_native") else value
