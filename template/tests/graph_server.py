"""The graph that tests use: the one that NEO4J_URI names, else an embedded one. Each test has labels of its own."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from embedded.graph import running_graph
from src.common.config import Settings, get_settings
from src.graph.cypher import quoted
from src.graph.repository import GraphRepository

type Contents = tuple[dict[str, dict[str, Any]], set[tuple[str, str, str]]]


@contextmanager
def graph_settings() -> Iterator[Settings]:
    """Yield settings whose graph runs; an embedded one is installed if need be, and stopped afterwards."""
    if get_settings().neo4j_uri:
        yield get_settings()
        return
    folder = Path(tempfile.mkdtemp(prefix="cos-graph-"))
    try:
        with running_graph(folder) as server:
            yield Settings(neo4j_uri=server.uri, neo4j_user=server.user, neo4j_password=SecretStr(server.password))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def with_graph(settings: Settings, graph: Settings) -> Settings:
    """Return settings with the graph of others."""
    names = ("neo4j_uri", "neo4j_user", "neo4j_password", "neo4j_database")
    return settings.model_copy(update={name: getattr(graph, name) for name in names})


async def wipe(graph: GraphRepository, label: str) -> None:
    """Delete all nodes of a module, with its checkpoint."""
    await graph.write(f"MATCH (n:{quoted(label)}) DETACH DELETE n")


async def contents(graph: GraphRepository, label: str) -> Contents:
    """Return all nodes of a module by type and id, without the checkpoint, and all its relations."""
    name = quoted(label)
    nodes = await graph.read(f"MATCH (n:{name}) RETURN labels(n) AS labels, properties(n) AS properties", limit_s=60)
    relations = await graph.read(
        f"MATCH (a:{name})-[r]->(b:{name}) RETURN a.rec_id AS a, type(r) AS r, b.rec_id AS b", limit_s=60
    )
    found = {" ".join([*sorted(row["labels"]), row["properties"]["rec_id"]]): row["properties"] for row in nodes}
    assert len(found) == len(nodes), "a node is there twice"
    pairs = [(row["a"], row["r"], row["b"]) for row in relations]
    assert len(set(pairs)) == len(pairs), "a relation is there twice"
    return {key: value for key, value in found.items() if not key.startswith("Checkpoint")}, set(pairs)
