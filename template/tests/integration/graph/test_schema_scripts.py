"""Constraints and indexes: made once, by one process, and never silently different."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from src.graph.repository import GraphRepository
from src.graph.schema_scripts import GraphSchemaError, new_scripts, prepare_schema

CONSTRAINT = "CREATE CONSTRAINT {name} IF NOT EXISTS FOR (n:{name}) REQUIRE n.rec_id IS UNIQUE;"


@pytest.fixture
async def owner(graph: GraphRepository) -> AsyncIterator[str]:
    owner = f"t{uuid4().hex[:12]}"
    yield owner
    await graph.write("MATCH (s:SchemaScript) WHERE s.owner = $owner DELETE s", {"owner": owner})


@pytest.fixture
def scripts(tmp_path: Path, owner: str) -> Path:
    (tmp_path / "0001_first.cypher").write_text("// why\n" + CONSTRAINT.format(name=f"One{owner}"))
    (tmp_path / "0002_second.cypher").write_text(CONSTRAINT.format(name=f"Two{owner}"))
    return tmp_path


async def history(graph: GraphRepository, owner: str) -> list[str]:
    query = "MATCH (s:SchemaScript) WHERE s.owner = $owner RETURN s.name AS name ORDER BY name"
    return [row["name"] for row in await graph.read(query, {"owner": owner})]


async def test_processes_that_start_at_once_apply_each_script_once(
    graph: GraphRepository, owner: str, scripts: Path
) -> None:
    await asyncio.gather(*(prepare_schema(graph, owner=owner, scripts=scripts) for _ in range(4)))

    assert await history(graph, owner) == ["0001_first.cypher", "0002_second.cypher"]
    assert await new_scripts(graph, owner, scripts) == []


async def test_a_new_script_is_applied_at_the_next_start(graph: GraphRepository, owner: str, scripts: Path) -> None:
    second = scripts / "0002_second.cypher"
    text = second.read_text()
    second.unlink()
    await prepare_schema(graph, owner=owner, scripts=scripts)
    second.write_text(text)
    await prepare_schema(graph, owner=owner, scripts=scripts)

    assert await history(graph, owner) == ["0001_first.cypher", "0002_second.cypher"]


async def test_a_script_that_was_changed_after_it_was_applied_is_refused(
    graph: GraphRepository, owner: str, scripts: Path
) -> None:
    await prepare_schema(graph, owner=owner, scripts=scripts)
    (scripts / "0001_first.cypher").write_text(CONSTRAINT.format(name=f"Other{owner}"))

    with pytest.raises(GraphSchemaError, match="0001_first.cypher of .* was changed .* next number"):
        await prepare_schema(graph, owner=owner, scripts=scripts)


@pytest.mark.parametrize("name", ["1_first.cypher", "0001_other.cypher", "0003 x.cypher"])
async def test_a_file_without_a_number_of_its_own_is_refused(
    graph: GraphRepository, owner: str, scripts: Path, name: str
) -> None:
    (scripts / name).write_text("RETURN 1;")

    with pytest.raises(GraphSchemaError, match="needs a name like"):
        await new_scripts(graph, owner, scripts)
