"""MCP servers as processes of their own: two workers over HTTP, and stdio."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from httpx2 import AsyncClient
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from sqlalchemy import text

from databases import PROJECT
from mcp_client import VERSIONS, connected, data_of
from served import served
from slices import SLICES_WITH_MCP
from src.backend.slice import load_slice
from src.common.config import Settings
from src.db.connection import open_database

PARTS = [load_slice(package) for package in SLICES_WITH_MCP]
CALLS = 3


@pytest.mark.long
async def test_two_workers_answer_every_client(migrated_database: Settings) -> None:
    with served(migrated_database, "src.cos_main:app", "--workers", "2") as port:
        async with AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            for part in PARTS:
                for mode in VERSIONS:
                    await use_everything(http, part.module, mode)


async def use_everything(http: AsyncClient, module: str, mode: str) -> None:
    """Call every tool of the slice, many times at once, and read every resource."""
    async with connected(http, module, mode=mode) as client:
        entry = data_of(await client.call_tool("register_module", {"name": f"n_{mode}", "version": "1"}))
        arguments = {
            "get_module": {"module_id": entry["id"]},
            "change_module": {"module_id": entry["id"], "version": "2"},
            "keep_note": {"content": {"by": mode}},
        }
        others = {"register_module", "remove_module", "request_story"}  # the last needs a graph
        names = [tool.name for tool in (await client.list_tools()).tools if tool.name not in others] * CALLS
        for result in await asyncio.gather(*(client.call_tool(name, arguments.get(name, {})) for name in names)):
            data_of(result)
        data_of(await client.call_tool("remove_module", {"module_id": entry["id"]}))
        for each in (await client.list_resources()).resources:
            assert (await client.read_resource(each.uri)).contents


@pytest.mark.long
@pytest.mark.parametrize("mode", VERSIONS)
async def test_an_assistant_on_this_machine_uses_stdio(migrated_database: Settings, mode: str) -> None:
    part = PARTS[0]
    address = migrated_database.sqlalchemy_url.render_as_string(hide_password=False)
    server = StdioServerParameters(
        command=sys.executable,
        args=[str(Path("scripts", "mcp_server.py")), part.module],
        cwd=PROJECT,
        env={**os.environ, "DATABASE_URL": address},
    )
    async with Client(stdio_client(server), mode=mode) as client:
        assert client.protocol_version == VERSIONS[mode]
        assert data_of(await client.call_tool("keep_note", {"content": {"a": 1}}))["content"] == {"a": 1}
        assert len((await client.list_resources()).resources)

    async with open_database(migrated_database) as database, database.sessions() as session:
        subjects = await session.scalars(text(f"SELECT subject FROM {part.log.schema}.base_log"))
        assert [subject.partition(":")[0] for subject in subjects] == ["stdio"]


@pytest.mark.long
@pytest.mark.parametrize(("argument", "status"), [("no_such_module", 2), (PARTS[0].module, 1)])
def test_a_server_that_cannot_start_says_why(argument: str, status: int) -> None:
    environment = {**os.environ, "DATABASE_URL": "postgresql://cos_user:x@127.0.0.1:9/cos_db"}

    command = [sys.executable, "scripts/mcp_server.py", argument]
    ended = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)

    assert ended.returncode == status
    assert ("PostgreSQL does not answer" if status == 1 else "invalid choice") in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not ended.stdout
