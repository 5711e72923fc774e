"""Tool: a page of the module registry."""

from uuid import UUID

from src.common.schemas import Page, PageLimit
from src.mcp_host.call import Call

from ...schemas import ModuleRead
from ...services import modules


async def list_modules(call: Call, limit: PageLimit = 20, after: UUID | None = None) -> Page[ModuleRead]:
    return await modules.list_modules(call.session, after=after, limit=limit)
