"""Where the MCP servers answer: `/<module>/mcp`, and what they offer, at `/<module>/mcp/capabilities`."""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Depends, FastAPI, Request
from pydantic import BaseModel
from starlette.requests import HTTPConnection
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from src.common.access.caller import current_caller
from src.common.access.metadata import METADATA_PATH, public_url, resource_metadata
from src.common.access.refusals import InsufficientScopeError
from src.common.access.scopes import RequiredScope, module_scopes, requires, requires_caller
from src.common.config import Settings
from src.common.errors import problems
from src.common.operation_ids import operation_prefix
from src.mcp_host.call import ModuleHost
from src.mcp_host.origins import ForeignHostError, ForeignOriginError, KnownHosts
from src.mcp_host.own_task import in_own_task
from src.mcp_host.rate_limit import RateLimit

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

TOOL_HEADER: Final = "mcp-name"  # of protocol 2026-07-28; the SDK refuses a header that differs from the body
REFUSALS: Final = problems(HTTPStatus.UNAUTHORIZED, ForeignHostError.status, ForeignOriginError.status)


class ToolSummary(BaseModel):
    name: str
    title: str | None
    description: str | None
    scope: str
    is_read_only: bool


class ResourceSummary(BaseModel):
    uri: str
    name: str
    title: str | None
    description: str | None


class Capabilities(BaseModel):
    """What a module offers to assistants, and where."""

    module: str
    server: str
    path: str
    tools: list[ToolSummary]
    resources: list[ResourceSummary]


class AllCapabilities(BaseModel):
    modules: list[Capabilities]


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server, with what it offers, which does not change while it runs."""

    server: "MCPServer[Any]"
    capabilities: Capabilities
    scopes: dict[str, str]  # of the tools, by their names


type Servers = dict[str, RunningServer]  # by module


class McpEndpoint:
    """The address of one server: checks host, scope and rate, then passes the request to the SDK."""

    def __init__(self, module: str, settings: Settings, limit: RateLimit) -> None:
        self.module = module
        self.hosts = KnownHosts(settings)
        self.limit = limit
        self.required = RequiredScope(reading=module_scopes(module)[0], writing=module_scopes(module)[0])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a POST of the protocol.

        Raises:
            RefusalError: Host, Origin, scope or rate are not as they must be; the application answers with a problem.
        """
        connection = HTTPConnection(scope)
        self.hosts.check(connection.headers)
        caller = await self.required(connection)
        self.limit.count(caller.subject)
        running: RunningServer = connection.app.state.mcp_servers[self.module]
        needed = running.scopes.get(connection.headers.get(TOOL_HEADER, "").strip())
        if needed and not caller.may(needed):
            raise InsufficientScopeError(scope=needed)
        # RFC 9110 does not count blanks around a value; one of uvicorn's parsers leaves them in.
        scope["headers"] = [(name, value.strip(b" \t")) for name, value in scope["headers"]]
        await running.server.session_manager.handle_request(scope, receive, send)


def add_mcp_routes(app: FastAPI, settings: Settings, modules: Sequence[str]) -> None:
    """Add the routes of these modules' servers; `open_mcp` builds the servers when the application starts."""
    limit = RateLimit(settings.mcp_calls_per_minute)
    hosts = KnownHosts(settings)

    async def check(request: Request) -> None:
        hosts.check(request.headers)

    router = APIRouter(dependencies=[Depends(check)], responses=REFUSALS, tags=["mcp"])
    for module in modules:
        endpoint = McpEndpoint(module, settings, limit)
        app.router.routes.append(Route(f"/{module}/mcp", endpoint, methods=["POST"], include_in_schema=False))
        _add_module_routes(router, module, settings)

    @router.get("/mcp/capabilities", dependencies=[requires_caller()])
    async def get_all_capabilities(servers: RunningServers) -> AllCapabilities:
        """Return what the modules that the caller may read offer to assistants."""
        caller = current_caller()
        readable = [module for module in modules if caller and caller.may(module_scopes(module)[0])]
        return AllCapabilities(modules=[servers[module].capabilities for module in readable])

    app.include_router(router)


