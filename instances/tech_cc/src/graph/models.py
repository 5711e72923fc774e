"""The types of nodes and relations: those of every module, and the base classes for those of a slice."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from src.common.json_limits import check_text
from src.l1.entries import Event as LoggedEvent

INTEGER: Final = Field(ge=-(2**63), le=2**63 - 1)
RECORD_ID_LIMIT: Final = 200
TYPE_NAME: Final = re.compile(r"[A-Z][A-Za-z0-9]{0,62}")
RELATION_NAME: Final = re.compile(r"[A-Z][A-Z0-9_]{0,62}")

# What a property may be. Neo4j stores no map inside of a node, and no integer of more than 64 bits.
Text = Annotated[str, AfterValidator(check_text)]
Integer = Annotated[int, INTEGER]
RecordId = Annotated[Text, Field(min_length=1, max_length=RECORD_ID_LIMIT)]
PROPERTY_TYPES: Final = (str, bool, int, float, datetime, type(None))


class Node(BaseModel):
    """A node. The class's name is its type; its fields are the properties. `rec_id` is unique among all of a type.

    Fields that are left out stay as they are in the graph; None removes a property.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, strict=True, extra="forbid")

    rec_id: RecordId

    def properties(self) -> dict[str, Any]:
        """Return what was given, without `rec_id`.

        Raises:
            ValueError: A value is nothing that Neo4j can store.
        """
        given = self.model_dump(exclude_unset=True, exclude={"rec_id"})
        for name, value in given.items():
            values = value if isinstance(value, list) else [value]
            if not all(isinstance(each, PROPERTY_TYPES) and _fits(each) for each in values):
                raise ValueError(f"{type(self).__name__}.{name} is nothing that a node can hold: text, number, time.")
        return given


@dataclass(frozen=True, slots=True)
class Relation:
    """A relation between two nodes of the module; it exists once, however often it is named."""

    start: Node
    type: str
    end: Node


@dataclass(frozen=True, slots=True)
class RelationType:
    """Which types of nodes a relation connects."""

    start: str
    type: str
    end: str

    @property
    def name(self) -> str:
        """The name of the parameter that holds its rows."""
        return f"{self.start}_{self.type}_{self.end}"


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphModels:
    """What a slice adds to the graph.

    Args:
        node_types: The slice's types of nodes.
        relation_types: As (start, relation, end); `(Event)-[:ABOUT]->(node)` is there without being named.
        nodes_of: Returns what an event says, as nodes and relations. Exceptions make the record a dead letter.
        scripts: The folder with the scripts that make constraints and indexes for these types.
    """

    node_types: Sequence[type[Node]] = ()
    relation_types: Sequence[tuple[type[Node], str, type[Node]]] = ()
    nodes_of: Callable[[LoggedEvent], Sequence[Node | Relation]] = lambda _event: ()
    scripts: Path | None = None

    def __post_init__(self) -> None:
        """Check the names; they become a part of queries."""
        for name in self.types:
            assert TYPE_NAME.fullmatch(name) and name not in HOST_TYPES, f"{name} cannot be a type of nodes"  # noqa: PT018
        for relation in self.relations:
            assert RELATION_NAME.fullmatch(relation.type), f"{relation.type} cannot be a type of relations"

    @property
    def types(self) -> list[str]:
        """The names of the slice's types of nodes."""
        return [each.__name__ for each in self.node_types]

    @property
    def relations(self) -> list[RelationType]:
        """The slice's types of relations, with those from its events to its nodes."""
        own = [RelationType(start.__name__, name, end.__name__) for start, name, end in self.relation_types]
        return [*(RelationType("Event", "ABOUT", name) for name in self.types), *own]


HOST_TYPES: Final = ("Request", "Event", "Prompt")


def _fits(value: object) -> bool:
    return not isinstance(value, int) or -(2**63) <= value < 2**63
