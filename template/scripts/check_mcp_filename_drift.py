#!/usr/bin/env -S uv run python
"""Check that the MCP servers are what their files say: a finding a line, and exit status 1 if there is one.

    uv run python scripts/check_mcp_filename_drift.py

For each module, in this order: file names; YAML files; YAML and signature (types, limits, defaults, required); scope
and hints; YAML and what the server says over the wire; capabilities. Neither PostgreSQL nor the service is needed.
Exit status: 0 no findings, 1 findings, 2 wrong usage.
"""

import ast
import asyncio
import inspect
import logging
import re
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.server.mcpserver.tools import Tool
from pydantic import TypeAdapter

from src.backend.slice import Slice, load_slice
from src.common.access.guard import AccessGuard
from src.common.config import Settings
from src.cos_main import SLICES
from src.mcp_host.descriptions import (
    Description,
    DescriptionError,
    ResourceDescription,
    ServerDescription,
    ToolDescription,
    read_description,
)
from src.mcp_host.resources import uri_of
from src.mcp_host.routes import Capabilities, add_mcp_routes, open_mcp
from src.mcp_host.tools import CALL, scope_of

if TYPE_CHECKING:
    from src.db.connection import Database

PROJECT = Path(__file__).resolve().parents[1]
NAME = re.compile(r"[a-z][a-z0-9_]*")
KINDS: dict[str, type[Description]] = {"tools": ToolDescription, "resources": ResourceDescription}
ADDRESS = "http://localhost"
type Descriptions = dict[str, dict[str, Any]]  # of `tools` and `resources`, by name


def main() -> None:
    """Print what is wrong, and end with 1 if anything is."""
    ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter).parse_args()
    logging.basicConfig(level=logging.WARNING)
    findings = [finding for package in SLICES for finding in findings_of(package)]
    print("\n".join(findings) or f"The MCP server of every module is what its files say ({len(SLICES)} checked).")
    sys.exit(bool(findings))


def findings_of(package: str) -> list[str]:
    """Return what is wrong with the MCP server of a slice; a step that finds something is the last one."""
    module = package.rpartition(".")[2]
    folder = PROJECT.joinpath(*package.split("."), f"{module}_mcp")
    if not folder.is_dir():
        return []
    steps: list[Callable[[], Iterator[str]]] = [
        lambda: check_names(folder),
        lambda: check_slice(package, module),
        lambda: check_descriptions(folder),
        lambda: check_signatures(package, read_all(folder)),
        lambda: check_hints(read_all(folder)),
        lambda: check_wire(load_slice(package), read_all(folder), folder),
    ]
    for step in steps:
        try:
            findings = sorted(step())
        except Exception as fault:  # noqa: BLE001  # whatever a file of the user raises is a finding, not a traceback
            findings = [f"cannot be checked: {type(fault).__name__}: {' '.join(str(fault).split())}"]
        if findings:
            return [f"{module}: {finding}" for finding in findings]
    return []


def check_names(folder: Path) -> Iterator[str]:
    """Yield where a file is missing, or is not called as its function; no file is imported."""
    if not (folder / "server.yml").is_file():
        yield "server.yml is missing"
    for kind in KINDS:
        if not (folder / kind).is_dir():
            yield f"the folder {kind} is missing"
            continue
        files = [path for path in (folder / kind).iterdir() if path.is_file() and path.name != "__init__.py"]
        for path in files:
            place = f"{kind}/{path.name}"
            if path.suffix not in {".py", ".yml"} or not NAME.fullmatch(path.stem):
                yield f"{place}: files are called <name>.py and <name>.yml; a name has a-z, 0-9 and _"
            elif path.suffix == ".py" and not path.with_suffix(".yml").is_file():
                yield f"{place} has no {path.stem}.yml beside it"
            elif path.suffix == ".yml" and not path.with_suffix(".py").is_file():
                yield f"{place} has no {path.stem}.py beside it"
            elif path.suffix == ".py" and path.stem not in functions_in(path):
                yield f"{place} has no function `async def {path.stem}`"


