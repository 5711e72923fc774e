import re
from collections.abc import Iterator
from typing import Any

import pytest
from httpx2 import AsyncClient
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from src.backend.cc.identity import MEM0_SCHEMA, SCHEMA
from src.db.connection import Database

UUID = "01890a5d-ac96-774b-bcce-b302099a8057"
CALLS: list[tuple[str, str, Any]] = [
    ("POST", "/modules", {"name": "billing", "version": "1"}),
    ("GET", "/modules", None),
    ("GET", f"/modules/{UUID}", None),
    ("PATCH", f"/modules/{UUID}", {"version": "2"}),
    ("DELETE", f"/modules/{UUID}", None),
    ("PUT", "/health/queue", {"status": "healthy"}),
    ("GET", "/health", None),
    ("GET", "/health/queue", None),
    ("DELETE", "/health/queue", None),
    ("POST", "/scratch-notes", {"content": {}}),
    ("GET", "/scratch-notes", None),
    ("GET", f"/scratch-notes/{UUID}", None),
    ("PATCH", f"/scratch-notes/{UUID}", {"content": {}}),
    ("DELETE", f"/scratch-notes/{UUID}", None),
    ("POST", "/scratch-notes/purge", None),
    ("POST", "/test-log", {}),
]


@pytest.fixture
def statements(database: Database) -> Iterator[list[str]]:
    """All SQL that runs during the test."""
    seen: list[str] = []

    def record(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    engine: AsyncEngine = database.engine
    event.listen(engine.sync_engine, "before_cursor_execute", record)
    yield seen
    event.remove(engine.sync_engine, "before_cursor_execute", record)


async def test_no_request_reads_or_writes_outside_the_schemas_of_the_module(
    client: AsyncClient, statements: list[str]
) -> None:
    for method, path, body in CALLS:
        await client.request(method, f"/cc{path}", json=body)

    schemas = {schema for sql in statements for schema in re.findall(r"(?:FROM|INTO|UPDATE|JOIN) \"?(\w+)\"?\.", sql)}
    assert schemas == {SCHEMA, MEM0_SCHEMA}
