"""Tool: change an entry of the module registry."""

from uuid import UUID

from pydantic import MISSING

from src.mcp_host.call import Call

from ...schemas import ModulePatch, ModuleRead, Note, Version
from ...services import modules


async def change_module(
    call: Call,
    module_id: UUID,
    version: Version | MISSING = MISSING,
    description: Note | MISSING | None = MISSING,
    is_active: bool | MISSING = MISSING,
) -> ModuleRead:
    patch = ModulePatch(version=version, description=description, is_active=is_active)
    return await modules.change_module(call.session, module_id=module_id, patch=patch)