def functions_in(path: Path) -> set[str]:
    """Return the names of the coroutine functions that the file defines."""
    return {node.name for node in ast.parse(path.read_bytes()).body if isinstance(node, ast.AsyncFunctionDef)}


def check_slice(package: str, module: str) -> Iterator[str]:
    """Yield where the slice does not name its MCP package."""
    if load_slice(package).mcp_package != f"{package}.{module}_mcp":
        yield f"SLICE has not mcp_package={package}.{module}_mcp"


def check_descriptions(folder: Path) -> Iterator[str]:
    """Yield what is wrong with the YAML files by themselves."""
    try:
        read_description(folder / "server.yml", ServerDescription)
    except DescriptionError as fault:
        yield str(fault)
    for kind, model in KINDS.items():
        for path in (folder / kind).glob("*.yml"):
            try:
                read_description(path, model)
            except DescriptionError as fault:
                yield str(fault)


def read_all(folder: Path) -> Descriptions:
    """Return the descriptions of the tools and resources."""
    return {
        kind: {path.stem: read_description(path, model) for path in sorted((folder / kind).glob("*.yml"))}
        for kind, model in KINDS.items()
    }


def check_signatures(package: str, described: Descriptions) -> Iterator[str]:
    """Yield where YAML file and signature differ."""
    module = package.rpartition(".")[2]
    for kind, descriptions in described.items():
        for name, description in descriptions.items():
            function = getattr(import_module(f"{package}.{module}_mcp.{kind}.{name}"), name)
            parameters = list(inspect.signature(function).parameters)
            if parameters[:1] != [CALL]:
                yield f"{kind}/{name}.py: the first parameter is `{CALL}: Call`"
            elif kind == "resources":
                if parameters[1:]:
                    yield f"{kind}/{name}.py: a resource has no parameter but `{CALL}`"
            else:
                yield from (f"tools/{name}.yml: {each}" for each in differences(function, description))


def differences(function: Callable[..., Any], described: ToolDescription) -> Iterator[str]:
    """Yield how the parameters of a YAML file differ from the signature's."""
    schema = Tool.from_function(function, context_kwarg=CALL).parameters
    in_code: dict[str, dict[str, Any]] = schema.get("properties", {})
    for name in described.parameters.keys() - in_code.keys():
        yield f"{name}: the code has no such parameter"
    for name in in_code.keys() - described.parameters.keys():
        yield f"{name} is not described"
    for name in in_code.keys() & described.parameters.keys():
        given = dict(described.parameters[name])
        if not described.prose(name).strip():
            yield f"{name} has no description"
        is_required = not given.pop("optional", False) and "default" not in given
        if is_required != (name in schema.get("required", [])):
            yield f"{name} is {'required' if is_required else 'optional'} here, but not in the code"
        here_all, there_all = bare(given), bare(in_code[name])
        for key in sorted(here_all.keys() | there_all.keys()):
            here, there = here_all.get(key, "nothing"), there_all.get(key, "nothing")
            if here != there or isinstance(here, bool) != isinstance(there, bool):
                yield f"{name}: {key} is {here} here and {there} in the code"


def bare(schema: Any) -> Any:
    """Return a JSON schema without what is said in words."""
    if isinstance(schema, dict):
        return {key: bare(value) for key, value in schema.items() if key not in {"description", "title", "examples"}}
    return [bare(value) for value in schema] if isinstance(schema, list) else schema


def check_hints(described: Descriptions) -> Iterator[str]:
    """Yield where scope and hints contradict each other."""
    for name, tool in described["tools"].items():
        if tool.hints.read_only != (tool.scope == "read"):
            yield f"tools/{name}.yml: scope {tool.scope} with read_only: {str(tool.hints.read_only).lower()}"
        if tool.hints.read_only and tool.hints.destructive:
            yield f"tools/{name}.yml: a tool that only reads is not destructive"