def _add_module_routes(router: APIRouter, module: str, settings: Settings) -> None:
    operation_id = f"{operation_prefix(module)}get_capabilities"

    @router.get(f"/{module}/mcp/capabilities", name=operation_id, dependencies=[requires(module_scopes(module)[0])])
    async def get_capabilities(servers: RunningServers) -> Capabilities:
        """Return what the module offers to assistants."""
        return servers[module].capabilities

    if settings.oidc_issuer:

        @router.get(f"{METADATA_PATH}/{module}/mcp", include_in_schema=False)
        async def get_metadata(request: Request) -> dict[str, Any]:
            """Say which issuer's tokens the module's server accepts (RFC 9728)."""
            resource = f"{public_url(request)}/{module}/mcp"
            return resource_metadata(settings, resource=resource, scopes=module_scopes(module))


def get_servers(request: Request) -> Servers:
    """Return the servers of the application."""
    servers: Servers = request.app.state.mcp_servers
    return servers


RunningServers = Annotated[Servers, Depends(get_servers)]


@asynccontextmanager
async def open_mcp(hosts: Sequence[ModuleHost]) -> AsyncIterator[Servers]:
    """Yield the running servers.

    Raises:
        DescriptionError: A file of a server is missing or wrong.
    """
    servers = await asyncio.to_thread(_build, hosts)
    async with run_servers(servers) as running:
        yield running


@asynccontextmanager
async def run_servers(servers: "dict[str, MCPServer[Any]]") -> AsyncIterator[Servers]:
    """Yield the servers, by module, once they can answer requests."""
    await asyncio.to_thread(_make_stateless, servers.values())
    async with in_own_task(_run(servers)) as running:
        yield running


@asynccontextmanager
async def _run(servers: "dict[str, MCPServer[Any]]") -> AsyncIterator[Servers]:
    async with AsyncExitStack() as stack:
        for server in servers.values():
            await stack.enter_async_context(server.session_manager.run())
        yield {module: await _running(module, server) for module, server in servers.items()}


def _build(hosts: Sequence[ModuleHost]) -> "dict[str, MCPServer[Any]]":
    # Importing the SDK takes as long as importing FastAPI; a script that builds the application does not need it.
    from src.mcp_host.server import build_server  # noqa: PLC0415

    return {host.module: build_server(host) for host in hosts}


def _make_stateless(servers: "Iterable[MCPServer[Any]]") -> None:
    from mcp.server.transport_security import TransportSecuritySettings  # noqa: PLC0415  # see `_build`

    unchecked = TransportSecuritySettings(enable_dns_rebinding_protection=False)  # `McpEndpoint` checks Host and Origin
    logging.getLogger("mcp.server.streamable_http").setLevel(logging.WARNING)  # at INFO it has a line for each request
    for server in servers:
        server.streamable_http_app(  # makes the session manager
            stateless_http=True,
            transport_security=unchecked,
            max_request_body_size=sys.maxsize,  # `RequestBodyLimits` refuses a large body, with a problem
        )


async def _running(module: str, server: "MCPServer[Any]") -> RunningServer:
    tools = [
        ToolSummary(
            name=tool.name,
            title=tool.title,
            description=tool.description,
            scope=(tool.meta or {})["scope"],
            is_read_only=bool(tool.annotations and tool.annotations.read_only_hint),
        )
        for tool in await server.list_tools()
    ]
    resources = [
        ResourceSummary(uri=str(each.uri), name=each.name, title=each.title, description=each.description)
        for each in await server.list_resources()
    ]
    path = f"/{module}/mcp"
    capabilities = Capabilities(module=module, server=server.name, path=path, tools=tools, resources=resources)
    return RunningServer(server, capabilities, {tool.name: tool.scope for tool in tools})
