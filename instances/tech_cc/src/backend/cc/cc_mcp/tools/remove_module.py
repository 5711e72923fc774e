"""Tool: remove an entry of the module registry."""

from uuid import UUID

from src.mcp_host.call import Call

from ...schemas import Removed
from ...services import modules


async def remove_module(call: Call, module_id: UUID) -> Removed:
    await modules.remove_module(call.session, module_id=module_id)
    return Removed(removed_id=module_id)