def check_wire(part: Slice, described: Descriptions, folder: Path) -> Iterator[str]:
    """Yield where the YAML files differ from what a client is told over HTTP."""
    said, capabilities = asyncio.run(ask(part))
    tools, resources = described["tools"], described["resources"]
    listed = {tool["name"]: tool for tool in said["tools"]}
    yield from (f"tools/{name} is {how}" for name, how in missing(tools, listed))
    for name in tools.keys() & listed.keys():
        yield from (f"tools/{name}: {each}" for each in wire_differences(part, name, tools[name], listed[name]))
    uris = {each["uri"]: each for each in said["resources"]}
    expected = {uri_of(part.module, each): (name, each) for name, each in resources.items()}
    yield from (f"the resource {uri} is {how}" for uri, how in missing(expected, uris))
    for uri in expected.keys() & uris.keys():
        name, each = expected[uri]
        if (uris[uri]["name"], uris[uri]["title"], uris[uri]["description"], uris[uri]["mimeType"]) != (
            name,
            each.title,
            each.description.strip(),
            each.mime_type,
        ):
            yield f"resources/{name}: the server says another name, title, description or mime_type"
    server = read_description(folder / "server.yml", ServerDescription)
    if said["instructions"] != server.instructions.strip():
        yield "server.yml: the server gives other instructions"
    yield from (
        f"the capabilities: the tool {n} is {how}"
        for n, how in missing(listed, {t.name: t for t in capabilities.tools})
    )
    yield from (
        f"the capabilities: {n} is {how}" for n, how in missing(uris, {r.uri: r for r in capabilities.resources})
    )
    for tool in capabilities.tools:
        if tool.name in tools and tool.scope != scope_of(part.module, tools[tool.name]):
            yield f"the capabilities: {tool.name} needs {tool.scope} there"


def missing(expected: dict[str, Any], found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the names that one side alone has."""
    yield from ((name, "not served") for name in expected.keys() - found.keys())
    yield from ((name, "served, but has no files") for name in found.keys() - expected.keys())


def wire_differences(part: Slice, name: str, described: ToolDescription, said: dict[str, Any]) -> Iterator[str]:
    """Yield how a tool on the wire differs from its YAML file and its code."""
    function = getattr(import_module(f"{part.mcp_package}.tools.{name}"), name)
    hints = said["annotations"]
    for what, here, there in (
        ("title", described.title, said["title"]),
        ("description", described.description.strip(), said["description"]),
        ("read_only", described.hints.read_only, hints["readOnlyHint"]),
        ("destructive", described.hints.destructive, hints["destructiveHint"]),
        ("idempotent", described.hints.idempotent, hints["idempotentHint"]),
        ("parameters", described.parameters.keys(), said["inputSchema"].get("properties", {}).keys()),
        ("output", TypeAdapter(inspect.get_annotations(function)["return"]).json_schema(), said.get("outputSchema")),
    ):
        if here != there:
            yield f"the server says another {what}"
    for parameter, schema in said["inputSchema"].get("properties", {}).items():
        if schema.get("description") != described.prose(parameter):
            yield f"the server describes {parameter} in other words"


async def ask(part: Slice) -> tuple[dict[str, Any], Capabilities]:
    """Return what the server lists over HTTP, and what its capabilities are."""
    settings = Settings(environment="test", mcp_write_tools=True)
    app = FastAPI()
    add_mcp_routes(app, settings, [part.module])
    transport = ASGITransport(AccessGuard(app, verifier=None, open_paths=[]))
    host = part.mcp_host(settings, cast("Database", None))  # nothing is called, only listed
    async with (
        open_mcp([host]) as app.state.mcp_servers,
        AsyncClient(transport=transport, base_url=ADDRESS) as http,
        Client(streamable_http_client(f"{ADDRESS}/{part.module}/mcp", http_client=http)) as client,
    ):
        tools = [tool.model_dump(mode="json", by_alias=True) for tool in (await client.list_tools()).tools]
        resources = [each.model_dump(mode="json", by_alias=True) for each in (await client.list_resources()).resources]
        answer = await http.get(f"/{part.module}/mcp/capabilities")
        said = {"tools": tools, "resources": resources, "instructions": client.instructions}
    return said, Capabilities.model_validate_json(answer.text)


if __name__ == "__main__":
    main()
