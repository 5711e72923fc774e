"""Tool: one entry of the module registry."""

from uuid import UUID

from src.mcp_host.call import Call

from ...schemas import ModuleRead
from ...services import modules


async def get_module(call: Call, module_id: UUID) -> ModuleRead:
    return await modules.get_module(call.session, module_id=module_id)
