"""A server with the tools, prompts and resources that the protocol's conformance suite asks for.

    uvicorn --app-dir ../../tools/conformance fixture:app        (in a project's folder, which has `src`)

The server, its routes and its checks are the host's (`src/mcp_host`); names and texts are those of the suite.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

from fastapi import FastAPI
from fixture_prompts import describe_prompts_and_resources
from fixture_tools import INPUT_SCHEMA, TOOLS
from mcp.server.mcpserver import MCPServer

from src.common.access.guard import add_access
from src.common.config import Settings
from src.common.errors import add_error_handlers
from src.common.http_security import add_http_security
from src.common.request_body import RequestBodyLimits
from src.common.request_id_middleware import RequestIdMiddleware
from src.l1.entries import Log
from src.mcp_host.call import ModuleHost
from src.mcp_host.descriptions import Hints, ServerDescription, ToolDescription
from src.mcp_host.routes import add_mcp_routes, run_servers
from src.mcp_host.server import make_server
from src.mcp_host.tools import make_tool

MODULE = "conformance"
SERVER = ServerDescription(title="Conformance", instructions="What the conformance suite of the protocol asks for.")
READING = Hints(read_only=True, destructive=False, idempotent=True)


def build_server(settings: Settings) -> MCPServer[Any]:
    """Return the server; it needs no database, because nothing of it uses its session."""
    host = ModuleHost(
        module=MODULE,
        label=MODULE,
        package="",
        log=Log(module=MODULE, schema=MODULE),
        subscribers=(),
        settings=settings,
        database=cast("Any", SimpleNamespace(autocommit=None)),
        graph=None,
    )
    tools = []
    for function, parameters in TOOLS.items():
        described = ToolDescription(
            title=function.__name__,
            description=str(function.__doc__),
            scope="read",
            hints=READING,
            parameters={name: {"description": prose} for name, prose in parameters.items()},
        )
        tools.append(make_tool(host, function, described))
    (schema_tool,) = (tool for tool in tools if tool.name == "json_schema_2020_12_tool")
    schema_tool.parameters = INPUT_SCHEMA
    server = make_server(host, SERVER, tools=[*tools], resources=[])
    describe_prompts_and_resources(server)
    return server


def build_app() -> FastAPI:
    """Return an application that has the server alone."""
    settings = Settings(environment="test", access="open")

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with run_servers({MODULE: build_server(settings)}) as app.state.mcp_servers:
            yield

    app = FastAPI(lifespan=lifespan, redirect_slashes=False)
    add_error_handlers(app)
    app.add_middleware(RequestBodyLimits, limit_bytes=settings.body_limit_bytes, timeout_s=settings.body_timeout_s)
    add_access(app, settings, open_paths=[], scopes=[])
    add_http_security(app, settings)
    app.add_middleware(RequestIdMiddleware)
    add_mcp_routes(app, settings, [MODULE])
    return app


app = build_app()
