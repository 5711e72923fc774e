"""A module's MCP server: every tool and resource of its folders, over HTTP or stdio."""

from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.resources import Resource
from mcp.server.mcpserver.tools import Tool
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS

from src.mcp_host.call import ModuleHost
from src.mcp_host.descriptions import ServerDescription, folder_of, read_description
from src.mcp_host.resources import load_resources
from src.mcp_host.tools import load_tools

VERSION = "1.0.0"


def build_server(host: ModuleHost) -> MCPServer[Any]:
    """Return the server of a module; logging must be configured already, or the SDK does it.

    Raises:
        DescriptionError: A file of the server is missing or wrong.
    """
    described = read_description(folder_of(host.package) / "server.yml", ServerDescription)
    return make_server(host, described, tools=load_tools(host), resources=load_resources(host))


def make_server(
    host: ModuleHost, described: ServerDescription, *, tools: list[Tool], resources: list[Resource]
) -> MCPServer[Any]:
    """Return the server of a module that has these tools and resources."""
    return MCPServer(
        name=host.label,
        title=described.title,
        instructions=described.instructions.strip(),
        version=VERSION,
        tools=tools,
        resources=resources,
        middleware=[refuse_unknown_prompts],
        subscriptions=False,  # a stream that stays open: nothing of a stateless server changes while it runs
    )


async def refuse_unknown_prompts(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Answer a request for a prompt as a mistake of the client; the SDK would log a traceback."""
    try:
        return await call_next(ctx)
    except ValueError as unknown:
        if ctx.method != "prompts/get" or isinstance(unknown, MCPError):
            raise
        raise MCPError(code=INVALID_PARAMS, message="There is no such prompt. prompts/list has them.") from None
