"""Constraints and indexes: numbered scripts, each applied once, with a checksum and a history in the graph.

A node serves as the lock, so that several processes may start at once. A process that dies with it loses it after a
minute. Each statement can be repeated (`IF NOT EXISTS`): a script that was applied by half is applied again.
"""

import asyncio
import hashlib
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final
from uuid import uuid4

from src.graph.base import GraphUnavailableError
from src.graph.cypher import cypher
from src.graph.repository import GraphRepository

HOST_SCRIPTS: Final = Path(__file__).parent / "schema"
FILE_NAME: Final = re.compile(r"(\d{4})_[a-z0-9_]+\.cypher")
LOCK_LIFETIME_S: Final = 60
LOCK_LIMIT_S: Final = 90.0
LOCK_PAUSE_S: Final = 0.2
OWN_TYPES: Final = ("SchemaLock", "SchemaScript", "Checkpoint")


class GraphSchemaError(GraphUnavailableError):
    """The graph's schema cannot be made; the graph is not written to until it can."""

    problem_type: ClassVar[str] = "graph-schema"


@dataclass(frozen=True, slots=True)
class Script:
    """A file such as `0001_entries.cypher`; statements end with a semicolon, comments begin with //."""

    number: str
    name: str
    statements: list[str]
    checksum: str


async def prepare_schema(graph: GraphRepository, *, owner: str, scripts: Path | None) -> None:
    """Apply the host's scripts, then those of a module, as far as they are new.

    Raises:
        GraphSchemaError: A script was changed after it was applied, or another process holds the lock for too long.
    """
    owners = {"host": HOST_SCRIPTS} | ({owner: scripts} if scripts else {})
    for type_ in OWN_TYPES:
        await graph.write(
            f"CREATE CONSTRAINT {type_.lower()}_rec_id IF NOT EXISTS FOR (n:{type_}) REQUIRE n.rec_id IS UNIQUE"
        )
    if not any([await new_scripts(graph, each, folder) for each, folder in owners.items()]):
        return
    holder = str(uuid4())
    await _take_lock(graph, holder)
    try:
        for each, folder in owners.items():
            for script in await new_scripts(graph, each, folder):
                await _apply(graph, each, script)
    finally:
        await graph.write(cypher("release_schema_lock"), {"holder": holder})


async def new_scripts(graph: GraphRepository, owner: str, folder: Path) -> list[Script]:
    """Return the scripts that were not applied yet, in their order.

    Raises:
        GraphSchemaError: A script was changed after it was applied.
    """
    rows = await graph.read(cypher("applied_scripts"), {"owner": owner})
    applied = {row["number"]: row["checksum"] for row in rows}
    scripts = read_scripts(folder)
    for script in scripts:
        if applied.get(script.number, script.checksum) != script.checksum:
            raise GraphSchemaError(
                f"The script {script.name} of {owner} was changed after it was applied to the graph. Restore it, and "
                "write the change as a script with the next number."
            )
    return [script for script in scripts if script.number not in applied]


def read_scripts(folder: Path) -> list[Script]:
    """Return the scripts of a folder in their order.

    Raises:
        GraphSchemaError: A file has another name, or two have one number.
    """
    scripts: dict[str, Script] = {}
    for path in sorted(folder.glob("*.cypher")):
        name = FILE_NAME.fullmatch(path.name)
        if name is None or name[1] in scripts:
            raise GraphSchemaError(f"{path.name} needs a name like 0002_notes.cypher, with a number of its own.")
        text = path.read_text(encoding="utf-8")
        code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("//"))
        statements = [each.strip() for each in code.split(";") if each.strip()]
        checksum = hashlib.sha256("\n;".join(statements).encode()).hexdigest()
        scripts[name[1]] = Script(name[1], path.name, statements, checksum)
    return list(scripts.values())


async def _take_lock(graph: GraphRepository, holder: str) -> None:
    deadline = time.monotonic() + LOCK_LIMIT_S
    query = cypher("take_schema_lock")
    while not await graph.write(query, {"holder": holder, "lifetime_ms": LOCK_LIFETIME_S * 1000}):
        if time.monotonic() > deadline:
            raise GraphSchemaError("Another process holds the lock of the graph's schema. Try again in a minute.")
        await asyncio.sleep(LOCK_PAUSE_S)


async def _apply(graph: GraphRepository, owner: str, script: Script) -> None:
    """Run each statement in a transaction of its own: Neo4j allows no change of data beside one of the schema."""
    for statement in script.statements:
        await graph.write(statement)
    await graph.write(
        cypher("add_script"),
        {
            "rec_id": f"{owner}:{script.number}",
            "owner": owner,
            "number": script.number,
            "name": script.name,
            "checksum": script.checksum,
        },
    )
