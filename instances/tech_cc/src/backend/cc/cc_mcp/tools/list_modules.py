"""Tool: a page of the module registry."""

from src.common.schemas import Page
from src.mcp_host.call import Call

from ...schemas import Limit, ModuleQuery, ModuleRead, ModuleSort, Name, PageStart, Version
from ...services import modules


async def list_modules(
    call: Call,
    limit: Limit = 20,
    after: PageStart | None = None,
    sort: ModuleSort = "created_at",
    name: Name | None = None,
    version: Version | None = None,
) -> Page[ModuleRead]:
    query = ModuleQuery(limit=limit, after=after, sort=sort, name=name, version=version)
    return await modules.list_modules(call.session, query=query)
