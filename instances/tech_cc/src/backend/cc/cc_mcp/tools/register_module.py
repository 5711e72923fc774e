"""Tool: a new entry of the module registry."""

from src.mcp_host.call import Call

from ...schemas import ModuleCreate, ModuleRead, Name, Note, Version
from ...services import modules


async def register_module(
    call: Call, name: Name, version: Version, description: Note | None = None, is_active: bool = True
) -> ModuleRead:
    module = ModuleCreate(name=name, version=version, description=description, is_active=is_active)
    return await modules.register_module(call.session, module=module)
