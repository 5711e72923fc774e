"""What of a log is in the graph: compared node by node and relation by relation."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from src.db.connection import Database
from src.graph.cypher import quoted
from src.graph.repository import GraphRepository
from src.l1.entries import Log

NUMBER = "row_number() OVER (PARTITION BY base_log_id ORDER BY position) - 1 AS number"
EVENTS = f"SELECT base_log_id AS id, {NUMBER}, event_type, payload->>'id' AS subject FROM {{}}.event_log"
PROMPTS = f"SELECT base_log_id AS id, {NUMBER} FROM {{}}.prompt_trace"
RECORDS = "SELECT id, request_id FROM {}.base_log"
NODES = "MATCH (n:{}) WHERE NOT n:Checkpoint RETURN labels(n) AS labels, n.rec_id AS id"
RELATIONS = "MATCH (a:{})-[r]->(b) RETURN a.rec_id AS a, type(r) AS type, b.rec_id AS b"
READ_LIMIT_S = 120.0


@dataclass(frozen=True, slots=True)
class Comparison:
    """Nodes and relations that are missing, that are there twice, or that should not be there under this label."""

    records: int
    found: int
    missing: int
    duplicated: int
    foreign: int

    @property
    def is_same(self) -> bool:
        return (self.missing, self.duplicated, self.foreign) == (0, 0, 0)


async def compare(database: Database, graph: GraphRepository, log: Log, *, label: str) -> Comparison:
    """Return what the graph has of a log, under the label of its module, and what it should not have."""
    async with database.engine.connect() as connection:

        async def rows(query: str) -> Sequence[Any]:
            return (await connection.exec_driver_sql(query.format(log.schema))).all()

        events, prompts, records = await rows(EVENTS), await rows(PROMPTS), await rows(RECORDS)
    requests = {row.id: f"{log.module}:{row.request_id}" for row in records if row.request_id}
    about = [row for row in events if row.event_type.startswith("module.")]
    entries = [("Event", row.id, f"{row.id}:event:{row.number}") for row in events]
    entries += [("Prompt", row.id, f"{row.id}:prompt:{row.number}") for row in prompts]
    nodes = {("Module", row.subject) for row in about} | {("Request", each) for each in requests.values()}
    nodes |= {(type_, name) for type_, _, name in entries}
    relations = {(name, "IN_REQUEST", requests[record]) for _, record, name in entries if record in requests}
    relations |= {(f"{row.id}:event:{row.number}", "ABOUT", row.subject) for row in about}
    found_nodes = await graph.read(NODES.format(quoted(label)), limit_s=READ_LIMIT_S)
    found_relations = await graph.read(RELATIONS.format(quoted(label)), limit_s=READ_LIMIT_S)
    return _compared(
        {(*sorted([type_, label]), id_) for type_, id_ in nodes} | relations,
        [(*sorted(row["labels"]), row["id"]) for row in found_nodes]
        + [(row["a"], row["type"], row["b"]) for row in found_relations],
        records=len(records),
    )


def _compared(expected: set[tuple[str, ...]], found: Sequence[tuple[str, ...]], *, records: int) -> Comparison:
    counted = Counter(found)
    return Comparison(
        records=records,
        found=len(found),
        missing=len(expected - counted.keys()),
        duplicated=sum(times - 1 for times in counted.values()),
        foreign=len(counted.keys() - expected),
    )
